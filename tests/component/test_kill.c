/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memoryd is killed at every step, in a child process, and the next one has
 * to make the guest whole: it runs, nothing of its memory is lost, every
 * entry is covered, no scratch is left. A call that only asks Xen changes
 * nothing, so a kill before it is one before the next act.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenkeep/control.h>
#include <xenkeep/util.h>

#include "config.h"

#include "domain.h"
#include "play.h"

#define SUPER FAKE_SUPER_PAGES
#define PAGES (8 * SUPER)
#define FREE (4 * SUPER)        /* ranges 2 to 5 */
#define SPLIT (6 * SUPER)       /* a range with a page given away */

/* More kills than any of these can take: it does not end otherwise. */
#define KILLS_MAX 1000u

typedef void work_fn(void);

static struct play play;
static struct guest *guest;     /* outlives the daemons: shared memory */
static uint16_t dom;
static uint64_t sum;

static unsigned int kill_at, acts;
static bool memory_acts;

/* ---- killing ---- */

static bool is_memory_act(enum fake_call call)
{
    return call == FAKE_CALL_PAUSE || call == FAKE_CALL_UNPAUSE ||
           call == FAKE_CALL_SET_POD || call == FAKE_CALL_SETMAXMEM ||
           call == FAKE_CALL_MARK || call == FAKE_CALL_DECREASE;
}

static bool is_act(enum fake_call call)
{
    return is_memory_act(call) || call == FAKE_CALL_MAP ||
           call == FAKE_CALL_UNMAP || call == FAKE_CALL_RESOURCE ||
           call == FAKE_CALL_GNTTAB_MAP || call == FAKE_CALL_EVTCHN_BIND ||
           call == FAKE_CALL_EVTCHN_NOTIFY || call == FAKE_CALL_XS_CHANGE;
}

static void on_call(enum fake_call call, unsigned long nr, void *arg)
{
    (void)nr, (void)arg;
    if ((memory_acts ? is_memory_act(call) : is_act(call)) &&
        ++acts == kill_at)
        (void)kill(getpid(), SIGKILL);
}

/* True: it was killed before its n-th act (0: never). */
static bool killed(work_fn *work, unsigned int n)
{
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        (void)alarm(30);
        kill_at = n;
        acts = 0;
        fake_hook(on_call, NULL);
        work();
        _exit(EXIT_SUCCESS);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    fake_reap(pid);
    if (WIFEXITED(status)) {
        ck_assert_int_eq(WEXITSTATUS(status), EXIT_SUCCESS);
        return false;
    }
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    return true;
}

/* ---- a world, and what is done in it ---- */

static void world_begin(void)
{
    static const struct fake_host host = { .supers = 64 };
    uint64_t gfn = SPLIT + 9;

    ck_assert_int_eq(fake_init(&host), 0);
    play_init(&play);
    dom = play_create(PAGES, SUPER, 2 * SUPER);
    ck_assert_int_eq(fake_guest_fill(dom, SPLIT, SUPER - 5), 0);
    /* Zero, because the host gives the frame out again as it is. */
    ck_assert_int_eq(fake_guest_zero(dom, gfn, 1), 0);
    ck_assert_int_eq(fake_guest_decrease(dom, &gfn, 1, 0), 1);
    guest_init(guest, dom, 2 * SUPER, FREE);
    play_guest(&play, guest);
    sum = fake_checksum(dom);
}

static void world_end(void)
{
    play_fini(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
    fake_fini();
}

static void must(struct json_object *reply)
{
    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    json_object_put(reply);
}

static void just_up(void)
{
    ck_assert_int_eq(play_up(&play), 0);
}

static void sweeps(void)
{
    just_up();
    must(play_call(&play, "sweep", "{\"domain\":\"1\"}"));
    play_down(&play);
}

static void inflates(void)
{
    just_up();
    play_connect(&play);
    must(play_call(&play, "sweep",
                   "{\"domain\":\"1\",\"target_kib\":9200}"));
    play_down(&play);
}

static bool answered(struct play *p, void *arg)
{
    (void)p;
    return guest->reported != *(unsigned long *)arg;
}

/* Three ranges of free memory, all zero, and one that is RAM with data is
 * never offered. */
static void reports(void)
{
    unsigned long before = guest->reported;

    just_up();
    play_connect(&play);
    ck_assert_int_eq(guest_offer(guest, 2 * SUPER, 3), 0);
    ck_assert(play_until(&play, answered, &before, 5000));
    ck_assert_uint_eq(guest->report_status, XK_BALLOON_OK);
    play_down(&play);
}

/* The next daemon, and the guest with it, to the size of the beginning. */
static void deflates(void)
{
    struct json_object *reply;

    just_up();
    play_connect(&play);
    if (guest->ballooned) {
        /* What a killed daemon did not write down, the toolstack would. */
        fake_domain_set_max_pages(dom, PAGES + 256);
        reply = play_call(&play, "sweep",
                          "{\"domain\":\"1\",\"target_kib\":16384}");
        json_object_put(reply);
    }
    play_down(&play);
}

static void check_whole(void)
{
    play_check(dom);
    ck_assert_uint_eq(play_checksum(guest), sum);
}

/* The rest of the guest's life: it uses all that it has. */
static void check_usable(work_fn *next)
{
    ck_assert(!killed(next, 0));
    check_whole();
    if (!guest->ballooned)
        ck_assert_int_eq(fake_guest_fill(dom, 2 * SUPER, FREE), 0);
    play_check(dom);
}

static void setup(void)
{
    guest = mmap(NULL, sizeof(*guest), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(guest, MAP_FAILED);
    memory_acts = false;
}

static void teardown(void)
{
    munmap(guest, sizeof(*guest));
}

/* ---- once ---- */

static void kill_at_each(work_fn *work, work_fn *next, unsigned int least)
{
    unsigned int n;
    bool was = true;

    for (n = 1; was; n++) {
        ck_assert_uint_lt(n, KILLS_MAX);
        world_begin();
        was = killed(work, n);
        ck_assert(!killed(just_up, 0));
        check_whole();
        check_usable(next);
        world_end();
    }
    ck_assert_uint_gt(n, least);
}

START_TEST(kill_sweep)
{
    kill_at_each(sweeps, sweeps, 40);
}
END_TEST

START_TEST(kill_inflate)
{
    kill_at_each(inflates, deflates, 40);
}
END_TEST

START_TEST(kill_report)
{
    kill_at_each(reports, reports, 25);
}
END_TEST

/* ---- twice ---- */

/* Kills the repair of what the n-th kill left before its m-th act. */
static bool kill_both(work_fn *work, unsigned int n, unsigned int m,
                      bool *was)
{
    bool again;

    world_begin();
    *was = killed(work, n);
    again = killed(just_up, m);
    if (again)
        ck_assert(!killed(just_up, 0));
    check_whole();
    world_end();
    return again;
}

/* A scratch of inflation is 64 marks: not each of them is another case. */
static unsigned int next_kill(unsigned int m)
{
    return m > 3 && m < 38 ? m + 30 : m + 1;
}

static void kill_repairs(work_fn *work, unsigned int first, unsigned int step)
{
    unsigned int n, m;
    bool was = true;

    memory_acts = true;
    for (n = first; was; n += step) {
        ck_assert_uint_lt(n, KILLS_MAX);
        for (m = 1; kill_both(work, n, m, &was); m = next_kill(m))
            ck_assert_uint_lt(m, KILLS_MAX);
    }
}

START_TEST(kill_repair_of_sweep)
{
    kill_repairs(sweeps, 1, 1);
}
END_TEST

START_TEST(kill_repair_of_inflate)
{
    kill_repairs(inflates, 2, 7);
}
END_TEST

START_TEST(kill_repair_of_report)
{
    kill_repairs(reports, 1, 1);
}
END_TEST

/* ---- between a call and the journal ---- */

#ifdef XK_FAULT_POINTS
static const char *const points[] = {
    "window-pausing", "window-paused", "window-opened", "window-taken",
    "window-marked", "window-closed", "window-verified", "window-unpaused",
    "inflate-opening", "inflate-opened", "inflate-closed",
    "report-opening", "report-opened", "report-taken", "report-marked",
    "report-closed",
};

START_TEST(kill_at_points)
{
    const char *point = points[_i];
    work_fn *work = !strncmp(point, "inflate", 7)  ? inflates
                    : !strncmp(point, "report", 6) ? reports
                                                   : sweeps;
    char value[64];
    unsigned int n;
    bool was = true;

    for (n = 1; was; n++) {
        world_begin();
        snprintf(value, sizeof(value), "%s:%u", point, n);
        ck_assert_int_eq(setenv("XK_FAULT", value, 1), 0);
        was = killed(work, 0);
        ck_assert_int_eq(unsetenv("XK_FAULT"), 0);
        ck_assert(!killed(just_up, 0));
        check_whole();
        world_end();
    }
    ck_assert_uint_gt(n, 2);
}
END_TEST

static const char *const repair_points[] = {
    "repair-reopened", "repair-restored", "repair-unpaused",
};

START_TEST(kill_at_repair_points)
{
    unsigned int n;
    bool was = true;

    memory_acts = true;
    for (n = 1; was; n += 3) {
        world_begin();
        was = killed(sweeps, n);
        ck_assert_int_eq(setenv("XK_FAULT", repair_points[_i], 1), 0);
        (void)killed(just_up, 0);
        ck_assert_int_eq(unsetenv("XK_FAULT"), 0);
        ck_assert(!killed(just_up, 0));
        check_whole();
        world_end();
    }
}
END_TEST
#endif

/* ---- the administrator's own pause ---- */

/* Before the n-th memory act of a sweep the guest is paused by memoryd; true
 * when it was. */
static bool killed_while_paused(unsigned int n)
{
    world_begin();
    memory_acts = true;
    ck_assert(killed(sweeps, n));
    return play_info(dom).pauses == 1;
}

START_TEST(own_pause_stays)
{
    unsigned int n, m, seen = 0;

    for (n = 2; n < 12; n++) {
        for (m = 0; killed_while_paused(n); m++) {
            ck_assert_int_eq(fake_domain_pause(dom), 0);
            seen++;
            if (!m || !killed(just_up, m))
                break;
            ck_assert(!killed(just_up, 0));
            ck_assert_uint_eq(play_info(dom).pauses, 1);
            ck_assert_int_eq(fake_domain_unpause(dom), 0);
            check_whole();
            world_end();
        }
        if (!m && play_info(dom).pauses) {
            ck_assert(!killed(just_up, 0));
            ck_assert_uint_eq(play_info(dom).pauses, 1);
        }
        world_end();
    }
    ck_assert_uint_gt(seen, 3);
}
END_TEST

/* With the scratch of an inflation open no pause is memoryd's. */
START_TEST(own_pause_during_inflation)
{
    unsigned int n, open = 0;
    bool was = true;

    memory_acts = true;
    for (n = 1; was && open < 2; n++) {
        world_begin();
        was = killed(inflates, n);
        if (play_info(dom).scratch && !play_info(dom).pauses) {
            open++;
            ck_assert_int_eq(fake_domain_pause(dom), 0);
            (void)killed(just_up, 1 + n % 3);
            ck_assert(!killed(just_up, 0));
            ck_assert_uint_eq(play_info(dom).pauses, 1);
            ck_assert_int_eq(fake_domain_unpause(dom), 0);
        }
        ck_assert(!killed(just_up, 0));
        check_whole();
        world_end();
    }
    ck_assert_uint_gt(open, 0);
}
END_TEST

START_TEST(own_pause_without_work)
{
    world_begin();
    ck_assert(!killed(sweeps, 0));
    ck_assert_int_eq(fake_domain_pause(dom), 0);
    ck_assert(!killed(just_up, 0));
    ck_assert_uint_eq(play_info(dom).pauses, 1);
    ck_assert_int_eq(fake_domain_unpause(dom), 0);
    check_whole();
    world_end();
}
END_TEST

/* Xen gives a number again; the uuid tells that it is another guest. */
START_TEST(another_guest)
{
    struct fake_config config = {
        .pages = PAGES, .paused = true, .uuid = { 1, 2, 3 },
    };

    world_begin();
    memory_acts = true;
    ck_assert(killed(sweeps, 4));
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
    config.domid = dom;
    ck_assert_int_eq(fake_domain_create(&config), dom);
    ck_assert(!killed(just_up, 0));
    ck_assert_uint_eq(play_info(dom).pauses, 1);
    ck_assert_uint_eq(play_info(dom).entries, 0);
    world_end();
}
END_TEST

/* ---- a repair that fails ---- */

static bool runs(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return !play_info(dom).pauses;
}

START_TEST(repair_is_tried_again)
{
    struct json_object *reply;

    world_begin();
    memory_acts = true;
    /* Pause, mark of the scratch, decrease: the Xs are out. */
    ck_assert(killed(sweeps, 4));
    ck_assert_uint_eq(play_info(dom).pauses, 1);
    fake_fail(FAKE_CALL_MARK, 1, ENOMEM, 0);
    just_up();
    ck_assert_uint_eq(play_info(dom).pauses, 1);
    reply = play_call(&play, "sweep", "{\"domain\":\"1\"}");
    ck_assert_int_eq(play_error(reply), XK_RPC_REFUSED);
    ck_assert_ptr_nonnull(strstr(play_message(reply), "held"));
    json_object_put(reply);
    ck_assert(play_until(&play, runs, NULL, 5000));
    check_whole();
    must(play_call(&play, "sweep", "{\"domain\":\"1\"}"));
    check_whole();
    world_end();
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("kill");
    Suite *suite = suite_create("kill");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, kill_sweep);
    tcase_add_test(tc, kill_inflate);
    tcase_add_test(tc, kill_report);
    tcase_add_test(tc, kill_repair_of_sweep);
    tcase_add_test(tc, kill_repair_of_inflate);
    tcase_add_test(tc, kill_repair_of_report);
#ifdef XK_FAULT_POINTS
    tcase_add_loop_test(tc, kill_at_points, 0, XK_ARRAY_SIZE(points));
    tcase_add_loop_test(tc, kill_at_repair_points, 0,
                        XK_ARRAY_SIZE(repair_points));
#endif
    tcase_add_test(tc, own_pause_stays);
    tcase_add_test(tc, own_pause_during_inflation);
    tcase_add_test(tc, own_pause_without_work);
    tcase_add_test(tc, another_guest);
    tcase_add_test(tc, repair_is_tried_again);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
