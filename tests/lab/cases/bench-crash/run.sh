# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a dump of a dead guest, by crashd against xl dump-core
# proves: d6
# needs: pvh stage
# timeout: 600
# tier: asked
# allow: sysrq: Trigger a crash|Kernel panic - not syncing|BUG: kernel NULL pointer -- it is what the case is for
. /lab/dom0/crash.sh

ROUNDS=${ROUNDS:-3}

make_keys owner owner
start_crashd
create_guest dead memory=256 vcpus=1
crash_guest dead
wait_for 120 'recorded dead'
for _ in $(seq "$ROUNDS"); do
    xl-crash dump dead --json >/tmp/dump.json
    echo "ours $(jq .duration_us /tmp/dump.json)" >>"$OUT/time.txt"
    echo "ours $(jq .bytes /tmp/dump.json)" >>"$OUT/size.txt"
    note "$(jq -c '[.duration_us, .bytes]' /tmp/dump.json)"
done
measure core xl dump-core dead /tmp/core
echo "peer $(($(measured core) * 1000))" >>"$OUT/time.txt"
echo "peer $(stat -c %s /tmp/core)" >>"$OUT/size.txt"
cat "$OUT/time.txt" "$OUT/size.txt"
destroy_guest dead
