// SPDX-License-Identifier: GPL-2.0-only
/*
 * What crashd keeps of dumps, for how long, of which guests, and who may open
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "crash_play.h"
#include "seal_format.h"
#include "store.h"
#include "xk-keys.h"

/* ---- what is kept ---- */

/* Is the newest record that of the guest? */
static bool is_recorded(void)
{
    char id[XK_STORE_ID_SIZE];
    struct json_object *record, *domid;
    bool is;

    if (!crash_records())
        return false;
    record = crash_newest(id);
    is = json_object_object_get_ex(record, "domid", &domid) &&
         json_object_get_int(domid) == crash_dom;
    json_object_put(record);
    return is;
}

/* One more death of a guest of that name; so many records are left. */
static void one_more(pid_t pid, const char *name, unsigned int count)
{
    unsigned int turns;

    crash_make(name);
    usleep(100000);
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    for (turns = 0; !is_recorded() && turns < 2000; turns++)
        usleep(5000);
    ck_assert(crash_wait(pid, count));
    usleep(1100000);            /* ids have the second */
    ck_assert_uint_eq(crash_records(), count);
    ck_assert_int_eq(fake_domain_destroy(crash_dom), 0);
}

/* Ids from the oldest on; the caller frees them. */
static char (*ids_of(size_t *count_r))[XK_STORE_ID_SIZE]
{
    char (*ids)[XK_STORE_ID_SIZE];

    ck_assert_int_eq(xk_store_list(crash_policy.store, false, &ids, count_r),
                     0);
    return ids;
}

static void set_field(const char *id, const char *name,
                      struct json_object *value)
{
    struct json_object *record;

    ck_assert_int_eq(xk_store_read_record(crash_policy.store, id, &record), 0);
    json_object_object_add(record, name, value);
    ck_assert_int_eq(xk_store_write_record(crash_policy.store, id, false,
                                           record), 0);
    json_object_put(record);
}

static bool has_dump(const char *id)
{
    char path[XK_STORE_PATH];

    xk_store_path(crash_policy.store, id, false, XK_STORE_DUMP, path);
    return !access(path, F_OK);
}

/* Too old: gone, though it is the only one of its guest. */
START_TEST(keeps_for_days)
{
    char (*ids)[XK_STORE_ID_SIZE], old[XK_STORE_ID_SIZE];
    size_t count;
    pid_t pid;

    crash_policy.keep_days = 2;
    pid = crash_start(NULL);
    one_more(pid, "old", 1);
    ids = ids_of(&count);
    memcpy(old, ids[0], sizeof(old));
    free(ids);
    set_field(old, "time", json_object_new_int64(time(NULL) - 3 * 86400));
    one_more(pid, "new", 1);
    ids = ids_of(&count);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_ne(ids[0], old);
    free(ids);
    crash_stop(pid);
}
END_TEST

/* Too much: the older go, the newest of each guest stays. `_i`: by the size
 * of the store, or by what the file system has left. */
START_TEST(keeps_what_fits)
{
    char (*ids)[XK_STORE_ID_SIZE];
    struct json_object *record;
    size_t count, i;
    pid_t pid;

    crash_policy.keep_mib = _i ? 1024 : 0;
    crash_policy.keep_free_mib = _i ? 1u << 30 : 0;
    pid = crash_start(NULL);
    one_more(pid, "a", 1);
    one_more(pid, "b", 2);
    one_more(pid, "a", 2);
    ids = ids_of(&count);
    ck_assert_uint_eq(count, 2);
    for (i = 0; i < count; i++) {
        ck_assert_int_eq(xk_store_read_record(crash_policy.store, ids[i],
                                              &record), 0);
        ck_assert_str_eq(crash_text(record, "guest"), i ? "a" : "b");
        json_object_put(record);
        ck_assert(has_dump(ids[i]));
    }
    free(ids);
    crash_stop(pid);
}
END_TEST

/* The same death over and over: the first and the last dump, and records.
 * What was cut off is done at the next turn. */
START_TEST(thins_out_what_repeats)
{
    char (*ids)[XK_STORE_ID_SIZE], path[XK_STORE_PATH];
    struct json_object *record;
    size_t count, i;
    pid_t pid;

    pid = crash_start(NULL);
    one_more(pid, "web", 1);
    one_more(pid, "web", 2);
    one_more(pid, "web", 3);
    ids = ids_of(&count);
    for (i = 0; i < 3; i++) {
        ck_assert(has_dump(ids[i]));        /* of unknown causes: all stay */
        set_field(ids[i], "stop",
                  json_object_new_string("guest/kernel-bug/x/null-pointer"));
    }
    one_more(pid, "other", 4);
    ck_assert(has_dump(ids[0]) && !has_dump(ids[1]) && has_dump(ids[2]));
    ck_assert_int_eq(xk_store_read_record(crash_policy.store, ids[1],
                                          &record), 0);
    ck_assert_str_eq(crash_text(record, "outcome"), "thinned");
    json_object_put(record);
    xk_store_path(crash_policy.store, ids[1], false, XK_STORE_DUMP, path);
    ck_assert_int_eq(close(open(path, O_WRONLY | O_CREAT, 0600)), 0);
    ck_assert_int_eq(truncate(path, 1), 0);
    one_more(pid, "other", 5);
    ck_assert(!has_dump(ids[1]));
    ck_assert(has_dump(ids[0]) && has_dump(ids[2]));
    free(ids);
    crash_stop(pid);
}
END_TEST

/* ---- who may see it ---- */

static int run_tool(const char *verb, const char *key, const char *more,
                    const char *dump)
{
    const char *src = getenv("XK_SRCDIR"), *build = getenv("XK_BUILDDIR");
    char command[1024];
    int status;

    snprintf(command, sizeof(command), "%s/xenkeep-dump %s --key "
             "%s/tests/unit/certs/%s.key %s %s >/dev/null 2>&1",
             build ? build : ".", verb, src ? src : ".", key, more, dump);
    status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A certificate is exchanged: the content stays as it is, byte by byte, the
 * old key opens nothing and the new one all. */
START_TEST(rotates_keys)
{
    char id[XK_STORE_ID_SIZE], path[XK_STORE_PATH], more[300];
    static uint8_t before[1 << 20], after[1 << 20];
    ssize_t n;
    pid_t pid;
    int fd;

    crash_make("web");
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    pid = crash_start(NULL);
    ck_assert(crash_wait(pid, 1));
    crash_stop(pid);
    json_object_put(crash_newest(id));
    xk_store_path(crash_policy.store, id, false, XK_STORE_DUMP, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    n = read(fd, before, sizeof(before));
    crash_cert("rsa", "../next/owner");
    snprintf(more, sizeof(more), "--keys %s/next", crash_dir);
    ck_assert_int_eq(run_tool("rewrap", "other", more, path), 1);
    ck_assert_int_eq(run_tool("rewrap", "ec", more, path), 0);
    ck_assert_int_eq(run_tool("verify", "ec", "", path), 1);
    ck_assert_int_eq(run_tool("verify", "rsa", "", path), 0);
    crash_check_by(id, false, "rsa");
    ck_assert_int_eq(pread(fd, after, sizeof(after), 0), n);
    ck_assert_int_gt(n, 2 * XK_SEAL_HEADER);
    ck_assert(memcmp(before, after, XK_SEAL_HEADER));
    ck_assert(!memcmp(before + XK_SEAL_HEADER, after + XK_SEAL_HEADER,
                      (size_t)n - XK_SEAL_HEADER));
    close(fd);
}
END_TEST

/* ---- policy of guests without a state ---- */

/* Without a disk that it can write, if the configuration counts that. */
START_TEST(skips_the_diskless)
{
    char id[XK_STORE_ID_SIZE], path[XK_XS_PATH_MAX];
    struct json_object *record;
    pid_t pid;

    crash_policy.skip_diskless = 1;
    crash_make("web");
    snprintf(path, sizeof(path), XK_PATH_VBD_MODE, crash_dom, 51712u);
    ck_assert_int_ge(fake_xs_write(0, path, _i ? "w" : "r"), 0);
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    pid = crash_start(NULL);
    ck_assert(crash_wait(pid, 1));
    record = crash_newest(id);
    ck_assert_str_eq(crash_text(record, "outcome"), _i ? "stored" : "skipped");
    ck_assert(_i || strstr(crash_text(record, "why"), "no disk"));
    ck_assert(has_dump(id) == (_i == 1));
    json_object_put(record);
    crash_stop(pid);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash_keep");
    TCase *tc = tcase_create("crash_keep");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, crash_setup, crash_teardown);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, keeps_for_days);
    tcase_add_loop_test(tc, keeps_what_fits, 0, 2);
    tcase_add_test(tc, thins_out_what_repeats);
    tcase_add_test(tc, rotates_keys);
    tcase_add_loop_test(tc, skips_the_diskless, 0, 2);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
