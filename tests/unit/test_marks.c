// SPDX-License-Identifier: GPL-2.0-only
/* The guard's marks: what a cache is good for. */
#include "marks.h"
#include "unit.h"

static struct marks m;

START_TEST(test_order)
{
    uint32_t vcpus, mib;

    for (vcpus = 1; vcpus <= 128; vcpus *= 2) {
        for (mib = 0; mib <= 65536; mib = mib * 4 + 1) {
            marks_init(&m, mib, vcpus);
            ck_assert_uint_ge(m.low, m.floor);
            ck_assert_uint_ge(m.high, 2 * m.floor);
            ck_assert_uint_gt(m.high, m.low);
            /* A superpage for each vcpu is left at the floor. */
            ck_assert_uint_gt(m.floor, (uint64_t)vcpus * 512);
        }
    }
}
END_TEST

START_TEST(test_need)
{
    marks_init(&m, 64, 2);
    ck_assert_uint_eq(m.low, 64 * 256);
    ck_assert_uint_eq(m.high, 128 * 256);
    /* Covered is covered, however little it is. */
    ck_assert_int_eq(marks_need(&m, 0, 0), MARKS_COVERED);
    ck_assert_int_eq(marks_need(&m, 7, 7), MARKS_COVERED);
    ck_assert_int_eq(marks_need(&m, 8, 7), MARKS_STOP);
    ck_assert_int_eq(marks_need(&m, 1u << 20, m.low - 1), MARKS_STOP);
    ck_assert_int_eq(marks_need(&m, 1u << 20, m.low), MARKS_REFILL);
    ck_assert_int_eq(marks_need(&m, 1u << 20, m.high - 1), MARKS_REFILL);
    ck_assert_int_eq(marks_need(&m, 1u << 20, m.high), MARKS_EASY);
}
END_TEST

/* The fastest guest does not reach the next mark before the next look. */
START_TEST(test_wait)
{
    uint64_t cache, us;

    marks_init(&m, 0, 4);
    for (cache = 0; cache < 16 * m.high; cache += 997) {
        us = marks_wait_us(&m, cache, 4);
        ck_assert_uint_ge(us, 1000);
        ck_assert_uint_le(us, 100000);
        if (us > 1000)
            ck_assert_uint_ge(cache - us * MARKS_RATE * 4 / 1000,
                              cache >= m.high ? m.high : m.low);
    }
    ck_assert_uint_eq(marks_wait_us(&m, UINT32_MAX, 4), 100000);
    ck_assert_uint_ge(marks_wait_us(&m, UINT32_MAX, 0), 1000);
}
END_TEST

START_TEST(test_low)
{
    /* By itself: three milliseconds of all vcpus. */
    marks_init(&m, 0, 2);
    ck_assert_uint_eq(m.low, (uint64_t)3 * MARKS_RATE * 2);
    ck_assert_uint_eq(marks_quantum(2), MARKS_RATE);
}
END_TEST

TCase *tcase_marks(void)
{
    TCase *tc = tcase_create("marks");

    tcase_add_test(tc, test_order);
    tcase_add_test(tc, test_need);
    tcase_add_test(tc, test_wait);
    tcase_add_test(tc, test_low);
    return tc;
}
