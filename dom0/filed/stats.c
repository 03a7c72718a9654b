/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counting, see stats.h.
 */
#include "stats.h"

#include <errno.h>

static void more(atomic_uint_least64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static unsigned int bucket(uint64_t us)
{
    unsigned int b = us ? 64u - (unsigned int)__builtin_clzll(us) : 0;

    return b < STATS_BUCKETS ? b : STATS_BUCKETS - 1;
}

int stats_is_refusal(int status)
{
    return status == -EPERM || status == -EROFS || status == -EDQUOT ||
           status == -EMFILE || status == -ENFILE || status == -ENOLCK ||
           status == -EPROTO || status == -EXDEV;
}

void stats_count(struct stats *stats, unsigned int op, uint64_t us,
                 int status)
{
    if (op < XK_XKFS_OPS)
        more(&stats->ops[op], 1);
    more(&stats->latency[bucket(us)], 1);
    if (status < 0)
        more(&stats->errors, 1);
    if (stats_is_refusal(status))
        more(&stats->refused, 1);
}
