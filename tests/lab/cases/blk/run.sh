# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a guest writes and reads a disk that dom0 serves from a file
# tier: full
# proves:
# needs: pvh blk
# timeout: 90

disk=$(make_disk disk 32)
create_guest one "disk=['phy:$disk,xvda,w']"
guest one 'modprobe xen-blkfront'
wait_for 10 "guest one '[ -b /dev/xvda ]'"

guest one 'seq 20000 >/tmp/data && dd if=/tmp/data of=/dev/xvda conv=fsync'
seq 20000 | cmp -n 100000 - "$disk"

# blkback keeps grants of the guest mapped as long as it is connected.
xl destroy one
losetup -d "$disk"
