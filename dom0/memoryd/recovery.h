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
struct recovery_report;

/* Starts, and answers `call` when it is over; at once when it is refused, or
 * `background`: then it goes on without the call. */
void recovery_start(struct domain *dom, struct xk_ctl_call *call,
                    bool background);

/*
 * The same as memoryd's own work: slower, makes way for all others, and ends
 * when the guest is short of memory. done() is called once, when it is over,
 * unless the guest goes; `why`: it ended early, or NULL. NULL when nothing was
 * started, or the reason why it cannot be.
 */
typedef void recovery_done_fn(struct domain *dom,
                              const struct recovery_report *report,
                              const char *why);
const char *recovery_run(struct domain *dom, recovery_done_fn *done);

/* memoryd's own, and at rest between two of its steps: others go first. */
bool recovery_rests(const struct recovery *r);
/* memoryd's own, in the middle of a step: that will be over in a moment. */
bool recovery_steps(const struct recovery *r);

/* Ends early; what is done stays done and is reported with the reason. */
void recovery_stop(struct recovery *r, const char *reason);

/* The domain goes: fail the call and forget it. */
void recovery_abandon(struct recovery *r);

#endif /* XK_MEMORYD_RECOVERY_H */
