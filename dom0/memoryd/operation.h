/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One xl-sweep: the balloon to its target, then a pass over the memory, and
 * the report. A domain has one operation at a time.
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

/* Ends early; what is done stays done and is reported with the reason. */
void operation_stop(struct operation *op, const char *reason);

/* The domain goes: fail the call and forget the operation. */
void operation_abandon(struct operation *op);

#endif /* XK_MEMORYD_OPERATION_H */
