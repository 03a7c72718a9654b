/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map of a pass, see ranges.h.
 */
#include "ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/proto/balloon.h>

int ranges_init(struct ranges *r, size_t count)
{
    r->state = calloc(count ? count : 1, 1);
    r->count = r->state ? count : 0;
    return r->state ? 0 : -ENOMEM;
}

void ranges_dispose(struct ranges *r)
{
    free(r->state);
    r->state = NULL;
    r->count = 0;
}

size_t ranges_next(const struct ranges *r, size_t from,
                   enum range_state state)
{
    const uint8_t *at;

    if (from >= r->count)
        return r->count;
    at = memchr(r->state + from, (int)state, r->count - from);
    return at ? (size_t)(at - r->state) : r->count;
}

size_t ranges_in(const struct ranges *r, enum range_state state)
{
    size_t i, n = 0;

    for (i = 0; i < r->count; i++)
        n += r->state[i] == state;
    return n;
}

enum range_state ranges_judge(unsigned int present, unsigned int zero)
{
    if (!present)
        return RANGE_HOLE;
    /* A 2 MiB mapping has no holes: this one is split already. */
    if (present < XK_SUPER_PAGES)
        return zero ? RANGE_SPLIT : RANGE_DATA;
    return zero == XK_SUPER_PAGES ? RANGE_ZERO : RANGE_DATA;
}
