# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: how often a guest in debt, touching as fast as it can, is saved
# proves: b7
# needs: pvh stage
# timeout: 1800
# memory: 3584
# tier: asked
# allow: out of PoD memory -- a run that was lost is counted here
# allow: domain_crash called from p2m-pod -- likewise
# allow: Domain [0-9]+ .vcpu.* crashed -- likewise
. /lab/dom0/memory.sh

RUNS=${RUNS:-100}
LOW=${LOW:-0}       # guard_low_mib; 0: the default

ended()
{
    "$BOOT/labctl" domain "$id" | grep -qE '(shutdown|crashed)=1'
}

# run NR: one guest, from its start to its end. Each fifth has more than the
# marks at first, so that they are what decides; the others are below them at
# once. Half of them use up a superpage with each touch.
run()
{
    local memory=128 mode=sparse id said
    [ $(($1 % 5)) != 0 ] || memory=640
    [ $(($1 % 2)) = 0 ] || mode=data
    create_guest toucher agent=no kernel="$STAGE/dom0/toucher" ramdisk=none \
        memory=$memory maxmem=$((2 * memory)) vcpus=2 \
        on_poweroff=preserve extra=$mode
    id=$(domid toucher)
    wait_for 120 ended || fail "run $1 does not end"
    said=$(xl dmesg -c | sed -n "s/^.*(d$id) *toucher: touched //p")
    if [[ $said == *' wrong 0' ]]; then
        saved=$((saved + 1))
    else
        note "run $1, $memory MiB, $mode: lost: $said"
    fi
    destroy_guest toucher
}

printf '%s\n' "guard_low_mib = $LOW" 'log_level = "debug"' >/tmp/guard.conf
# As its unit has it; and what it says does not go through the emulator to the
# disk of another machine while a guest runs away.
OUT=/tmp start_memoryd --config /tmp/guard.conf
renice -n -10 -p "$(daemon_pid memoryd)" >/dev/null
saved=0
for nr in $(seq "$RUNS"); do
    run "$nr"
    [ $((nr % 10)) != 0 ] || note "$saved of $nr"
done
cp /tmp/memoryd.log "$OUT/"
halts=$(grep -c 'toucher: stopped: ' "$OUT/memoryd.log" || true)
lent=$(grep -c 'toucher: lent ' "$OUT/memoryd.log" || true)
note "saved $saved of $RUNS; stopped $halts times, lent $lent times"
echo "$saved $RUNS $halts $lent" >"$OUT/guard.txt"
[ "$saved" = "$RUNS" ]
