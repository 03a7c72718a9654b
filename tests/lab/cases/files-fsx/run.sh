# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: random operations on a file of a share, also from both sides at once
# proves: c3
# needs: pvh stage
# timeout: 400
# tier: full
. /lab/dom0/files.sh

OPS=${OPS:-4000}
MIB=1048576

mkdir -p /var/srv/tree
start_filed
create_guest one
lend one /var/srv/tree --name tree
load_xkfs one
guest one 'mkdir /mnt/t && mount -t xkfs tree /mnt/t'

# Alone: with everything that changes the size.
GUEST_TIMEOUT=$((60 + OPS / 20)) measure alone guest one "xk-fsx /mnt/t/alone --ops $OPS \
    --seed 1" >/tmp/guest.sum
"$STAGE/guest/bin/xk-fsx" /var/srv/tree/alone --sum | cmp - /tmp/guest.sum ||
    fail "dom0 sees something else than the guest wrote"
note "alone: $OPS operations, the same $(cat /tmp/guest.sum) in dom0"

# Both sides at once, each on its half of one file.
truncate -s $((2 * MIB)) /var/srv/tree/both
"$STAGE/guest/bin/xk-fsx" /var/srv/tree/both --ops $((OPS / 2)) --seed 2 \
    --range 0-$MIB >/tmp/dom0.sum 2>/tmp/dom0.err &
GUEST_TIMEOUT=$((60 + OPS / 20)) guest one "xk-fsx /mnt/t/both --ops $((OPS / 2)) --seed 3 \
    --range $MIB-$((2 * MIB))" >/tmp/guest.sum
wait $! || fail "dom0's half: $(tail -n 1 /tmp/dom0.err)"
"$STAGE/guest/bin/xk-fsx" /var/srv/tree/both --sum --range $MIB-$((2 * MIB)) |
    cmp - /tmp/guest.sum || fail "dom0 sees another half of the guest"
guest one "xk-fsx /mnt/t/both --sum --range 0-$MIB" | cmp - /tmp/dom0.sum ||
    fail "the guest sees another half of dom0"
note "both sides: $((OPS / 2)) operations each, both halves as they were left"
