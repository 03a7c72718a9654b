# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a restored guest's 2 MiB ranges are made whole again while it works
# tier: full
# proves: b2
# needs: pvh stage
# timeout: 300
. /lab/dom0/memory.sh

printf '%s\n' 'recover_share_percent = 100' >>/tmp/memoryd.conf

# recoalesce NAME: the object is $OUT/recover.json
recoalesce()
{
    "$XL_MEMORY" recoalesce --json "$1" >"$OUT/recover.json"
    note "recoalesce: $(cat "$OUT/recover.json")"
}

value()
{
    json "$1" <"$OUT/recover.json"
}

start_memoryd
create_guest one memory=384
load_balloon one
guest one 'mkdir -p /tmp/f /tmp/c && xk-fill start /tmp/f 96 11'
pages=$(domain_value one pages)

# All that a restored guest has is mapped in pages of 4 KiB.
old=$(domid one)
measure save timeout -k 5 100 xl save one /tmp/one.save
wait_for 10 "! xenstore-exists /local/domain/0/backend/xk-balloon/$old"
measure restore timeout -k 5 100 xl restore /tmp/one.save
rm /tmp/one.save
GUEST_TIMEOUT=60 guest one 'xk-fill check /tmp/f'
wait_for 60 '[ "$(frontend one)" = connected ]'

# Meanwhile it writes and checks another part of its memory, all the time.
guest one 'xk-fill churn /tmp/c 24 13 20'
recoalesce one
[ "$(value .refused)" = 0 ] || fail "$(value .refused) ranges refused"
[ "$(value .ranges)" -ge 190 ]
sum=$(($(value .recovered) + $(value .busy) + $(value .pinned) +
       $(value .skipped)))
[ "$(value .ranges)" = $sum ]
# What the kernel cannot move is its own; programs' memory and what is free
# it can, and that is most.
[ "$(value .recovered)" -ge 120 ] || fail "only $(value .recovered) recovered"
movable=$(($(value .recovered) + $(value .busy)))
note "$(($(value .recovered) * 1000 / movable)) permille of what can be moved"
[ $(($(value .recovered) * 100)) -ge $((95 * movable)) ] ||
    fail "$(value .busy) ranges were busy"
[ "$(domain_value one paused)" = 0 ]
[ "$(domain_value one pages)" = "$pages" ] || fail "its size has changed"
guest one 'xk-fill check /tmp/f'
GUEST_TIMEOUT=60 guest one 'xk-fill result /tmp/c 40'
guest one 'dmesg | tail -n 20' >"$OUT/guest-dmesg.txt"
guest one 'cat /sys/bus/xen/devices/xk-balloon-0/stuck_kib' | grep -qx 0
guest one 'cat /sys/bus/xen/devices/xk-balloon-0/ballooned_kib' | grep -qx 0

# It can be done again, beside a balloon, and all of it still works.
sweep one --target 320 >/dev/null
recoalesce one
[ "$(value .refused)" = 0 ]
covered one
sweep one --target 384 >/dev/null
[ "$(domain_value one pages)" = "$pages" ]
guest one 'xk-fill check /tmp/f'
