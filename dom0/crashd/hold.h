/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hold by the guest's own module (xenkeep/proto/crash.h): a guest that
 * panics waits for crashd, whatever xl will do with it afterwards.
 */
#ifndef XK_CRASHD_HOLD_H
#define XK_CRASHD_HOLD_H

#include "crash_guest.h"

/* Waits for the module of a guest that runs; once. */
void xk_hold_watch(struct xk_guest *g);

/* If it waits, and nothing is being made of it: dumps it. */
void xk_hold_look(struct xk_guest *g);

/* It is dumped, or will not be: it may go on. No effect if it does not
 * wait. */
void xk_hold_answer(struct xk_guest *g);

/* Lets go of the guest's page and port: as soon as it is being destroyed,
 * which would not end before. */
void xk_hold_close(struct xk_guest *g);

#endif /* XK_CRASHD_HOLD_H */
