# SPDX-License-Identifier: GPL-2.0-only
"""Runs cases in machines, judges what they leave, and reports."""

import fcntl
import shlex
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import junit, scan
from .machine import Machine, accelerator, kernel_options, slowness
from .share import boot_folder
from .slots import slot

BOOT_SECONDS = 60       # power-on to the case, on a busy machine
AFTER_SECONDS = 120     # collecting logs and looking for leaks in dom0
BAD_OUTCOMES = ("FAIL", "CRASH", "TIMEOUT")


@dataclass
class Result:
    """How one case ended, and where its logs are."""

    case: object
    folder: Path
    outcome: str = "CRASH"
    reason: str = ""
    seconds: float = 0
    findings: list = field(default_factory=list)

    def spoil(self, outcome, reason):
        """A worse outcome than the case itself has claimed."""
        self.outcome = outcome
        self.reason = reason


class Runner:
    """Everything that the cases of one run have in common."""

    def __init__(self, lab, images, options, say=print):
        self.lab = lab
        self.images = images
        self.stage = Path(options.stage) if options.stage else None
        self.results = Path(options.results).resolve()
        self.keep = options.keep or options.shell
        self.set = dict(options.set)
        # An emulated guest ends in a triple fault now and then, with Xen's
        # own registers in its dump: nothing that a real processor does.
        emulated = accelerator()[0] != "kvm"
        self.retries = options.retries if emulated and not self.keep else 0
        self.say = say
        self.machines = set()
        self.lock = threading.Lock()
        self.stopping = False

    def prepare(self):
        """What all machines share: the boot folder and the stage."""
        self.results.mkdir(parents=True, exist_ok=True)
        stage = self.stage or self.results / ".no-stage"
        stage.mkdir(exist_ok=True)
        self.stage_folder = stage.resolve()
        self.boot, self.owner = boot_folder(self.results, self.images,
                                            self.stage_folder)

    def machine(self, case, folder):
        """The machine of a case, not yet started."""
        kernel, initrd = self.images.get("kernel"), self.images.get("initrd")
        files = {"xen": kernel / "xen.elf", "vmlinux": kernel / "vmlinux",
                 "initrd": initrd / "dom0.cpio",
                 "disk": self.images.get(case.image) / "disk.img"}
        shares = {"lab": (self.lab, False), "boot": (self.boot, False),
                  "stage": (self.stage_folder, False), "out": (folder, True)}
        return Machine(files, shares, folder, case.memory, case.dom0_memory)

    def run_case(self, case, name=None):
        """One case from power-on to its outcome. Never raises, never hangs."""
        for attempt in range(1, self.retries + 2):
            with slot(self.images.root, lambda: self.stopping):
                result = self.run_in_slot(case, name)
            if result.outcome not in BAD_OUTCOMES or self.stopping or \
                    attempt > self.retries:
                break
            # Both are kept: what failed first is looked at as well.
            kept = result.folder.with_name(f"{case.name}.failed-{attempt}")
            shutil.rmtree(kept, ignore_errors=True)
            result.folder.rename(kept)
            self.say(f"        once more; logs of this attempt: {kept}")
        return result

    def run_in_slot(self, case, name):
        """One case, when the host has room for its machine."""
        folder = self.results / case.name
        result = Result(case, folder)
        start = time.monotonic()
        with open(self.results / f".lock-{case.name}", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                result.spoil("CRASH", "another run, or a kept machine, is "
                             "at this case: use --results DIR")
            else:
                shutil.rmtree(folder, ignore_errors=True)
                (folder / "xen/console").mkdir(parents=True)
                self.decide(case, name, result, lock)
        result.seconds = time.monotonic() - start
        self.report(result)
        return result

    def decide(self, case, name, result, lock):
        """Run the case, unless there is a reason not to."""
        if self.stopping:
            result.spoil("SKIP", "interrupted")
        elif "stage" in case.needs and not self.stage:
            result.spoil("SKIP", "needs an installed tree: --stage DIR")
        else:
            try:
                self.boot_case(
                    case, case.name if name is None else name, result, lock)
            except OSError as error:
                result.spoil("CRASH", f"the runner: {error}")

    def boot_case(self, case, name, result, lock):
        """Start the machine, wait for its verdict, judge it."""
        folder = result.folder
        slow = slowness()
        timeout = case.timeout * slow
        job = {"LAB_CASE": name, "LAB_TIMEOUT": timeout, "LAB_SLOW": slow,
               "LAB_KERNEL_OPTIONS": kernel_options(),
               "LAB_KEEP": "1" if self.keep else "", **self.set}
        (folder / "job.env").write_text("".join(
            f"{key}={shlex.quote(str(value))}\n"
            for key, value in job.items()))
        verdict = folder / "verdict"
        machine = self.machine(case, folder)
        with self.lock:
            self.machines.add(machine)
        keep = False
        try:
            # QEMU holds the locks too: a kept machine outlives the runner.
            machine.start([lock.fileno(), self.owner.fileno()])
            started = folder / "started"
            machine.wait(BOOT_SECONDS * slow,
                         lambda: started.exists() or self.stopping)
            if started.exists():
                machine.wait(timeout + AFTER_SECONDS * slow,
                             lambda: verdict.exists() or self.stopping)
            keep = self.keep and verdict.exists()
            if verdict.exists() and not keep:
                machine.wait(20 * slow)
            self.judge(result, verdict, machine)
        finally:
            if not keep:
                machine.kill()
            with self.lock:
                self.machines.discard(machine)
        if keep:
            self.say(f"lab: kept; attach: tests/lab/run --attach "
                     f"{machine.socket}   end: kill {machine.process.pid}")
        result.machine = machine

    def judge(self, result, verdict, machine):
        """From the verdict of dom0 and the logs to an outcome."""
        if verdict.exists():
            text = verdict.read_text(errors="replace").strip()
            result.outcome, _, result.reason = text.partition(" ")
        elif self.stopping:
            result.spoil("SKIP", "interrupted")
        elif machine.process.poll() is None:
            started = (result.folder / "started").exists()
            result.spoil("TIMEOUT", "no verdict in time" if started else
                         "dom0 did not come up")
        else:
            result.spoil("CRASH", "the machine ended without a verdict")
        split_serial(result.folder)
        result.findings = scan.scan_logs(result.folder, result.case.allow)
        result.findings += scan.check_schema(
            self.stage_folder, result.folder / "xenstore.txt")
        if result.outcome == "PASS" and result.findings:
            result.spoil("FAIL", result.findings[0])

    def report(self, result):
        """One line as soon as a case has ended."""
        text = f"{result.outcome:7} {result.case.name:16} " \
               f"{result.seconds:5.1f} s"
        if result.reason:
            text += f"  {result.reason}"
        self.say(text)
        for finding in result.findings:
            if finding != result.reason:
                self.say(f"        {finding}")

    def run(self, cases, jobs):
        """All cases, `jobs` at a time; their results in the same order."""
        self.prepare()
        start = time.monotonic()
        pool = ThreadPoolExecutor(max_workers=jobs)
        try:
            results = list(pool.map(self.run_case, cases))
        except KeyboardInterrupt:
            self.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        if not self.keep:
            shutil.rmtree(self.boot)
        junit.write(self.results / "junit.xml", results,
                    time.monotonic() - start)
        return results

    def stop(self):
        """Ends all machines at once."""
        self.stopping = True
        with self.lock:
            for machine in self.machines:
                machine.kill()


def split_serial(folder):
    """The console is Xen's and dom0's in one: also keep them apart."""
    serial = folder / "serial.log"
    if not serial.exists():
        return
    lines = serial.read_bytes().decode("utf-8", "replace").splitlines()
    for name, wanted in (("xen.log", True), ("dom0.log", False)):
        with open(folder / name, "w", encoding="utf-8") as out:
            out.writelines(line.rstrip("\r") + "\n" for line in lines
                           if line.startswith("(XEN)") == wanted)
