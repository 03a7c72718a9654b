/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Overcommit, for guests whose rule allows it and for no others: of the zero
 * memory that a sweep has put into a guest's cache, so much goes to the host
 * that the guest is in debt. From then on it lives by the guard: the host's
 * reserve is there to refill it, and when nothing is left it is stopped.
 * docs/memory.md says what this does not promise.
 */
#ifndef XK_MEMORYD_OVERCOMMIT_H
#define XK_MEMORYD_OVERCOMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "hv.h"

struct domain;

struct overcommit {
    uint64_t given;             /* pages of the guest that the host has */
    uint32_t item_us;           /* learnt: of a pause, for each 2 MiB given */
    uint64_t said;              /* of it, in the log */
    struct event *timer;        /* pending: there may be more to give */
};

/* How many pages of this guest the host may have; 0: it is not allowed, or
 * not for a guest of its type. */
uint64_t overcommit_budget(const struct domain *dom);

/* Xen's account has been read, without scratch: who was in debt by what was
 * given and is so by less, has got it back. */
void overcommit_note(struct domain *dom, const struct xk_pod *pod);

/*
 * Gives some, in one pause. False: there is no more to give now, or it cannot
 * be. The pauses are to be spaced by the caller (budget.h).
 */
bool overcommit_step(struct domain *dom);

/* Its cache has grown by itself: gives of that soon, unless something else
 * comes first. */
void overcommit_soon(struct domain *dom);

void overcommit_dispose(struct domain *dom);

/*
 * Pure: how many ranges are to be taken out and marked again, so that a guest
 * with these accounts, of whose debt `given` pages are ours, gives at most
 * `most` ranges, has `keep` pages left and a debt of at most `budget`. 0: it
 * gives none. The debt is all of these ranges then.
 */
uint64_t overcommit_ranges(const struct xk_pod *pod, uint64_t given,
                           uint64_t budget, uint64_t keep, uint64_t most);

#endif /* XK_MEMORYD_OVERCOMMIT_H */
