/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the actor (actor.h) is to do for guests: one errand at a time, each
 * guest's in the order of the verbs.
 */
#ifndef XK_CRASHD_ERRAND_H
#define XK_CRASHD_ERRAND_H

#include "crash_guest.h"

int xk_errands_start(struct xk_crashd *cd);

/* Asks as soon as the actor is free; the guest is not freed before. */
void xk_errand(struct xk_guest *g, enum xk_actor_verb verb);

/* The next one, if the actor is free. */
void xk_errands_next(struct xk_crashd *cd);

#endif /* XK_CRASHD_ERRAND_H */
