#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""xenkeep-dump on a sealed dump, and its exports in the hands of readers that
are not ours: drgn, makedumpfile, and gdb where it is.

XK_BUILDDIR is where the programs are, XK_SRCDIR the top of the sources.
"""

import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_xl  # noqa: E402

BUILDDIR, SRCDIR = test_xl.BUILDDIR, test_xl.SRCDIR
TOOL = os.path.join(BUILDDIR, "xenkeep-dump")
IMAGE = os.path.join(BUILDDIR, "tests/crash/xk-image")
CERTS = os.path.join(SRCDIR, "tests/unit/certs")
OWNER = os.path.join(CERTS, "rsa.key")
TRIAGE = os.path.join(CERTS, "ec.key")
FORMATS = ("kdump", "kdump-zlib", "kdump-lzo", "elf")
PAGES = 4096
FREE = 512                      # of them; not stored
WAIT = 60

# Read by drgn: how many pages are as the image has them, other, not there.
LOOK = """
import sys
import drgn
good = bad = hidden = 0
with open(sys.argv[1], "rb") as image:
    for pfn in range(%d):
        want = image.read(4096)
        try:
            got = prog.read(pfn << 12, 4096, physical=True)
        except drgn.FaultError:
            hidden += 1
            continue
        good += got == want
        bad += got != want
print("pages", good, bad, hidden)
""" % PAGES


def run(*args, **kwargs):
    done = subprocess.run(args, stdout=subprocess.PIPE, timeout=WAIT,
                          stderr=subprocess.PIPE, check=False, **kwargs)
    return (done.returncode, done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"))


def fuse_usable():
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError:
        return False
    return os.geteuid() == 0 or bool(shutil.which("fusermount3"))


class Case(unittest.TestCase):
    """One sample of a dead guest, sealed for two."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="xk-dump-")
        cls.image = os.path.join(cls.dir, "image")
        cls.dump = os.path.join(cls.dir, "dump")
        for args in (("sample", cls.image),
                     ("seal", cls.image, cls.dump,
                      os.path.join(CERTS, "rsa.pem"),
                      os.path.join(CERTS, "ec.pem"))):
            subprocess.run((IMAGE,) + args, check=True, timeout=WAIT)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def export(self, form, key=OWNER):
        out = self.path("out." + form)
        code, _, err = run(TOOL, "export", self.dump, out, "--format", form,
                           "--key", key, "--force")
        self.assertEqual(code, 0, err)
        return out

    def drgn(self, dump):
        script = self.path("look.py")
        with open(script, "w", encoding="ascii") as file:
            file.write(LOOK)
        code, out, err = run("drgn", "-q", "-c", dump, script, self.image)
        self.assertEqual(code, 0, err)
        self.assertIn("pages ", out)
        return [int(n) for n in out.split("pages ")[1].split()]


class Export(Case):
    def test_drgn_reads_every_format(self):
        for form in FORMATS:
            with self.subTest(form):
                self.assertEqual(self.drgn(self.export(form)),
                                 [PAGES - FREE, 0, FREE])

    def test_others_pages_are_left_out(self):
        seen = None
        for form in FORMATS:
            with self.subTest(form):
                good, bad, hidden = self.drgn(self.export(form, TRIAGE))
                self.assertEqual(bad, 0)
                self.assertEqual(good + hidden, PAGES)
                self.assertTrue(500 < good < 2500)
                self.assertIn(seen, (None, good))
                seen = good

    def test_makedumpfile_filters_them_again(self):
        for form in ("kdump-zlib", "kdump-lzo", "elf"):
            with self.subTest(form):
                again = self.path("again")
                code, out, err = run("makedumpfile", "-l", "-d", "0", "-f",
                                     self.export(form), again)
                self.assertEqual(code, 0, out + err)
                self.assertEqual(self.drgn(again)[1], 0)

    def test_gdb_reads_elf(self):
        code, out, err = run("gdb", "-batch", "-nx", "-ex", "p/x $rip",
                             "-ex", "x/xw 0xffff888000201000",
                             "-c", self.export("elf"))
        self.assertEqual(code, 0, err)
        self.assertIn("$1 = 0xffffffff80200000", out)
        self.assertNotIn("Cannot access", out + err)

    def test_default_is_kdump(self):
        code, _, err = run(TOOL, "export", self.dump, self.path("plain"),
                           "--key", OWNER)
        self.assertEqual(code, 0, err)
        with open(self.path("plain"), "rb") as file, \
                open(self.export("kdump"), "rb") as same:
            self.assertEqual(file.read(), same.read())
        self.assertEqual(
            stat.S_IMODE(os.stat(self.path("plain")).st_mode), 0o600)

    def test_unknown_format(self):
        code, _, err = run(TOOL, "export", self.dump, self.path("no"),
                           "--format", "vmss", "--key", OWNER)
        self.assertEqual(code, 2)
        self.assertIn("expected kdump, kdump-zlib, kdump-lzo or elf", err)
        self.assertFalse(os.path.exists(self.path("no")))

    def test_nothing_is_left_of_one_that_fails(self):
        def small():
            resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
            # Python ignores the signal, and so does what it starts.

        for form in FORMATS:
            with self.subTest(form):
                code, _, err = run(TOOL, "export", self.dump,
                                   self.path("big"), "--format", form,
                                   "--key", OWNER, preexec_fn=small,
                                   restore_signals=False)
                self.assertEqual(code, 1, err)
                self.assertFalse(os.path.exists(self.path("big")))


class Open(Case):
    """`open` gives its program memory that has no name."""

    def setUp(self):
        self.script = self.path("program")
        with open(self.script, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\nfor last; do :; done\n"
                       "readlink \"$last\"; head -c 5 \"$last\"; echo\n"
                       "printf '[%s]' \"$@\"; grep -c . /proc/swaps\n"
                       "exit ${CODE:-0}\n")
        os.chmod(self.script, 0o755)

    def open(self, *more, **env):
        return run(TOOL, "open", self.dump, "--program", self.script,
                   "--key", OWNER, "--force", *more,
                   env=dict(os.environ, **env))

    def test_memfd(self):
        code, out, err = self.open("--", "vmlinux", "-s")
        self.assertEqual(code, 0, err)
        lines = out.splitlines()
        self.assertTrue(lines[0].startswith("/memfd:"), out)
        self.assertEqual(lines[1], "KDUMP")
        self.assertTrue(lines[2].startswith("[vmlinux][-s][/proc/self/fd/"))

    def test_drgn_reads_it(self):
        script = self.path("look.py")
        with open(script, "w", encoding="ascii") as file:
            file.write(LOOK)
        code, out, err = run(TOOL, "open", self.dump, "--program", "drgn",
                             "--key", OWNER, "--force", "--", "-q", script,
                             self.image)
        self.assertEqual(code, 0, err)
        self.assertIn("pages %d 0 %d" % (PAGES - FREE, FREE), out)

    def test_its_code_is_told(self):
        self.assertEqual(self.open(CODE="3")[0], 1)
        self.assertEqual(run(TOOL, "open", self.dump, "--program",
                             self.path("none"), "--force")[0], 1)


class Mount(Case):
    """What `mount` shows is what `export` writes, and goes when told to."""

    def setUp(self):
        self.at = self.path("mnt")
        os.makedirs(self.at, exist_ok=True)
        with open(self.path("report.txt"), "w", encoding="ascii") as file:
            file.write("it died\n")
        with open(self.path("record.json"), "w", encoding="ascii") as file:
            json.dump({"id": "x"}, file)
        self.child = None

    def mount(self, key=OWNER, *more):
        code, _, err = run(TOOL, "mount", self.dump, self.at, "--key", key,
                           "--force", *more)
        self.assertEqual(code, 0, err)
        self.addCleanup(self.unmount)

    def unmount(self):
        if os.path.ismount(self.at):
            subprocess.run(["umount", self.at] if os.geteuid() == 0 else
                           ["fusermount3", "-u", self.at], check=True)

    def read(self, name):
        with open(os.path.join(self.at, name), "rb") as file:
            return file.read()

    def test_files(self):
        self.mount()
        self.assertEqual(sorted(os.listdir(self.at)),
                         ["dump.elf", "dump.kdump", "log.txt", "record.json",
                          "report.txt"])
        for form in ("kdump", "elf"):
            with open(self.export(form), "rb") as file:
                self.assertTrue(self.read("dump." + form) == file.read(),
                                form)
        self.assertEqual(self.read("report.txt"), b"it died\n")
        self.assertTrue(self.read("log.txt").startswith(b"["))
        info = os.stat(os.path.join(self.at, "dump.kdump"))
        self.assertEqual(stat.S_IMODE(info.st_mode), 0o400)
        self.assertEqual(info.st_mtime, 1700000000)

    def test_readers(self):
        self.mount()
        for name in ("dump.kdump", "dump.elf"):
            self.assertEqual(self.drgn(os.path.join(self.at, name)),
                             [PAGES - FREE, 0, FREE])

    def test_read_only(self):
        self.mount()
        for act in (lambda: os.unlink(os.path.join(self.at, "log.txt")),
                    lambda: os.mkdir(os.path.join(self.at, "x")),
                    lambda: os.open(os.path.join(self.at, "dump.elf"),
                                    os.O_RDWR)):
            with self.assertRaises(OSError):
                act()

    def test_others_see_less(self):
        self.mount(TRIAGE)
        self.assertNotIn("log.txt", os.listdir(self.at))
        good, bad, hidden = self.drgn(os.path.join(self.at, "dump.kdump"))
        self.assertEqual((bad, good + hidden), (0, PAGES))
        self.assertLess(good, PAGES - FREE)

    def test_foreground_ends_when_unmounted(self):
        with subprocess.Popen([TOOL, "mount", self.dump, self.at, "--key",
                               OWNER, "--force", "--foreground"]) as child:
            self.addCleanup(self.unmount)
            for _ in range(200):
                if os.path.ismount(self.at):
                    break
                time.sleep(0.05)
            self.assertTrue(os.path.ismount(self.at))
            self.unmount()
            self.assertEqual(child.wait(WAIT), 0)

    def test_refused(self):
        code, _, err = run(TOOL, "mount", self.dump, self.path("nowhere"),
                           "--key", OWNER, "--force")
        self.assertEqual(code, 1)
        self.assertIn("it cannot be mounted there", err)
        code, _, err = run(TOOL, "mount", self.image, self.at, "--force")
        self.assertEqual(code, 1)
        self.assertIn("refused", err)
        self.assertFalse(os.path.ismount(self.at))


def main():
    for path in (TOOL, IMAGE):
        if not os.access(path, os.X_OK):
            print("1..0 # SKIP no %s" % path)
            return 77
    for name in ("drgn", "makedumpfile"):
        if not shutil.which(name):
            print("1..0 # SKIP no %s: build-aux/setup check" % name)
            return 77
    cases = [Export, Open]
    if fuse_usable() and "built without" not in run(TOOL, "mount", "x",
                                                    "y")[2]:
        cases.append(Mount)
    else:
        # Its files are those of the unit tests of tree.h.
        print("# nothing can be mounted here")
    if not shutil.which("gdb"):
        del Export.test_gdb_reads_elf
        print("# there is no gdb")
    names = sys.argv[1:]
    loader = unittest.defaultTestLoader
    suite = unittest.TestSuite(
        [loader.loadTestsFromNames(names, sys.modules[__name__])] if names
        else [loader.loadTestsFromTestCase(case) for case in cases])
    tap = test_xl.TapResult()
    print("1..%d" % suite.countTestCases())
    suite.run(tap)
    skipped = len(tap.skipped)
    print("%d passed, %d failed%s" % (
        tap.passed, tap.failed, ", %d skipped" % skipped if skipped else ""))
    return 1 if tap.failed or not tap.passed else 0


if __name__ == "__main__":
    sys.exit(main())
