# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: the next start is told, and a guest that dies all the time is stopped
# proves: d3 d4
# needs: pvh stage
# timeout: 300
# tier: full
# allow: sysrq: Trigger a crash|Kernel panic - not syncing|BUG: kernel NULL pointer -- it is what the case is for
. /lab/dom0/crash.sh

make_keys owner owner
start_crashd 'loop_deaths = 2' 'loop_delay_s = 2' 'keep_free_mib = 1' \
    'guests = [ "name=next,action=restart,config=/out/next.cfg" ]'

# begins_again DOMID: it runs, as another domain
begins_again()
{
    wait_for 60 "domid next && [ \"\$(domid next)\" != $1 ]"
    GUEST_TIMEOUT=60 guest next true
}

note "dies, waits, is dumped, starts again"
create_guest next memory=128 vcpus=1
first=$(domid next)
load_xk_crash next
guest next 'cat /sys/hypervisor/xk_crash/time' >/tmp/time
[ ! -s /tmp/time ] || fail "a first start knows of a crash"
crash_guest next
waited next
verified next
begins_again "$first"

note "is told"
load_xk_crash next
guest next 'cd /sys/hypervisor/xk_crash && grep . *' | tee "$OUT/sysfs.txt"
[ "$(guest next 'cat /sys/hypervisor/xk_crash/reason')" = panic ]
[ "$(guest next 'cat /sys/hypervisor/xk_crash/dump')" = "$(record next id)" ]
[ "$(guest next 'cat /sys/hypervisor/xk_crash/stop')" = "$(record next stop)" ]
guest next 'dmesg | grep "the last run of this guest ended by a panic"'
guest next 'sh /xk/bin/xk-crash-log' | tee "$OUT/unit.txt"
grep -q '^<2>the last run' "$OUT/unit.txt"
[ "$(record next told)" = true ]

note "dies again: the next start waits"
second=$(domid next)
crash_guest next
stored next 2
[ "$(record next deaths)" = 2 ]
[ "$(record next delay_s)" = 2 ]
begins_again "$second"

note "and again: it is held"
third=$(domid next)
crash_guest next
stored next 3
[ "$(record next held)" = true ]
wait_for 10 "grep -q 'next died 3 times' $OUT/crashd.log"
stop_daemon crashd
start_crashd 'loop_deaths = 2' 'loop_delay_s = 2' 'keep_free_mib = 1' \
    'guests = [ "name=next,action=restart,config=/out/next.cfg" ]'
wait_for 10 "[ \$(grep -c 'it is held as it is' $OUT/crashd.log) = 2 ]"
[ "$(domid next)" = "$third" ]
crashed next
xl-crash show "$(record next id)" | grep 'not started any more'
stop_daemon crashd
destroy_guest next
