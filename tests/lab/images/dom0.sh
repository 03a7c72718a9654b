#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Image "dom0" and "dom0-hvm": the root disk of dom0.
#
# in:  OUT (empty folder), KERNEL (the kernel image), PACKAGES (a,b,c),
#      SUITE, APT_OPTIONS (one per line)
# out: disk.img
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/xk-lab-dom0.XXXXXX")
trap 'rm -rf "$work"' EXIT

options=()
while IFS= read -r line; do
    [ -z "$line" ] || options+=("--aptopt=$line")
done <<<"$APT_OPTIONS"
for part in doc locale man info lintian bash-completion; do
    options+=("--dpkgopt=path-exclude=/usr/share/$part/*")
done

# The root has the packages of this machine's own sources, so that what the
# project is compiled against is what dom0 runs.
sources=()
for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
    [ -s "$file" ] && sources+=("$file")
done

# Without root: user namespaces for the installation, fakeroot to lay out
# the disk with the right owners.
mode=root wrap=()
if [ "$(id -u)" != 0 ]; then
    mode=unshare wrap=(fakeroot)
fi

mmdebstrap --quiet --mode="$mode" --variant=essential --format=tar \
    --include="$PACKAGES" "${options[@]}" \
    "$SUITE" "$work/root.tar" "${sources[@]}"

cat >"$work/layout" <<'EOF'
set -e
mkdir "$1/root"
tar -C "$1/root" -xf "$1/root.tar"
rm "$1/root.tar"
# /lib is a link to usr/lib: unpack to where it points.
tar -C "$1/root/usr" -xf "$2/modules.tar" --no-same-owner
cd "$1/root"
mkdir -p lab stage boot out mnt run tmp var/log proc sys dev usr/lib/debug
ln -sfn /proc/self/mounts etc/mtab
echo dom0 >etc/hostname
echo '127.0.0.1 localhost dom0' >etc/hosts
size=$(du -sm . | cut -f1)
mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1 \
    -d . "$3" "$((size + 700))M"
EOF
"${wrap[@]}" bash "$work/layout" "$work" "$KERNEL" "$OUT/disk.img"
