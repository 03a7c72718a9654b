# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a memoryd without work sleeps, and is small; what a guest costs it
# tier: full
# proves: a7
# needs: pvh stage
# timeout: 120
. /lab/dom0/memory.sh

# private: KiB of memory that only this process has
private()
{
    awk '/^Private_/ { n += $2 } END { print n }' \
        "/proc/$(daemon_pid memoryd)/smaps_rollup"
}

# switches: how often any of its threads has run
switches()
{
    cat "/proc/$(daemon_pid memoryd)"/task/*/status |
        awk '/ctxt_switches/ { n += $2 } END { print n }'
}

start_memoryd
sleep 1
none=$(private)
create_guest one memory=256
load_balloon one
create_guest two memory=256
load_balloon two
sleep 2
two=$(private)
before=$(switches)
sleep 20
after=$(switches)
note "private: $none KiB without guests, $two KiB with two;" \
    "ran $((after - before)) times in 20 s"
echo "$none $two $((after - before))" >"$OUT/idle.txt"
[ "$two" -lt 6144 ] || fail "$two KiB of private memory"
[ "$after" = "$before" ] || fail "woke up $((after - before)) times"
