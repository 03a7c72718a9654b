/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A FIFO at the path to which xl dumps the core of a guest: xl waits there,
 * and the guest with it, until what it writes is read.
 */
#ifndef XK_CRASHD_FIFO_H
#define XK_CRASHD_FIFO_H

#include "crash_guest.h"

/* `fd` is the guest's from now on. */
void xk_fifo_take(struct xk_guest *g, int fd);

/* From now on what xl writes is read, and dropped; g->xl_dumps says whether
 * there was anything. */
void xk_fifo_release(struct xk_guest *g);
void xk_fifo_close(struct xk_guest *g);

#endif /* XK_CRASHD_FIFO_H */
