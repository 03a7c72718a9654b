/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Metrics in OpenMetrics text. A daemon has one table; each row knows how to
 * read its value. Names are xk_<daemon>_<what>_<unit>[_total].
 */
#ifndef XK_LIB_METRICS_H
#define XK_LIB_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct xk_metric {
    const char *name;
    const char *type;       /* "counter" or "gauge" */
    const char *unit;       /* "pages", "seconds", "bytes"; "" for counts */
    const char *help;
    size_t offset;          /* of the uint64_t in the daemon's struct */
};

/*
 * The text of `count` metrics read from `base`, with the final "# EOF".
 * malloc'd; NULL when out of memory.
 */
char *xk_metrics_text(const struct xk_metric *metrics, size_t count,
                      const void *base);

#endif /* XK_LIB_METRICS_H */
