# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a share in a guest does what dom0's own disk does
# proves: c2
# needs: pvh stage
# timeout: 450
# tier: full
. /lab/dom0/files.sh
. /lab/dom0/posix.sh

mkdir -p /var/srv/tree/posix
chmod 755 /var/srv/tree/posix
start_filed
create_guest one
lend one /var/srv/tree --name tree --set-id 1 --devices 1
load_xkfs one
posix_reference /tmp/reference
guest one 'mkdir /mnt/t && mount -t xkfs -o suid,dev tree /mnt/t'
GUEST_TIMEOUT=330 measure posix guest one 'xk-posix /mnt/t/posix >/tmp/out
    cp /tmp/out /mnt/t/out && sync'
cp /var/srv/tree/out "$OUT/posix.out"
posix_compare /tmp/reference /var/srv/tree/out cannot
