# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: guests in debt: killed by Xen without the guard, saved with it
# proves: b1
# needs: pvh stage
# timeout: 180
# allow: out of PoD memory -- Xen kills the one that has no guard
# allow: domain_crash called from p2m-pod -- so it does that
# allow: Domain [0-9]+ .vcpu.* crashed -- so it does that
# allow: stopped before Xen would kill it -- what the guard says then
. /lab/dom0/memory.sh

# toucher NAME MODE: started, and not waited for
toucher()
{
    create_guest "$1" agent=no kernel="$STAGE/dom0/toucher" ramdisk=none \
        memory=128 maxmem=256 vcpus=2 on_poweroff=preserve extra="$2"
}

# said NAME-ID: what it wrote to Xen's console
said()
{
    xl dmesg | sed -n "s/^.*(d$1) *toucher: //p"
}

# lives MODE: a toucher of that mode ends by itself, and its memory was right
lives()
{
    local id
    toucher "$1" "$1"
    id=$(domid "$1")
    note "$1 is domain $id"
    wait_for 60 "said $id | grep -q touched" || fail "$1: $(said "$id")"
    note "$1: $(said "$id" | tail -n 1)"
    said "$id" | grep -q 'touched .* wrong 0$'
    destroy_guest "$1"
}

guard_with()
{
    printf 'guard_lend = %d\nlog_level = "debug"\n' "$1" >/tmp/guard.conf
    start_memoryd --config /tmp/guard.conf
}

note "without memoryd"
toucher killed data
wait_for 60 'crashed killed'
xl dmesg | grep -q "out of PoD memory"
destroy_guest killed

note "by sweeping alone"
guard_with 0
lives zero
grep -q 'zero: swept by the guard: [1-9]' "$OUT/memoryd.log"

note "stopped, because lending is not allowed"
toucher data data
wait_for 60 'grep -q "data: stopped before Xen" $OUT/memoryd.log'
id=$(domid data)
[ "$(domain_value data paused)" = 1 ]
"$XL_MEMORY" --json data | jq -e '.domains[0].note | test("guard")'
note "and memoryd killed"
stop_daemon memoryd KILL
[ "$(domain_value data paused)" = 1 ]
guard_with 0
[ "$(domain_value data paused)" = 1 ]
"$XL_MEMORY" resume data
wait_for 60 "said $id | grep -q 'touched .* wrong 0\$'"
destroy_guest data
stop_daemon memoryd

note "by lent memory"
before=$(host_free_kib)
guard_with 1
lives data
grep -q 'data: lent [1-9]' "$OUT/memoryd.log"
lives sparse
wait_for 20 "[ \$((\$(host_free_kib) + 8192)) -ge $before ]"
stop_daemon memoryd
