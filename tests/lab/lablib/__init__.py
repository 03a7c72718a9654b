# SPDX-License-Identifier: GPL-2.0-only
"""The lab: real Xen in QEMU, run from tests/lab/run."""


class LabError(Exception):
    """The lab itself cannot go on; the text says what to do."""
