/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a pass knows of each 2 MiB range of a guest, a byte a range. Pure.
 */
#ifndef XK_MEMORYD_RANGES_H
#define XK_MEMORYD_RANGES_H

#include <stddef.h>
#include <stdint.h>

#include "hv.h"

enum range_state {
    RANGE_UNKNOWN,
    RANGE_HOLE,         /* nothing there */
    RANGE_POD,          /* entries only */
    RANGE_DATA,         /* RAM, not all zero */
    RANGE_ZERO,         /* RAM, all zero when scanned */
    RANGE_SPLIT,        /* RAM and holes: 4 KiB mappings, some pages zero */
    RANGE_DONE          /* a window has had it */
};

struct ranges {
    uint8_t *state;
    size_t count;
};

/* Ranges 0 to count - 1, all unknown. -ENOMEM. */
int ranges_init(struct ranges *r, size_t count);
void ranges_dispose(struct ranges *r);

/* The next range at or after `from` in that state; r->count: none. */
size_t ranges_next(const struct ranges *r, size_t from,
                   enum range_state state);
/* How many are in that state. */
size_t ranges_in(const struct ranges *r, enum range_state state);

/* What the zero test of a range's pages says: of `present` pages, `zero`. */
enum range_state ranges_judge(unsigned int present, unsigned int zero);

#endif /* XK_MEMORYD_RANGES_H */
