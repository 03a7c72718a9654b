# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the kill cases share: a guest called one, with known words in 48 MiB and
# the module loaded; and a memoryd that dies where it is told to. Sourced by
# them, after memory.sh.

# alive: the guest runs, has no debt, and its data is what it was
alive()
{
    [ "$(domain_value one paused)" = 0 ] || fail "$1: paused"
    covered one || fail "$1: entries without pages"
    guest one 'xk-fill check /tmp/f' || fail "$1: the guest's data"
}

# died POINT: memoryd is killed there while COMMAND runs, and is started again
died()
{
    local point=$1 pid
    shift
    XK_FAULT=$point start_memoryd
    pid=$(daemon_pid memoryd)
    wait_for 20 "[ \"\$(frontend one)\" = connected ]"
    "$XL_SWEEP" "$@" >/dev/null 2>&1 && fail "$point was not reached"
    wait_for 20 "! kill -0 $pid"
    sed -i "/^$pid /d" /run/lab-daemons
    repaired "$point"
}

repaired()
{
    start_memoryd
    # It answers when its repairs are done; the socket may be the dead one's.
    wait_for 20 "$XL_MEMORY --json one"
    alive "$1"
    stop_daemon memoryd
}

create_guest one memory=256
start_memoryd
load_balloon one
guest one 'mkdir -p /tmp/f && xk-fill start /tmp/f 48 3 zero-every 3'
stop_daemon memoryd
