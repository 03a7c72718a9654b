# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a swept guest is left without populate-on-demand, and left alone
# proves: b5
# needs: pvh stage
# timeout: 120
# tier: full
. /lab/dom0/memory.sh

# empty: no entries, no cache
empty()
{
    [ "$(domain_value one pod_entries)" = 0 ] &&
        [ "$(domain_value one pod_cache)" = 0 ]
}

start_memoryd
create_guest one memory=384
load_balloon one
pages=$(domain_value one pages)
guest one 'mkdir -p /tmp/f && xk-fill start /tmp/f 32 9'
sweep one >/dev/null
[ "$(domain_value one pod_entries)" -gt 10000 ]

measure drain "$XL_MEMORY" drain one
note "drained in $(measured drain) ms"
empty || fail "$(domain_value one pod_entries) entries"
[ "$(domain_value one pages)" = "$pages" ]
[ "$(domain_value one paused)" = 0 ]
guest one 'xk-fill check /tmp/f'
"$XL_SWEEP" one 2>"$OUT/refusal.txt" && fail "it was swept"
grep -q 'drain --end' "$OUT/refusal.txt"
"$XL_MEMORY" one | grep -q 'left alone'

note "also by the next memoryd"
stop_daemon memoryd KILL
start_memoryd
wait_for 30 '[ "$(frontend one)" = connected ]'
"$XL_SWEEP" one 2>"$OUT/refusal.txt" && fail "it was swept"
xl mem-set one 300
wait_for 30 "[ \$(domain_value one pages) -le $((pages - 20000)) ]"
empty
xl mem-set one 384
wait_for 30 "[ \$(domain_value one pages) = $pages ]"
empty

note "and as before"
"$XL_MEMORY" drain --end one
sweep one >/dev/null
[ "$(domain_value one pod_entries)" -gt 10000 ]
covered one
guest one 'xk-fill check /tmp/f'
