/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One pass over a guest's memory: find what is zero, have Xen check it, and
 * turn it into populate-on-demand entries, a window at a time, while the
 * guest runs. It moves memory into the guest's own PoD cache; it gives none to
 * the host (docs/memory.md says why).
 */
#ifndef XK_MEMORYD_SWEEP_H
#define XK_MEMORYD_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "hv.h"

struct domain;
struct sweep;

/* Why a range was not taken. */
enum sweep_skip {
    SKIP_CHANGED,       /* written between the scan and the window */
    SKIP_GRANTED,       /* another domain may reach it */
    SKIP_REFUSED,       /* Xen's own check: a reference, or not one extent */
    SKIP_PARTLY,        /* part of it is ballooned, and not RAM alone */
    SKIP_SWEPT,         /* populate-on-demand already */
    SKIP_UNREADABLE,    /* it could not be mapped */
    SKIP_LOW,           /* the first 2 MiB: firmware and boot data */
    SKIP_MODEL,         /* split, and a device model may hold pages of it */
    SKIP_COUNT
};

extern const char *const sweep_skip_names[SKIP_COUNT];

/* What a pass found and did. Ranges are 2 MiB; pages 4 KiB. */
struct sweep_report {
    uint64_t scanned_pages;
    uint64_t zero_super;        /* ranges that were all zero */
    uint64_t zero_regular;      /* zero pages of all other ranges */
    uint64_t committed_super;
    uint64_t committed_regular;
    uint64_t skipped[SKIP_COUNT];   /* ranges, or single pages */
};

/* rc: 0, -EBUSY (the guest went into another state), -ECANCELED, -errno. */
typedef void sweep_done_fn(int rc, void *arg);
typedef void sweep_progress_fn(const char *phase, uint64_t done,
                               uint64_t total, void *arg);

/* Starts a pass; it goes on from the loop. done() is called once, later. */
int sweep_start(struct domain *dom, bool dry_run, struct sweep_report *report,
                sweep_progress_fn *progress, sweep_done_fn *done, void *arg,
                struct sweep **sweep_r);
/* done(-ECANCELED) will come. */
void sweep_stop(struct sweep *sweep);
/* Forgets it without done(). */
void sweep_free(struct sweep *sweep);

/* No pass looks at this gfn or beyond. */
uint64_t sweep_end(struct domain *dom);
/* Ranges that a pass looks at, holes included, from gfn 0 on. */
int sweep_ranges(struct domain *dom, size_t *count_r);
/* Can the 2 MiB from `gfn` on be the guest's RAM, by libxl's memory map? */
bool sweep_may_be_ram(struct domain *dom, uint64_t gfn);
/* No RAM is in this range, by libxl's memory map. */
bool sweep_is_device(size_t range);

#endif /* XK_MEMORYD_SWEEP_H */
