/* SPDX-License-Identifier: GPL-2.0-only */
/* A ring of bytes, see p9_ring.h. */
#include "p9_ring.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/9pfs.h>

#include "p9_msg.h"

#define PAGE 4096u

/* Words of the guest: once, and before or after what they stand for. */
static uint32_t word(const volatile RING_IDX *at)
{
    uint32_t v = *at;

    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return v;
}

static void tell(volatile RING_IDX *at, uint32_t v)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    *at = v;
}

int p9_ring_init(struct p9_ring *ring, void *intf, void *pages,
                 uint32_t order)
{
    *ring = (struct p9_ring){
        .intf = intf, .size = (uint32_t)(PAGE << order) / 2,
    };
    ring->answers = pages;
    ring->requests = ring->answers + ring->size;
    ring->cons = word(&ring->intf->out_cons);
    ring->prod = word(&ring->intf->in_prod);
    if (word(&ring->intf->out_prod) - ring->cons > ring->size ||
        ring->prod - word(&ring->intf->in_cons) > ring->size)
        return -EPROTO;
    return 0;
}

/* From and to a place that may be cut by the end of the ring. */
static void copy_out(const struct p9_ring *ring, uint32_t at, void *dst,
                     uint32_t n)
{
    uint32_t from = at & (ring->size - 1), first = ring->size - from;

    if (first > n)
        first = n;
    memcpy(dst, ring->requests + from, first);
    memcpy((uint8_t *)dst + first, ring->requests, n - first);
}

static void copy_in(const struct p9_ring *ring, uint32_t at, const void *src,
                    uint32_t n)
{
    uint32_t to = at & (ring->size - 1), first = ring->size - to;

    if (first > n)
        first = n;
    memcpy(ring->answers + to, src, first);
    memcpy(ring->answers, (const uint8_t *)src + first, n - first);
}

long p9_ring_get(struct p9_ring *ring, uint8_t *buf, uint32_t room)
{
    uint32_t there = word(&ring->intf->out_prod) - ring->cons, size;

    if (there > ring->size)
        return -EPROTO;
    if (there < P9_HEADER)
        return 0;
    copy_out(ring, ring->cons, &size, sizeof(size));
    size = le32toh(size);
    if (size < P9_HEADER || size > room || size > ring->size)
        return -EPROTO;
    if (there < size)
        return 0;
    copy_out(ring, ring->cons, buf, size);
    /* The guest may have changed it since: what was checked counts. */
    size = htole32(size);
    memcpy(buf, &size, sizeof(size));
    size = le32toh(size);
    ring->cons += size;
    tell(&ring->intf->out_cons, ring->cons);
    return (long)size;
}

int p9_ring_put(struct p9_ring *ring, const uint8_t *msg, uint32_t size)
{
    uint32_t used = ring->prod - word(&ring->intf->in_cons);

    if (used > ring->size)
        return -EPROTO;
    if (ring->size - used < size)
        return -EAGAIN;
    copy_in(ring, ring->prod, msg, size);
    ring->prod += size;
    tell(&ring->intf->in_prod, ring->prod);
    return 0;
}
