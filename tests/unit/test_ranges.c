// SPDX-License-Identifier: GPL-2.0-only
/* The map of a pass. */
#include "ranges.h"
#include "unit.h"

START_TEST(test_map)
{
    struct ranges r;

    ck_assert_int_eq(ranges_init(&r, 10), 0);
    ck_assert_uint_eq(ranges_in(&r, RANGE_UNKNOWN), 10);
    ck_assert_uint_eq(ranges_next(&r, 0, RANGE_ZERO), 10);
    r.state[0] = r.state[9] = r.state[4] = RANGE_ZERO;
    ck_assert_uint_eq(ranges_in(&r, RANGE_ZERO), 3);
    ck_assert_uint_eq(ranges_next(&r, 0, RANGE_ZERO), 0);
    ck_assert_uint_eq(ranges_next(&r, 1, RANGE_ZERO), 4);
    ck_assert_uint_eq(ranges_next(&r, 5, RANGE_ZERO), 9);
    ck_assert_uint_eq(ranges_next(&r, 10, RANGE_ZERO), 10);
    ck_assert_uint_eq(ranges_next(&r, 99, RANGE_UNKNOWN), 10);
    ranges_dispose(&r);
    ranges_dispose(&r);
    ck_assert_uint_eq(ranges_next(&r, 0, RANGE_UNKNOWN), 0);
}
END_TEST

START_TEST(test_empty)
{
    struct ranges r;

    ck_assert_int_eq(ranges_init(&r, 0), 0);
    ck_assert_uint_eq(ranges_next(&r, 0, RANGE_UNKNOWN), 0);
    ck_assert_uint_eq(ranges_in(&r, RANGE_UNKNOWN), 0);
    ranges_dispose(&r);
}
END_TEST

START_TEST(test_judge)
{
    ck_assert_int_eq(ranges_judge(0, 0), RANGE_HOLE);
    ck_assert_int_eq(ranges_judge(512, 512), RANGE_ZERO);
    ck_assert_int_eq(ranges_judge(512, 511), RANGE_DATA);
    ck_assert_int_eq(ranges_judge(512, 0), RANGE_DATA);
    ck_assert_int_eq(ranges_judge(511, 511), RANGE_SPLIT);
    ck_assert_int_eq(ranges_judge(511, 0), RANGE_DATA);
    ck_assert_int_eq(ranges_judge(1, 1), RANGE_SPLIT);
}
END_TEST

TCase *tcase_ranges(void)
{
    TCase *tc = tcase_create("ranges");

    tcase_add_test(tc, test_map);
    tcase_add_test(tc, test_empty);
    tcase_add_test(tc, test_judge);
    return tc;
}
