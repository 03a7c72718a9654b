# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a guest that runs out of memory gets pages of its balloon back in time
# tier: full
# proves: b3
# needs: pvh stage
# timeout: 180
# allow: oom-kill:|Out of memory: Killed -- without memoryd, on purpose
. /lab/dom0/memory.sh

# hog: a program that needs 288 MiB at once, more than there is without the
# balloon's pages
hog()
{
    GUEST_TIMEOUT=90 guest one \
        'dd if=/dev/zero of=/dev/null bs=288M count=1 2>/dev/null'
}

# kills: how often the guest's kernel has killed for memory
kills()
{
    guest one 'dmesg | grep -c "Out of memory: Killed" || true'
}

size()
{
    echo $(($(domain_value one pages) / 256))
}

start_memoryd
create_guest one memory=512
load_balloon one
guest one 'mkdir -p /tmp/f && xk-fill start /tmp/f 32 7'
# As a program that grows little by little: it is not refused beforehand.
guest one 'echo 1 >/proc/sys/vm/overcommit_memory'
sweep one --target 256 >/dev/null
[ "$(size)" -le 257 ]

# With nobody to ask the kernel kills.
stop_daemon memoryd
status=0
hog || status=$?
note "without memoryd: status $status, $(kills) kills, $(size) MiB"
[ $status = 137 ] || fail "without memoryd: status $status"
[ "$(kills)" -ge 1 ]
[ "$(size)" -le 257 ]

start_memoryd
wait_for 30 '[ "$(frontend one)" = connected ]'
before=$(kills)
measure hog hog || fail "was killed, at $(size) MiB"
note "with memoryd: $(measured hog) ms, $(size) MiB"
[ "$(kills)" = "$before" ] || fail "the kernel killed all the same"
[ "$(size)" -gt 300 ] || fail "only $(size) MiB"
[ "$(size)" -le 513 ]
target=$(xenstore-read "/local/domain/$(domid one)/memory/target")
[ $((target / 1024 - $(size))) -le 1 ] && [ $(($(size) - target / 1024)) -le 1 ] ||
    fail "memory/target is $target KiB"
[ "$(domain_value one max_pages)" -le $((512 * 256 + 256)) ]
guest one 'xk-fill check /tmp/f'
guest one 'dmesg | grep xk_balloon | tail -n 12' >"$OUT/balloon.txt"

grep -q "one: is short of memory: got" "$OUT/memoryd.log"

# What it was given can be taken again.
sweep one --target 256 >/dev/null
[ "$(size)" -le 257 ]
guest one 'xk-fill check /tmp/f'
