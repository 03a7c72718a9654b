// SPDX-License-Identifier: GPL-2.0-only
/* How long and how often: the pause budget, with times made up. */
#include "budget.h"
#include "unit.h"

static struct budget b;

static void setup(void)
{
    budget_init(&b, 2000, 20);
}

START_TEST(test_items)
{
    ck_assert_uint_eq(budget_items(&b, 64), 3);     /* (2000-300)/500 */
    ck_assert_uint_eq(budget_items(&b, 2), 2);
    b.fixed_us = 5000;
    ck_assert_uint_eq(budget_items(&b, 64), 1);
    b.fixed_us = 1999;
    ck_assert_uint_eq(budget_items(&b, 64), 1);
    b.fixed_us = b.item_us = 0;
    ck_assert_uint_eq(budget_items(&b, 64), 64);
}
END_TEST

START_TEST(test_share)
{
    ck_assert_uint_eq(budget_wait(&b, 0), 0);
    budget_spent(&b, 10000, 12000, 4);
    /* 2 ms are 2 % of the 100 ms that began with them. */
    ck_assert_uint_eq(budget_wait(&b, 12000), 98000);
    ck_assert_uint_eq(budget_wait(&b, 110000), 0);
    ck_assert_uint_eq(budget_wait(&b, UINT64_MAX), 0);
}
END_TEST

START_TEST(test_counts)
{
    budget_spent(&b, 0, 1500, 2);
    budget_spent(&b, 100000, 102001, 2);
    budget_spent(&b, 200000, 199999, 0);    /* a clock that jumped */
    ck_assert_uint_eq(b.count, 3);
    ck_assert_uint_eq(b.over, 1);
    ck_assert_uint_eq(b.longest_us, 2001);
    ck_assert_uint_eq(b.total_us, 3501);
}
END_TEST

/* A slow host gets small windows, a fast one large ones. */
START_TEST(test_learns)
{
    unsigned int i;

    for (i = 0; i < 40; i++)
        budget_spent(&b, 0, 4 * 300 + b.fixed_us, 4);
    ck_assert_uint_ge(b.item_us, 295);
    ck_assert_uint_le(b.item_us, 305);
    for (i = 0; i < 40; i++)
        budget_spent(&b, 0, 50, 1);
    ck_assert_uint_ge(budget_items(&b, 64), 5);
    /* One very long pause moves it by a bounded step. */
    budget_spent(&b, 0, UINT64_C(1) << 50, 1);
    ck_assert_uint_le(b.item_us, 300000);
    ck_assert_uint_ge(budget_items(&b, 64), 1);
}
END_TEST

TCase *tcase_budget(void)
{
    TCase *tc = tcase_create("budget");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, test_items);
    tcase_add_test(tc, test_share);
    tcase_add_test(tc, test_counts);
    tcase_add_test(tc, test_learns);
    return tc;
}
