# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Does a case leave something behind in Xen? Sourced by the driver.
#
# A grant that a backend still maps keeps its domain a zombie; an event
# channel that is still bound shows in dom0's ports; memory that belongs to
# nobody is missing from the host's free memory.

# Xen itself keeps some pages after the first domain (per-cpu caches, heap
# metadata): below this, a difference is not a leak. Measured: 40-400 KiB.
LEAK_SLACK_KIB=2048

leaks_domains()
{
    xl list 2>/dev/null | awk 'NR > 1 && $2 != 0 { print $1 "(" $2 ")" }'
}

leaks_ports()
{
    /boot/labctl ports | awk '$2 != "virq" { $1 = ""; print }' | sort
}

# Xen prints the grant tables on the key 'g': entries that are in use, which
# are none when no guest is left.
leaks_grants()
{
    local lines
    lines=$(xl dmesg | wc -l)
    xl debug-keys g
    sleep 0.2
    xl dmesg | tail -n "+$((lines + 1))" >/out/grants.txt
    grep -c '^(XEN).*\[0x[0-9a-f]*\] *[0-9]* 0x' /out/grants.txt
}

leaks_before()
{
    leaks_ports >/run/lab-ports
    /boot/labctl free >/run/lab-free
    leaks_domains >/run/lab-domains
}

# The end of a guest is not instantaneous: Xen frees its memory in pieces,
# xenconsoled closes its port later.
leaks_settle()
{
    local free end=$((SECONDS + 10 * LAB_SLOW))
    while [ $SECONDS -lt $end ]; do
        free=$(/boot/labctl free)
        [ -z "$(leaks_domains)" ] &&
            leaks_ports | cmp -s - /run/lab-ports &&
            [ $((free + LEAK_SLACK_KIB)) -ge "$(cat /run/lab-free)" ] &&
            return 0
        sleep 0.2
    done
    return 1
}

# Prints one line for each kind of leak; nothing when all is clean.
leaks_after()
{
    local id grants lost
    [ ! -r /run/lab-daemons ] || while read -r id _; do
        kill "$id" 2>/dev/null
    done </run/lab-daemons
    for id in $(xl list 2>/dev/null | awk 'NR > 1 && $2 != 0 { print $2 }')
    do
        timeout -k 5 30 xl destroy "$id" 2>/dev/null
    done
    [ ! -x /run/lab-cleanup ] || timeout -k 5 30 /run/lab-cleanup
    leaks_settle
    grants=$(leaks_grants)
    lost=$(($(cat /run/lab-free) - $(/boot/labctl free)))
    [ -z "$(leaks_domains)" ] ||
        echo "domains that do not go away: $(leaks_domains | xargs)"
    leaks_ports | cmp -s - /run/lab-ports ||
        echo "event channels: $(leaks_ports | diff /run/lab-ports - |
            grep '^[<>]' | xargs -d '\n')"
    [ "$lost" -le $LEAK_SLACK_KIB ] || echo "memory: $lost KiB"
    [ "$grants" = 0 ] || echo "grants in use: $grants (grants.txt)"
}
