# SPDX-License-Identifier: GPL-2.0-only
# drgn's view of a dump: look.py FIRST END DUMP prints, for each kind of
# planted secret and for the line of the panic in the log, on how many pages it is.
import collections
import sys

import drgn

KINDS = [b"user-secret", b"cache-secret", b"key-secret", b"free-secret",
         b"not syncing: sysrq triggered crash"]

prog = drgn.Program()
prog.set_core_dump(sys.argv[3])
found = collections.Counter()
read = hidden = 0
for pfn in range(int(sys.argv[1], 0), int(sys.argv[2], 0)):
    try:
        page = prog.read(pfn << 12, 4096, physical=True)
    except drgn.FaultError:
        hidden += 1
        continue
    read += 1
    for kind in KINDS:
        if kind in page:
            found[kind.decode().replace(" ", "-")] += 1
print("read", read, "hidden", hidden,
      *("%s %d" % pair for pair in sorted(found.items())))
