# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: the map of an HVM guest: built, found running, restored
# tier: full
# proves: b6
# needs: hvm stage
# timeout: 240
. /lab/dom0/memory.sh

map_of()
{
    timeout 60 "$XL_MEMORY" map web --json >"$OUT/map.json"
}

kib()
{
    json ".totals.${1}_kib" <"$OUT/map.json"
}

note_map()
{
    note "$1: $(jq -c '{origin,ranges,totals}' <"$OUT/map.json")"
}

start_memoryd
create_guest web type=hvm memory=384
map_of
note_map built
[ "$(json .origin <"$OUT/map.json")" = built ]
[ "$(kib shattered)" = 2048 ] && [ "$(kib ballooned)" = 0 ]
[ "$(kib intact)" -ge 360448 ]
size=$(kib intact)

stop_daemon memoryd
start_memoryd
wait_for 10 map_of
note_map "found running"
[ "$(json .origin <"$OUT/map.json")" = unknown ]
[ "$(kib unknown)" = $((size + 2048)) ] && [ "$(kib ballooned)" = 0 ]

timeout -k 5 100 xl save web /tmp/web.save
timeout -k 5 100 xl restore /tmp/web.save
rm /tmp/web.save
GUEST_TIMEOUT=60 guest web true
map_of
note_map restored
[ "$(json .origin <"$OUT/map.json")" = restored ]
[ "$(kib shattered)" = $((size + 2048)) ] && [ "$(kib intact)" = 0 ]
"$XL_MEMORY" map web
