/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a dead guest leaves to its next instance, in xenstore: its stop code
 * and what was found (nodes CRASH_LAST_*). Told once, to the first that is
 * started after it.
 */
#ifndef XK_CRASHD_TESTAMENT_H
#define XK_CRASHD_TESTAMENT_H

#include "crash_guest.h"

/* Of a guest that runs: makes its nodes, once. Until its name is known its
 * folder may yet be made anew by the toolstack, and nothing is done. */
void xk_testament_open(struct xk_guest *g);

/* `dead` has a record now: tells those who run already in its place. */
void xk_testament_pass(const struct xk_guest *dead);

#endif /* XK_CRASHD_TESTAMENT_H */
