/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests that die again and again: when may the next start be, and is there
 * to be one at all? Pure.
 */
#ifndef XK_CRASHD_REPEAT_H
#define XK_CRASHD_REPEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No start waits longer, seconds. */
#define XK_REPEAT_DELAY_MAX 3600u

struct xk_repeat_limits {
    uint32_t window_s;      /* deaths that are older do not count */
    uint32_t deaths;        /* in the window: after more it is not started */
    uint32_t delay_s;       /* before the start after the second death */
};

struct xk_repeat {
    uint32_t deaths;        /* in the window, with the one at `now` */
    uint32_t delay_s;       /* from that one to the next start; 0: at once */
    bool stop;              /* no start: it is held for somebody */
};

/*
 * `times` are those of earlier deaths, in any order, seconds since 1970; the
 * one that is decided on is at `now`. A clock that was set back does not make
 * deaths of the future count.
 */
struct xk_repeat xk_repeat(const uint64_t *times, size_t count, uint64_t now,
                           const struct xk_repeat_limits *limits);

#endif /* XK_CRASHD_REPEAT_H */
