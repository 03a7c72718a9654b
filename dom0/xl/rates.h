/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the memory of guests moves: from two answers to "memory", so much a
 * second. Pure.
 */
#ifndef XK_XL_RATES_H
#define XK_XL_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

/* One guest at one moment, KiB. `name` lives as long as the answer. */
struct xk_sample_domain {
    uint64_t domid;
    const char *name;
    uint64_t size, swept, ballooned, entries, cache;
};

struct xk_sample {
    struct json_object *answer; /* owned */
    uint64_t at_us;
    uint64_t host_free;         /* KiB */
    struct xk_sample_domain *domains;
    size_t count;
};

/* KiB a second; negative: less of it. */
struct xk_rate {
    const struct xk_sample_domain *now;
    bool known;                 /* it was in both samples */
    int64_t size, swept, ballooned, entries, cache;
};

/* Takes `answer` over. NULL: it is sound; else the field that is not, and
 * the sample is empty. */
const char *xk_sample_read(struct json_object *answer, uint64_t at_us,
                           struct xk_sample *s);
void xk_sample_dispose(struct xk_sample *s);

/*
 * A rate for each guest of `now`, the busiest first; of `before` there may be
 * none (NULL). The caller frees *rates_r. -ENOMEM.
 */
int xk_rates(const struct xk_sample *before, const struct xk_sample *now,
             struct xk_rate **rates_r);

#endif /* XK_XL_RATES_H */
