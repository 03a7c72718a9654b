// SPDX-License-Identifier: GPL-2.0-only
/* How much a guest gives by overcommit: the arithmetic. */
#include <xenkeep/util.h>

#include "overcommit.h"
#include "unit.h"

#define S 512u

static uint64_t ranges(uint64_t entries, uint64_t cache, uint64_t given,
                       uint64_t budget, uint64_t keep, uint64_t most)
{
    const struct xk_pod pod = { .entries = entries, .cache = cache };

    return overcommit_ranges(&pod, given, budget, keep, most);
}

START_TEST(test_gives)
{
    /* All that is beside what is to be kept. */
    ck_assert_uint_eq(ranges(100 * S, 100 * S, 0, 1000 * S, 40 * S, 999), 60);
    /* As far as the budget, or the step, goes. */
    ck_assert_uint_eq(ranges(100 * S, 100 * S, 0, 20 * S, 40 * S, 999), 20);
    ck_assert_uint_eq(ranges(100 * S, 100 * S, 0, 1000 * S, 40 * S, 5), 5);
    /* What was given before is taken out with it. */
    ck_assert_uint_eq(ranges(100 * S, 80 * S, 20 * S, 1000 * S, 40 * S, 5),
                      25);
    ck_assert_uint_eq(ranges(100 * S, 80 * S, 20 * S, 30 * S, 40 * S, 99), 30);
}
END_TEST

START_TEST(test_gives_none)
{
    ck_assert_uint_eq(ranges(0, 0, 0, 1000 * S, 40 * S, 9), 0);
    ck_assert_uint_eq(ranges(30 * S, 30 * S, 0, 1000 * S, 40 * S, 9), 0);
    ck_assert_uint_eq(ranges(99 * S, 40 * S + 511, 59 * S - 511, 999 * S,
                             40 * S, 9), 59);
    ck_assert_uint_eq(ranges(100 * S, 100 * S, 0, 0, 40 * S, 9), 0);
    ck_assert_uint_eq(ranges(100 * S, 100 * S, 0, S - 1, 40 * S, 9), 0);
    /* The budget is used up, or was made smaller. */
    ck_assert_uint_eq(ranges(100 * S, 80 * S, 20 * S, 20 * S, 40 * S, 9), 0);
    ck_assert_uint_eq(ranges(100 * S, 80 * S, 20 * S, 2 * S, 40 * S, 9), 0);
    /* Its debt is its own. */
    ck_assert_uint_eq(ranges(100 * S, 80 * S, 0, 1000 * S, 40 * S, 9), 0);
    ck_assert_uint_eq(ranges(100 * S, 80 * S, 19 * S, 1000 * S, 40 * S, 9), 0);
}
END_TEST

/* Whatever the accounts: the entries suffice, the budget and what is kept
 * hold, and something is given if anything is said. */
START_TEST(test_bounds)
{
    uint64_t e, c, budget, n, debt, left;

    for (e = 0; e < 90 * S; e += 3 * S + 7) {
        for (c = 0; c <= e; c += S + 13) {
            for (budget = 0; budget < 60 * S; budget += 5 * S + 3) {
                debt = e - c;
                n = ranges(e, c, debt, budget, 10 * S, 7);
                if (!n)
                    continue;
                left = xk_min_u64(c, e - n * S);
                ck_assert_uint_le(n * S, e);
                ck_assert_uint_le(e - left, budget);
                ck_assert_uint_ge(left, 10 * S);
                ck_assert_uint_gt(c, left);
                ck_assert_uint_eq(e - left, n * S);
                ck_assert_uint_le(c - left, 7 * S);
            }
        }
    }
}
END_TEST

TCase *tcase_overcommit(void)
{
    TCase *tc = tcase_create("overcommit");

    tcase_add_test(tc, test_gives);
    tcase_add_test(tc, test_gives_none);
    tcase_add_test(tc, test_bounds);
    return tc;
}
