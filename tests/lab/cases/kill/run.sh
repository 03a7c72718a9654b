# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: memoryd is killed at each step of a window, and of a repair
# proves: a5
# needs: pvh stage
# timeout: 300
. /lab/dom0/memory.sh
. /lab/dom0/kill.sh

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
