# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: 256 MiB from a guest to the host, xl-sweep --target against xl mem-set
# proves: a7
# needs: pvh stage
# timeout: 240
# tier: asked
. /lab/dom0/memory.sh

ROUNDS=${ROUNDS:-3}
FREED=$((255 * 1024))       # the last MiB may be the toolstack's slack

# until_free LABEL COMMAND...: "LABEL US" to the measures
until_free()
{
    local label=$1 us
    shift
    us=$("$STAGE/dom0/xk-until-free-dom0" $FREED "$@" |
        tail -n 1 | cut -d' ' -f1)
    [ -n "$us" ] || fail "$label: the memory did not come"
    echo "$label $us" >>"$OUT/inflate.txt"
    note "$label: $us us"
}

# parts: "PART US" of the last job to the measures: what the guest's kernel and
# Xen took for the pages, and Xen for freeing them once they were settled
parts()
{
    local line
    line=$(guest ours dmesg | grep 'xk_balloon: .* us$' | tail -n 1)
    sed -E 's/.*kernel ([0-9]+), Xen ([0-9]+), .*/kernel \1\ngive \2/' \
        <<<"$line" >>"$OUT/parts.txt"
    sed -nE 's/.*balloon grown .* settling ([0-9]+)$/settle \1/p' \
        "$OUT/memoryd.log" | tail -n 1 >>"$OUT/parts.txt"
}

start_memoryd
create_guest ours memory=512
create_guest peer memory=512
load_balloon ours
sleep 5     # what a guest does after its boot is not to be measured
for _ in $(seq "$ROUNDS"); do
    until_free ours "$XL_SWEEP" ours --target 256
    parts
    until_free peer xl mem-set peer 256
    "$XL_SWEEP" ours --target 512 >/dev/null
    xl mem-set peer 512
    wait_for 60 '[ "$(domain_value peer pages)" -ge 131072 ]'
    sleep 2
done
