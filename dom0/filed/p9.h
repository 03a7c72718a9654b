/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 9P2000.L for guests without a module of ours: one session on one share, a
 * message in, its answer out. It knows the operations and nothing of rings.
 *
 * A message is a private copy of what the guest sent, and hostile: its length
 * bounds every read, a fid that no answer gave is refused, names are checked
 * by the operations. Permission is the guest's business (access=client, as
 * Linux mounts 9P2000.L), within what the share permits at all.
 */
#ifndef XK_FILED_P9_H
#define XK_FILED_P9_H

#include <stddef.h>
#include <stdint.h>

#include "p9_fid.h"

/* Bytes of a message, at least. */
#define P9_MSIZE_MIN 4096u

struct p9 {
    struct ops *ops;
    struct p9_fids fids;
    char share[OPS_NAME_MAX + 1];
    uint32_t msize_max;         /* what fits into the transport */
    uint32_t msize;             /* agreed on; 0: no version yet */
};

/* `share` is the name that is served, the only one that can be attached. */
void p9_init(struct p9 *p9, struct ops *ops, const char *share,
             uint32_t msize_max);
void p9_dispose(struct p9 *p9);

/*
 * Does one message. `msg` is `size` bytes, with its header; the answer goes
 * to `out`, which has room for msize_max bytes. Bytes of the answer, or
 * -EPROTO: it is no message, and the guest's device is lost.
 */
long p9_do(struct p9 *p9, const uint8_t *msg, size_t size, uint8_t *out);

#endif /* XK_FILED_P9_H */
