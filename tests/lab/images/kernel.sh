#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Image "kernel": Xen and the Linux of dom0 and of the guests, taken out of
# Debian's packages without installing them.
#
# in:  OUT (empty folder), KVER, KPKG and XENPKG as name=version
# out: xen.elf vmlinuz vmlinux config modules.tar
set -euo pipefail

fetch()
{
    apt-get -q -o APT::Sandbox::User=root download "$1" >download.log 2>&1 ||
        { cat download.log >&2; return 1; }
}

work=$(mktemp -d "$OUT/work.XXXXXX")
cd "$work"
fetch "$KPKG"
fetch "$XENPKG"
dpkg-deb -x linux-image-*.deb k
dpkg-deb -x xen-hypervisor-*.deb x

zcat x/boot/xen-*-amd64.gz >"$OUT/xen.elf"
cp "k/boot/vmlinuz-$KVER" "$OUT/vmlinuz"
cp "k/boot/config-$KVER" "$OUT/config"

# Unpacking xz costs whole seconds under emulation, at every boot: hand out
# the ELF image inside the bzImage, which Xen and libxl load as it is.
offset=$(LC_ALL=C grep -obUaP '\xFD7zXZ\x00' "$OUT/vmlinuz" | head -n1 |
    cut -d: -f1)
tail -c "+$((offset + 1))" "$OUT/vmlinuz" |
    xz -dc --single-stream >"$OUT/vmlinux" 2>/dev/null || true
[ "$(head -c4 "$OUT/vmlinux" | tail -c3)" = ELF ] ||
    { echo "kernel: no ELF image inside vmlinuz-$KVER" >&2; exit 1; }

# A lab needs a tenth of the modules; the rest only makes images slow.
src=k/lib/modules/$KVER
dst=m/lib/modules/$KVER
mkdir -p "$dst/kernel"
cp "$src"/modules.{order,builtin,builtin.modinfo} "$dst/"
for part in arch block crypto lib mm \
    drivers/{acpi,block,char,crypto,dax,md,net,nvdimm,virtio,xen} \
    fs/{9p,erofs,ext4,fat,fscache,fuse,isofs,jbd2,netfs,nls,overlayfs} \
    fs/{pstore,quota,squashfs,xfs,binfmt_misc.ko,mbcache.ko} \
    net/{802,8021q,9p,bridge,core,ipv4,llc,netfilter,packet,unix}; do
    [ -e "$src/kernel/$part" ] || continue
    mkdir -p "$dst/kernel/$(dirname "$part")"
    cp -r "$src/kernel/$part" "$dst/kernel/$part"
done
rm -rf "$dst"/kernel/drivers/net/{ethernet,wireless,can,usb,wan,phy}
rm -rf "$dst"/kernel/drivers/char/{ipmi,tpm,agp,pcmcia}
# Of the disks that a device model emulates, the one that xl gives by default.
for name in ata/{libata,ata_piix} scsi/{scsi_common,scsi_mod,sd_mod}; do
    mkdir -p "$dst/kernel/drivers/${name%/*}"
    cp "$src/kernel/drivers/$name.ko" "$dst/kernel/drivers/$name.ko"
done
depmod -b m "$KVER"
tar -C m --sort=name -cf "$OUT/modules.tar" lib

cd "$OUT"
rm -rf "$work"
