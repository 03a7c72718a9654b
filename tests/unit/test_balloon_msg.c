// SPDX-License-Identifier: GPL-2.0-only
/* Single messages of the balloon protocol: sound ones and all others. */
#include <errno.h>

#include <xenkeep/balloon_msg.h>
#include <xenkeep/util.h>

#include "unit.h"

#define BEYOND (XK_BALLOON_PAGES_MAX + 1)

static const unsigned int guest_types[] = {
    XK_BALLOON_STATE, XK_BALLOON_SWEEP, XK_BALLOON_GAVE, XK_BALLOON_DONE,
    XK_BALLOON_PRESSURE, XK_BALLOON_RECOVERED,
};
static const unsigned int dom0_types[] = {
    XK_BALLOON_TARGET, XK_BALLOON_SWEPT, XK_BALLOON_SETTLED,
    XK_BALLOON_STOP, XK_BALLOON_RECOVER,
};

/* For loops over the guest's types, which are more. */
static unsigned int dom0_type(int i)
{
    return dom0_types[(size_t)i % XK_ARRAY_SIZE(dom0_types)];
}

static struct xk_balloon_slot slot(unsigned int type)
{
    return (struct xk_balloon_slot){ .type = (uint16_t)type, .id = 1 };
}

static int check(struct xk_balloon_slot s, bool from_guest)
{
    return xk_balloon_check(&s, from_guest);
}

START_TEST(test_direction)
{
    ck_assert_int_eq(check(slot(guest_types[_i]), true), 0);
    ck_assert_int_eq(check(slot(guest_types[_i]), false), -EPROTO);
    ck_assert_int_eq(check(slot(dom0_type(_i)), false), 0);
    ck_assert_int_eq(check(slot(dom0_type(_i)), true), -EPROTO);
}
END_TEST

START_TEST(test_unknown_types)
{
    unsigned int type, known = 0;

    for (type = 0; type <= UINT16_MAX; type++) {
        known += !check(slot(type), true);
        known += !check(slot(type), false);
    }
    ck_assert_uint_eq(known, XK_ARRAY_SIZE(guest_types) +
                             XK_ARRAY_SIZE(dom0_types));
}
END_TEST

START_TEST(test_flags)
{
    struct xk_balloon_slot s = slot(XK_BALLOON_GAVE);

    s.flags = XK_BALLOON_F_LAST;
    ck_assert_int_eq(check(s, true), 0);
    s.flags = XK_BALLOON_F_LAST | 0x8000;
    ck_assert_int_eq(check(s, true), -EPROTO);
    s = slot(XK_BALLOON_SWEEP);
    s.flags = XK_BALLOON_F_LAST;
    ck_assert_int_eq(check(s, true), -EPROTO);
}
END_TEST

START_TEST(test_status)
{
    struct xk_balloon_slot s = slot(XK_BALLOON_DONE);

    s.status = XK_BALLOON_STATUS_MAX;
    ck_assert_int_eq(check(s, true), 0);
    s.status++;
    ck_assert_int_eq(check(s, true), -EPROTO);
    s.type = XK_BALLOON_RECOVERED;
    ck_assert_int_eq(check(s, true), -EPROTO);
    s.type = XK_BALLOON_SWEPT;
    ck_assert_int_eq(check(s, false), -EPROTO);
    s.type = XK_BALLOON_TARGET;     /* has no status */
    ck_assert_int_eq(check(s, false), 0);
}
END_TEST

START_TEST(test_share)
{
    struct xk_balloon_slot s = { .type = XK_BALLOON_PRESSURE };

    s.status = 1000;
    s.pages = s.given = XK_BALLOON_PAGES_MAX;
    ck_assert_int_eq(check(s, true), 0);
    s.status++;
    ck_assert_int_eq(check(s, true), -EPROTO);
    s.status = 0;
    s.given++;
    ck_assert_int_eq(check(s, true), -EPROTO);
    s.given = 0;
    s.pages++;
    ck_assert_int_eq(check(s, true), -EPROTO);
}
END_TEST

START_TEST(test_id)
{
    struct xk_balloon_slot s = { .type = XK_BALLOON_STATE };

    ck_assert_int_eq(check(s, true), 0);
    s.type = XK_BALLOON_GAVE;
    ck_assert_int_eq(check(s, true), -EPROTO);
    s.type = XK_BALLOON_STOP;
    ck_assert_int_eq(check(s, false), -EPROTO);
    s.id = UINT64_MAX;
    ck_assert_int_eq(check(s, false), 0);
}
END_TEST

START_TEST(test_counts)
{
    struct xk_balloon_slot s = slot(XK_BALLOON_TARGET);

    s.pages = XK_BALLOON_PAGES_MAX;
    ck_assert_int_eq(check(s, false), 0);
    s.pages = BEYOND;
    ck_assert_int_eq(check(s, false), -EPROTO);
    s.pages = UINT64_MAX;
    ck_assert_int_eq(check(s, false), -EPROTO);

    s = slot(XK_BALLOON_GAVE);
    s.pages = BEYOND;               /* GAVE has no pages */
    ck_assert_int_eq(check(s, true), 0);
    s.given = BEYOND;
    ck_assert_int_eq(check(s, true), -EPROTO);
}
END_TEST

START_TEST(test_guest_counts)
{
    struct xk_balloon_slot s;

    s = slot(guest_types[_i]);
    s.ballooned = BEYOND;
    ck_assert_int_eq(check(s, true), -EPROTO);
    s = slot(guest_types[_i]);
    s.super = BEYOND;
    ck_assert_int_eq(check(s, true), -EPROTO);
    s = slot(guest_types[_i]);
    s.limit = BEYOND;
    ck_assert_int_eq(check(s, true), -EPROTO);
    s = slot(dom0_type(_i));       /* fields of the other direction */
    s.ballooned = s.super = s.limit = s.reserved = BEYOND;
    ck_assert_int_eq(check(s, false), 0);
}
END_TEST

START_TEST(test_names)
{
    ck_assert_str_eq(xk_balloon_type_name(XK_BALLOON_GAVE), "GAVE");
    ck_assert_str_eq(xk_balloon_type_name(XK_BALLOON_STOP), "STOP");
    ck_assert_str_eq(xk_balloon_type_name(0), "unknown");
    ck_assert_str_eq(xk_balloon_type_name(~0u), "unknown");
    ck_assert_str_eq(xk_balloon_status_name(XK_BALLOON_OK), "ok");
    ck_assert_str_ne(xk_balloon_status_name(XK_BALLOON_STATUS_MAX),
                     "unknown");
    ck_assert_str_eq(xk_balloon_status_name(XK_BALLOON_STATUS_MAX + 1),
                     "unknown");
}
END_TEST

TCase *tcase_balloon_msg(void)
{
    TCase *tc = tcase_create("balloon_msg");

    tcase_add_loop_test(tc, test_direction, 0,
                        XK_ARRAY_SIZE(guest_types));
    tcase_add_test(tc, test_unknown_types);
    tcase_add_test(tc, test_flags);
    tcase_add_test(tc, test_status);
    tcase_add_test(tc, test_share);
    tcase_add_test(tc, test_id);
    tcase_add_test(tc, test_counts);
    tcase_add_loop_test(tc, test_guest_counts, 0,
                        XK_ARRAY_SIZE(guest_types));
    tcase_add_test(tc, test_names);
    return tc;
}
