# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: memoryd is killed at each step of a window, of an inflation, of a repair
# proves: a5
# needs: pvh stage
# timeout: 300
. /lab/dom0/memory.sh

create_guest one memory=256

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

start_memoryd
load_balloon one
guest one 'mkdir -p /tmp/f && xk-fill start /tmp/f 48 3 zero-every 3'
stop_daemon memoryd

for step in pausing paused opened taken marked closed verified unpaused; do
    died "window-$step" one
    note "window-$step: repaired"
done
# Dying in a repair is no worse.
for step in reopened restored unpaused; do
    XK_FAULT=window-taken start_memoryd
    pid=$(daemon_pid memoryd)
    wait_for 20 "[ \"\$(frontend one)\" = connected ]"
    "$XL_SWEEP" one >/dev/null 2>&1 && fail "window-taken was not reached"
    wait_for 20 "! kill -0 $pid"
    XK_FAULT=repair-$step "$STAGE/usr/sbin/xenkeep-memoryd" --foreground \
        --config /tmp/memoryd.conf >>"$OUT/memoryd.log" 2>&1 &
    pid2=$!
    wait_for 20 "! kill -0 $pid2"
    sed -i "/^$pid /d" /run/lab-daemons
    repaired "repair-$step"
    note "repair-$step: repaired"
done

# Last, because the sweep that follows each leaves no zero range behind.
for step in opening opened closed; do
    died "inflate-$step" one --target 200
    note "inflate-$step: repaired, $(domain_value one pages) pages"
    start_memoryd
    wait_for 30 "[ \"\$(frontend one)\" = connected ]"
    sweep one --target 256 >/dev/null
    stop_daemon memoryd
done
