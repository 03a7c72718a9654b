/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Populate-on-demand: the accounting rules of Xen 4.17, written from their
 * description in docs and checked against results of the lab. C is the
 * cache's count, E the number of entries; debt is E > C.
 */
#ifndef XK_FAKE_POD_H
#define XK_FAKE_POD_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"

struct fk_domain;

#define FK_POD_RECENT 32

struct fk_pod {
    struct fk_fifo super, single;   /* frames of the cache */
    uint64_t cache;                 /* C */
    uint64_t entries;               /* E */
    uint64_t max_guest;             /* highest gfn a fault has filled */
    uint64_t sweep_at;              /* where the emergency sweep goes on */
    uint64_t recent[FK_POD_RECENT]; /* filled last: looked at again first */
    unsigned int recent_at;
};

void fk_pod_init(struct fk_pod *pod);

/* One extent of a decrease: how many pages PoD took care of. */
uint64_t fk_pod_decrease(struct fk_domain *d, uint64_t gfn,
                         unsigned int order);

/* -EBUSY: RAM in the way; -EINVAL, -ENOTEMPTY: not for this domain. */
int fk_pod_mark(struct fk_domain *d, uint64_t gfn, unsigned int order);

int fk_pod_set_target(struct fk_domain *d, uint64_t target);

/* Fills the entry at gfn. False: it could not, the domain may be dead. */
bool fk_pod_populate(struct fk_domain *d, uint64_t gfn);

/* Gives all frames of the cache back; for domains that go away. */
void fk_pod_empty(struct fk_domain *d);

#endif /* XK_FAKE_POD_H */
