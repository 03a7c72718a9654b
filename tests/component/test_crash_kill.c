// SPDX-License-Identifier: GPL-2.0-only
/*
 * crashd killed at any byte that it writes, and at each step at the end of a
 * dump: nothing may be in the store that verifies and is wrong, and the next
 * crashd must have a whole dump of the guest that still stands, and deal with
 * it as it was told.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include <xenkeep/util.h>

#include "config.h"

#include "crash_play.h"
#include "store.h"
#include "unseal.h"

/* Bytes that crashd may yet write to files of the store; then it dies. */
static atomic_llong may_write = INT64_MAX;

/* Memory that was freed is of no interest here, and is copied by each fork. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}

ssize_t __wrap_write(int fd, const void *buf, size_t len);

/* Linked in the place of write() in all of crashd. */
ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
    struct stat st;
    long long left;

    if (fd <= STDERR_FILENO || fstat(fd, &st) || !S_ISREG(st.st_mode))
        return syscall(SYS_write, fd, buf, len);
    left = atomic_fetch_sub(&may_write, (long long)len);
    if (left >= (long long)len)
        return syscall(SYS_write, fd, buf, len);
    if (left > 0)
        (void)!syscall(SYS_write, fd, buf, (size_t)left);
    (void)raise(SIGKILL);
    return -1;
}

#ifdef XK_FAULT_POINTS
#define WORLDS 4u
#define BYTES 124               /* kills in each, at bytes of the files;
                                 * with those at frames more than 500 */

/* A moment later, when the last step of its way is taken. */
static bool lives(pid_t pid)
{
    unsigned int turns;
    int status;

    for (turns = 0; turns < 60; turns++) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            fake_reap(pid);
            return false;
        }
        usleep(5000);
    }
    return true;
}

/* What a dump, its record and its reports have written, bytes. */
static long long bytes_of(const char *id)
{
    static const char *const names[] = {
        XK_STORE_DUMP, XK_STORE_RECORD, "report.json", "report.txt",
        "report.html",
    };
    char path[XK_STORE_PATH];
    long long sum = 0;
    struct stat st;
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(names); i++) {
        xk_store_path(crash_policy.store, id, false, names[i], path);
        sum += stat(path, &st) ? 0 : (long long)st.st_size;
    }
    return sum;
}

/* What an unfinished dump has: if that passes for whole, it is. */
static void check_part(const char *id)
{
    struct xk_unseal_key key = { .key = crash_private("ec") };
    char path[XK_STORE_PATH], why[XK_UNSEAL_WHY];
    struct xk_unseal *u;
    bool whole;
    int fd;

    xk_store_path(crash_policy.store, id, true, XK_STORE_DUMP, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    whole = fd >= 0 && !xk_unseal_open(&u, fd, &key, why);
    if (whole) {
        whole = !xk_unseal_torn(u, NULL) &&
                !xk_unseal_walk(u, NULL, NULL, NULL, why);
        xk_unseal_close(u);
    }
    if (fd >= 0)
        close(fd);
    xk_private_free((struct xk_private *)(uintptr_t)key.key);
    if (whole)
        crash_check(id, true);
}

static unsigned int check_parts(void)
{
    char (*ids)[XK_STORE_ID_SIZE];
    size_t count, i;

    if (xk_store_list(crash_policy.store, true, &ids, &count))
        return 0;
    for (i = 0; i < count; i++)
        check_part(ids[i]);
    free(ids);
    return (unsigned int)count;
}

/* A crashd that dies at `point`, or, without one, when it has written so much;
 * nothing of its dump may be taken for one, or else it is right. False: it
 * never came there. */
static bool killed_at(const char *point, long long bytes)
{
    char id[XK_STORE_ID_SIZE];
    bool was;
    pid_t pid;

    atomic_store(&may_write, point ? INT64_MAX : bytes);
    pid = crash_start(point);
    atomic_store(&may_write, INT64_MAX);
    was = !crash_wait(pid, 1) || !lives(pid);
    /* Two: the one before, if it died before it could tidy up. */
    ck_assert_uint_le(check_parts(), 2);
    if (crash_records()) {
        json_object_put(crash_newest(id));
        crash_check(id, false);
    }
    if (!was)
        crash_stop(pid);
    return was;
}

/* The next crashd: one whole dump, no rest, and the guest is dealt with. */
static void repairs(void)
{
    char id[XK_STORE_ID_SIZE], want[64];
    struct json_object *record;
    unsigned int turns;
    pid_t pid;

    snprintf(want, sizeof(want), "destroy %u\n", crash_dom);
    pid = crash_start(NULL);
    ck_assert(crash_wait(pid, 1));
    for (turns = 0; !crash_xl_said(want) && turns < 2000; turns++)
        usleep(5000);
    ck_assert(crash_xl_said(want));
    record = crash_newest(id);
    ck_assert_str_eq(crash_text(record, "outcome"), "stored");
    json_object_put(record);
    crash_check(id, false);
    ck_assert_uint_eq(crash_records(), 1);
    ck_assert_uint_eq(check_parts(), 0);
    crash_stop(pid);
    ck_assert_uint_eq(fake_mappings(), 0);
}

/* A guest that stands dead, whatever was stored of it gone again. */
static long long measure_and_forget(void)
{
    char id[XK_STORE_ID_SIZE];
    long long bytes;

    repairs();
    json_object_put(crash_newest(id));
    bytes = bytes_of(id);
    ck_assert_int_eq(xk_store_remove(crash_policy.store, id, false), 0);
    crash_xl_forget();
    return bytes;
}

static void make_corpse(unsigned int seed)
{
    struct fake_config config = {
        .pages = CRASH_PAGES, .name = "web", .layout = seed % 3,
        .static_max = CRASH_PAGES + FAKE_SUPER_PAGES,
    };

    crash_policy.action = XK_ACTION_DESTROY;
    crash_policy.hold_coredumps = 0;
    crash_policy.workers = 1 + seed % 2;
    crash_make_as(&config);
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
}

/*
 * Each of the kills but the first meets what the one before left. Bytes are
 * taken from all of what is written, each world its own.
 */
START_TEST(killed_while_it_writes)
{
    long long bytes, i;
    char point[32];

    make_corpse((unsigned int)_i);
    bytes = measure_and_forget();
    ck_assert_int_gt(bytes, 16 * BYTES);
    for (i = 0; i < BYTES; i++)
        ck_assert(killed_at(NULL, (bytes - 512) * (4 * i + _i) /
                                      (4 * BYTES)));
    do
        snprintf(point, sizeof(point), "dump-frame:%lld", i - BYTES + 1);
    while (killed_at(point, 0) && ++i);
    ck_assert_int_gt(i, BYTES + 4);
    repairs();
}
END_TEST

/* It is whole by then, or will be; once killed is enough to see that. */
START_TEST(killed_at_the_end)
{
    static const char *const points[] = {
        "dump-recorded", "dump-committed", "guest-settled",
    };

    make_corpse(0);
    ck_assert(killed_at(points[_i], 0));
    repairs();
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("crash_kill");
    TCase *tc = tcase_create("crash_kill");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, crash_setup, crash_teardown);
    tcase_set_timeout(tc, 600);
#ifdef XK_FAULT_POINTS
    tcase_add_loop_test(tc, killed_while_it_writes, 0, WORLDS);
    tcase_add_loop_test(tc, killed_at_the_end, 0, 3);
#endif
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
