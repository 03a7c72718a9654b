// SPDX-License-Identifier: GPL-2.0-only
/* Rates between two answers. */
#include <stdio.h>
#include <stdlib.h>

#include "rates.h"
#include "unit.h"

#define DOM(id, name, size, swept) "{\"domid\":" #id ",\"name\":\"" name \
    "\",\"size_kib\":" #size ",\"swept_kib\":" #swept "," \
    "\"ballooned_kib\":0,\"pod_entries_kib\":7,\"pod_cache_kib\":7}"

static void read_sample(const char *domains, uint64_t at_us,
                        struct xk_sample *s)
{
    char text[1024];

    snprintf(text, sizeof(text), "{\"host\":{\"free_kib\":9},\"domains\":[%s]}",
             domains);
    ck_assert_ptr_null(xk_sample_read(json_tokener_parse(text), at_us, s));
}

START_TEST(test_rates)
{
    struct xk_sample before, now;
    struct xk_rate *rates;

    read_sample(DOM(1, "a", 100, 0) "," DOM(2, "b", 1000, 50) ","
                DOM(3, "c", 5, 5), 1000000, &before);
    read_sample(DOM(3, "d", 5, 5) "," DOM(2, "b", 400, 50) ","
                DOM(1, "a", 100, 30), 3000000, &now);
    ck_assert_int_eq(xk_rates(&before, &now, &rates), 0);
    /* The busiest first; "d" is not the "c" that had its id. */
    ck_assert_str_eq(rates[0].now->name, "b");
    ck_assert_int_eq(rates[0].size, -300);
    ck_assert_int_eq(rates[0].entries, 0);
    ck_assert_str_eq(rates[1].now->name, "a");
    ck_assert_int_eq(rates[1].swept, 15);
    ck_assert_str_eq(rates[2].now->name, "d");
    ck_assert(rates[0].known && rates[1].known && !rates[2].known);
    free(rates);

    /* Of one sample there are none; and no time is no division by 0. */
    ck_assert_int_eq(xk_rates(NULL, &now, &rates), 0);
    ck_assert(!rates[0].known && !rates[1].known && !rates[2].known);
    free(rates);
    before.at_us = now.at_us;
    ck_assert_int_eq(xk_rates(&before, &now, &rates), 0);
    ck_assert_int_eq(rates[0].size, -600000);
    free(rates);
    xk_sample_dispose(&before);
    xk_sample_dispose(&now);
}
END_TEST

START_TEST(test_unsound)
{
    struct xk_sample s;

    ck_assert_str_eq(xk_sample_read(json_tokener_parse("{}"), 0, &s), "host");
    ck_assert_ptr_null(s.answer);
    ck_assert_str_eq(xk_sample_read(json_tokener_parse(
        "{\"host\":{\"free_kib\":1},\"domains\":[[]]}"), 0, &s), "domains");
    ck_assert_uint_eq(s.count, 0);
}
END_TEST

TCase *tcase_rates(void)
{
    TCase *tc = tcase_create("rates");

    tcase_add_test(tc, test_rates);
    tcase_add_test(tc, test_unsound);
    return tc;
}
