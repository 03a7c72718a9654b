# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: two guests and dom0 take locks on one file
# proves: c7
# needs: pvh stage
# timeout: 240
# tier: full
. /lab/dom0/files.sh

ROUNDS=${ROUNDS:-40}
locks=$STAGE/guest/bin/xk-locks
file=/var/srv/tree/locked

mkdir -p /var/srv/tree
start_filed
for name in one two; do
    create_guest $name memory=256 vcpus=1
    lend $name /var/srv/tree --name tree
    load_xkfs $name
    guest $name 'mkdir /mnt/t && mount -t xkfs tree /mnt/t'
done

# three KIND [OPTION]: two processes on each of three sides
three()
{
    local kind=$1 pids=() pid
    shift
    "$locks" $file --init
    "$locks" $file --kind "$kind" --processes 2 --rounds "$ROUNDS" \
        --side 1 "$@" >"$OUT/$kind.dom0" 2>&1 &
    pids+=($!)
    for name in one two; do
        GUEST_TIMEOUT=100 guest $name "xk-locks /mnt/t/locked --kind $kind \
            --processes 2 --rounds $ROUNDS --side $((${#pids[@]} + 1)) $*" \
            >"$OUT/$kind.$name" 2>&1 &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || fail "$kind $*: $(cat "$OUT/$kind".*)"
    done
    [ "$("$locks" $file --total)" = $((6 * ROUNDS)) ] ||
        fail "$kind $*: $("$locks" $file --total) rounds, not $((6 * ROUNDS))"
    note "$kind $*: $((6 * ROUNDS)) rounds of 6 processes on 3 sides"
}

for kind in posix ofd flock; do
    three $kind --direct
done
# A lock brings what others wrote, through the guests' page caches too.
three posix
