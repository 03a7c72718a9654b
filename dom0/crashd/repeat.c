/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What repeated deaths lead to, see repeat.h.
 */
#include "repeat.h"

#include <xenkeep/util.h>

/* Twice as long each time. */
static uint32_t delay_of(uint32_t deaths, uint32_t first)
{
    uint64_t delay = first;

    if (deaths < 2)
        return 0;
    for (; deaths > 2 && delay < XK_REPEAT_DELAY_MAX; deaths--)
        delay *= 2;
    return (uint32_t)xk_min_u64(delay, XK_REPEAT_DELAY_MAX);
}

struct xk_repeat xk_repeat(const uint64_t *times, size_t count, uint64_t now,
                           const struct xk_repeat_limits *limits)
{
    struct xk_repeat r = { .deaths = 1 };
    size_t i;

    for (i = 0; i < count; i++)
        r.deaths += times[i] <= now && now - times[i] < limits->window_s;
    r.stop = r.deaths > limits->deaths;
    r.delay_s = r.stop ? 0 : delay_of(r.deaths, limits->delay_s);
    return r;
}
