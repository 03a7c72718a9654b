# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a sweep commits a guest's zero superpages; then it fills its memory
# proves: a2
# needs: pvh stage
# timeout: 120
. /lab/dom0/memory.sh

start_memoryd
create_guest one memory=512
wait_for 10 "$XL_MEMORY --json one"
before=$(domain_value one pages)

# A dry run finds what there is and changes nothing.
sweep one --dry-run
found=$(swept .zero_super)
[ "$found" -ge 50 ] || fail "a fresh guest of 512 MiB: $found zero superpages"
[ "$(domain_value one pod_entries)" = 0 ] || fail "a dry run made entries"
[ "$(swept .committed_super)" = 0 ]

sweep one
note "found $(swept .zero_super), committed $(swept .committed_super)"
committed=$(swept .committed_super)
[ "$committed" -ge $((found * 8 / 10)) ] ||
    fail "of $found zero superpages only $committed were committed"
[ "$(domain_value one pod_entries)" = "$(domain_value one pod_cache)" ]
[ "$(domain_value one pod_entries)" -ge $((committed * 512 * 9 / 10)) ]
[ "$(domain_value one pages)" = "$before" ] || fail "the guest changed its size"

# A second pass knows what is swept already, and does not populate it.
sweep one
[ "$(swept '.skipped["already-swept"]')" -ge $((committed * 8 / 10)) ]
covered one

# Now the guest uses its memory, and nothing is lost.
free=$(guest one "awk '/^MemAvailable/ { print int(\$2/1024) }' /proc/meminfo")
guest one "mkdir -p /tmp/f"
GUEST_TIMEOUT=120 guest one "xk-fill start /tmp/f $((free - 60)) 42"
GUEST_TIMEOUT=120 guest one "xk-fill check /tmp/f"
[ "$(domain_value one pod_entries)" -lt $((committed * 512 / 2)) ] ||
    fail "the guest filled its memory and the entries are still there"
covered one
"$XL_MEMORY"
