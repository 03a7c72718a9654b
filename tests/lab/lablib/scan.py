# SPDX-License-Identifier: GPL-2.0-only
"""What must not be in a log, and what may be although it looks alike."""

import re
import subprocess

# (pattern, what it means). Looked for in the logs of Xen, dom0 and guests.
BAD = [
    (r"\bBUG(:| at )", "kernel or Xen BUG"),
    (r"\bWARNING: ", "kernel WARNING"),
    (r"\bOops\b", "oops"),
    (r"general protection fault", "general protection fault"),
    (r"Unable to handle|unable to handle", "bad memory access"),
    (r"Kernel panic", "panic"),
    (r"\(XEN\).*Panic on CPU", "Xen panic"),
    (r"\(XEN\).*Assertion .* failed", "Xen assertion"),
    (r"\(XEN\).*Xen WARN at", "Xen WARN"),
    (r"out of PoD memory", "out of PoD memory"),
    (r"soft lockup|hard LOCKUP", "lockup"),
    (r"rcu.*(self-detected|detected) stall", "RCU stall"),
    (r"blocked for more than \d+ seconds", "hung task"),
    (r"possible (circular|recursive) locking|inconsistent lock state",
     "lockdep"),
    (r"suspicious RCU usage", "lockdep"),
    (r"KASAN:|UBSAN:|KCSAN:", "sanitizer"),
    (r"\bSegmentation fault\b|segfault at", "segmentation fault"),
    (r"Out of memory: Killed|oom-kill:", "out of memory"),
    (r"(still in use|leaking|leaked).*(grant|g\.e\.)", "leaked grant"),
    (r"g\.e\. 0x[0-9a-f]+ (still )?(in use|leaked)", "leaked grant"),
    (r"AddressSanitizer|LeakSanitizer|runtime error:", "sanitizer"),
]

# (pattern, reason): never a finding.
ALLOWED = [
    (r"clocksource: (timekeeping watchdog|.*marked unstable)",
     "the emulator's clock"),
    (r"tsc: Marking TSC unstable", "the emulator's clock"),
    (r"(loading out-of-tree|module verification failed).*taint",
     "the project's modules are not part of the kernel's tree"),
    (r"rcu: .*stall.*timeout", "the kernel says how it is set up"),
    (r"rcutree|rcupdate\.", "kernel parameters"),
]

# Which files of a case's results are logs, and of whom.
LOGS = [("serial.log", "xen/dom0"), ("xl-dmesg.txt", "xen"),
        ("dmesg.txt", "dom0"), ("xen/console/*.log", "guest"),
        ("*d.log", "daemon")]

LIMIT = 20


def compiled(table):
    """[(regex, text)] of a table."""
    return [(re.compile(pattern), text) for pattern, text in table]


def scan_logs(folder, allow):
    """[finding]: one line of text for each distinct bad log line."""
    bad = compiled(BAD)
    good = compiled(ALLOWED + allow)
    findings, seen = [], set()
    for pattern, source in LOGS:
        for path in sorted(folder.glob(pattern)):
            text = path.read_bytes().decode("utf-8", "replace")
            for line in text.splitlines():
                meaning = judge(line, bad, good)
                key = re.sub(r"^(\(XEN\) )?\[[^]]*\]\s*", "", line.strip())
                if meaning and key not in seen:
                    seen.add(key)
                    findings.append(f"{source}: {meaning}: {key[:200]}")
    return findings[:LIMIT]


def judge(line, bad, good):
    """What is wrong with the line; None when nothing is."""
    if any(regex.search(line) for regex, _ in good):
        return None
    for regex, meaning in bad:
        if regex.search(line):
            return meaning
    return None


def check_schema(stage, dump):
    """Hold xenstore against the schema, if the stage has its checker."""
    tool = stage / "usr/libexec/xenkeep/xk-schema-check"
    if not tool.exists() or not dump.exists():
        return []
    try:
        with open(dump, "rb") as source:
            result = subprocess.run([str(tool)], stdin=source, timeout=30,
                                    capture_output=True, text=True,
                                    check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [f"xenstore: the schema checker failed: {error}"]
    if result.returncode == 0:
        return []
    lines = (result.stdout + result.stderr).strip().splitlines()
    return [f"xenstore: {line}" for line in lines[:LIMIT] or ["refused"]]
