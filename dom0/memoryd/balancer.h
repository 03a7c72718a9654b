/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The balancer: carries the policy's plans out, one job for a guest at a
 * time. Only with balancer = 1 in the configuration.
 *
 * It wakes up once in an interval while there is something to move, or a
 * guest waits for memory. Otherwise one slow timer is left, and none at all
 * without a guest whose balloon could be moved: guests say it when they are
 * short, but nothing tells when the host's free memory falls below its
 * reserve, because other toolstacks take it without a word.
 */
#ifndef XK_MEMORYD_BALANCER_H
#define XK_MEMORYD_BALANCER_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include <xenkeep/log.h>

struct domain;
struct memoryd;

struct balancer {
    struct event *timer;
    uint64_t due_us;            /* when it fires; 0: it is not set */
    uint64_t last_us;           /* the last plan */
    bool foreign;               /* somebody else does this work; it was said */
    struct xk_ratelimit lines;
};

/* What it remembers of a guest. */
struct balance {
    uint64_t step;              /* pages; 0: as its pace says */
    uint64_t limit;             /* what that is */
    uint64_t next_us;           /* no move before */
    uint64_t wanted;            /* pages it asked for and did not get yet */
    uint64_t wanted_us;         /* when it did */
};

int balancer_start(struct memoryd *md);
void balancer_dispose(struct memoryd *md);

/* Who is short is served by the balancer, not by demand.c. */
bool balancer_serves(const struct memoryd *md);

/* A message came from this guest: it may be short now. */
void balancer_heard(struct domain *dom);

#endif /* XK_MEMORYD_BALANCER_H */
