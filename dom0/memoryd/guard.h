/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard of guests in debt: those with more populate-on-demand entries than
 * pages to fill them, as a guest that was started with memory below maxmem.
 * Xen kills such a guest when it touches an entry and its cache is empty. The
 * guard looks at the cache, sweeps the guest when it runs low, then lends it
 * host memory, and as the last step stops it. It looks at nobody else, so a
 * host without such guests has no wake-ups by it.
 */
#ifndef XK_MEMORYD_GUARD_H
#define XK_MEMORYD_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "marks.h"
#include "sweep.h"

struct domain;
struct journal_record;

struct guard {
    struct marks marks;
    struct event *timer;
    bool watching;              /* the guest is in debt, the timer pending */
    bool halted;                /* it is paused, by us */
    bool alarm;                 /* halted, and nothing helps */
    bool ordered;               /* the administrator has it lent, until the
                                 * debt is gone */
    struct sweep *sweep;        /* the pass under way, or NULL */
    struct sweep_report report;
    uint64_t swept_entries;     /* at the end of the last pass; 0: none yet */
    uint64_t swept_cache;
    bool starved;               /* it cannot go on without a refill */
    uint16_t capped;            /* its processor share before it was cut, plus
                                 * 1; 0: it is not */
    bool metered;               /* it runs below the low mark, so capped */
    uint64_t metered_cache;     /* at the last look */
    uint64_t look_cost;         /* pages used between two looks, of late */
    uint64_t max_pages;         /* its limit before it was lent memory, or 0 */
    uint64_t raised_to;         /* the limit as we set it */
    uint64_t lent_pages;        /* ever */
};

/* Looks at the guest, and goes on looking while it is in debt. Call it when
 * the guest appears and whenever its memory was changed from outside. */
void guard_check(struct domain *dom);

/* A guest gets back what the host has of it by overcommit, as far as there is
 * memory. *pod: its accounts then. */
int guard_cover(struct domain *dom, struct xk_pod *pod);

/* Stops looking. A guest that is halted stays so: the next memoryd goes on. */
void guard_dispose(struct domain *dom);

/* Takes over what an earlier memoryd left; dominfo has been read. */
void guard_adopt(struct domain *dom, const struct journal_record *rec);

/*
 * By order: whatever the policy says, lends what is needed to go on, within
 * the host's reserve, and lets it run. 0, -EALREADY (it is not halted),
 * -ENOMEM.
 */
int guard_resume(struct domain *dom);

#endif /* XK_MEMORYD_GUARD_H */
