# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: the map of a guest: built, swept, inflated, restored
# tier: full
# proves: b6
# needs: pvh stage
# timeout: 300
. /lab/dom0/memory.sh

# map_of NAME: the answer is $OUT/map.json
map_of()
{
    timeout 60 "$XL_MEMORY" map "$1" --json >"$OUT/map.json"
}

# kib STATE: of the last map
kib()
{
    json ".totals.${1}_kib" <"$OUT/map.json"
}

# near A B SLACK: all KiB
near()
{
    local d=$(($1 - $2))
    [ ${d#-} -le "$3" ] || fail "$1 is not within $3 of $2"
}

note_map()
{
    note "$1: $(jq -c '{origin,totals}' <"$OUT/map.json")"
}

# picture NAME: $OUT/memory-map-NAME.svg, with something in each STATE…
picture()
{
    local name=$1 state
    shift
    "$XL_MEMORY" map web --svg "$OUT/memory-map-$name.svg"
    for state; do
        grep -q "class=\"s$state\" d=\"M" "$OUT/memory-map-$name.svg" ||
            fail "the picture $name has nothing in state $state"
    done
}

echo 'recover_share_percent = 100' >>/tmp/memoryd.conf
start_memoryd
create_guest web memory=512
map_of web
note_map built
[ "$(json .origin <"$OUT/map.json")" = built ]
# All of it as it was built, but for what the guest itself has split since.
near "$(kib intact)" 524288 16384
picture built 1
[ "$(kib pod)" = 0 ] && [ "$(kib ballooned)" = 0 ] && [ "$(kib hole)" = 0 ]

# A look changes nothing: the guest's accounts are what they were.
before="$(domain_value web pages) $(domain_value web pod_entries)"
for _ in 1 2 3; do
    map_of web
done
[ "$(domain_value web pages) $(domain_value web pod_entries)" = "$before" ]

# The stock driver takes single pages: what it has been at is split, and stays
# so when the pages are back.
xl mem-set web 480
wait_for 60 '[ "$(domain_value web pages)" -le 123136 ]'
map_of web
note_map "by the stock driver"
[ $(($(kib ballooned) + $(kib shattered))) -ge 16384 ]
xl mem-set web 512
wait_for 60 '[ "$(domain_value web pages)" -ge 131000 ]'
map_of web
note_map "and back"
[ "$(kib ballooned)" -le 4096 ]
[ $(($(kib unknown) + $(kib shattered))) -ge 16384 ]

# Swept ranges are entries, and only they.
sweep web >/dev/null
committed=$(($(swept .committed_super) * 2048))
map_of web
note_map swept
near "$(kib pod)" "$committed" 4096
[ "$(kib intact)" -gt 0 ]
picture swept 1 3
entries=$(domain_value web pod_entries)
map_of web
[ "$(domain_value web pod_entries)" -le "$entries" ] ||
    fail "a look made entries"

# What an inflation gives away is not there.
load_balloon web
guest web 'mkdir -p /tmp/f && xk-fill start /tmp/f 64 5'
sweep web --target 320 >/dev/null
map_of web
note_map inflated
near "$(kib ballooned)" "$(swept .balloon.super_kib)" 8192
[ "$(kib pod)" -gt 0 ] && [ "$(kib intact)" -gt 0 ]
picture inflated 1 3 4
"$XL_MEMORY" map web
"$XL_MEMORY" top

# Back again: there, and nobody has seen how it is mapped.
sweep web --target 512 >/dev/null
map_of web
note_map deflated
[ "$(kib ballooned)" -le 4096 ]
[ "$(kib unknown)" -gt 0 ]

# A restored guest has lost every large mapping, and its balloon's ranges
# are still missing.
sweep web --target 400 >/dev/null
timeout -k 5 100 xl save web /tmp/web.save
timeout -k 5 100 xl restore /tmp/web.save
rm /tmp/web.save
GUEST_TIMEOUT=60 guest web true
map_of web
note_map restored
[ "$(json .origin <"$OUT/map.json")" = restored ]
[ "$(kib intact)" = 0 ] && [ "$(kib unknown)" = 0 ] && [ "$(kib pod)" = 0 ]
near $(($(kib shattered) + $(kib ballooned))) 524288 0
[ "$(kib ballooned)" -ge 65536 ]
guest web 'xk-fill check /tmp/f'
picture restored 2 4

# Most of it can be made whole again.
shattered=$(kib shattered)
wait_for 60 '[ "$(frontend web)" = connected ]'
"$XL_MEMORY" recoalesce --json web >"$OUT/recover.json"
map_of web
note_map recovered
[ "$(kib intact)" -ge $((shattered / 2)) ]
guest web 'xk-fill check /tmp/f'
picture recovered 1 2 4

# One that ran before memoryd looked: it says so.
stop_daemon memoryd
start_memoryd
wait_for 10 'map_of web'
note_map "after a restart of memoryd"
[ "$(json .origin <"$OUT/map.json")" = unknown ]
[ "$(kib intact)" = 0 ]
covered web
