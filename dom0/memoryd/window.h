/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One window: the short time a guest is paused, in which Xen checks ranges
 * for zero and for references and turns them into populate-on-demand entries.
 * docs/memory.md draws it.
 */
#ifndef XK_MEMORYD_WINDOW_H
#define XK_MEMORYD_WINDOW_H

#include <stddef.h>

#include "domain.h"

/* Items of one window, at most. */
#define WINDOW_ITEMS JOURNAL_GFNS

enum window_result {
    WINDOW_UNTOUCHED,   /* the window did not come to it */
    WINDOW_COMMITTED,
    WINDOW_CHANGED,     /* no longer zero */
    WINDOW_GRANTED,     /* another domain may reach it */
    WINDOW_REFUSED,     /* Xen's own check failed */
};

/* A range of 2 MiB (super), or one page of a range that is split anyway. */
struct window_item {
    xk_gfn_t gfn;       /* first page */
    bool super;
    enum window_result result;
};

/*
 * Pauses the guest, commits what still qualifies, unpauses it. 0: every item
 * has its result. -EBUSY: the guest is not in a state for it (then nothing
 * was done). Other errors: the guest is as it was or was repaired, and runs.
 */
int window_run(struct domain *dom, struct xk_grants **grants,
               struct window_item *items, size_t count);

/*
 * Tells, in one window, which ranges hold populate-on-demand entries only.
 * pod_r[i] is set for gfns[i]. Ranges that are part hole are left alone.
 */
int window_probe(struct domain *dom, const xk_gfn_t *gfns, size_t count,
                 bool *pod_r);

/* Ranges of 2 MiB, one after the other. */
struct window_run {
    xk_gfn_t gfn;
    uint64_t ranges;
};

/*
 * In one window: takes the runs, which hold populate-on-demand entries only,
 * out for an instant and marks them again. Xen trims the cache to what is left
 * of the entries meanwhile, so the guest is in debt by `debt` pages then, and
 * the host has what is missing. -EBUSY: the guest is not in a state for it.
 * -EAGAIN: there is RAM in run *bad_r; nothing was done.
 */
int window_give(struct domain *dom, const struct window_run *runs,
                size_t count, uint64_t debt, size_t *bad_r);

/* Opens a debt of 2 MiB: the scratch, and a cache that is not larger than
 * the entries. dom->surplus is to be fresh. */
int window_open_debt(struct domain *dom);

/*
 * Every hole in the 2 MiB from gfn on is an entry then, one for all of it if
 * it can be; RAM stays RAM. -EBUSY: there is some.
 */
int window_mark_super(struct domain *dom, xk_gfn_t gfn);

/*
 * Makes the accounts whole: every X is an entry again or RAM, the scratch is
 * closed, the entries are covered. The guest must be paused, or not running.
 */
int window_restore(struct domain *dom, const xk_gfn_t *gfns, size_t count);

#endif /* XK_MEMORYD_WINDOW_H */
