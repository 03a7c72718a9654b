/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One ring of a Xen 9pfs device (xen/io/9pfs.h): bytes of requests in one
 * half of its pages, bytes of answers in the other. Every index of the guest
 * is read once and checked; our own are never read back.
 */
#ifndef XK_FILED_P9_RING_H
#define XK_FILED_P9_RING_H

#include <stddef.h>
#include <stdint.h>

/* Order of a ring's pages, at most: 64 KiB for each direction. */
#define P9_RING_ORDER_MAX 5u
#define P9_RING_REFS (1u << P9_RING_ORDER_MAX)

struct xen_9pfs_data_intf;

struct p9_ring {
    volatile struct xen_9pfs_data_intf *intf;   /* the guest's page */
    uint8_t *requests, *answers;                /* the guest's, too */
    uint32_t size;              /* bytes of each; a power of two */
    uint32_t cons, prod;        /* of requests, of answers; ours alone */
};

/*
 * `pages` are 2^order pages in one piece. Begins where the indices stand: the
 * guest may have written before. -EPROTO: they are nonsense.
 */
int p9_ring_init(struct p9_ring *ring, void *intf, void *pages,
                 uint32_t order);

/*
 * The next message, a private copy of it: its size, 0: none is there as a
 * whole. -EPROTO: the indices or its size are nonsense. buf has room for the
 * largest message that may come.
 */
long p9_ring_get(struct p9_ring *ring, uint8_t *buf, uint32_t room);

/* Puts an answer: 0, or -EAGAIN: there is no room yet. -EPROTO. */
int p9_ring_put(struct p9_ring *ring, const uint8_t *msg, uint32_t size);

#endif /* XK_FILED_P9_RING_H */
