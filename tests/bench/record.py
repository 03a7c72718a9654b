#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Records the memory of a Linux that ran, filled its memory and panicked.

    tests/bench/record.py FILE [MIB]

Takes the kernel, the programs and the root disk from the lab's cache
(./check lab fills it) and runs them in QEMU, without Xen: page cache from the
disk's files, memory of processes, pages that were used and freed again. FILE
is flat; FILE.about beside it has what crashd's readers want to know of it.
"""

import io
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lab"))
from lablib.images import cache_root  # noqa: E402

# What the memory's owner does. Files are read as far as half of the memory
# goes, a quarter is anonymous, and some is given back.
INIT = """#!/bin/busybox sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
modprobe -a virtio_pci virtio_blk crc32c_generic ext4
usleep 500000
mount -t ext4 -o ro /dev/vda /mnt
half=$((MIB * 512))
find /mnt/usr /mnt/lib -type f | while read -r file; do
    cat "$file" >/dev/null
    set -- $(grep ^Cached: /proc/meminfo)
    [ "$2" -lt $half ] || break
done
heap()
{
    awk -v n="$1" 'BEGIN { srand(n); for (i = 0; i < n; i++)
        a[i] = "entry " i " of " n ": " rand(); print "heap"; fflush()
        while (1) system("sleep 1000") }' &
}
for i in 1 2 3 4; do heap $((MIB * 90)); done
heap $((MIB * 45)); gone=$!
sleep 60
kill $gone
sleep 1
echo recorded-state-is-ready
echo c >/proc/sysrq-trigger
"""

TIMEOUT = 900


def newest(pattern):
    found = sorted(cache_root().glob(pattern), key=os.path.getmtime)
    if not found:
        sys.exit("record: the lab's cache has no %s: ./check lab fills it"
                 % pattern)
    return found[-1]


def cpio(name, data):
    """An archive of one executable file, in the format newc."""
    out = io.BytesIO()
    for path, mode, body in ((name, 0o100755, data), ("TRAILER!!!", 0, b"")):
        fields = [1, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0,
                  len(path) + 1, 0]
        out.write(b"070701" + b"".join(b"%08X" % v for v in fields))
        for part in (path.encode() + b"\0", body):
            out.write(part + b"\0" * (-(out.tell() + len(part)) % 4))
    return out.getvalue()


class Monitor:
    """QEMU's human monitor; each command's answer as text."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                self.sock.connect(path)
                break
            except OSError:
                time.sleep(0.1)
        self.sock.settimeout(TIMEOUT)
        self.answer()

    def answer(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            more = self.sock.recv(65536)
            if not more:
                raise EOFError("the monitor is gone")
            text += more
        return text.decode(errors="replace")

    def run(self, command):
        self.sock.sendall(command.encode() + b"\n")
        return self.answer()


def vcpu(text):
    """A line of FILE.about from `info registers`."""
    words = {}
    for name, value in re.findall(r"\b(R[A-Z0-9]{1,2}|RIP|RFL|CR[034]|EFER)"
                                  r" ?= ?([0-9a-f]+)", text):
        words["rflags" if name == "RFL" else name.lower()] = value
    for seg, sel, base in re.findall(r"\b([CSDEFG]S) =([0-9a-f]{4}) "
                                     r"([0-9a-f]{16})", text):
        words[seg.lower()] = sel
        if seg in ("FS", "GS"):
            words[seg.lower() + "_base"] = base
    for name, base in re.findall(r"\b([GI]DT)= +([0-9a-f]{16})", text):
        words[name.lower() + "_base"] = base
    return "vcpu " + " ".join("%s=%s" % pair for pair in words.items())


def wait_for(log, word):
    for _ in range(TIMEOUT * 2):
        if word in log.read_bytes():
            return
        time.sleep(0.5)
    sys.exit("record: the kernel did not get so far:\n"
             + log.read_text(errors="replace")[-2000:])


def record(target, mib, folder):
    log, monitor = folder / "console", str(folder / "monitor")
    initrd = folder / "initrd"
    init = INIT.replace("MIB", str(mib))
    initrd.write_bytes(newest("initrd-*/dom0.cpio").read_bytes()
                       + cpio("record", init.encode()))
    log.touch()
    with subprocess.Popen(
            ["qemu-system-x86_64", "-M", "pc", "-accel", "tcg", "-cpu",
             "qemu64", "-m", str(mib), "-nodefaults", "-display", "none",
             "-no-reboot", "-kernel", newest("kernel-*/vmlinuz"),
             "-initrd", initrd, "-append",
             "console=ttyS0 panic=0 rdinit=/record loglevel=5",
             "-drive", "file=%s,if=virtio,format=raw,snapshot=on"
             % newest("dom0-*/disk.img"), "-serial", "file:%s" % log,
             "-monitor", "unix:%s,server=on,wait=off" % monitor]) as qemu:
        try:
            wait_for(log, b"end Kernel panic")
            hmp = Monitor(monitor)
            hmp.run("stop")
            about = vcpu(hmp.run("info registers"))
            hmp.run('pmemsave 0 %d "%s"' % (mib << 20, target))
        finally:
            qemu.kill()
    Path(str(target) + ".about").write_text(
        "type hvm\nram 0 a0\nram 100 %x\n%s\n" % (mib << 8, about))


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    mib = int(sys.argv[2]) if len(sys.argv) > 2 else 1024
    with tempfile.TemporaryDirectory() as folder:
        record(Path(sys.argv[1]).resolve(), mib, Path(folder))


if __name__ == "__main__":
    main()
