/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of the shared page of proto/balloon.h, for user space: dom0's end
 * in memoryd, the guest's end in tests. It moves slots and looks at nothing
 * inside them (balloon_msg.h does). It reads every index and every slot of
 * the page once, and never reads back what it wrote itself, because the peer
 * may change any byte at any moment.
 */
#ifndef XENKEEP_RING_H
#define XENKEEP_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <xenkeep/proto/balloon.h>

enum xk_ring_role { XK_RING_DOM0, XK_RING_GUEST };

struct xk_ring {
    volatile struct xk_balloon_ring *page;
    enum xk_ring_role role;
    uint32_t cons;          /* next slot to read; ours alone */
    uint32_t prod;          /* next slot to fill; ours alone */
    uint32_t pushed;        /* prod as the peer was told */
    uint32_t peer_cons;     /* last sound cons of the peer */
    bool broken;            /* the peer broke the rules; final */
};

/*
 * Starts both directions at 0. `page` is 4096 bytes, mapped for as long as
 * the ring is used, not owned. The guest's end clears the page (do that
 * before it is granted); dom0's end writes only its own two indices.
 */
void xk_ring_init(struct xk_ring *ring, void *page, enum xk_ring_role role);

/*
 * Takes the next slot of the peer. 1: `out` holds a private copy. 0: none.
 * -EPROTO: the peer's prod is out of bounds, or the ring was broken before.
 */
int xk_ring_get(struct xk_ring *ring, struct xk_balloon_slot *out);

/*
 * Fills the next slot (`reserved` is written as 0); the peer sees it after
 * xk_ring_push(). -ENOSPC: full. -EPROTO: the peer's cons is out of bounds,
 * or the ring was broken before.
 */
int xk_ring_put(struct xk_ring *ring, const struct xk_balloon_slot *slot);

/*
 * Publishes what was put. The caller then notifies the event channel.
 * Nothing to do, or broken: no effect.
 */
void xk_ring_push(struct xk_ring *ring);

/*
 * The ticket of FREE. dom0 takes it: true, when it still stood in the page,
 * and the guest now waits for the answer. The guest withdraws it: true, when
 * dom0 has not taken it and will not.
 */
bool xk_ring_take_ticket(struct xk_ring *ring, uint32_t ticket);
bool xk_ring_withdraw_ticket(struct xk_ring *ring, uint32_t ticket);
/* The guest writes it, before it sends FREE. */
void xk_ring_put_ticket(struct xk_ring *ring, uint32_t ticket);

#endif /* XENKEEP_RING_H */
