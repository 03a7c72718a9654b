/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers as people read them.
 */
#ifndef XK_XL_UNITS_H
#define XK_XL_UNITS_H

#include <stdint.h>

/* Room for any number of this header. */
struct xk_number {
    char text[32];
};

/* 1536 -> "1.5"; the unit is in the table's title. */
struct xk_number xk_mib(uint64_t kib);

/* -1536 -> "-1.5", 1536 -> "+1.5", 0 -> "" */
struct xk_number xk_mib_change(int64_t kib);

/* 1100 -> "1.1 ms", 2340000 -> "2.3 s", 185000000 -> "3 min 5 s" */
struct xk_number xk_duration(uint64_t us);

#endif /* XK_XL_UNITS_H */
