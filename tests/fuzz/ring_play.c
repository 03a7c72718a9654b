// SPDX-License-Identifier: GPL-2.0-only
/*
 * The moves of a ring fuzzer and what must hold after each of them, whatever
 * the other end writes.
 */
#include <errno.h>

#include <xenkeep/balloon_msg.h>
#include <xenkeep/util.h>

#include "ring_play.h"

struct play {
    struct xk_ring ring;
    uint8_t *bytes;
    struct fuzz_input *in;
};

static void check_state(const struct xk_ring *ring)
{
    FUZZ_CHECK(ring->prod - ring->pushed <= XK_BALLOON_SLOTS);
    FUZZ_CHECK(ring->prod - ring->peer_cons <= XK_BALLOON_SLOTS);
    FUZZ_CHECK(ring->pushed - ring->peer_cons <= XK_BALLOON_SLOTS);
}

static void play_get(struct play *p)
{
    struct xk_balloon_slot slot;
    struct xk_ring before = p->ring;
    int rc, r;

    rc = xk_ring_get(&p->ring, &slot);
    FUZZ_CHECK(rc == 1 || rc == 0 || rc == -EPROTO);
    FUZZ_CHECK(p->ring.cons == before.cons + (rc == 1));
    FUZZ_CHECK(p->ring.broken == (rc == -EPROTO));
    FUZZ_CHECK(!before.broken || rc == -EPROTO);
    if (rc != 1)
        return;
    /* Ours alone by now: it reads the same twice. */
    r = xk_balloon_check(&slot, p->ring.role == XK_RING_DOM0);
    FUZZ_CHECK(r == 0 || r == -EPROTO);
    FUZZ_CHECK(r == xk_balloon_check(&slot, p->ring.role == XK_RING_DOM0));
    FUZZ_CHECK(xk_balloon_type_name(slot.type));
    FUZZ_CHECK(xk_balloon_status_name(slot.status));
}

static void play_put(struct play *p)
{
    struct xk_ring before = p->ring;
    struct xk_balloon_slot slot;
    int rc;

    fuzz_take(p->in, &slot, sizeof(slot));
    rc = xk_ring_put(&p->ring, &slot);
    FUZZ_CHECK(rc == 0 || rc == -ENOSPC || rc == -EPROTO);
    FUZZ_CHECK(p->ring.prod == before.prod + (rc == 0));
    FUZZ_CHECK(p->ring.broken == (rc == -EPROTO));
    FUZZ_CHECK(!before.broken || rc == -EPROTO);
}

static void play_push(struct play *p)
{
    xk_ring_push(&p->ring);
    FUZZ_CHECK(p->ring.broken || p->ring.pushed == p->ring.prod);
}

/* The other end writes some bytes anywhere. */
static void play_scribble(struct play *p)
{
    uint16_t at;
    uint8_t n = fuzz_byte(p->in);

    fuzz_take(p->in, &at, sizeof(at));
    at %= sizeof(struct xk_balloon_ring);
    fuzz_take(p->in, p->bytes + at,
              xk_min_size(n, sizeof(struct xk_balloon_ring) - at));
}

/* The other end moves its indices by a little: mostly sound. */
static void play_advance(struct play *p)
{
    struct xk_balloon_ring *page = (void *)p->bytes;
    uint8_t step = fuzz_byte(p->in);

    if (p->ring.role == XK_RING_DOM0) {
        page->guest_prod.value += step & 15;
        page->guest_cons.value += step >> 6;
    } else {
        page->dom0_prod.value += step & 15;
        page->dom0_cons.value += step >> 6;
    }
}

void ring_play(struct xk_balloon_ring *page, enum xk_ring_role role,
               struct fuzz_input *in)
{
    static void (*const moves[])(struct play *) = {
        play_get, play_put, play_push, play_scribble, play_advance,
    };
    struct play p = { .bytes = (void *)page, .in = in };

    xk_ring_init(&p.ring, page, role);
    while (in->left) {
        moves[fuzz_byte(in) % XK_ARRAY_SIZE(moves)](&p);
        check_state(&p.ring);
    }
}
