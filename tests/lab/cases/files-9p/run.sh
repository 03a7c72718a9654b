# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a guest without a module of ours mounts a share by 9P
# proves: c5
# needs: pvh stage
# timeout: 480
# tier: full
. /lab/dom0/files.sh
. /lab/dom0/posix.sh

SRV=/var/srv

# p9_state NAME: the XenbusState of the only 9pfs device of a guest
p9_state()
{
    local dir
    dir=/local/domain/$(domid "$1")/device/9pfs
    xenstore-read "$dir/$(xenstore-list "$dir")/state"
}

mount_it='mount -t 9p -o trans=xen,version=9p2000.L tree /mnt'

mkdir -p $SRV/tree
echo 'from dom0' >$SRV/tree/hello
start_filed
create_guest one
lend one $SRV/tree --name tree --stock-9p 1
guest one 'modprobe 9p && modprobe 9pnet_xen'
wait_for 20 '[ "$(p9_state one)" = 4 ]'
guest one "$mount_it && cat /mnt/hello" | grep -qx 'from dom0'
guest one 'echo "from the guest" >/mnt/answer'
grep -qx 'from the guest' $SRV/tree/answer

# All that a file system does, but for what 9P cannot.
posix_reference /tmp/reference
GUEST_TIMEOUT=350 measure posix guest one 'mkdir /mnt/posix && chmod 755 /mnt/posix &&
    xk-posix /mnt/posix >/tmp/out; cp /tmp/out /mnt/out'
cp $SRV/tree/out "$OUT/posix.out"
posix_compare /tmp/reference $SRV/tree/out cannot
