# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: memory moves from a guest that is idle to one that runs out of it
# tier: full
# proves: b3
# needs: pvh stage
# memory: 3072
# timeout: 300
# allow: oom-kill:|Out of memory: Killed -- without the balancer, on purpose
. /lab/dom0/memory.sh

# configure BALANCER: what the host has now, but for 2 MiB, is its reserve
configure()
{
    reserve=$(($(host_free_kib) / 1024 - 2))
    printf '%s\n' 'pause_share_permille = 300' 'scan_share_percent = 100' \
        "balancer = $1" 'balance_interval_ms = 500' \
        "host_reserve_mib = $reserve" 'guests = [' \
        '    "name=a,min=192M,pace=1G",' '    "name=b,min=192M,pace=1G",' \
        ']' >/tmp/memoryd.conf
}

both_connected()
{
    [ "$(frontend a)" = connected ] && [ "$(frontend b)" = connected ]
}

# grow: programs that need 288 MiB together, more than a has at first
grow()
{
    GUEST_TIMEOUT=60 guest a 'for n in 1 2 3 4 5 6 7 8 9; do
        xk-fill start /tmp/g$n 32 $n || exit; done'
}

# hog: one that needs as much at once
hog()
{
    GUEST_TIMEOUT=45 guest a \
        'dd if=/dev/zero of=/dev/null bs=288M count=1 2>/dev/null'
}

# kills: how often a's kernel has killed for memory, by its console, which
# stays when the guest does not
kills()
{
    grep -c 'invoked oom-killer' /var/log/xen/console/guest-a.log || true
}

# size NAME: MiB
size()
{
    echo $(($(domain_value "$1" pages) / 256))
}

# target_fits NAME: memory/target says what the guest has
target_fits()
{
    local target
    target=$(xenstore-read "/local/domain/$(domid "$1")/memory/target")
    target=$((target / 1024 - $(size "$1")))
    [ ${target#-} -le 1 ] || fail "$1: memory/target is $target MiB off"
}

# start_with BALANCER: memoryd, both guests connected, b's word heard
start_with()
{
    configure "$1"
    start_memoryd
    wait_for 30 both_connected
    wait_for 20 '"$XL_MEMORY" plan | grep -q "^b .* idle"'
}

start_memoryd
for name in a b; do
    create_guest $name agent=no memory=512
done
for name in a b; do
    GUEST_TIMEOUT=90 guest $name true
    load_balloon $name
    guest $name 'mkdir -p /tmp/f && xk-fill start /tmp/f 32 7'
done
# As a program that grows little by little: it is not refused beforehand.
guest a 'echo 1 >/proc/sys/vm/overcommit_memory'
sweep a --target 256 >/dev/null
[ "$(size a)" -le 257 ]
stop_daemon memoryd

# With the balancer they share. What the host has free is looked at all the
# time meanwhile.
start_with 1
"$XL_MEMORY" policy | tee "$OUT/policy.txt"
: >/tmp/free
(while [ -e /tmp/free ]; do
    host_free_kib >>/tmp/free
done) &
measure grow grow || fail "a was killed, at $(size a) MiB; b has $(size b)"
least=$(sort -n /tmp/free | head -n 1) looks=$(wc -l </tmp/free)
rm /tmp/free
"$XL_MEMORY" plan | tee "$OUT/plan-on.txt"
note "with: $(measured grow) ms, a $(size a), b $(size b) MiB; the host had" \
    "at least $least KiB in $looks looks, its reserve is $reserve MiB"
[ "$(kills)" = 0 ] || fail "a's kernel killed"
[ "$looks" -ge 3 ]
[ "$least" -ge $((reserve * 1024)) ] || fail "the reserve was crossed"
[ "$(size a)" -gt 300 ] || fail "a has only $(size a) MiB"
[ "$(size b)" -lt 500 ] || fail "b has $(size b) MiB still"
[ "$(size b)" -ge 192 ] || fail "b has only $(size b) MiB"
wait_for 20 '"$XL_MEMORY" plan --json |
    json ".domains | all(.size_kib == .target_kib)"'
target_fits a
target_fits b
covered a
covered b
guest a 'for d in /tmp/f /tmp/g?; do xk-fill check $d || exit; done'
guest b 'xk-fill check /tmp/f'
guest a 'for d in /tmp/g?; do xk-fill stop $d; done'
grep -q 'b: balancing: .*idle-gives' "$OUT/memoryd.log"
grep -q 'a: balancing: .*short-gets' "$OUT/memoryd.log"

# A command is not held up by the balancer, and may undo what it did.
sweep a --target 256 >/dev/null
[ "$(size a)" -le 257 ]
stop_daemon memoryd

# Without it b keeps what it does not need, and a's kernel kills.
start_with 0
had=$(size b) status=0
hog || status=$?
note "without: status $status, $(kills) kills, b has $(size b) MiB"
"$XL_MEMORY" plan | tee "$OUT/plan-off.txt"
[ $status != 0 ] || fail "without the balancer a had memory all the same"
[ "$(kills)" -ge 1 ] || fail "without the balancer: status $status, no kill"
[ "$(size b)" = "$had" ]
