#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Image "initrd": what is loaded into memory: the initramfs of dom0, that of
# the guests with the lab's agent, and dom0's program that talks to it.
#
# in:  OUT (empty folder), KERNEL (the kernel image), KVER, LAB (the lab),
#      DEBS (name=version ...: busybox-static and the xenstore clients)
# out: dom0.cpio guest.cpio labctl
set -euo pipefail

DOM0_MODULES="virtio_pci virtio_blk crc32c_generic ext4 9p 9pnet_virtio"
GUEST_MODULES="xen-blkfront xenfs xen-evtchn xen-gntdev xen-gntalloc
    xen-privcmd xen-netfront 9p 9pnet_xen crc32c_generic ext4 loop
    overlay fuse zram squashfs ata_piix sd_mod"

work=$(mktemp -d "$OUT/work.XXXXXX")
cd "$work"
mkdir k debs
tar -C k -xf "$KERNEL/modules.tar"
for deb in $DEBS; do
    apt-get -q -o APT::Sandbox::User=root download "$deb" \
        >download.log 2>&1 || { cat download.log >&2; exit 1; }
done
for deb in ./*.deb; do
    dpkg-deb -x "$deb" debs
done

# skeleton DIR MODULE...: busybox, and the modules with what they need
skeleton()
{
    local dir=$1 module path
    shift
    mkdir -p "$dir"/{bin,sbin,dev,proc,sys,run,tmp,mnt,etc,root,usr/bin}
    mkdir -p "$dir/lib/modules/$KVER"
    cp debs/bin/busybox "$dir/bin/busybox"
    for applet in $(debs/bin/busybox --list); do
        [ "$applet" = busybox ] || ln -sf busybox "$dir/bin/$applet"
    done
    cp k/lib/modules/"$KVER"/modules.{order,builtin,builtin.modinfo} \
        "$dir/lib/modules/$KVER/"
    for module in "$@"; do
        modprobe -d "$PWD/k" -S "$KVER" --show-depends "$module"
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u >list
    while IFS= read -r path; do
        path=${path#"$PWD/k/"}
        mkdir -p "$dir/$(dirname "$path")"
        cp "k/$path" "$dir/$path"
    done <list
    depmod -b "$dir" "$KVER"
}

pack()
{
    (cd "$1" && find . -print0 | LC_ALL=C sort -z |
        cpio --quiet -0 -o -H newc -R 0:0) >"$2"
}

# shellcheck disable=SC2086 # lists of words
{
    skeleton dom0 $DOM0_MODULES
    skeleton guest $GUEST_MODULES
}
cp "$LAB/dom0/initramfs-init" dom0/init
chmod 755 dom0/init
pack dom0 "$OUT/dom0.cpio"

# Not static: libxenstore.a has no reader thread, and loses watch events.
flags="-O2 -std=gnu11 -Wall -Wextra -Werror -s"
# shellcheck disable=SC2086 # a list of words
{
    cc $flags -o "$OUT/labctl" \
        "$LAB"/guest/{labctl,client,hv}.c -lxenctrl -lxenevtchn \
        -lxenstore
    cc $flags -o lab-agent "$LAB"/guest/agent.c -lxenstore
}

# In the guest libc too: test programs need not be static either.
lib=lib/x86_64-linux-gnu
mkdir -p guest/lib64 guest/$lib guest/usr
find debs -name 'libxen*.so.*' -exec cp -P {} guest/$lib/ \;
for name in libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 librt.so.1; do
    cp debs/$lib/$name guest/$lib/
done
cp debs/$lib/ld-linux-x86-64.so.2 guest/$lib/
ln -s ../$lib/ld-linux-x86-64.so.2 guest/lib64/ld-linux-x86-64.so.2
for name in read write ls list rm watch exists chmod; do
    cp -L "debs/usr/bin/xenstore-$name" guest/usr/bin/ 2>/dev/null || true
done
cp lab-agent guest/bin/lab-agent
cp "$LAB/guest/init" guest/init
chmod 755 guest/init
pack guest "$OUT/guest.cpio"

cd "$OUT"
rm -rf "$work"
