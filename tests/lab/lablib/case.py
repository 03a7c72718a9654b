# SPDX-License-Identifier: GPL-2.0-only
"""Cases: folders below cases/, described by the header of their run.sh."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from . import LabError

NEEDS = {"pvh", "pv", "hvm", "qemu", "blk", "stage"}

# When a case runs without being named: at every change, with --all, never.
TIERS = ("quick", "full", "asked")


@dataclass
class Case:
    """What the header of one case says."""

    name: str
    what: str = ""
    proves: list = field(default_factory=list)
    needs: list = field(default_factory=list)
    timeout: int = 90
    memory: int = 3072
    dom0_memory: int = 1024
    allow: list = field(default_factory=list)
    selftest: bool = False
    tier: str = "quick"

    @property
    def image(self):
        """The root disk that it boots."""
        wants_qemu = {"hvm", "qemu"} & set(self.needs)
        return "dom0-hvm" if wants_qemu else "dom0"


def parse(path):
    """Read the header: comment lines `# key: value` at the top."""
    case = Case(path.parent.name)
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        match = re.match(r"# ([a-z0-9-]+):\s*(.*)$", line)
        if match:
            apply(case, path, match[1], match[2].strip())
    if not case.what:
        raise LabError(f"{path}: the header has no '# what:' line")
    return case


def apply(case, path, key, value):
    """One header line."""
    if key == "what":
        case.what = value
    elif key == "proves":
        case.proves = value.split()
    elif key == "needs":
        case.needs = value.split()
        unknown = set(case.needs) - NEEDS
        if unknown:
            raise LabError(f"{path}: needs: unknown {unknown}")
    elif key in ("timeout", "memory", "dom0-memory"):
        setattr(case, key.replace("-", "_"), int(value))
    elif key == "allow":
        # REGEX -- reason: a log line that this case causes on purpose
        pattern, dashes, reason = value.partition(" -- ")
        if not dashes or not reason:
            raise LabError(f"{path}: allow: 'REGEX -- reason' expected")
        case.allow.append((pattern, reason))
    elif key == "selftest":
        case.selftest = value == "yes"
    elif key == "tier":
        if value not in TIERS:
            raise LabError(f"{path}: tier: one of {', '.join(TIERS)}")
        case.tier = value
    else:
        raise LabError(f"{path}: unknown header '{key}'")


def load_all(lab):
    """Every case of the tree, by name."""
    paths = sorted(Path(lab, "cases").glob("*/run.sh"))
    return {path.parent.name: parse(path) for path in paths}


def select(cases, names, proves, everything=False):
    """The cases asked for; without a wish, those of the quick tier, or of
    the full one too, but never the runner's own."""
    unknown = set(names) - set(cases)
    if unknown:
        raise LabError("no such case: " + ", ".join(sorted(unknown)))
    if names:
        chosen = [cases[name] for name in names]
    else:
        tiers = TIERS[:2] if everything or proves else TIERS[:1]
        chosen = [case for case in cases.values()
                  if case.tier in tiers and not case.selftest]
    if proves:
        chosen = [case for case in chosen if set(proves) & set(case.proves)]
        if not chosen:
            raise LabError("no case proves " + ", ".join(proves))
    return chosen
