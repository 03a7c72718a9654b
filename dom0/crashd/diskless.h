/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a guest have a disk that it can write?
 */
#ifndef XK_CRASHD_DISKLESS_H
#define XK_CRASHD_DISKLESS_H

#include <stdbool.h>

#include "hv.h"
#include "xs.h"

/* True: none that is writable; by what the toolstack wrote in xenstore. */
bool xk_diskless(struct xk_xs *xs, xk_domid_t domid);

#endif /* XK_CRASHD_DISKLESS_H */
