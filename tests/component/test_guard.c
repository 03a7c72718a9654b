/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard of guests in debt, the real daemon against the stand-in of Xen,
 * which kills a guest that finds its cache empty, as Xen does. It is killed
 * at each act, too.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenkeep/control.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "play.h"

#define SUPER FAKE_SUPER_PAGES
#define MOST (64 * SUPER)       /* static-max of the guest */

static struct play play;
static unsigned int patience_ms = 2000;     /* with a guest that stands still */
static uint16_t dom;

static void host(uint64_t supers)
{
    const struct fake_host h = { .supers = supers };

    ck_assert_int_eq(fake_init(&h), 0);
    play_init(&play);
}

static void guest(uint64_t supers)
{
    const struct fake_config config = {
        .pages = supers * SUPER, .static_max = MOST, .name = "debt",
    };

    dom = (uint16_t)fake_domain_create(&config);
}

static bool guarding, lending;

/* Low marks: the guests here are small. */
static void tune(struct settings *s)
{
    s->guard = guarding;
    s->guard_low_mib = 16;
    s->guard_lend = lending;
    s->host_reserve_mib = 32;
}

static void up(bool lend)
{
    guarding = true;
    lending = lend;
    play.tune = tune;
    ck_assert_int_eq(play_up(&play), 0);
}

static void teardown(void)
{
    play_fini(&play);
    fake_fini();
}

static bool runs(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return !play_info(dom).pauses;
}

static bool alarmed(struct play *p, void *arg)
{
    (void)arg;
    return play_domain(p, dom)->guard.alarm;
}

/* Writes a superpage at a time, and lets memoryd look after each. True: all
 * of [from, to). */
static bool touch(uint64_t from, uint64_t to, bool zero)
{
    uint64_t gfn;

    for (gfn = from; gfn < to; gfn += SUPER) {
        if (!play_until(&play, runs, NULL, patience_ms) ||
            fake_guest_fill(dom, gfn, SUPER) ||
            (zero && fake_guest_zero(dom, gfn, SUPER)))
            return false;
        play_idle(&play, 3);
    }
    return true;
}

static void check_alive(void)
{
    ck_assert(!play_info(dom).crashed);
    ck_assert(!play_info(dom).out_of_pod);
    ck_assert_ptr_null(fake_check(dom));
}

/* What all else is measured by. */
START_TEST(dies_without)
{
    host(256);
    guest(24);
    play.tune = tune;
    guarding = false;
    ck_assert_int_eq(play_up(&play), 0);
    ck_assert(!touch(SUPER, MOST, false));
    ck_assert(play_info(dom).out_of_pod);
}
END_TEST

START_TEST(is_lent)
{
    uint64_t gfn, max;

    host(256);
    guest(24);
    max = play_info(dom).max_pages;
    up(true);
    ck_assert(touch(SUPER, MOST, false));
    check_alive();
    ck_assert_uint_gt(play.md.totals.lent_pages, 0);
    /* Its balloon repays, and the host has it back. */
    for (gfn = 30 * SUPER; gfn < MOST; gfn += SUPER)
        ck_assert_int_eq(fake_guest_decrease(dom, &gfn, 1, 9), 1);
    guard_check(play_domain(&play, dom));
    ck_assert_uint_le(play_info(dom).max_pages,
                      xk_max_u64(max, play_info(dom).tot));
    ck_assert(!play_domain(&play, dom)->guard.watching);
}
END_TEST

START_TEST(is_swept)
{
    host(256);
    guest(24);
    up(false);
    ck_assert(touch(SUPER, MOST, true));
    check_alive();
    ck_assert_uint_eq(play.md.totals.lent_pages, 0);
    ck_assert_uint_gt(play.md.totals.committed_pages, 0);
}
END_TEST

static void resume(int code)
{
    struct json_object *reply = play_call(&play, "resume",
                                          "{\"domain\":\"debt\"}");

    ck_assert_int_eq(play_error(reply), code);
    json_object_put(reply);
}

/* Stopped, resumed by order, and alive to the end. */
START_TEST(is_stopped)
{
    struct json_object *reply;

    host(256);
    guest(24);
    up(false);
    resume(XK_RPC_REFUSED);         /* it is not stopped */
    ck_assert(!touch(SUPER, MOST, false));
    ck_assert(play_until(&play, alarmed, NULL, 3000));
    check_alive();
    ck_assert_uint_eq(play_info(dom).pauses, 1);
    ck_assert_uint_eq(play.md.totals.guard_alarms, 1);
    reply = play_call(&play, "sweep", "{\"domain\":\"debt\"}");
    ck_assert_int_eq(play_error(reply), XK_RPC_REFUSED);
    ck_assert_ptr_nonnull(strstr(play_message(reply), "xl-memory resume"));
    json_object_put(reply);
    resume(0);
    ck_assert_uint_eq(play_info(dom).cap, 0);
    ck_assert(touch(SUPER, MOST, false));
    check_alive();
}
END_TEST

/* The host's reserve is nobody's, not by order either. */
START_TEST(reserve_stays)
{
    host(24 + 17);
    guest(24);
    up(true);
    ck_assert(!touch(SUPER, MOST, false));
    ck_assert(play_until(&play, alarmed, NULL, 3000));
    check_alive();
    ck_assert_uint_ge(fake_host_free(), 32 * 256);
    resume(XK_RPC_REFUSED);
    ck_assert_uint_ge(fake_host_free(), 32 * 256);
    ck_assert_uint_eq(play_info(dom).pauses, 1);
}
END_TEST

/* Saving a guest touches all of it. */
START_TEST(covered_when_it_leaves)
{
    char path[64];

    host(256);
    guest(40);
    up(true);
    ck_assert_uint_lt(play_info(dom).cache, play_info(dom).entries);
    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", dom);
    ck_assert_int_eq(fake_xs_write(0, path, "suspend"), 0);
    play_idle(&play, 50);
    ck_assert_uint_ge(play_info(dom).cache, play_info(dom).entries);
}
END_TEST

/* Without debt it is never looked at. */
START_TEST(idle_without_debt)
{
    host(256);
    guest(64);
    up(true);
    ck_assert(!play_domain(&play, dom)->guard.watching);
}
END_TEST

/* ---- killed ---- */

static unsigned int kill_at, acts;

static void on_call(enum fake_call call, unsigned long nr, void *arg)
{
    (void)nr, (void)arg;
    if ((call == FAKE_CALL_PAUSE || call == FAKE_CALL_UNPAUSE ||
         call == FAKE_CALL_SET_POD || call == FAKE_CALL_SETMAXMEM ||
         call == FAKE_CALL_SCHED || call == FAKE_CALL_MARK ||
         call == FAKE_CALL_DECREASE) && ++acts == kill_at)
        (void)kill(getpid(), SIGKILL);
}

/* A child's memoryd until the guest is stopped for good, or killed before its
 * n-th act. */
static bool killed(unsigned int n)
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
        up(false);
        (void)touch(SUPER, MOST, false);
        (void)guard_resume(play_domain(&play, dom));
        (void)touch(SUPER, MOST, false);
        play_down(&play);
        _exit(EXIT_SUCCESS);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    fake_reap(pid);
    return WIFSIGNALED(status);
}

START_TEST(killed_at_any_act)
{
    bool was = true;
    unsigned int n;

    patience_ms = 100;
    for (n = 1; was; n += n < 30 ? 1 : 7) {
        ck_assert_uint_lt(n, 500);
        host(256);
        guest(12);
        was = killed(n);
        check_alive();
        up(true);
        patience_ms = 2000;
        ck_assert(touch(SUPER, MOST, false));
        patience_ms = 100;
        check_alive();
        ck_assert_uint_eq(play_info(dom).pauses, 0);
        ck_assert_uint_eq(play_info(dom).cap, 0);
        teardown();
    }
    ck_assert_uint_gt(n, 6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tc = tcase_create("guard"), *kills = tcase_create("kills");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_set_timeout(kills, 300);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, dies_without);
    tcase_add_test(tc, is_lent);
    tcase_add_test(tc, is_swept);
    tcase_add_test(tc, is_stopped);
    tcase_add_test(tc, reserve_stays);
    tcase_add_test(tc, covered_when_it_leaves);
    tcase_add_test(tc, idle_without_debt);
    tcase_add_test(kills, killed_at_any_act);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, kills);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
