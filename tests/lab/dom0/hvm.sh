# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the HVM cases share. Sourced by them, after memory.sh.

# create_hvm KEY=VALUE...: the guest one, which keeps the disk that QEMU
# emulates: the kernel asks for the network cards alone to be taken away.
create_hvm()
{
    disk=$(make_disk disk 32)
    create_guest one type=hvm "disk=['phy:$disk,hda,w']" "$@" \
        "extra=console=hvc0 loglevel=5 $LAB_KERNEL_OPTIONS \
xen_emul_unplug=nics $KERNEL_EXTRA"
}

# start_disk POOL-MIB: I/O begins, to and from that much memory
start_disk()
{
    guest one 'modprobe ata_piix && modprobe sd_mod'
    wait_for 20 "guest one '[ -b /dev/sda ]'"
    [ "$(guest one 'cat /sys/block/sda/device/model')" = "QEMU HARDDISK   " ]
    guest one "xk-disk start /tmp/d /dev/sda 2 $1 5"
}

# stop_disk: each block is what it was
stop_disk()
{
    local line
    line=$(GUEST_TIMEOUT=60 guest one 'xk-disk stop /tmp/d') ||
        fail "the disk: $line"
    note "the disk: $line"
    # shellcheck disable=SC2086 # words
    set -- $line
    [ "$2" -ge 20 ] && [ "$5" -ge 8 ] || fail "hardly any I/O: $line"
}

end_hvm()
{
    destroy_guest one
    losetup -d "$disk"
}
