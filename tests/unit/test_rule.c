// SPDX-License-Identifier: GPL-2.0-only
/* Items of "guests": what is taken, and what is said of the others. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xenkeep/util.h>

#include "rule.h"
#include "unit.h"

static struct rule r;
static char why[RULE_WHY_MAX];

START_TEST(test_good)
{
    ck_assert_int_eq(rule_parse("name=web", &r, why), 0);
    ck_assert_str_eq(r.name, "web");
    ck_assert_uint_eq(r.min_kib + r.max_kib + r.weight + r.pace_kib, 0);
    ck_assert_int_eq(rule_parse("pace=1g,weight=1000,max=512,min=512m,"
                                "name=a b=c", &r, why), 0);
    ck_assert_str_eq(r.name, "a b=c");
    ck_assert_uint_eq(r.min_kib, 524288);
    ck_assert_uint_eq(r.max_kib, 524288);
    ck_assert_uint_eq(r.weight, 1000);
    ck_assert_uint_eq(r.pace_kib, 1048576);
    ck_assert_uint_eq(r.overcommit_kib, 0);
    ck_assert_int_eq(rule_parse("name=a,overcommit=2M", &r, why), 0);
    ck_assert_uint_eq(r.overcommit_kib, 2048);
    ck_assert_int_eq(r.recover, RULE_UNSAID);
    ck_assert_int_eq(rule_parse("name=a,recover=yes", &r, why), 0);
    ck_assert_int_eq(r.recover, RULE_YES);
    ck_assert_int_eq(rule_parse("recover=no,name=a", &r, why), 0);
    ck_assert_int_eq(r.recover, RULE_NO);
}
END_TEST

/* The item, and what the line says of it. */
static const char *const bads[][2] = {
    { "", "expected name=, min=" },
    { "name=web,", "expected name=, min=" },
    { ",name=web", "expected name=, min=" },
    { "name", "\"name\": expected name=, min=" },
    { "name=web,floor=3", "\"floor=3\": expected name=, min=" },
    { "name=web,=3", "\"=3\": expected" },
    { "name=web, min=1G", "\" min=1G\": expected" },
    { "min=1G", "no guest is named: expected name=" },
    { "name=", "name \"\": expected a guest's name" },
    { "name=a\tb", "name \"a\\x09b\": expected" },
    { "name=a,name=b", "name is given twice" },
    { "name=a,min=1G,min=1G", "min is given twice" },
    { "name=a,min=12Q", "min \"12Q\": expected a size such as 256M" },
    { "name=a,min=", "min \"\": expected a size" },
    { "name=a,min=0", "min \"0\": expected a size" },
    { "name=a,min=-1G", "expected a size" },
    { "name=a,max=1023k", "max \"1023k\": expected a size" },
    { "name=a,max=1.5G", "expected a size" },
    { "name=a,max=99999999999999999999", "expected a size" },
    { "name=a,max=2048t", "expected a size" },
    { "name=a,min=2G,max=1G", "min of 2 GiB is above max of 1 GiB" },
    { "name=a,weight=0", "weight \"0\": expected a number from 1 to 1000" },
    { "name=a,weight=1001", "expected a number from 1 to 1000" },
    { "name=a,weight=1G", "expected a number" },
    { "name=a,pace=0", "pace \"0\": expected a size a second" },
    { "name=a,recover=1", "recover \"1\": expected yes or no" },
    { "name=a,overcommit=1", "overcommit \"1\": expected a size of at least" },
    { "name=a,overcommit=yes", "expected a size of at least 2M" },
    { "name=a,pace=fast", "pace \"fast\": expected a size a second" },
};

START_TEST(test_bad)
{
    ck_assert_int_eq(rule_parse(bads[_i][0], &r, why), -EINVAL);
    ck_assert_msg(strstr(why, bads[_i][1]) != NULL, "%s: %s", bads[_i][0],
                  why);
}
END_TEST

START_TEST(test_long)
{
    char text[300];

    snprintf(text, sizeof(text), "name=%0*d", 63, 7);
    ck_assert_int_eq(rule_parse(text, &r, why), 0);
    ck_assert_uint_eq(strlen(r.name), 63);
    snprintf(text, sizeof(text), "name=%0*d", 64, 7);
    ck_assert_int_eq(rule_parse(text, &r, why), -EINVAL);
    snprintf(text, sizeof(text), "name=a,max=%0*dG", 200, 1);
    ck_assert_int_eq(rule_parse(text, &r, why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "expected a size"));
    snprintf(text, sizeof(text), "%0*d", 250, 1);
    ck_assert_int_eq(rule_parse(text, &r, why), -EINVAL);
}
END_TEST

TCase *tcase_rule(void)
{
    TCase *tc = tcase_create("rule");

    tcase_add_test(tc, test_good);
    tcase_add_loop_test(tc, test_bad, 0, XK_ARRAY_SIZE(bads));
    tcase_add_test(tc, test_long);
    return tc;
}
