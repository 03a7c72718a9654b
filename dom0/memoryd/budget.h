/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long a guest may be paused, and how often. Pure: times come from the
 * caller, microseconds of one monotonic clock.
 */
#ifndef XK_MEMORYD_BUDGET_H
#define XK_MEMORYD_BUDGET_H

#include <stdint.h>

struct budget {
    uint32_t max_us;            /* longest pause aimed at */
    uint32_t share_permille;    /* of the time */
    uint32_t fixed_us;          /* learnt: cost of an empty window */
    uint32_t item_us;           /* learnt: cost of each item in it */
    uint64_t next_us;           /* no pause before this */
    /* what it came to */
    uint64_t count;
    uint64_t total_us;
    uint64_t longest_us;
    uint64_t over;              /* pauses longer than max_us */
};

void budget_init(struct budget *b, uint32_t max_us, uint32_t share_permille);

/* How many items the next window may take: at least 1, at most `limit`. */
uint32_t budget_items(const struct budget *b, uint32_t limit);

/* Microseconds to wait before the next pause; 0: now. */
uint64_t budget_wait(const struct budget *b, uint64_t now_us);

/* A window with `items` has paused the guest from `start` to `end`. */
void budget_spent(struct budget *b, uint64_t start_us, uint64_t end_us,
                  uint32_t items);

/* A pause of another kind: it counts, and nothing is learnt from it. */
void budget_count(struct budget *b, uint64_t start_us, uint64_t end_us);

#endif /* XK_MEMORYD_BUDGET_H */
