# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a guest mounts what dom0 lends, uses it, and loses it again
# proves: c1
# needs: pvh stage
# timeout: 110
. /lab/dom0/files.sh

mkdir -p /var/srv/tree/sub
echo "from dom0" >/var/srv/tree/hello
seq 1 200000 >/var/srv/tree/sub/numbers
echo "one file" >/var/srv/single

start_filed
create_guest one
lend one /var/srv/tree --name tree
lend one /var/srv/single --name single --read-only
load_xkfs one

# A directory, and a file over a file.
guest one 'mkdir /mnt/t && mount -t xkfs tree /mnt/t && cat /mnt/t/hello' |
    grep -qx 'from dom0'
guest one 'echo own >/etc/single && mount -t xkfs single /etc/single &&
    cat /etc/single' | grep -qx 'one file'
guest one '! echo no >/etc/single && umount /etc/single && cat /etc/single' |
    grep -qx own
sum=$(md5sum </var/srv/tree/sub/numbers)
[ "$(guest one 'md5sum </mnt/t/sub/numbers')" = "$sum" ]
guest one '! mount -t xkfs nothing /mnt'

# What the guest writes is dom0's at close, and what dom0 writes is the
# guest's at its next open.
guest one 'echo "from the guest" >/mnt/t/answer'
grep -qx 'from the guest' /var/srv/tree/answer
echo "again" >/var/srv/tree/hello
[ "$(guest one 'sleep 1; cat /mnt/t/hello')" = again ]

GUEST_TIMEOUT=60 guest one 'mkdir /mnt/t/v && xk-vfs /mnt/t/v'
guest one 'dd if=/dev/zero of=/mnt/t/big bs=1M count=24 conv=fsync &&
    sync && df /mnt/t'
[ "$(stat -c %s /var/srv/tree/big)" = $((24 << 20)) ]

# All shares in one mount; they come and go.
guest one 'mkdir /mnt/all && mount -t xkfs none /mnt/all && ls /mnt/all' |
    xargs | grep -qx 'single tree'
mkdir /var/srv/late
lend one /var/srv/late --name late
wait_for 10 'guest one "ls /mnt/all" | grep -qx late'
guest one 'touch /mnt/all/late/x && ls /mnt/all/late' | grep -qx x

# Revoked while a file of it is open and mapped.
guest one 'mkfifo /tmp/in && (xk-vfs hold /mnt/t/hello </tmp/in \
    >/tmp/held 2>&1 &) ; sleep 100000 >/tmp/in & sleep 1; cat /tmp/held' |
    grep -qx held
"$XL_FILES" revoke one tree --now
guest one '! cat /mnt/t/hello; ! ls /mnt/t; echo check >/tmp/in; sleep 1;
    cat /tmp/held' | grep -i 'stale'
wait_for 10 '! guest one "ls /mnt/all" | grep -qx tree'

# The module cannot go while it is mounted, and leaves nothing behind.
guest one '! rmmod xkfs'
guest one 'umount /mnt/all && umount /mnt/t &&
    echo xkfs-0 >/sys/bus/xen/drivers/xkfs/unbind && rmmod xkfs'
guest one 'insmod /xk/xkfs.ko'
wait_for 20 '[ "$(files_state one)" = 4 ]'
guest one 'mount -t xkfs late /mnt && ls /mnt && umount /mnt' | grep -qx x
