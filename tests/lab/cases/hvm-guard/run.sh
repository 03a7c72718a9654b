# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: an HVM guest in debt is saved while QEMU reads and writes its memory
# proves: b8
# needs: hvm stage
# timeout: 300
# tier: full
. /lab/dom0/memory.sh
. /lab/dom0/hvm.sh

# Marks for a guest as small as this; the default is for large ones.
printf '%s\n' 'guard_low_mib = 24' 'log_level = "debug"' >/tmp/guard.conf
start_memoryd --config /tmp/guard.conf

# Without the kernel's balloon it never gives back what it may not have: 384 MiB
# in its own eyes, 224 from the host.
KERNEL_EXTRA=initcall_blacklist=balloon_init create_hvm memory=224 maxmem=384
had=$(domain_value one pages) entries=$(domain_value one pod_entries)
cache=$(domain_value one pod_cache)
note "$had pages; $entries entries and $cache pages for them"
[ "$entries" -gt "$cache" ] || fail "it is not in debt"
grep -q 'one: in debt: .*: guarded' "$OUT/memoryd.log"
start_disk 16

# It uses more than it was built with, a part that keeps known words.
guest one 'mkdir -p /tmp/f && xk-fill start /tmp/f 200 9'
grep -q 'one: lent [1-9]' "$OUT/memoryd.log"
now=$(domain_value one pages)
used=$((now - $(domain_value one pod_cache)))
note "uses $used pages, has $now: $((now - had)) were lent"
[ "$used" -gt "$had" ] || fail "it uses no more than it had"
[ "$(domain_value one paused)" = 0 ]
guest one 'xk-fill check /tmp/f'
stop_disk

# Zeros are found by a sweep, when that is wanted.
sweep one >/dev/null
note "swept: $(jq -c '{zero_super,committed_super,skipped}' \
    <"$OUT/sweep.json")"
guest one 'xk-fill check /tmp/f'
end_hvm
