/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest's limit and its memory/target have to follow when its balloon
 * was moved by memoryd. How much was moved is what the hypervisor counts.
 */
#ifndef XK_MEMORYD_RESIZE_H
#define XK_MEMORYD_RESIZE_H

#include <stdbool.h>
#include <stdint.h>

struct domain;

/* Pages that a domain has beside its memory/target at most: the special
 * pages; LIBXL_MAXMEM_CONSTANT of libxl is 1 MiB. */
#define SPECIAL_PAGES_MAX 256u

struct resize {
    bool shrinking;             /* the balloon, not the guest */
    uint64_t moved;             /* pages */
    uint64_t raised;            /* shrinking: the limit, before, by so many */
};

/*
 * After the job. The guest's size has changed by the toolstack's order or with
 * its leave, so memory/target and the limit follow it, as after `xl mem-set`;
 * the guest cannot take back what it gave. dom->info is to be fresh.
 */
void resize_settle(struct domain *dom, const struct resize *r);

#endif /* XK_MEMORYD_RESIZE_H */
