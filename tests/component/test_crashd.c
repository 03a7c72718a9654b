// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real crashd on the stand-in of Xen: deaths, records, what becomes of
 * the dead, and what crashd is told by its configuration.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include <xenkeep/util.h>

#include "crash_play.h"
#include "store.h"

/* ---- deaths ---- */

START_TEST(dumps_the_dead)
{
    char id[XK_STORE_ID_SIZE], path[XK_POLICY_PATH];
    struct json_object *record;
    pid_t pid;

    crash_make("web");
    pid = crash_start(NULL);
    usleep(200000);
    ck_assert_uint_eq(crash_records(), 0);
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    ck_assert(crash_wait(pid, 1));
    record = crash_newest(id);
    ck_assert_str_eq(crash_text(record, "outcome"), "stored");
    ck_assert_str_eq(crash_text(record, "guest"), "web");
    ck_assert_str_eq(crash_text(record, "reason"), "crash");
    crash_check(id, false);
    json_object_put(record);
    crash_stop(pid);
    /* The default is to leave it alone. */
    crash_path(path, "xl.log");
    ck_assert_int_ne(access(path, F_OK), 0);
    /* The next crashd knows that it has it already. */
    pid = crash_start(NULL);
    usleep(300000);
    ck_assert_uint_eq(crash_records(), 1);
    crash_stop(pid);
    ck_assert_uint_eq(fake_mappings(), 0);
}
END_TEST

/* Shut down by its own will: nothing to keep. */
START_TEST(leaves_others)
{
    pid_t pid;

    crash_make("web");
    pid = crash_start(NULL);
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, 0), 0);
    crash_make("other");
    ck_assert_int_eq(fake_domain_destroy(crash_dom), 0);
    usleep(300000);
    ck_assert_uint_eq(crash_records(), 0);
    crash_stop(pid);
}
END_TEST

/* Entries are not filled by looking, and what the guest gave away is not
 * there. */
START_TEST(touches_no_entry)
{
    struct fake_config config = {
        .pages = CRASH_PAGES, .static_max = 2 * CRASH_PAGES, .name = "pod",
    };
    char id[XK_STORE_ID_SIZE];
    struct fake_info before, after;
    struct json_object *record;
    pid_t pid;

    crash_make_as(&config);
    ck_assert_int_eq(fake_domain_info(crash_dom, &before), 0);
    ck_assert_uint_gt(before.entries, 0);
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    pid = crash_start(NULL);
    ck_assert(crash_wait(pid, 1));
    record = crash_newest(id);
    ck_assert_str_eq(crash_text(record, "outcome"), "stored");
    json_object_put(record);
    crash_check(id, false);
    ck_assert_int_eq(fake_domain_info(crash_dom, &after), 0);
    ck_assert_uint_eq(after.entries, before.entries);
    ck_assert_uint_eq(after.cache, before.cache);
    crash_stop(pid);
}
END_TEST

START_TEST(skips_the_stateless)
{
    char id[XK_STORE_ID_SIZE], path[XK_STORE_PATH];
    struct json_object *record;
    pid_t pid;

    crash_policy.rule_count = 1;
    crash_policy.rules[0] = (struct xk_rule){
        .name = "web", .stateless = true,
    };
    crash_make("web");
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    pid = crash_start(NULL);
    ck_assert(crash_wait(pid, 1));
    record = crash_newest(id);
    ck_assert_str_eq(crash_text(record, "outcome"), "skipped");
    ck_assert_ptr_nonnull(strstr(crash_text(record, "why"), "stateless"));
    json_object_put(record);
    xk_store_path(crash_policy.store, id, false, XK_STORE_DUMP, path);
    ck_assert_int_ne(access(path, F_OK), 0);
    crash_stop(pid);
}
END_TEST

/* No certificate: what is private, and that is all, is left out. */
START_TEST(nobody_to_seal_for)
{
    char id[XK_STORE_ID_SIZE], command[128];
    struct json_object *record, *pages, *one, *n;
    pid_t pid;

    snprintf(command, sizeof(command), "rm -r %s/keys", crash_dir);
    ck_assert_int_eq(system(command), 0);
    crash_make("web");
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    pid = crash_start(NULL);
    ck_assert(crash_wait(pid, 1));
    record = crash_newest(id);
    ck_assert_str_eq(crash_text(record, "outcome"), "stored");
    ck_assert(json_object_object_get_ex(record, "pages", &pages) &&
              json_object_object_get_ex(pages, "unknown", &one) &&
              json_object_object_get_ex(one, "found", &n));
    ck_assert_int_ge(json_object_get_int(n), (int)CRASH_DATA);
    ck_assert(json_object_object_get_ex(one, "stored", &n));
    ck_assert_int_eq(json_object_get_int(n), 0);
    json_object_put(record);
    crash_stop(pid);
}
END_TEST

START_TEST(acts_on_the_corpse)
{
    unsigned int turns;
    char want[64];
    pid_t pid;

    crash_policy.action = XK_ACTION_DESTROY;
    crash_make("web");
    pid = crash_start(NULL);
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    ck_assert(crash_wait(pid, 1));
    snprintf(want, sizeof(want), "destroy %u\n", crash_dom);
    for (turns = 0; !crash_xl_said(want) && turns < 2000; turns++)
        usleep(5000);
    ck_assert(crash_xl_said(want));
    crash_stop(pid);
}
END_TEST

/* xl's dump waits at the FIFO until the guest is stored, then runs into
 * nothing. */
START_TEST(holds_at_the_fifo)
{
    static uint8_t core[1 << 20];
    char path[XK_POLICY_PATH];
    unsigned int turns;
    struct stat st;
    size_t done = 0;
    ssize_t n;
    pid_t pid;
    int fd;

    crash_policy.action = XK_ACTION_DESTROY;
    crash_make("web");
    pid = crash_start(NULL);
    crash_path(path, "cores/web");
    for (turns = 0; stat(path, &st) && turns < 1000; turns++)
        usleep(5000);
    ck_assert(S_ISFIFO(st.st_mode));
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC,
              0600);
    ck_assert_int_ge(fd, 0);
    n = write(fd, core, sizeof(core));
    ck_assert_int_gt(n, 0);
    ck_assert_int_lt(n, 256 * 1024);    /* it is full, and nobody reads */
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    ck_assert(crash_wait(pid, 1));
    for (turns = 0; done < sizeof(core) && turns < 2000; turns++) {
        n = write(fd, core, sizeof(core) - done);
        done += n > 0 ? (size_t)n : 0;
        usleep(2000);
    }
    ck_assert_uint_eq(done, sizeof(core));
    close(fd);
    /* What becomes of it is xl's affair. */
    crash_path(path, "xl.log");
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(fake_domain_destroy(crash_dom), 0);
    crash_path(path, "cores/web");
    for (turns = 0; !stat(path, &st) && turns < 1000; turns++)
        usleep(5000);
    ck_assert_int_ne(stat(path, &st), 0);
    crash_stop(pid);
}
END_TEST

/* xl comes to the FIFO when the dump is made already: it goes on all the
 * same, and crashd does not get in its way. */
START_TEST(lets_xl_come_late)
{
    char path[XK_POLICY_PATH];
    unsigned int turns;
    struct stat st;
    pid_t pid;
    int fd;

    crash_policy.action = XK_ACTION_DESTROY;
    crash_make("web");
    pid = crash_start(NULL);
    crash_path(path, "cores/web");
    for (turns = 0; stat(path, &st) && turns < 1000; turns++)
        usleep(5000);
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    ck_assert(crash_wait(pid, 1));
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "core", 4), 4);
    usleep(1500000);
    close(fd);
    crash_path(path, "xl.log");
    ck_assert_int_ne(access(path, F_OK), 0);
    crash_stop(pid);
}
END_TEST

START_TEST(keeps_to_its_limits)
{
    unsigned int turn;
    pid_t pid;

    crash_policy.keep_dumps = 2;
    pid = crash_start(NULL);
    for (turn = 0; turn < 4; turn++) {
        struct fake_config config = {
            .pages = CRASH_PAGES, .name = "web", .uuid = { 7 },
        };

        crash_make_as(&config);
        usleep(200000);
        ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
        ck_assert(crash_wait(pid, turn < 2 ? turn + 1 : 2));
        usleep(1100000);        /* ids have the second */
        ck_assert_int_eq(fake_domain_destroy(crash_dom), 0);
        usleep(100000);
    }
    ck_assert_uint_eq(crash_records(), 2);
    crash_stop(pid);
}
END_TEST

/* ---- the configuration ---- */

static const struct {
    const char *text;
    int rc;
} configs[] = {
    { "loop_minutes = 5\nloop_deaths = 7\nloop_delay_s = 1\n", 0 },
    { "loop_action = \"destroy\"\nhold_panics = 0\n", 0 },
    { "guests = [ \"name=a,action=restart,config=/a,fallback=/b\" ]\n", 0 },
    { "loop_deaths = 8\n", -EINVAL },     /* keep_dumps is 8 */
    { "keep_dumps = 4\n", -EINVAL },
    { "loop_delay_s = 0\n", -EINVAL },
    { "loop_action = \"restart\"\n", -EINVAL },
    { "guests = [ \"name=a,fallback=/b\" ]\n", -EINVAL },
    { "guests = [ \"name=a,action=restart,config=/a,fallback=b\" ]\n",
      -EINVAL },
};

START_TEST(reads_its_configuration)
{
    char path[XK_POLICY_PATH];
    struct xk_policy p;
    FILE *f;

    crash_path(path, "crashd.conf");
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(configs[_i].text, f);
    ck_assert_int_eq(fclose(f), 0);
    xk_policy_default(&p);
    ck_assert_msg(xk_policy_read(&p, path) == configs[_i].rc, "%s",
                  configs[_i].text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crashd");
    TCase *tc = tcase_create("crashd");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, crash_setup, crash_teardown);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, dumps_the_dead);
    tcase_add_test(tc, leaves_others);
    tcase_add_test(tc, touches_no_entry);
    tcase_add_test(tc, skips_the_stateless);
    tcase_add_test(tc, nobody_to_seal_for);
    tcase_add_test(tc, acts_on_the_corpse);
    tcase_add_test(tc, holds_at_the_fifo);
    tcase_add_test(tc, lets_xl_come_late);
    tcase_add_test(tc, keeps_to_its_limits);
    tcase_add_loop_test(tc, reads_its_configuration, 0,
                        XK_ARRAY_SIZE(configs));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
