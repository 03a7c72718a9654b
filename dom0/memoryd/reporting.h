/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Free page reporting: 2 MiB ranges that a guest has free become
 * populate-on-demand entries, with their frames in its cache, while the guest
 * runs and keeps them out of use. It gives the host nothing by itself, like a
 * sweep; but no page is read for it, and nobody is paused.
 */
#ifndef XK_MEMORYD_REPORTING_H
#define XK_MEMORYD_REPORTING_H

#include <stdbool.h>
#include <stdint.h>

#include <xenkeep/proto/balloon.h>

struct domain;

/* How much of memoryd's time one guest's reports may take. */
struct reporting {
    uint64_t since_us;          /* this second's beginning */
    uint64_t spent_us;          /* of it */
};

/* Is it offered to this guest at all? */
bool reporting_offered(const struct domain *dom);

/*
 * Serves one FREE, which was checked for its form alone. False: there is
 * nothing to answer, the guest has withdrawn it. *status_r: XK_BALLOON_*.
 */
bool reporting_free(struct domain *dom, const struct xk_balloon_slot *msg,
                    uint32_t *status_r);

#endif /* XK_MEMORYD_REPORTING_H */
