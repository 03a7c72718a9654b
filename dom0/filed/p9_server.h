/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The server of one 9pfs device: a process of its own, shut in like those of
 * xkfs, with one share. It does one message after the other, which is as
 * much as the transport allows on each of its rings.
 */
#ifndef XK_FILED_P9_SERVER_H
#define XK_FILED_P9_SERVER_H

#include <stdint.h>

#include "p9_ring.h"
#include "ops.h"

/* What the stock front-end of Linux wants, and uses. */
#define P9_RINGS 2u

/* References and ports are the guest's words. */
struct p9_plan {
    uint32_t domid;
    uint32_t rings;
    uint32_t refs[P9_RINGS];
    uint32_t ports[P9_RINGS];
    /* dom0's own */
    char share[XK_XKFS_NAME + 1];
    struct ops_limits limits;
    uint32_t uid;               /* whom the server becomes */
};

/* A child_fn; `plan` is a struct p9_plan. */
void p9_server_run(const void *plan, int link);

#endif /* XK_FILED_P9_SERVER_H */
