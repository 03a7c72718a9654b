/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Metrics as OpenMetrics text, see metrics.h.
 */
#include "metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_one(FILE *f, const struct xk_metric *m, uint64_t value)
{
    /* A counter's sample carries _total, its family does not. */
    const char *suffix = strcmp(m->type, "counter") ? "" : "_total";

    fprintf(f, "# TYPE %s %s\n", m->name, m->type);
    if (m->unit[0])
        fprintf(f, "# UNIT %s %s\n", m->name, m->unit);
    fprintf(f, "# HELP %s %s\n%s%s %" PRIu64 "\n", m->name, m->help, m->name,
            suffix, value);
}

char *xk_metrics_text(const struct xk_metric *metrics, size_t count,
                      const void *base)
{
    char *text = NULL;
    uint64_t value;
    size_t len, i;
    FILE *f;

    f = open_memstream(&text, &len);
    if (!f)
        return NULL;
    for (i = 0; i < count; i++) {
        memcpy(&value, (const char *)base + metrics[i].offset, sizeof(value));
        print_one(f, &metrics[i], value);
    }
    fputs("# EOF\n", f);
    if (fclose(f)) {
        free(text);
        return NULL;
    }
    return text;
}
