/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that a guest asks back from its balloon. memoryd gives them without
 * being told to by anybody: within the guest's own maximum, out of what the
 * host has free beyond its reserve, and not more often than once a second.
 */
#ifndef XK_MEMORYD_DEMAND_H
#define XK_MEMORYD_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include <xenkeep/log.h>

#include "resize.h"

struct demand {
    struct domain *dom;
    struct event *timer;        /* one shot: when the next job may begin */
    uint64_t wanted;            /* pages; 0: nothing */
    uint64_t wanted_us;         /* when the guest said so */
    uint64_t next_us;           /* no job before */
    bool open;                  /* a job of ours is */
    uint64_t before;            /* the domain's pages when it began */
    uint64_t asked;             /* pages, of that job */
    struct resize resize;
    struct xk_ratelimit complaints;
};

void demand_init(struct demand *d, struct domain *dom);
/* Ends a job that is open, and settles what it has moved. */
void demand_dispose(struct demand *d);

/* The guest wants so many pages back; it may lie. 0: no longer. */
void demand_want(struct demand *d, uint64_t untrusted_pages);

#endif /* XK_MEMORYD_DEMAND_H */
