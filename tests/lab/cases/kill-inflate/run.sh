# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: memoryd is killed at each step of an inflation
# tier: full
# proves: a5
# needs: pvh stage
# timeout: 300
. /lab/dom0/memory.sh
. /lab/dom0/kill.sh

for step in opening opened closed; do
    died "inflate-$step" one --target 200
    note "inflate-$step: repaired, $(domain_value one pages) pages"
    start_memoryd
    wait_for 30 "[ \"\$(frontend one)\" = connected ]"
    sweep one --target 256 >/dev/null
    stop_daemon memoryd
done
