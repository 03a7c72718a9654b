# SPDX-License-Identifier: GPL-2.0-only
"""Builds what is booted, and keeps it as long as its inputs stay the same.

An image is a folder. Its name carries a hash of everything that goes into
it: the builder script, the files it takes from the tree, the exact versions
of the Debian packages and the keys of the images it is made from. So it is
rebuilt when, and only when, one of them changes.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from . import LabError

LAB = Path(__file__).resolve().parent.parent

XEN = "xen-hypervisor-4.17-amd64"

DOM0_PACKAGES = """
    xen-utils-4.17 xen-utils-common xenstore-utils busybox-static kmod
    procps iproute2 strace jq e2fsprogs util-linux mount libevent-2.1-7
    libevent-pthreads-2.1-7 libevent-core-2.1-7 libjson-c5 libcap-ng0
    libseccomp2 libssl3 liblzo2-2 libzstd1 libfuse3-3 liburing2 openssl zstd libasan8
    libubsan1 makedumpfile python3-drgn
""".split()

INITRD_PACKAGES = """
    busybox-static xenstore-utils libxenstore4 libxentoolcore1
    libxentoollog1 libc6
""".split()

# What dom0 additionally has for cases that need it.
VARIANTS = {"dom0": [], "dom0-hvm": ["qemu-system-xen"]}

# How many builds of an image stay in the cache.
KEEP_BUILDS = 4

# Tools of this machine: command and Debian package.
TOOLS = {"mmdebstrap": "mmdebstrap", "cpio": "cpio", "cc": "gcc",
         "depmod": "kmod", "mke2fs": "e2fsprogs", "xz": "xz-utils",
         "qemu-system-x86_64": "qemu-system-x86"}


def cache_root():
    """The folder of all images, outside the tree."""
    base = os.environ.get("XENKEEP_CACHE")
    if not base:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        base = Path(base) / "xenkeep"
    return Path(base) / "lab"


def search_path():
    """PATH with the folders of administration tools, for non-root users."""
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def check_tools():
    """Say exactly what to install, instead of failing half-way."""
    missing = sorted({package for tool, package in TOOLS.items()
                      if not shutil.which(tool, path=search_path())})
    if not Path("/usr/include/xenctrl.h").exists():
        missing.append("libxen-dev")
    if os.geteuid() != 0:
        for tool, package in (("fakeroot", "fakeroot"),
                              ("newuidmap", "uidmap")):
            if not shutil.which(tool, path=search_path()):
                missing.append(package)
    if missing:
        raise LabError("missing packages; run (as root):\n"
                       "    apt-get install --no-install-recommends "
                       + " ".join(missing))


def output(*command):
    """The standard output of a command, empty if it fails."""
    result = subprocess.run(command, capture_output=True, text=True,
                            check=False)
    return result.stdout if result.returncode == 0 else ""


def candidates(packages):
    """{package: version that apt would install now}"""
    found, name = {}, None
    for line in output("apt-cache", "policy", *packages).splitlines():
        if line and not line[0].isspace():
            name = line.split(":")[0]
        elif line.strip().startswith("Candidate:"):
            found[name] = line.split()[1]
    missing = [p for p in packages if found.get(p) in (None, "(none)")]
    if missing:
        raise LabError("apt knows no version of " + ", ".join(missing)
                       + "; run (as root): apt-get update")
    return found


def kernel_version():
    """(KVER, package, version) of the kernel that dom0 and guests run.

    Guest modules are compiled against linux-headers-amd64 of this machine,
    so it is their version that counts, not the newest.
    """
    text = output("dpkg-query", "-W", "-f", "${Depends}",
                  "linux-headers-amd64")
    headers = re.search(r"linux-headers-(\S+-amd64)\s*\(= ([^)]+)\)", text)
    if not headers:
        text = output("apt-cache", "depends", "linux-image-amd64")
        image = re.search(r"linux-image-(\d\S*-amd64)\b", text)
        if not image:
            raise LabError("neither linux-headers-amd64 is installed nor "
                           "linux-image-amd64 known to apt; run (as root): "
                           "build-aux/setup build")
        kver, wanted = image[1], None
    else:
        kver, wanted = headers[1], headers[2]
    package = f"linux-image-{kver}"
    have = candidates([package])[package]
    if wanted not in (None, have):
        raise LabError(
            f"linux-headers-{kver} is {wanted}, but apt offers {package} "
            f"{have}: modules would not fit. Run (as root):\n"
            "    apt-get update && apt-get install linux-headers-amd64")
    return kver, package, have


def suite():
    """The release of this machine, which is also that of dom0."""
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.split("=")[1].strip('"')
    raise LabError("this machine is not a Debian: no VERSION_CODENAME")


def apt_options():
    """This machine's own settings of how to reach its package sources."""
    wanted = re.compile(r"^Acquire::(Check-|http|https|ftp|Retries|Force)",
                        re.I)
    return "\n".join(line for line in output("apt-config", "dump")
                     .splitlines()
                     if wanted.match(line) and not line.endswith(' "";'))


class Images:
    """All images of one configuration; `get` builds what is missing."""

    def __init__(self, say=print):
        self.say = say
        self.root = cache_root()
        self.kver, kpkg, kversion = kernel_version()
        self.kernel = f"{kpkg}={kversion}"
        self.done = {}

    def recipe(self, name):
        """(script, environment, files of the tree that go into it)"""
        if name == "kernel":
            xen = f"{XEN}={candidates([XEN])[XEN]}"
            return "kernel.sh", {"KVER": self.kver, "KPKG": self.kernel,
                                 "XENPKG": xen}, []
        if name == "initrd":
            debs = candidates(INITRD_PACKAGES)
            return "initrd.sh", {
                "KERNEL": str(self.get("kernel")), "KVER": self.kver,
                "LAB": str(LAB),
                "DEBS": " ".join(f"{k}={v}" for k, v in debs.items()),
            }, ["dom0/initramfs-init", "guest"]
        packages = DOM0_PACKAGES + VARIANTS[name]
        versions = candidates(packages)
        return "dom0.sh", {
            "KERNEL": str(self.get("kernel")), "SUITE": suite(),
            "PACKAGES": ",".join(packages), "APT_OPTIONS": apt_options(),
            "VERSIONS": " ".join(f"{k}={v}" for k, v in versions.items()),
        }, []

    def get(self, name):
        """The folder of image `name`, built now if need be."""
        if name not in self.done:
            script, env, files = self.recipe(name)
            digest = hashlib.sha256()
            for path in self.inputs(script, files):
                digest.update(path.name.encode() + b"\0")
                digest.update(path.read_bytes())
            for key, value in sorted(env.items()):
                if key not in ("LAB", "KERNEL"):
                    digest.update(f"{key}={value}\n".encode())
            if "KERNEL" in env:
                digest.update(Path(env["KERNEL"]).name.encode())
            folder = self.root / f"{name}-{digest.hexdigest()[:16]}"
            self.build(name, folder, script, env)
            self.done[name] = folder
        return self.done[name]

    @staticmethod
    def inputs(script, files):
        """The files whose contents belong to the key."""
        paths = [LAB / "images" / script]
        for name in files:
            path = LAB / name
            paths += sorted(path.iterdir()) if path.is_dir() else [path]
        return paths

    def build(self, name, folder, script, env):
        """Under a lock, into another name: half an image is never used."""
        self.root.mkdir(parents=True, exist_ok=True)
        with open(self.root / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                os.utime(folder)
                return
            check_tools()
            self.say(f"lab: building image {name} …")
            start = time.monotonic()
            temporary = self.root / f"tmp-{folder.name}"
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            result = subprocess.run(
                ["bash", str(LAB / "images" / script)], check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True,
                env={**os.environ, **env, "OUT": str(temporary),
                     "PATH": search_path(), "LC_ALL": "C.UTF-8"})
            if result.returncode:
                raise LabError(f"image {name} failed:\n"
                               + result.stdout[-3000:])
            self.prune(name)
            temporary.rename(folder)
            self.say(f"lab: image {name} built in "
                     f"{time.monotonic() - start:.0f} s")

    def prune(self, name):
        """All but the last used: two trees may want different ones."""
        olds = [old for old in self.root.glob(f"{name}-*") if re.fullmatch(
            re.escape(name) + r"-[0-9a-f]{16}", old.name)]
        olds.sort(key=lambda old: old.stat().st_mtime, reverse=True)
        for old in olds[KEEP_BUILDS - 1:]:
            shutil.rmtree(old, ignore_errors=True)
