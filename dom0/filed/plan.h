/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a server needs to know to serve one guest: read from xenstore by the
 * parent, and given to its child. Grant references and ports are the guest's
 * words: Xen checks that they are meant for dom0.
 */
#ifndef XK_FILED_PLAN_H
#define XK_FILED_PLAN_H

#include <stdint.h>

#include <xenkeep/proto/xkfs.h>

#include "ops.h"

struct area;

#define PLAN_QUEUES (XK_XKFS_QUEUES + 1)    /* with the control queue */
#define PLAN_RING_PAGES (1u << XK_XKFS_RING_ORDER)

struct plan_queue {
    uint32_t refs[PLAN_RING_PAGES];
    uint32_t port;
};

struct plan {
    uint32_t domid;
    uint32_t queues;            /* with the control queue, which is the first */
    uint32_t ring_order;
    uint32_t pool_pages;
    uint32_t pool_refs[XK_XKFS_DIR_PAGES];
    struct plan_queue queue[PLAN_QUEUES];
    /* dom0's own */
    uint64_t epoch;
    uint8_t key[OPS_KEY_SIZE];
    struct ops_limits limits;
    struct area *area;          /* mapped, and inherited */
    uint32_t uid;               /* whom the server becomes */
    uint32_t poll_us;           /* it looks for more before it sleeps */
};

#endif /* XK_FILED_PLAN_H */
