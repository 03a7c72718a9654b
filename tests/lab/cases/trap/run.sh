# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: ranges made whole from dom0 alone freeze a guest; so that is refused
# proves: b2
# needs: pvh stage
# timeout: 150
# tier: full
. /lab/dom0/memory.sh

start_memoryd
create_guest one memory=128 vcpus=1
wait_for 10 "$XL_MEMORY --json one"

note "refused, and nothing has happened to it"
status=0
"$XL_MEMORY" recoalesce one 2>"$OUT/refusal.txt" || status=$?
cat "$OUT/refusal.txt"
[ $status = 1 ] || fail "status $status"
[ "$(wc -l <"$OUT/refusal.txt")" = 1 ]
grep -q 'load xk_balloon' "$OUT/refusal.txt"
grep -q 'Xen refers to' "$OUT/refusal.txt"
guest one true

note "what would come of it: the upper 64 MiB, one range after the other"
"$STAGE/dom0/xk-trap-dom0" "$(domid one)" 0x4000 32
status=0
GUEST_TIMEOUT=15 guest one true || status=$?
[ $status = 124 ] || [ $status = 125 ] || fail "it lives: status $status"
note "the guest does not answer any more: status $status"
destroy_guest one

note "with its module it is done; what is whole stays as it is"
create_guest two memory=128 vcpus=1
load_balloon two
"$XL_MEMORY" recoalesce --json two | tee "$OUT/recover.json"
[ "$(json .refused <"$OUT/recover.json")" = 0 ]
[ "$(json .skipped <"$OUT/recover.json")" = \
    "$(json .ranges <"$OUT/recover.json")" ]
guest two true
