// SPDX-License-Identifier: GPL-2.0-only
/* Deaths that repeat: the wait before the next start, and its end. */
#include <xenkeep/util.h>

#include "repeat.h"
#include "unit.h"

#define NOW 1000000u

static const struct xk_repeat_limits limits = {
    .window_s = 3600, .deaths = 4, .delay_s = 120,
};

START_TEST(test_first)
{
    const uint64_t old[] = { NOW - 3600, NOW - 90000, 0 };
    struct xk_repeat r = xk_repeat(NULL, 0, NOW, &limits);

    ck_assert_uint_eq(r.deaths, 1);
    ck_assert_uint_eq(r.delay_s, 0);
    ck_assert(!r.stop);
    r = xk_repeat(old, XK_ARRAY_SIZE(old), NOW, &limits);
    ck_assert_uint_eq(r.deaths, 1);
    ck_assert_uint_eq(r.delay_s, 0);
}
END_TEST

/* Twice as long each time, and then no more. */
START_TEST(test_backs_off)
{
    static const uint32_t delays[] = { 0, 120, 240, 480, 0 };
    const uint64_t times[] = { NOW, NOW - 1, NOW - 1000, NOW - 3599 };
    struct xk_repeat r;
    size_t n;

    for (n = 0; n <= XK_ARRAY_SIZE(times); n++) {
        r = xk_repeat(times, n, NOW, &limits);
        ck_assert_uint_eq(r.deaths, n + 1);
        ck_assert_uint_eq(r.delay_s, delays[n]);
        ck_assert(r.stop == (n == 4));
    }
}
END_TEST

START_TEST(test_bound)
{
    const struct xk_repeat_limits many = {
        .window_s = 86400, .deaths = 100, .delay_s = 3599,
    };
    uint64_t times[99];
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(times); i++)
        times[i] = NOW - i;
    ck_assert_uint_eq(xk_repeat(times, 1, NOW, &many).delay_s, 3599);
    ck_assert_uint_eq(xk_repeat(times, 2, NOW, &many).delay_s,
                      XK_REPEAT_DELAY_MAX);
    ck_assert_uint_eq(xk_repeat(times, 99, NOW, &many).delay_s,
                      XK_REPEAT_DELAY_MAX);
    ck_assert(!xk_repeat(times, 99, NOW, &many).stop);
}
END_TEST

/* The clock was set back: what has yet to come is no death. */
START_TEST(test_clock)
{
    const uint64_t times[] = { NOW + 1, NOW + 100000, UINT64_MAX };

    ck_assert_uint_eq(xk_repeat(times, 3, NOW, &limits).deaths, 1);
}
END_TEST

/* One death is one too many for some. */
START_TEST(test_none)
{
    const struct xk_repeat_limits one = {
        .window_s = 60, .deaths = 1, .delay_s = 1,
    };
    const uint64_t times[] = { NOW - 59 };

    ck_assert(!xk_repeat(times, 0, NOW, &one).stop);
    ck_assert(xk_repeat(times, 1, NOW, &one).stop);
}
END_TEST

TCase *tcase_repeat(void)
{
    TCase *tc = tcase_create("repeat");

    tcase_add_test(tc, test_first);
    tcase_add_test(tc, test_backs_off);
    tcase_add_test(tc, test_bound);
    tcase_add_test(tc, test_clock);
    tcase_add_test(tc, test_none);
    return tc;
}
