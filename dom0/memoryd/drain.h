/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Draining: all populate-on-demand entries of a guest are filled, its cache is
 * empty, and memoryd makes no more of them until it is told to. Xen assigns no
 * device to a guest that has any.
 */
#ifndef XK_MEMORYD_DRAIN_H
#define XK_MEMORYD_DRAIN_H

#include "ctl.h"

struct domain;
struct drain;

/* Starts, and answers `call` when it is over; at once when it is refused. A
 * guest that cannot be drained is as it was. */
void drain_start(struct domain *dom, struct xk_ctl_call *call);

/* Goes on with the guest, and answers. */
void drain_end(struct domain *dom, struct xk_ctl_call *call);

/* It stops here; the call fails with the reason. */
void drain_stop(struct drain *drain, const char *why);

#endif /* XK_MEMORYD_DRAIN_H */
