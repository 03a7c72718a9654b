// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings of a 9pfs device against a guest that writes any index and any
 * byte between the server's calls. The server moves its own indices by what
 * it took and gave and by nothing else, takes no message that is not whole,
 * and touches nothing beside the ring.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/9pfs.h>

#include "fuzz.h"
#include "p9_msg.h"
#include "p9_ring.h"

struct play {
    struct fuzz_input *in;
    struct xen_9pfs_data_intf *intf;
    uint8_t *pages;
    uint32_t bytes;             /* of both directions */
    struct p9_ring ring;
    uint32_t room;              /* the session's largest message */
    uint8_t *msg;
};

static void act_get(struct play *p)
{
    uint32_t before = p->ring.cons, size;
    long n = p9_ring_get(&p->ring, p->msg, p->room);

    FUZZ_CHECK(n == 0 || n == -EPROTO ||
               (n >= (long)P9_HEADER && n <= (long)p->room));
    FUZZ_CHECK(p->ring.cons == before + (n > 0 ? (uint32_t)n : 0));
    if (n <= 0)
        return;
    memcpy(&size, p->msg, sizeof(size));
    FUZZ_CHECK(size == (uint32_t)n);
    FUZZ_CHECK(p->intf->out_cons == p->ring.cons);
}

static void act_put(struct play *p)
{
    uint32_t n = P9_HEADER + fuzz_byte(p->in) * 16u, before = p->ring.prod;
    int rc;

    if (n > p->room)
        n = p->room;
    memset(p->msg, 0xa5, n);
    rc = p9_ring_put(&p->ring, p->msg, n);
    FUZZ_CHECK(rc == 0 || rc == -EAGAIN || rc == -EPROTO);
    FUZZ_CHECK(p->ring.prod == before + (rc ? 0 : n));
}

/* The guest's sound acts: a message, an answer taken. */
static void act_message(struct play *p)
{
    uint8_t len = fuzz_byte(p->in);
    uint32_t size = P9_HEADER + len, i, prod = p->intf->out_prod;
    uint8_t msg[P9_HEADER + 255];

    memcpy(msg, &size, 4);
    fuzz_take(p->in, msg + 4, size - 4);
    for (i = 0; i < size; i++)
        p->ring.requests[(prod + i) & (p->ring.size - 1)] = msg[i];
    p->intf->out_prod = prod + size;
}

static void act_take(struct play *p)
{
    p->intf->in_cons += fuzz_byte(p->in) * 16u;
}

static void act_index(struct play *p)
{
    volatile RING_IDX *const words[] = {
        &p->intf->out_prod, &p->intf->in_cons, &p->intf->out_cons,
        &p->intf->in_prod,
    };
    uint8_t how = fuzz_byte(p->in);
    uint32_t value;

    fuzz_take(p->in, &value, how & 4 ? 4 : 1);
    if (how & 8)
        *words[how & 3] = value;
    else
        *words[how & 3] += value;
}

static void act_scribble(struct play *p)
{
    uint16_t at;
    uint8_t n = fuzz_byte(p->in);

    fuzz_take(p->in, &at, sizeof(at));
    if (n > p->bytes - at % p->bytes)
        n = (uint8_t)(p->bytes - at % p->bytes);
    fuzz_take(p->in, p->pages + at % p->bytes, n);
}

static void (*const acts[])(struct play *p) = {
    act_get, act_message, act_put, act_take, act_index, act_scribble,
    act_get, act_message,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct play p = { .in = &in };
    uint32_t order = 1 + fuzz_byte(&in) % 2u, start;
    int rc;

    /* Each of its own allocation, so that one byte too many is seen. */
    p.bytes = 4096u << order;
    p.intf = aligned_alloc(4096, 4096);
    p.pages = aligned_alloc(4096, p.bytes);
    p.room = p.bytes / 4;
    p.msg = malloc(p.room);
    FUZZ_CHECK(p.intf && p.pages && p.msg);
    memset(p.intf, 0, 4096);
    memset(p.pages, 0, p.bytes);
    fuzz_take(&in, &start, sizeof(start));
    p.intf->out_cons = p.intf->out_prod = start;
    p.intf->in_cons = p.intf->in_prod = start + fuzz_byte(&in);
    rc = p9_ring_init(&p.ring, p.intf, p.pages, order);
    FUZZ_CHECK(!rc);
    while (in.left)
        acts[fuzz_byte(&in) % (sizeof(acts) / sizeof(acts[0]))](&p);
    free(p.msg);
    free(p.pages);
    free(p.intf);
    return 0;
}
