// SPDX-License-Identifier: GPL-2.0-only
/* xenkeep-memoryd.conf: what is taken, and that nothing else is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "settings.h"
#include "unit.h"

static struct settings s;

static int read_text(const char *text)
{
    char path[] = "/tmp/xksettings-XXXXXX";
    int rc, fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    settings_default(&s);
    rc = settings_read(&s, path);
    (void)unlink(path);
    return rc;
}

START_TEST(test_defaults)
{
    ck_assert_int_eq(read_text("# nothing\n\n"), 0);
    ck_assert_uint_eq(s.pause_max_us, 2000);
    ck_assert_uint_eq(s.pause_share_permille, 20);
    ck_assert_uint_eq(s.scan_share_percent, 25);
    ck_assert_uint_eq(s.sweep_regular, 1);
    ck_assert_uint_eq(s.inflate_chunk_mib, 32);
    ck_assert_uint_eq(s.host_reserve_mib, 256);
    ck_assert_uint_eq(s.recover_share_percent, 25);
    ck_assert_uint_eq(s.free_page_reporting, 1);
    ck_assert_int_eq(s.log_level, XK_LOG_INFO);
    ck_assert_str_eq(s.user, "xenkeep");
    ck_assert_uint_eq(s.host_reserve_mib, 256);
    ck_assert_uint_eq(s.balancer, 0);
    ck_assert_uint_eq(s.balance_interval_ms, 1000);
    ck_assert_uint_eq(s.nr_rules, 0);
}
END_TEST

START_TEST(test_good)
{
    ck_assert_int_eq(read_text("pause_max_us = 100\n"
                               "pause_share_permille=500 # half\n"
                               "scan_share_percent = 1\n"
                               "  sweep_regular = 0\n"
                               "inflate_chunk_mib = 128\n"
                               "host_reserve_mib = 0\n"
                               "recover_share_percent = 100\n"
                               "free_page_reporting = 0\n"
                               "log_level = \"debug\"\n"
                               "user = 'nobody'\n"), 0);
    ck_assert_uint_eq(s.pause_max_us, 100);
    ck_assert_uint_eq(s.pause_share_permille, 500);
    ck_assert_uint_eq(s.scan_share_percent, 1);
    ck_assert_uint_eq(s.sweep_regular, 0);
    ck_assert_uint_eq(s.inflate_chunk_mib, 128);
    ck_assert_uint_eq(s.host_reserve_mib, 0);
    ck_assert_uint_eq(s.recover_share_percent, 100);
    ck_assert_uint_eq(s.free_page_reporting, 0);
    ck_assert_int_eq(s.log_level, XK_LOG_DEBUG);
    ck_assert_str_eq(s.user, "nobody");
}
END_TEST

START_TEST(test_guests)
{
    const struct rule *r;

    ck_assert_int_eq(read_text(
        "balancer = 1; host_reserve_mib = 512\n"
        "guests = [ # a list goes over lines\n"
        "  \"name=web,min=256M,max=2G,weight=200,pace=64M\",\n"
        "\n"
        "  'name=a]b;c [d]#e,weight=1', # as does a ] in a comment\n"
        "  \"max=1024,name=last\",\n"
        "]\n"
        "log_level = \"debug\"\n"), 0);
    ck_assert_uint_eq(s.balancer, 1);
    ck_assert_uint_eq(s.host_reserve_mib, 512);
    ck_assert_int_eq(s.log_level, XK_LOG_DEBUG);
    ck_assert_uint_eq(s.nr_rules, 3);
    r = settings_rule(&s, "web");
    ck_assert_ptr_nonnull(r);
    ck_assert_uint_eq(r->min_kib, 262144);
    ck_assert_uint_eq(r->max_kib, 2097152);
    ck_assert_uint_eq(r->weight, 200);
    ck_assert_uint_eq(r->pace_kib, 65536);
    r = settings_rule(&s, "a]b;c [d]#e");
    ck_assert_ptr_nonnull(r);
    ck_assert_uint_eq(r->min_kib + r->max_kib + r->pace_kib, 0);
    ck_assert_uint_eq(settings_rule(&s, "last")->max_kib, 1048576);
    ck_assert_ptr_null(settings_rule(&s, "we"));
    ck_assert_int_eq(read_text("guests = []\n"), 0);
    ck_assert_int_eq(read_text("host_reserve_mib = 300\nguests = "
                               "[ \"name=web,overcommit=300M\" ]\n"), 0);
    ck_assert_uint_eq(settings_rule(&s, "web")->overcommit_kib, 300 * 1024);
    ck_assert_int_eq(read_text("guests = []\n"), 0);
    ck_assert_uint_eq(s.nr_rules, 0);
}
END_TEST

/* The number of guests that may be named, and one more. */
START_TEST(test_many_guests)
{
    static char text[SETTINGS_RULES * 32];
    size_t n, len;

    for (n = SETTINGS_RULES; n <= SETTINGS_RULES + 1; n++) {
        len = (size_t)sprintf(text, "guests = [");
        for (size_t i = 0; i < n; i++)
            len += (size_t)sprintf(text + len, "\"name=g%zu\",\n", i);
        sprintf(text + len, "]\n");
        ck_assert_int_eq(read_text(text), n > SETTINGS_RULES ? -EINVAL : 0);
    }
}
END_TEST

START_TEST(test_no_file)
{
    ck_assert_int_eq(settings_read(&s, "/nonexistent/conf"), -ENOENT);
}
END_TEST

static const char *const bads[] = {
    "pause_max = 100\n",            /* no such key */
    "pause_max_usec = 100\n",
    "log_level = \"info\"; pause_max = 3\n",
    "pause_max_us = 99\n", "pause_max_us = 20001\n", "pause_max_us = -1\n",
    "pause_share_permille = 0\n", "scan_share_percent = 101\n",
    "sweep_regular = 2\n", "inflate_chunk_mib = 1\n",
    "inflate_chunk_mib = 129\n",
    "recover_share_percent = 0\n", "recover_share_percent = 101\n",
    "free_page_reporting = 2\n", "recover_background = 2\n",
    "background_share_percent = 0\n", "background_share_percent = 51\n",
    "host_reserve_mib = -1\n", "host_reserve_mib = 16777217\n",
    "pause_max_us = \"many\"\n", "pause_max_us = [ 1000 ]\n",
    "pause_max_us = 99999999999999999999\n",
    "log_level = \"loud\"\n", "log_level = 3\n", "log_level = [ \"err\" ]\n",
    "user = \"\"\n",
    "user = \"a-name-that-is-longer-than-a-name-can-be\"\n",
    "balancer = 2\n", "host_reserve_mib = -1\n",
    "balance_interval_ms = 99\n",
    "guests = \"name=web\"\n", "guests = 3\n",
    "guests = [ 3 ]\n", "guests = [ \"\" ]\n",
    "guests = [ [ \"name=web\" ] ]\n",
    "guests = [ \"name=web\", \"min=1G\" ]\n",
    "guests = [ \"name=web\", \"name=web,min=1G\" ]\n",
    "guests = [ \"name=web\"\n", "guests = [ \"name=web ]\n",
    "guests = [\n \"name=web\"\n]; pause_max = 3\n",
    "guests = [\n \"name=web\"\n]\npause_max = 3\n",
    "guests = [ \"name=web\" # ]\n ]\npause_max = 3\n",
    "guests = [ \"name=web,overcommit=300M\" ]\n",
    "guests = [ \"name=web,overcommit=64M\" ]\nguard = 0\n",
    "host_reserve_mib = 0\nguests = [ \"name=web,overcommit=2M\" ]\n",
    "pause_max_us 100\n", "pause_max_us =\n", "= 3\n", "\x01\x02\n",
};

START_TEST(test_bad)
{
    ck_assert_msg(read_text(bads[_i]) == -EINVAL, "%s", bads[_i]);
}
END_TEST

TCase *tcase_settings(void)
{
    TCase *tc = tcase_create("settings");

    tcase_add_test(tc, test_defaults);
    tcase_add_test(tc, test_good);
    tcase_add_test(tc, test_guests);
    tcase_add_test(tc, test_many_guests);
    tcase_add_test(tc, test_no_file);
    tcase_add_loop_test(tc, test_bad, 0, XK_ARRAY_SIZE(bads));
    return tc;
}
