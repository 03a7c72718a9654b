/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The dumps that are being made: XK_CRASHD_JOBS at a time, others wait.
 */
#ifndef XK_CRASHD_DUMPING_H
#define XK_CRASHD_DUMPING_H

#include "crash_guest.h"

int xk_dumping_init(struct xk_crashd *cd);

/* Of a guest that is QUEUED: starts its dump, or leaves it queued. */
void xk_dumping_start(struct xk_guest *g);

/* Those that are queued, as far as there is room. */
void xk_dumping_next(struct xk_crashd *cd);

/* Ends the guest's dump, if there is one, and drops it. */
void xk_dumping_stop(struct xk_guest *g);

#endif /* XK_CRASHD_DUMPING_H */
