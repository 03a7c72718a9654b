// SPDX-License-Identifier: GPL-2.0-only
/* The small things: ownership, and time that only goes on. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include <xenkeep/util.h>

#include "unit.h"

struct outer {
    int before;
    struct { int x; } inner;
};

START_TEST(test_container)
{
    struct outer o;

    ck_assert_ptr_eq(XK_CONTAINER_OF(&o.inner, struct outer, inner), &o);
    ck_assert_uint_eq(XK_ARRAY_SIZE(((char[7]){ 0 })), 7);
    ck_assert_uint_eq(xk_min_u64(1, UINT64_MAX), 1);
    ck_assert_uint_eq(xk_max_u64(1, UINT64_MAX), UINT64_MAX);
    ck_assert_uint_eq(xk_min_size(2, 2), 2);
    ck_assert_uint_eq(xk_max_size(2, 3), 3);
}
END_TEST

static int open_null(bool keep, int *seen)
{
    xk_cleanup_fd int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    *seen = fd;
    return keep ? xk_steal_fd(&fd) : -1;
}

START_TEST(test_fd)
{
    int seen, fd;

    ck_assert_int_eq(open_null(false, &seen), -1);
    ck_assert_int_eq(fcntl(seen, F_GETFD), -1);
    fd = open_null(true, &seen);
    ck_assert_int_eq(fd, seen);
    ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
    errno = ERANGE;
    xk_close(&fd);
    xk_close(&fd);
    ck_assert_int_eq(errno, ERANGE);
    ck_assert_int_eq(fd, -1);
}
END_TEST

static char *make_text(bool keep)
{
    xk_cleanup_free char *p = malloc(8);

    return keep ? xk_steal_ptr(&p) : NULL;
}

START_TEST(test_ptr)
{
    char *p = make_text(true);

    ck_assert_ptr_nonnull(p);
    free(p);
    ck_assert_ptr_null(make_text(false));
}
END_TEST

START_TEST(test_now)
{
    uint64_t a = xk_now_us(), b;

    ck_assert_uint_ne(a, 0);
    ck_assert_int_eq(usleep(2000), 0);
    b = xk_now_us();
    ck_assert_uint_ge(b - a, 2000);
    ck_assert_uint_ge(xk_now_ms(), b / 1000);
}
END_TEST

TCase *tcase_util(void)
{
    TCase *tc = tcase_create("util");

    tcase_add_test(tc, test_container);
    tcase_add_test(tc, test_fd);
    tcase_add_test(tc, test_ptr);
    tcase_add_test(tc, test_now);
    return tc;
}
