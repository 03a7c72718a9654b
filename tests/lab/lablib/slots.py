# SPDX-License-Identifier: GPL-2.0-only
"""Machines at a time, over all runs on this host.

An emulated machine keeps two cores busy: on fewer than four, a second one
only makes every wait of the first run out.
"""

import contextlib
import fcntl
import os
import time


@contextlib.contextmanager
def slot(folder, stopping):
    """Holds one of the host's places; waits for one, until `stopping()`."""
    places = [open(folder / f"slot-{n}.lock", "w")
              for n in range(max(1, (os.cpu_count() or 1) // 2))]
    try:
        while not stopping() and not any(map(take, places)):
            time.sleep(0.5)
        yield
    finally:
        for place in places:
            place.close()


def take(place):
    """Whether the place is ours now."""
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
