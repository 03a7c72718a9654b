// SPDX-License-Identifier: GPL-2.0-only
/* Numbers, sizes and booleans: what is taken, and what must not be. */
#include <errno.h>
#include <stdlib.h>

#include <xenkeep/parse.h>
#include <xenkeep/util.h>

#include "unit.h"

#define UNTOUCHED 77

struct number {
    const char *text;
    uint64_t min, max;
    int rc;
    uint64_t value;
};

static const struct number numbers[] = {
    { "0", 0, UINT64_MAX, 0, 0 },
    { "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
    { "0xffffffffffffffff", 0, UINT64_MAX, 0, UINT64_MAX },
    { "0x0", 0, 9, 0, 0 },
    { "0xAb", 0, 999, 0, 0xab },
    { "5", 5, 5, 0, 5 },
    { "4", 5, 9, -ERANGE, 0 },
    { "10", 5, 9, -ERANGE, 0 },
    { "18446744073709551616", 0, UINT64_MAX, -ERANGE, 0 },
    { "99999999999999999999999999", 0, UINT64_MAX, -ERANGE, 0 },
    { "0x10000000000000000", 0, UINT64_MAX, -ERANGE, 0 },
    { "18446744073709551616x", 0, UINT64_MAX, -EINVAL, 0 },
    { NULL, 0, UINT64_MAX, -EINVAL, 0 },
    { "", 0, UINT64_MAX, -EINVAL, 0 },
    { " 1", 0, UINT64_MAX, -EINVAL, 0 },
    { "1 ", 0, UINT64_MAX, -EINVAL, 0 },
    { "1\n", 0, UINT64_MAX, -EINVAL, 0 },
    { "+1", 0, UINT64_MAX, -EINVAL, 0 },
    { "-1", 0, UINT64_MAX, -EINVAL, 0 },
    { "-0", 0, UINT64_MAX, -EINVAL, 0 },
    { "01", 0, UINT64_MAX, -EINVAL, 0 },
    { "00", 0, UINT64_MAX, -EINVAL, 0 },
    { "0x", 0, UINT64_MAX, -EINVAL, 0 },
    { "0x01", 0, UINT64_MAX, -EINVAL, 0 },
    { "0X1", 0, UINT64_MAX, -EINVAL, 0 },
    { "0xg", 0, UINT64_MAX, -EINVAL, 0 },
    { "x1", 0, UINT64_MAX, -EINVAL, 0 },
    { "1a", 0, UINT64_MAX, -EINVAL, 0 },
    { "1.0", 0, UINT64_MAX, -EINVAL, 0 },
    { "1e3", 0, UINT64_MAX, -EINVAL, 0 },
    { "\xd9\xa1", 0, UINT64_MAX, -EINVAL, 0 },
};

START_TEST(test_u64)
{
    const struct number *n = &numbers[_i];
    uint64_t v = UNTOUCHED;

    ck_assert_int_eq(xk_parse_u64(n->text, n->min, n->max, &v), n->rc);
    ck_assert_uint_eq(v, n->rc ? UNTOUCHED : n->value);
}
END_TEST

START_TEST(test_u32)
{
    uint32_t v = UNTOUCHED;

    ck_assert_int_eq(xk_parse_u32("4294967296", 0, UINT32_MAX, &v), -ERANGE);
    ck_assert_int_eq(xk_parse_u32("", 0, UINT32_MAX, &v), -EINVAL);
    ck_assert_uint_eq(v, UNTOUCHED);
    ck_assert_int_eq(xk_parse_u32("4294967295", 0, UINT32_MAX, &v), 0);
    ck_assert_uint_eq(v, UINT32_MAX);
}
END_TEST

static const struct number sizes[] = {
    { "0", 0, 0, 0, 0 },
    { "1", 0, 0, 0, 1024 },
    { "512m", 0, 0, 0, 512 * 1024 },
    { "512M", 0, 0, 0, 512 * 1024 },
    { "1k", 0, 0, 0, 1 },
    { "3K", 0, 0, 0, 3 },
    { "2g", 0, 0, 0, 2 << 20 },
    { "2G", 0, 0, 0, 2 << 20 },
    { "1t", 0, 0, 0, 1 << 30 },
    { "1T", 0, 0, 0, 1 << 30 },
    { "2048b", 0, 0, 0, 2 },
    { "2048B", 0, 0, 0, 2 },
    { "18446744073709551615k", 0, 0, 0, UINT64_MAX },
    { "18014398509481983", 0, 0, 0, UINT64_C(18014398509481983) << 10 },
    { "18014398509481984", 0, 0, -ERANGE, 0 },
    { "17179869184t", 0, 0, -ERANGE, 0 },
    { "18446744073709551616k", 0, 0, -ERANGE, 0 },
    { "18446744073709551616b", 0, 0, -ERANGE, 0 },
    { "2047b", 0, 0, -EINVAL, 0 },
    { "1b", 0, 0, -EINVAL, 0 },
    { NULL, 0, 0, -EINVAL, 0 },
    { "", 0, 0, -EINVAL, 0 },
    { "m", 0, 0, -EINVAL, 0 },
    { "1.5g", 0, 0, -EINVAL, 0 },
    { "1 g", 0, 0, -EINVAL, 0 },
    { "1gb", 0, 0, -EINVAL, 0 },
    { "1p", 0, 0, -EINVAL, 0 },
    { "-1g", 0, 0, -EINVAL, 0 },
    { "01g", 0, 0, -EINVAL, 0 },
    { "0x10m", 0, 0, -EINVAL, 0 },
    { "99999999999999999999z", 0, 0, -EINVAL, 0 },
};

START_TEST(test_size)
{
    const struct number *n = &sizes[_i];
    uint64_t v = UNTOUCHED;

    ck_assert_int_eq(xk_parse_size_kib(n->text, &v), n->rc);
    ck_assert_uint_eq(v, n->rc ? UNTOUCHED : n->value);
}
END_TEST

START_TEST(test_bool)
{
    bool v = true;

    ck_assert_int_eq(xk_parse_bool("off", &v), 0);
    ck_assert(!v);
    ck_assert_int_eq(xk_parse_bool("yes", &v), 0);
    ck_assert(v);
    ck_assert_int_eq(xk_parse_bool("0", &v), 0);
    ck_assert(!v);
    ck_assert_int_eq(xk_parse_bool(NULL, &v), -EINVAL);
    ck_assert_int_eq(xk_parse_bool("", &v), -EINVAL);
    ck_assert_int_eq(xk_parse_bool("Yes", &v), -EINVAL);
    ck_assert_int_eq(xk_parse_bool("2", &v), -EINVAL);
    ck_assert(!v);
}
END_TEST

static const struct {
    uint64_t kib;
    const char *text;
} formats[] = {
    { 0, "0 KiB" },
    { 1023, "1023 KiB" },
    { 1024, "1 MiB" },
    { 256 * 1024, "256 MiB" },
    { 1024 + 102, "1 MiB" },
    { 1024 + 103, "1.1 MiB" },
    { 3 << 19, "1.5 GiB" },
    { (UINT64_C(1) << 20) - 1, "1023.9 MiB" },
    { UINT64_C(1) << 30, "1 TiB" },
    { UINT64_C(1) << 40, "1 PiB" },
    { UINT64_C(1) << 50, "1 EiB" },
    { UINT64_MAX, "16383.9 EiB" },
};

START_TEST(test_format)
{
    char text[XK_FORMAT_KIB_MAX], small[4];

    ck_assert_str_eq(xk_format_kib(text, sizeof(text), formats[_i].kib),
                     formats[_i].text);
    ck_assert_uint_eq(strlen(xk_format_kib(small, 4, formats[_i].kib)), 3);
}
END_TEST

TCase *tcase_parse(void)
{
    TCase *tc = tcase_create("parse");

    tcase_add_loop_test(tc, test_u64, 0, XK_ARRAY_SIZE(numbers));
    tcase_add_test(tc, test_u32);
    tcase_add_loop_test(tc, test_size, 0, XK_ARRAY_SIZE(sizes));
    tcase_add_test(tc, test_bool);
    tcase_add_loop_test(tc, test_format, 0, XK_ARRAY_SIZE(formats));
    return tc;
}
