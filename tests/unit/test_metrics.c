// SPDX-License-Identifier: GPL-2.0-only
/* The text of the metrics, whole. */
#include <stddef.h>
#include <stdlib.h>

#include "metrics.h"
#include "unit.h"

struct totals {
    uint64_t sweeps, pages;
};

START_TEST(test_text)
{
    static const struct xk_metric table[] = {
        { "xk_t_pages", "counter", "pages", "All pages.",
          offsetof(struct totals, pages) },
        { "xk_t_sweeps", "gauge", "", "Sweeps.",
          offsetof(struct totals, sweeps) },
    };
    const struct totals t = { .sweeps = 3, .pages = UINT64_MAX };
    char *text = xk_metrics_text(table, 2, &t);

    ck_assert_str_eq(text,
                     "# TYPE xk_t_pages counter\n"
                     "# UNIT xk_t_pages pages\n"
                     "# HELP xk_t_pages All pages.\n"
                     "xk_t_pages_total 18446744073709551615\n"
                     "# TYPE xk_t_sweeps gauge\n"
                     "# HELP xk_t_sweeps Sweeps.\n"
                     "xk_t_sweeps 3\n"
                     "# EOF\n");
    free(text);
}
END_TEST

START_TEST(test_none)
{
    char *text = xk_metrics_text(NULL, 0, NULL);

    ck_assert_str_eq(text, "# EOF\n");
    free(text);
}
END_TEST

TCase *tcase_metrics(void)
{
    TCase *tc = tcase_create("metrics");

    tcase_add_test(tc, test_text);
    tcase_add_test(tc, test_none);
    return tc;
}
