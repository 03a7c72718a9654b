/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An honest guest with an xk-balloon front-end, played inside of a test on
 * the stand-in of Xen: handshake, ring, jobs. A test that wants a dishonest
 * one sets `deaf` and writes the ring and the nodes itself. The struct holds
 * no pointer but the ring's page, so it may live in shared memory.
 */
#ifndef XK_COMPONENT_GUEST_H
#define XK_COMPONENT_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xenkeep/proto/balloon.h>
#include <xenkeep/ring.h>

/* XenbusState, xen/io/xenbus.h. */
enum {
    FE_INITIALISING = 1, FE_INIT_WAIT, FE_INITIALISED, FE_CONNECTED,
    FE_CLOSING, FE_CLOSED
};

#define GUEST_RING_GFN 0x10u
#define GUEST_EXTENTS 16384u

struct guest_extent {
    uint64_t gfn;
    unsigned int order;
};

struct guest {
    uint16_t domid;
    bool deaf;                  /* answers nothing, reconnects to nothing */
    bool connected;
    unsigned int version;       /* that it speaks */
    int gref, port;             /* -1: none */
    struct xk_ring ring;
    uint64_t next, end;         /* free memory it may give, gfns */
    struct guest_extent held[GUEST_EXTENTS];
    size_t nr_held;
    uint64_t ballooned, super, limit;
    uint64_t bare;              /* pages given without an allowance, ever */
    uint64_t id, todo, given;   /* the job; id 0: none */
    uint64_t target;
    uint64_t pinned, pinned_end;    /* gfns whose contents it never moves */
    uint64_t busy, busy_end;    /* and those it cannot move now */
    bool last, stop, recovering;
    bool pieces;                /* the host has no 2 MiB in one piece for it */
    uint32_t status;
    uint64_t features;          /* that dom0 offered */
    uint32_t ticket;            /* of the last FREE */
    unsigned long reported;     /* answers to FREE */
    uint32_t report_status;     /* of the last of them */
    unsigned long jobs;         /* that it has ended */
    unsigned long messages;     /* that it was sent */
    struct xk_balloon_slot seen;/* the last of them */
};

/* `pages` free pages from `free_gfn` on, which is 2 MiB aligned. */
void guest_init(struct guest *g, uint16_t domid, uint64_t free_gfn,
                uint64_t pages);

/* Grants a ring, binds nothing yet, tells the back-end. 0 or -errno. */
int guest_connect(struct guest *g);
/* Does what is due: handshake, messages, jobs. */
void guest_poll(struct guest *g);

/* Nodes of the front-end, and the state of the back-end (0: none). */
int guest_write(const struct guest *g, const char *key, const char *value);
int guest_write_state(const struct guest *g, unsigned int state);
unsigned int guest_backend_state(const struct guest *g);

/* Puts one message as it is, and notifies. 0 or -errno. */
int guest_send(struct guest *g, const struct xk_balloon_slot *slot);
/* Says how short of memory it is. */
int guest_press(struct guest *g, uint64_t available, uint64_t wanted,
                uint32_t stall_permille);
/* Offers free memory, ticket first. */
int guest_offer(struct guest *g, uint64_t gfn, uint64_t ranges);
void guest_notify(const struct guest *g);

#endif /* XK_COMPONENT_GUEST_H */
