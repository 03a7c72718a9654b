/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pause budget, see budget.h. Costs are learnt as moving averages, so a
 * slow host gets small windows and a fast one large ones.
 */
#include "budget.h"

#include <string.h>

#include <xenkeep/util.h>

/* First guesses, before anything was measured: a few hypercalls. */
#define FIXED_US 300u
#define ITEM_US 500u

/* Weight of a new measurement: 1/4. */
static uint32_t learn(uint32_t old, uint64_t seen)
{
    return (uint32_t)((3u * (uint64_t)old + xk_min_u64(seen, 1000000u)) / 4u);
}

void budget_init(struct budget *b, uint32_t max_us, uint32_t share_permille)
{
    memset(b, 0, sizeof(*b));
    b->max_us = max_us;
    b->share_permille = share_permille;
    b->fixed_us = FIXED_US;
    b->item_us = ITEM_US;
}

uint32_t budget_items(const struct budget *b, uint32_t limit)
{
    uint32_t items;

    if (b->max_us <= b->fixed_us)
        return 1;
    items = (b->max_us - b->fixed_us) / (b->item_us ? b->item_us : 1u);
    items = items < limit ? items : limit;
    return items ? items : 1u;
}

uint64_t budget_wait(const struct budget *b, uint64_t now_us)
{
    return b->next_us > now_us ? b->next_us - now_us : 0;
}

void budget_count(struct budget *b, uint64_t start_us, uint64_t end_us)
{
    uint64_t us = end_us > start_us ? end_us - start_us : 0;

    b->count++;
    b->total_us += us;
    b->longest_us = xk_max_u64(b->longest_us, us);
    if (us > b->max_us)
        b->over++;
    /* The pause was `us`; its share of the time is reached at the end of
     * us * 1000 / permille from its start. */
    b->next_us = start_us + us * 1000u / b->share_permille;
}

void budget_spent(struct budget *b, uint64_t start_us, uint64_t end_us,
                  uint32_t items)
{
    uint64_t us = end_us > start_us ? end_us - start_us : 0;

    budget_count(b, start_us, end_us);
    if (!items)
        b->fixed_us = learn(b->fixed_us, us);
    else if (us > b->fixed_us)
        b->item_us = learn(b->item_us, (us - b->fixed_us) / items);
    else
        b->fixed_us = learn(b->fixed_us, us);
}
