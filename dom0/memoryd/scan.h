/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking at a running guest's pages without stopping it. What is found is
 * true of a moment that has passed: only a window acts on it.
 */
#ifndef XK_MEMORYD_SCAN_H
#define XK_MEMORYD_SCAN_H

#include <stdbool.h>

#include "domain.h"
#include "ranges.h"

struct scan_result {
    unsigned int present;       /* pages that could be mapped */
    unsigned int zero;          /* of these, all zero */
    bool is_zero[512];          /* by page */
};

/*
 * Tells a hole from RAM without populating anything: first, middle and last
 * page. RANGE_HOLE, RANGE_UNKNOWN (RAM or entries), RANGE_SPLIT (both).
 * -EBUSY: the pages are read-only, a migration is on its way.
 */
int scan_kind(struct domain *dom, xk_gfn_t gfn, enum range_state *state_r);

/* Maps the range and tests each page. POPULATES entries: call it for RAM. */
int scan_range(struct domain *dom, xk_gfn_t gfn, struct scan_result *result);

#endif /* XK_MEMORYD_SCAN_H */
