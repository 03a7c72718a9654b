# SPDX-License-Identifier: GPL-2.0-only
"""The folder with what guests boot, shared with the dom0s of one run.

It is a folder per run: another run may have another stage, and what is
shared must not change under a dom0 that has it mounted.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path


def guest_initrd(initrd, stage, target):
    """The guests' initramfs; <stage>/guest/ is added to it as /xk/."""
    extra = stage / "guest"
    with open(target, "wb") as out:
        out.write((initrd / "guest.cpio").read_bytes())
        if not extra.is_dir():
            return
        out.flush()
        root = target.parent / "guest-root"
        shutil.copytree(extra, root / "xk", symlinks=True)
        subprocess.run("find xk -print0 | cpio --quiet -0 -o -H newc -R 0:0",
                       shell=True, cwd=root, stdout=out, check=True)
        shutil.rmtree(root)


def link_or_copy(source, target):
    """A second name where the file system allows it: images are big."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def remove_unused(results):
    """Boot folders of runs that have ended without tidying up."""
    for folder in results.glob(".boot-*"):
        try:
            with open(folder / "owner", "r+") as owner:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
        except OSError:
            continue


def boot_folder(results, images, stage):
    """(folder, its lock): as long as the lock is held nobody removes it."""
    remove_unused(results)
    folder = Path(tempfile.mkdtemp(prefix=".boot-", dir=results))
    folder.chmod(0o755)
    owner = open(folder / "owner", "w")
    fcntl.flock(owner, fcntl.LOCK_EX)
    kernel, initrd = images.get("kernel"), images.get("initrd")
    for name in ("vmlinux", "vmlinuz"):
        link_or_copy(kernel / name, folder / name)
    shutil.copy(initrd / "labctl", folder / "labctl")
    guest_initrd(initrd, stage, folder / "guest.cpio")
    return folder, owner
