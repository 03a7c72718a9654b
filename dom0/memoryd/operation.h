/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One xl-sweep: the balloon to its target, then a pass over the memory, and
 * the report. And memoryd's own work: the balloon to a target, no more. A
 * domain has one operation at a time; own work makes way for a command.
 */
#ifndef XK_MEMORYD_OPERATION_H
#define XK_MEMORYD_OPERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl.h"

struct domain;
struct operation;

/* Starts, and answers `call` when it is over, or now when it is refused. */
void operation_start(struct domain *dom, struct xk_ctl_call *call,
                     bool has_target, uint64_t target_kib, bool dry_run);

/* How own work ended; pages. */
struct resized {
    uint64_t asked, moved;
    uint64_t duration_us;
    const char *why;            /* it ended early; NULL: it did not */
};

/* Called once, when it is over; `dom` may be at a command already. */
typedef void operation_resized_fn(struct domain *dom, const struct resized *r);

/*
 * memoryd's own work: its balloon, memory/target and limit, as a command with
 * this target would have them. -EBUSY: not now; then done() is not called.
 * It may be called before this returns.
 */
int operation_resize(struct domain *dom, uint64_t target_kib,
                     operation_resized_fn *done);

/* Pages that the work under way will still take from the host, or give. */
void operation_due(const struct operation *op, uint64_t *taking_r,
                   uint64_t *giving_r);

/* Ends early; what is done stays done and is reported with the reason. */
void operation_stop(struct operation *op, const char *reason);

/* The domain goes: fail the call and forget the operation. */
void operation_abandon(struct operation *op);

#endif /* XK_MEMORYD_OPERATION_H */
