# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a restored guest is made whole by itself
# proves: b2
# needs: pvh stage
# timeout: 240
# tier: full
. /lab/dom0/memory.sh

printf '%s\n' 'recover_background = 1' 'background_share_percent = 50' \
    >>/tmp/memoryd.conf

# mapped STATE: KiB of the guest in that state
mapped()
{
    "$XL_MEMORY" map --json one | json ".totals.$1_kib"
}

# passes: how many are over, by the log
passes()
{
    grep -c 'one: recovered .* of .* ranges' "$OUT/memoryd.log" || true
}

start_memoryd
create_guest one memory=256
load_balloon one
guest one 'mkdir -p /tmp/f && xk-fill start /tmp/f 48 4'
pages=$(domain_value one pages)
old=$(domid one)
timeout -k 5 100 xl save one /tmp/one.save
wait_for 10 "! xenstore-exists /local/domain/0/backend/xk-balloon/$old"
timeout -k 5 100 xl restore /tmp/one.save
rm /tmp/one.save
shattered=$(mapped shattered)
note "restored: $shattered KiB shattered"
[ "$shattered" -ge 250000 ]

wait_for 100 '[ "$(passes)" -ge 1 ]'
grep 'one: recovered' "$OUT/memoryd.log"
line=$(grep -m 1 'one: recovered' "$OUT/memoryd.log")

# of PATTERN: the number before it, in that line
of()
{
    sed -n "s/.* \([0-9]*\) $1.*/\1/p" <<<"$line"
}

recovered=$(of 'of [0-9]* ranges')
movable=$((recovered + $(of 'in use') + $(of refused)))
note "$((recovered * 1000 / movable)) permille of what can be moved"
[ $((recovered * 100)) -ge $((95 * movable)) ]
note "now: $(mapped intact) KiB intact, $(mapped shattered) shattered"
[ "$(mapped intact)" -ge $((shattered / 2)) ]
[ "$(domain_value one paused)" = 0 ]
[ "$(domain_value one pages)" = "$pages" ]
"$XL_MEMORY" --json one | jq -e '.domains[0].note == ""'
guest one 'xk-fill check /tmp/f'
