# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: 256 MiB from a guest to the host, xl-sweep --target against xl mem-set
# proves: a7
# needs: pvh stage
# timeout: 240
# default: no
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

# The pass that follows the inflation is not measured: let it be short.
echo 'log_level = "debug"' >>/tmp/memoryd.conf
start_memoryd
create_guest ours memory=512
create_guest peer memory=512
load_balloon ours
sleep 5     # what a guest does after its boot is not to be measured
for _ in $(seq "$ROUNDS"); do
    until_free ours "$XL_SWEEP" ours --target 256
    until_free peer xl mem-set peer 256
    "$XL_SWEEP" ours --target 512 >/dev/null
    xl mem-set peer 512
    wait_for 60 '[ "$(domain_value peer pages)" -ge 131072 ]'
    sleep 2
done
