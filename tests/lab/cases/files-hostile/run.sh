# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a back-end that lies about everything, against the guest's module
# proves: c4
# needs: pvh stage
# timeout: 300
# tier: full
. /lab/dom0/files.sh

# Each mood has a connection of two seconds at most, and there are some 26.
HOSTILE_SECONDS=${HOSTILE_SECONDS:-90}
SEED=${SEED:-1}

# It serves one guest alone: filed is not there yet.
create_guest one
guest one 'insmod /xk/xkfs.ko && mkdir -p /mnt/s /mnt/all /mnt/f'
"$STAGE/dom0/xk-backend-dom0" "$(domid one)" \
    $((HOSTILE_SECONDS * LAB_SLOW)) "$SEED" ${MOOD:+"$MOOD"} \
    >"$OUT/backend.txt" 2>&1 &
backend=$!
wait_for 20 '[ "$(files_state one)" = 4 ]'

# Whatever users do with files, over and over. None of it has to succeed; each
# must end, at the latest when it is killed.
guest one "$(cat <<'EOF'
cat >/tmp/use <<'END'
try() { timeout -s KILL 4 "$@"; }
n=0
while [ ! -e /tmp/stop ]; do
    n=$((n + 1))
    try mount -t xkfs s /mnt/s
    try mount -t xkfs -o ttl=1 none /mnt/all
    for d in /mnt/s /mnt/all/s; do
        try ls -laR $d
        try cat $d/f $d/d/g $d/l
        try stat $d $d/f $d/p $d/d/long
        try df $d
        try sh -c "echo text >$d/n$n; echo more >>$d/n$n; cat $d/n$n"
        try dd if=/dev/zero of=$d/big bs=64k count=20 conv=fsync
        try dd if=$d/d/g of=/dev/null bs=4k
        try sh -c "mkdir $d/m$n; ln -s f $d/s$n; ln $d/f $d/h$n"
        try mv $d/n$n $d/m$n/moved
        try truncate -s 100 $d/f
        try chmod 600 $d/f
        try touch $d/f
        try flock $d/f true
        try rm -rf $d/m$n $d/s$n $d/h$n
        try xk-vfs $d
    done
    try sync
    try umount -f /mnt/s || umount -l /mnt/s
    try umount -f /mnt/all || umount -l /mnt/all
done
echo "$n rounds" >/tmp/used
END
(sh /tmp/use >/dev/null 2>&1 &) ; (sh /tmp/use >/dev/null 2>&1 &)
EOF
)"

status=0
wait $backend || status=$?
cat "$OUT/backend.txt"
[ $status = 0 ] || stuck one
[ $status = 0 ] || fail "the module does not connect any more: status $status"

# The guest lives, and nobody in it waits for ever.
guest one 'touch /tmp/stop'
wait_for 90 'guest one "! ps | grep -q \"[s]h /tmp/use\""'
guest one 'cat /tmp/used'
wait_for 20 'guest one "umount -f /mnt/s /mnt/all; umount -l /mnt/s /mnt/all;
    ! grep -q \" xkfs \" /proc/mounts"'
guest one 'dmesg' >"$OUT/guest-dmesg.txt"
! grep -i 'busy inodes' "$OUT/guest-dmesg.txt" || fail "inodes were left"

# And the module is of use to an honest dom0.
mkdir -p /var/srv/tree
echo "from dom0" >/var/srv/tree/hello
start_filed
lend one /var/srv/tree --name tree
wait_for 90 '[ "$(files_state one)" = 4 ]'
guest one 'mount -t xkfs tree /mnt/f && cat /mnt/f/hello' |
    grep -qx 'from dom0'
guest one 'umount /mnt/f'
guest one 'echo xkfs-0 >/sys/bus/xen/drivers/xkfs/unbind && rmmod xkfs'
