// SPDX-License-Identifier: GPL-2.0-only
/* Lines of xenstore-ls -f -p, as it writes them and as it does not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#include "listing.h"
#include "unit.h"

static int parse(const char *text, struct xk_listing *out)
{
    static char line[512];

    (void)snprintf(line, sizeof(line), "%s", text);
    return xk_listing_parse(line, out);
}

START_TEST(test_node)
{
    struct xk_listing l;

    ck_assert_int_eq(parse("/a/b = \"x = \\\"y\\\"\"   (n0)\n", &l), -EINVAL);
    ck_assert_int_eq(parse("/a/b = \"x = \"y\"   (n0)\"   (n1,r5)\n", &l), 1);
    ck_assert_str_eq(l.path, "/a/b");
    ck_assert_str_eq(l.value, "x = \"y\"   (n0)");
    ck_assert_uint_eq(l.value_len, strlen(l.value));
    ck_assert_str_eq(l.perms, "n1,r5");
    ck_assert_int_eq(parse("/a = \"\"   (n0)", &l), 1);
    ck_assert_str_eq(l.value, "");
}
END_TEST

START_TEST(test_escapes)
{
    static const char want[] = "\t\n\r\\\0\a\b\xff";
    struct xk_listing l;

    ck_assert_int_eq(parse("/a = \"\\t\\n\\r\\\\\\000\\007\\x08\\xff\"   (n0)",
                           &l), 1);
    ck_assert_uint_eq(l.value_len, sizeof(want) - 1);
    ck_assert_mem_eq(l.value, want, sizeof(want));
}
END_TEST

START_TEST(test_nothing)
{
    struct xk_listing l;

    ck_assert_int_eq(parse("", &l), 0);
    ck_assert_int_eq(parse("\n", &l), 0);
    ck_assert_int_eq(parse("/a/gone:\n", &l), 0);
    ck_assert_int_eq(parse("  (n0,r5)\n", &l), 0);
}
END_TEST

static const char *const malformed[] = {
    "a = \"b\"   (n0)",             /* no -f */
    "/a = \"b\"",                   /* no -p */
    "/a = \"b\"  (n0)",
    "/a = \"b\"   (n0",
    "/a = \"   (n0)",
    "/a = b   (n0)",
    "/a = \"b\\\"   (n0)",
    "/a = \"\\q\"   (n0)",
    "/a = \"\\x1\"   (n0)",
    "/a = \"\\xFF\"   (n0)",
    "/a = \"\\009\"   (n0)",
    "/a = \"\\400\"   (n0)",
    "/a",
    "/",
    ")",
    "(",
    "\"",
    ":",
};

START_TEST(test_malformed)
{
    struct xk_listing l;

    ck_assert_int_eq(parse(malformed[_i], &l), -EINVAL);
}
END_TEST

TCase *tcase_listing(void)
{
    TCase *tc = tcase_create("listing");

    tcase_add_test(tc, test_node);
    tcase_add_test(tc, test_escapes);
    tcase_add_test(tc, test_nothing);
    tcase_add_loop_test(tc, test_malformed, 0, XK_ARRAY_SIZE(malformed));
    return tc;
}
