# SPDX-License-Identifier: GPL-2.0-only
"""One virtual machine that boots Xen: QEMU, with KVM or without."""

import functools
import os
import select
import socket
import subprocess
import tempfile
import termios
import time
import tty
from pathlib import Path

QEMU = "qemu-system-x86_64"

# A boot sector that ends QEMU with status (0x10 << 1) | 1 by isa-debug-exit.
PROBE = bytes([0xb0, 0x10, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd])


def nested():
    """Whether KVM's module is told to pass virtualisation on to guests."""
    for vendor in ("kvm_amd", "kvm_intel"):
        path = Path(f"/sys/module/{vendor}/parameters/nested")
        if path.exists():
            return path.read_text().strip() in ("1", "Y")
    return False


@functools.lru_cache(maxsize=None)
def accelerator():
    """(acceleration, cpu). A /dev/kvm may exist and not work: try it out."""
    emulated = ("tcg,thread=multi", "qemu64,+svm,+npt")
    choice = os.environ.get("XENKEEP_LAB_ACCEL")
    if choice == "tcg" or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return emulated
    if not nested() and choice != "kvm":
        return emulated
    with tempfile.NamedTemporaryFile() as sector:
        sector.write(PROBE.ljust(510, b"\0") + b"\x55\xaa")
        sector.flush()
        command = [QEMU, "-accel", "kvm", "-cpu", "host", "-m", "64",
                   "-display", "none", "-monitor", "none", "-serial", "none",
                   "-no-reboot", "-drive",
                   f"file={sector.name},format=raw,if=floppy",
                   "-boot", "a", "-device",
                   "isa-debug-exit,iobase=0xf4,iosize=1"]
        try:
            status = subprocess.run(command, timeout=20, check=False,
                                    stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL).returncode
        except (OSError, subprocess.TimeoutExpired):
            status = -1
    return ("kvm", "host") if status == 0x21 else emulated


def kernel_options():
    """What all Linux kernels are told. Emulation runs `rep` a word at a time,
    many times slower than plain stores, where a processor is fastest: without
    REP_GOOD (bit 112) they clear and copy pages by plain stores."""
    return "clearcpuid=112" if accelerator()[0] != "kvm" else ""


def slowness():
    """By how much all bounds are stretched: emulation on a busy machine."""
    wanted = os.environ.get("XENKEEP_LAB_SLOW")
    if wanted:
        return max(1, int(wanted))
    if accelerator()[0] == "kvm":
        return 1
    return 1 + min(3, int(os.getloadavg()[0] / (os.cpu_count() or 1)))


def escape(path):
    """QEMU separates options by commas; a comma of a path is doubled."""
    return str(path).replace(",", ",,")


class Machine:
    """A QEMU process, its console on a socket and in a log."""

    def __init__(self, files, shares, folder, memory, dom0_memory):
        self.folder = folder
        # The path of a socket is short, that of a build tree may not be.
        self.private = Path(tempfile.mkdtemp(prefix="xk-lab-"))
        self.socket = self.private / "console"
        accel, cpu = accelerator()
        xen = (f"dom0_mem={dom0_memory}M,max:{dom0_memory}M "
               "dom0_max_vcpus=1 console=com1 com1=115200,8n1 "
               "loglvl=all guest_loglvl=all conring_size=4M spec-ctrl=no")
        kernel = ("console=hvc0 panic=1 loglevel=6 mitigations=off "
                  + kernel_options())
        self.command = [
            QEMU, "-M", "q35", "-accel", accel, "-cpu", cpu, "-smp", "2",
            "-m", str(memory), "-nodefaults", "-display", "none",
            "-no-reboot",
            "-kernel", escape(files["xen"]), "-append", xen, "-initrd",
            f"{escape(files['vmlinux'])} {kernel},{escape(files['initrd'])}",
            "-drive", f"file={escape(files['disk'])},if=none,id=d0,"
            "format=raw,snapshot=on",
            "-device", "virtio-blk-pci,drive=d0",
            "-chardev", f"socket,id=c0,path={self.socket},server=on,"
            f"wait=off,logfile={escape(folder / 'serial.log')}",
            "-serial", "chardev:c0"]
        for tag, (path, writable) in shares.items():
            self.command += [
                "-virtfs", f"local,path={escape(path)},mount_tag={tag},"
                "security_model=none,multidevs=remap"
                + ("" if writable else ",readonly=on")]
        self.process = None

    def start(self, keep_open=()):
        """Power on, in a session of its own: --keep outlives the runner."""
        with open(self.folder / "qemu.log", "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
                pass_fds=keep_open)

    def wait(self, seconds, until=lambda: False):
        """True when it ended or `until` came true within the seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None or until():
                return True
            time.sleep(0.1)
        return False

    def kill(self):
        """Ends it for certain; harmless when it has ended."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.forget()

    def forget(self):
        """Remove what is left of an ended machine."""
        self.socket.unlink(missing_ok=True)
        if self.private.exists():
            self.private.rmdir()


def attach(path):
    """Connects this terminal with the console of a kept machine."""
    with socket.socket(socket.AF_UNIX) as console:
        console.connect(str(path))
        print("attached; Ctrl-] leaves, 'poweroff' ends the machine\r")
        console.sendall(b"\n")
        interactive = os.isatty(0)
        saved = termios.tcgetattr(0) if interactive else None
        if interactive:
            tty.setraw(0)
        try:
            relay(console)
        finally:
            if saved:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)


def relay(console):
    """Bytes in both directions until one side has enough."""
    sources = [console, 0]
    while True:
        for source in select.select(sources, [], [])[0]:
            if source is console:
                data = console.recv(4096)
                if not data:
                    return
                os.write(1, data)
            else:
                data = os.read(0, 1024)
                if b"\x1d" in data:
                    return
                if data:
                    console.sendall(data)
                else:
                    sources.remove(0)
