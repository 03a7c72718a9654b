// SPDX-License-Identifier: GPL-2.0-only
/* Log lines: one message one line, and nothing of a guest's in between. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenkeep/log.h>

#include "unit.h"

static FILE *caught;
static int saved_stderr;

/* Standard error goes to a file until caught_text(). */
static void catch_stderr(void)
{
    caught = tmpfile();
    ck_assert_ptr_nonnull(caught);
    saved_stderr = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(caught), STDERR_FILENO), 0);
}

static const char *caught_text(void)
{
    static char text[4096];
    size_t n;

    ck_assert_int_ge(dup2(saved_stderr, STDERR_FILENO), 0);
    (void)close(saved_stderr);
    rewind(caught);
    n = fread(text, 1, sizeof(text) - 1, caught);
    text[n] = '\0';
    (void)fclose(caught);
    return text;
}

START_TEST(test_plain)
{
    unsetenv("JOURNAL_STREAM");
    xk_log_init("xenkeep-test", XK_LOG_INFO, true);
    catch_stderr();
    errno = ENOSPC;
    xk_warn("d%d: %s", 5, "slow");
    ck_assert_int_eq(errno, ENOSPC);
    xk_debug("not wanted");
    ck_assert_str_eq(caught_text(), "xenkeep-test: d5: slow\n");
    ck_assert(xk_log_enabled(XK_LOG_INFO));
    ck_assert(!xk_log_enabled(XK_LOG_DEBUG));
}
END_TEST

START_TEST(test_journal)
{
    setenv("JOURNAL_STREAM", "8:1", 1);
    xk_log_init("xenkeep-test", XK_LOG_DEBUG, true);
    catch_stderr();
    xk_err("a");
    xk_warn("b");
    xk_info("c");
    xk_debug("d");
    ck_assert_str_eq(caught_text(), "<3>a\n<4>b\n<6>c\n<7>d\n");
}
END_TEST

START_TEST(test_one_line)
{
    unsetenv("JOURNAL_STREAM");
    xk_log_init("t", XK_LOG_INFO, true);
    catch_stderr();
    xk_info("a\nb\x1b[2J\xff\\");
    ck_assert_str_eq(caught_text(), "t: a\\x0ab\\x1b[2J\\xff\\\n");
}
END_TEST

START_TEST(test_long_line)
{
    char text[3 * XK_LOG_LINE_MAX];
    const char *line;
    size_t len;

    unsetenv("JOURNAL_STREAM");
    xk_log_init("t", XK_LOG_INFO, true);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    catch_stderr();
    xk_info("%s", text);
    line = caught_text();
    len = strlen(line);
    ck_assert_uint_eq(len, strlen("t: ") + XK_LOG_LINE_MAX);
    ck_assert_str_eq(line + len - 5, "x...\n");
}
END_TEST

START_TEST(test_safe)
{
    char dst[16];

    ck_assert_str_eq(xk_log_safe(dst, sizeof(dst), "web-1"), "web-1");
    ck_assert_str_eq(xk_log_safe(dst, sizeof(dst), ""), "");
    ck_assert_str_eq(xk_log_safe(dst, sizeof(dst), NULL), "(none)");
    ck_assert_str_eq(xk_log_safe(dst, sizeof(dst), "a\n\\b"), "a\\x0a\\\\b");
    ck_assert_str_eq(xk_log_safe(dst, sizeof(dst), "\x7f\xc2\x80"),
                     "\\x7f\\xc2\\x80");
}
END_TEST

START_TEST(test_safe_cut)
{
    char dst[16];

    /* 15 bytes fit, 16 do not; an escape is never cut in two. */
    ck_assert_str_eq(xk_log_safe(dst, 16, "123456789012345"),
                     "123456789012345");
    ck_assert_str_eq(xk_log_safe(dst, 16, "1234567890123456"),
                     "123456789012...");
    ck_assert_str_eq(xk_log_safe(dst, 16, "123456789\n\n\n"),
                     "123456789...");
    ck_assert_str_eq(xk_log_safe(dst, 3, "1234"), "..");
    ck_assert_str_eq(xk_log_safe(dst, 1, "1234"), "");
    dst[0] = 'k';
    xk_log_safe(dst, 0, "1234");
    ck_assert_int_eq(dst[0], 'k');
}
END_TEST

START_TEST(test_ratelimit)
{
    struct xk_ratelimit rl = XK_RATELIMIT_INIT(1000, 2);
    uint32_t held = 9;

    ck_assert(xk_ratelimit_ok(&rl, 500, &held));
    ck_assert_uint_eq(held, 0);
    ck_assert(xk_ratelimit_ok(&rl, 500, NULL));
    ck_assert(!xk_ratelimit_ok(&rl, 501, &held));
    ck_assert(!xk_ratelimit_ok(&rl, 1499, &held));
    ck_assert_uint_eq(held, 0);
    ck_assert(xk_ratelimit_ok(&rl, 1500, &held));
    ck_assert_uint_eq(held, 2);
    ck_assert(xk_ratelimit_ok(&rl, 1501, &held));
    ck_assert_uint_eq(held, 0);
    ck_assert(!xk_ratelimit_ok(&rl, 1502, NULL));
}
END_TEST

TCase *tcase_log(void)
{
    TCase *tc = tcase_create("log");

    tcase_add_test(tc, test_plain);
    tcase_add_test(tc, test_journal);
    tcase_add_test(tc, test_one_line);
    tcase_add_test(tc, test_long_line);
    tcase_add_test(tc, test_safe);
    tcase_add_test(tc, test_safe_cut);
    tcase_add_test(tc, test_ratelimit);
    return tc;
}
