/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory recoalesce: the 2 MiB ranges of a guest that Xen maps page by page
 * (after a restore or a migration all of them) are made whole again, by the
 * guest's own kernel and while it runs. A domain has one at a time, and none
 * beside an operation.
 */
#ifndef XK_MEMORYD_RECOVERY_H
#define XK_MEMORYD_RECOVERY_H

#include <stdbool.h>

#include "ctl.h"

struct domain;
struct recovery;

/* Starts, and answers `call` when it is over; at once when it is refused, or
 * `background`: then it goes on without the call. */
void recovery_start(struct domain *dom, struct xk_ctl_call *call,
                    bool background);

/* Ends early; what is done stays done and is reported with the reason. */
void recovery_stop(struct recovery *r, const char *reason);

/* The domain goes: fail the call and forget it. */
void recovery_abandon(struct recovery *r);

#endif /* XK_MEMORYD_RECOVERY_H */
