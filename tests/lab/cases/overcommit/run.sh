# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: the host has memory that a guest may still touch: given back, or stopped
# proves: b1
# needs: pvh stage
# timeout: 240
# tier: full
# allow: stopped before Xen would kill it -- what the guard says then
. /lab/dom0/memory.sh

OVER=$((128 * 1024))

printf '%s\n' 'host_reserve_mib = 128' \
    'guests = [ "name=one,overcommit=128M" ]' >>/tmp/memoryd.conf

# over NAME: what the host has of it, KiB
over()
{
    "$XL_MEMORY" --json "$1" | json '.domains[0].overcommitted_kib'
}

# debt NAME: entries without a page, KiB
debt()
{
    echo $((($(domain_value "$1" pod_entries) -
             $(domain_value "$1" pod_cache)) * 4))
}

# give NAME: sweeps it, and the host has its part
give()
{
    local before after
    before=$(host_free_kib)
    sweep "$1" >/dev/null
    after=$(host_free_kib)
    note "returned $(swept .returned_kib) KiB; pauses $(swept .pauses.count)," \
        "longest $(swept .pauses.longest_us) us"
    [ "$(swept .returned_kib)" -ge $((OVER * 9 / 10)) ]
    [ $((after - before)) -ge $((OVER * 9 / 10)) ]
    [ "$(over "$1")" -ge $((OVER * 9 / 10)) ]
    [ "$(over "$1")" -le $OVER ]
    [ "$(debt "$1")" = "$(over "$1")" ]
    [ "$(domain_value "$1" paused)" = 0 ]
}

start_memoryd
# What a program has given back is zero memory again.
create_guest one memory=640 vcpus=1 extra='init_on_free=1'
pages=$(domain_value one pages)
guest one 'mkdir -p /tmp/f /tmp/g && xk-fill start /tmp/f 32 5'
give one
"$XL_MEMORY"
"$XL_MEMORY" policy | grep -q '^one .* 128.0$'
guest one 'xk-fill check /tmp/f'

note "it writes to all of it, and gets back what it is"
GUEST_TIMEOUT=120 guest one 'xk-fill start /tmp/g 440 6'
GUEST_TIMEOUT=60 guest one 'xk-fill check /tmp/g && xk-fill check /tmp/f'
[ "$(over one)" = 0 ]
[ "$(domain_value one pages)" = "$pages" ]
guest one 'xk-fill stop /tmp/g'

note "once more, and memoryd dies on the way"
for point in give-checked give-taken give-marked; do
    stop_daemon memoryd
    XK_FAULT=$point start_memoryd
    pid=$(daemon_pid memoryd)
    wait_for 20 "$XL_MEMORY --json one"
    "$XL_SWEEP" one >/dev/null 2>&1 && fail "$point was not reached"
    wait_for 20 "! kill -0 $pid"
    sed -i "/^$pid /d" /run/lab-daemons
    start_memoryd
    wait_for 20 "$XL_MEMORY --json one"
    [ "$(domain_value one paused)" = 0 ] || fail "$point: paused"
    [ "$(debt one)" -le $OVER ] || fail "$point: $(debt one) KiB of debt"
    note "$point: debt $(debt one) KiB, known $(over one)"
    guest one 'xk-fill check /tmp/f'
done
sweep one >/dev/null
[ "$(over one)" -ge $((OVER * 9 / 10)) ]

note "and another guest takes what there is"
taken=$(($(host_free_kib) / 1024 - 24))
create_guest other agent=no kernel="$STAGE/dom0/toucher" ramdisk=none \
    memory=$taken maxmem=$taken on_poweroff=preserve extra=sparse
note "other has $taken MiB, free are $(($(host_free_kib) / 1024))"
guest one '(xk-fill start /tmp/g 440 8 && touch /tmp/g.done) >/dev/null 2>&1 &'
wait_for 90 'grep -q "one: stopped before Xen" $OUT/memoryd.log'
wait_for 10 '[ "$(domain_value one paused)" = 1 ]'
! crashed one
"$XL_MEMORY" resume one 2>"$OUT/resume.txt" && fail "there was nothing"
grep -q 'no free memory' "$OUT/resume.txt"

note "which goes"
destroy_guest other
wait_for 30 '[ "$(domain_value one paused)" = 0 ]'
wait_for 90 "guest one 'test -e /tmp/g.done'"
GUEST_TIMEOUT=60 guest one 'xk-fill check /tmp/g && xk-fill check /tmp/f'
! crashed one

note "nobody else's memory is given"
create_guest two memory=256
before=$(domain_value two pages)
sweep two >/dev/null
[ "$(domain_value two pages)" = "$before" ]
covered two
