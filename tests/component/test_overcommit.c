/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Overcommit: the host gets memory of a guest that may still touch it. It gets
 * it back when it does; it is stopped, and never killed, when the host has
 * none. memoryd is killed at each act, too.
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
#define RANGES 56u
#define PAGES (RANGES * SUPER)
#define DATA (4 * SUPER)        /* it has data up to here */
#define BUDGET (16 * SUPER)
#define FREE 100u               /* superpages of the host beside it */

static struct play play;
static struct guest *guest;
static uint16_t dom;
static uint64_t max_pages, sum;
static unsigned int patience_ms = 2000;
static uint64_t budget_kib;

static void tune(struct settings *s)
{
    s->guard_low_mib = 2;
    s->host_reserve_mib = 32;
    s->guard_lend = 0;
    s->rules[0] = (struct rule){ .name = "over",
                                 .overcommit_kib = budget_kib };
    s->nr_rules = 1;
}

static void make(enum fake_type type)
{
    const struct fake_host host = { .supers = RANGES + FREE };
    const struct fake_config config = {
        .type = type, .pages = PAGES, .vcpus = 1, .name = "over",
    };

    budget_kib = BUDGET * 4;
    ck_assert_int_eq(fake_init(&host), 0);
    play_init(&play);
    play.tune = tune;
    dom = (uint16_t)fake_domain_create(&config);
    max_pages = play_info(dom).max_pages;
    ck_assert_int_eq(fake_guest_fill(dom, SUPER, DATA - SUPER), 0);
    sum = fake_checksum(dom);
}

static void make_pvh(void)
{
    make(FAKE_PVH);
}

static void setup(void)
{
    make(FAKE_PVH);
    ck_assert_int_eq(play_up(&play), 0);
}

static void teardown(void)
{
    play_fini(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
    free(guest);
    guest = NULL;
    fake_fini();
}

static uint64_t given(void)
{
    return play_domain(&play, dom)->overcommit.given;
}

static struct json_object *sweep(const char *more)
{
    char params[96];

    snprintf(params, sizeof(params), "{\"domain\":\"over\"%s}", more);
    return play_call(&play, "sweep", params);
}

static void sweep_well(void)
{
    struct json_object *reply = sweep("");

    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    json_object_put(reply);
}

static void check_alive(void)
{
    struct fake_info info = play_info(dom);
    const char *bad = fake_check(dom);

    ck_assert_msg(!bad, "%s", bad);
    ck_assert(!info.crashed && !info.out_of_pod);
    ck_assert_uint_eq(info.scratch, 0);
    ck_assert_uint_le(info.tot, info.max_pages);
    ck_assert_uint_eq(info.max_pages, max_pages);
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
static bool touch(uint64_t from, uint64_t to)
{
    uint64_t gfn;

    for (gfn = from; gfn < to; gfn += SUPER) {
        if (!play_until(&play, runs, NULL, patience_ms) ||
            fake_guest_fill(dom, gfn, SUPER))
            return false;
        play_idle(&play, 3);
    }
    return true;
}

/* ---- giving and getting back ---- */

START_TEST(gives)
{
    uint64_t before = fake_host_free(), size = play_info(dom).tot;
    struct json_object *reply = sweep("");
    struct fake_info info = play_info(dom);

    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    ck_assert_int_eq(play_number(reply, "returned_kib"), BUDGET * 4);
    ck_assert_int_eq(play_number(reply, "after.overcommitted_kib"),
                     BUDGET * 4);
    json_object_put(reply);
    ck_assert_uint_eq(fake_host_free(), before + BUDGET);
    ck_assert_uint_eq(info.entries, info.cache + BUDGET);
    ck_assert_uint_eq(info.tot, size - BUDGET);
    ck_assert_uint_eq(given(), BUDGET);
    ck_assert(play_domain(&play, dom)->guard.watching);
    ck_assert_uint_eq(fake_checksum(dom), sum);
    check_alive();
    /* There is no more to be had by doing it again. */
    sweep_well();
    ck_assert_uint_eq(given(), BUDGET);
    ck_assert_uint_eq(fake_host_free(), before + BUDGET);
    reply = play_call(&play, "memory", "{}");
    ck_assert_ptr_nonnull(strstr(json_object_to_json_string(reply),
                                 "\"overcommitted_kib\": 32768"));
    json_object_put(reply);
    reply = play_call(&play, "policy", "{}");
    ck_assert_ptr_nonnull(strstr(json_object_to_json_string(reply),
                                 "\"overcommit_kib\": 32768"));
    json_object_put(reply);
}
END_TEST

/* The cache that the guard wants to see is not given. */
START_TEST(keeps_enough)
{
    struct marks m;

    play.md.settings.rules[0].overcommit_kib = PAGES * 4;
    sweep_well();
    marks_init(&m, 2, 1);
    ck_assert_uint_gt(given(), 0);
    ck_assert_uint_ge(play_info(dom).cache, m.high);
    check_alive();
}
END_TEST

static void gives_nothing(void)
{
    uint64_t before = fake_host_free();

    sweep_well();
    ck_assert_uint_eq(fake_host_free(), before);
    ck_assert_uint_ge(play_info(dom).cache, play_info(dom).entries);
    ck_assert_uint_eq(play_info(dom).uncovered, 0);
}

START_TEST(not_by_default)
{
    play.md.settings.nr_rules = 0;
    gives_nothing();
}
END_TEST

START_TEST(not_an_hvm_guest)
{
    teardown();
    make(FAKE_HVM);
    ck_assert_int_eq(play_up(&play), 0);
    gives_nothing();
}
END_TEST

/* It writes to all it has; lending is not allowed, but this is its own. */
START_TEST(gets_back)
{
    sweep_well();
    ck_assert_uint_eq(given(), BUDGET);
    ck_assert(touch(SUPER, PAGES));
    check_alive();
    ck_assert_uint_eq(given(), 0);
    ck_assert_uint_eq(play_info(dom).entries, 0);
    ck_assert_uint_eq(play_info(dom).tot, PAGES + 16);
    ck_assert(!play_domain(&play, dom)->guard.watching);
    ck_assert_uint_eq(play.md.totals.guard_alarms, 0);
}
END_TEST

/* Others have taken all but what the reserve is. */
START_TEST(gets_the_reserve)
{
    sweep_well();
    ck_assert_int_eq(fake_host_take(9, fake_host_free() / SUPER - 16), 0);
    ck_assert(touch(SUPER, PAGES));
    check_alive();
    ck_assert_uint_eq(play_info(dom).tot, PAGES + 16);
}
END_TEST

static void resume(int code)
{
    struct json_object *reply = play_call(&play, "resume",
                                          "{\"domain\":\"over\"}");

    ck_assert_int_eq(play_error(reply), code);
    json_object_put(reply);
}

/* Others have taken all: stopped, not killed; and it goes on when there is
 * memory again, by order or by itself. */
START_TEST(is_stopped)
{
    sweep_well();
    ck_assert_int_eq(fake_host_take(9, fake_host_free() / SUPER), 0);
    patience_ms = 200;
    ck_assert(!touch(DATA, PAGES));
    ck_assert(play_until(&play, alarmed, NULL, 3000));
    check_alive();
    ck_assert_uint_eq(play_info(dom).pauses, 1);
    ck_assert_uint_gt(play_info(dom).cache, 0);
    resume(XK_RPC_REFUSED);
    fake_host_give();
    if (_i)
        resume(0);
    patience_ms = 3000;
    ck_assert(touch(DATA, PAGES));
    check_alive();
    ck_assert_uint_eq(play_info(dom).cap, 0);
    ck_assert_uint_eq(given(), 0);
}
END_TEST

/* ---- with others ---- */

static void set_shutdown(const char *value)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", dom);
    ck_assert_int_eq(fake_xs_write(0, path, value), 0);
    play_idle(&play, 60);
}

/* Saving fills all entries: it has the pages before it suspends. */
START_TEST(covered_when_it_is_saved)
{
    sweep_well();
    set_shutdown("suspend");
    ck_assert_uint_ge(play_info(dom).cache, play_info(dom).entries);
    ck_assert_uint_eq(play_info(dom).pauses, 0);
    ck_assert_uint_eq(given(), 0);
    check_alive();
}
END_TEST

/* The host has none: it does not come to suspend, and goes on after. */
START_TEST(not_saved_uncovered)
{
    sweep_well();
    ck_assert_int_eq(fake_host_take(9, fake_host_free() / SUPER), 0);
    set_shutdown("suspend");
    ck_assert_uint_eq(play_info(dom).pauses, 1);
    set_shutdown("");
    ck_assert_uint_eq(play_info(dom).pauses, 0);
    check_alive();
    /* A guest that ends is not in the way of anything. */
    set_shutdown("poweroff");
    ck_assert_uint_eq(play_info(dom).pauses, 0);
}
END_TEST

/* memoryd ends in good order, with and without memory of the host. */
START_TEST(covered_when_nobody_looks)
{
    sweep_well();
    if (_i)
        ck_assert_int_eq(fake_host_take(9, fake_host_free() / SUPER), 0);
    play_down(&play);
    ck_assert_int_eq(play_info(dom).cache >= play_info(dom).entries, !_i);
    check_alive();
    ck_assert_int_eq(play_up(&play), 0);
    ck_assert_int_eq(given() > 0, _i);
    fake_host_give();
    ck_assert(touch(DATA, PAGES));
    check_alive();
}
END_TEST

/* A migration has begun: nothing tells but its pages. */
START_TEST(covered_when_it_migrates)
{
    sweep_well();
    ck_assert_int_eq(fake_domain_log_dirty(dom, true), 0);
    play_idle(&play, 250);
    ck_assert_uint_ge(play_info(dom).cache, play_info(dom).entries);
    ck_assert_uint_eq(given(), 0);
    check_alive();
}
END_TEST

static void with_balloon(void)
{
    guest = calloc(1, sizeof(*guest));
    guest_init(guest, dom, 40 * SUPER, 16 * SUPER);
    play_guest(&play, guest);
    play_connect(&play);
}

/* Its balloon repays first; sizes are its own, not what the host left it. */
START_TEST(balloons)
{
    struct json_object *reply;
    char more[48];

    with_balloon();
    sweep_well();
    ck_assert_uint_eq(given(), BUDGET);
    snprintf(more, sizeof(more), ",\"target_kib\":%u",
             (PAGES - 12 * SUPER) * 4);
    play.md.settings.nr_rules = 0;
    reply = sweep(more);
    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    ck_assert_int_eq(play_number(reply, "balloon.moved_kib"), 12 * SUPER * 4);
    json_object_put(reply);
    ck_assert_uint_eq(guest->ballooned, 12 * SUPER);
    ck_assert_uint_eq(given(), BUDGET - 12 * SUPER);
    /* And back. */
    snprintf(more, sizeof(more), ",\"target_kib\":%u", PAGES * 4);
    reply = sweep(more);
    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    json_object_put(reply);
    ck_assert_uint_eq(guest->ballooned, 0);
    check_alive();
    ck_assert(touch(DATA, PAGES));
    check_alive();
    ck_assert_uint_eq(play_info(dom).tot, PAGES + 16);
}
END_TEST

/* It has taken ranges that were swept: they stay with the host, and are no
 * entries again. */
START_TEST(leaves_the_balloon)
{
    struct json_object *reply;
    char more[48];
    uint64_t gfn;

    with_balloon();
    play.md.settings.nr_rules = 0;
    sweep_well();
    snprintf(more, sizeof(more), ",\"target_kib\":%u",
             (PAGES - 4 * SUPER) * 4);
    reply = sweep(more);
    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    json_object_put(reply);
    play.md.settings.nr_rules = 1;
    sweep_well();
    ck_assert_uint_eq(given(), BUDGET);
    for (gfn = 40 * SUPER; gfn < 44 * SUPER; gfn += 7)
        ck_assert_int_eq(fake_gfn(dom, gfn, NULL), FAKE_GFN_HOLE);
    ck_assert_ptr_null(fake_check(dom));
    ck_assert(!play_info(dom).crashed);
}
END_TEST

static bool has_given(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return given() == BUDGET;
}

/* Free ranges that a guest reports are given as those that are swept. */
START_TEST(gives_what_is_reported)
{
    uint64_t gfn;

    with_balloon();
    for (gfn = 6 * SUPER; gfn < 48 * SUPER; gfn += 7 * SUPER) {
        ck_assert_int_eq(guest_offer(guest, gfn, 7), 0);
        play_idle(&play, 20);
    }
    ck_assert_uint_eq(guest->reported, 6);
    ck_assert_uint_eq(guest->report_status, XK_BALLOON_OK);
    ck_assert(play_until(&play, has_given, NULL, 5000));
    /* And in debt it reports on. */
    ck_assert_int_eq(guest_offer(guest, 48 * SUPER, 4), 0);
    play_idle(&play, 20);
    ck_assert_uint_eq(guest->report_status, XK_BALLOON_OK);
    ck_assert_uint_eq(play_info(dom).entries,
                      play_info(dom).cache + BUDGET);
    check_alive();
}
END_TEST

/* The map thinks of ranges as entries that the guest has filled since. */
START_TEST(looks_again)
{
    play.md.settings.rules[0].overcommit_kib = 0;
    sweep_well();
    ck_assert_int_eq(fake_guest_fill(dom, 10 * SUPER, SUPER), 0);
    sum = fake_checksum(dom);
    play.md.settings.rules[0].overcommit_kib = BUDGET * 4;
    while (overcommit_step(play_domain(&play, dom)))
        ;
    ck_assert_uint_eq(fake_checksum(dom), sum);
    ck_assert_uint_eq(given(), BUDGET);
    check_alive();
}
END_TEST

/* ---- killed, and what fails ---- */

/* All is ready to be given, and nothing is yet. */
static void up_and_swept(void)
{
    ck_assert_int_eq(play_up(&play), 0);
    play.md.settings.rules[0].overcommit_kib = 0;
    sweep_well();
    play.md.settings.rules[0].overcommit_kib = BUDGET * 4;
}

static unsigned int kill_at, acts;

static void on_call(enum fake_call call, unsigned long nr, void *arg)
{
    (void)nr, (void)arg;
    if ((call == FAKE_CALL_PAUSE || call == FAKE_CALL_UNPAUSE ||
         call == FAKE_CALL_MARK || call == FAKE_CALL_DECREASE ||
         call == FAKE_CALL_GET_POD) && ++acts == kill_at)
        (void)kill(getpid(), SIGKILL);
}

static bool killed(unsigned int n)
{
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        up_and_swept();
        kill_at = n;
        acts = 0;
        fake_hook(on_call, NULL);
        while (overcommit_step(play_domain(&play, dom)))
            ;
        play_down(&play);
        _exit(EXIT_SUCCESS);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    fake_reap(pid);
    return WIFSIGNALED(status);
}

/* What is open is repaired: the guest has its data, what it is in debt by is
 * known, and it gets it back. */
START_TEST(killed_at_any_act)
{
    bool was = true;
    unsigned int n;

    for (n = 1; was; n += n < 9 ? 1 : 4) {
        ck_assert_uint_lt(n, 200);
        if (n > 1)
            make(FAKE_PVH);
        was = killed(n);
        ck_assert_int_eq(play_up(&play), 0);
        ck_assert(play_until(&play, runs, NULL, 3000));
        ck_assert_uint_eq(fake_checksum(dom), sum);
        check_alive();
        ck_assert_uint_ge(play_info(dom).cache + given(),
                          play_info(dom).entries);
        if (n % 5 == 0 || !was) {
            ck_assert(touch(SUPER, PAGES));
            check_alive();
            ck_assert_uint_eq(play_info(dom).tot, PAGES + 16);
        }
        teardown();
    }
    ck_assert_uint_gt(n, 10);
}
END_TEST

/* Xen does only a part, or nothing, at one of the calls. */
START_TEST(call_fails)
{
    static const enum fake_call calls[] = { FAKE_CALL_MARK,
                                            FAKE_CALL_DECREASE };
    struct fake_info info;

    play_down(&play);
    up_and_swept();
    fake_fail(calls[_i % 2], (unsigned int)_i / 4, _i / 2 % 2 ? ENOMEM : 0,
              1);
    (void)overcommit_step(play_domain(&play, dom));
    ck_assert(play_until(&play, runs, NULL, 3000));
    info = play_info(dom);
    ck_assert_uint_eq(fake_checksum(dom), sum);
    check_alive();
    ck_assert_uint_ge(info.cache + given(), info.entries);
    ck_assert(touch(SUPER, PAGES));
    check_alive();
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, leaves_the_balloon);
    tcase_add_test(tc, gives);
    tcase_add_test(tc, keeps_enough);
    tcase_add_test(tc, not_by_default);
    tcase_add_test(tc, not_an_hvm_guest);
    tcase_add_test(tc, gets_back);
    tcase_add_test(tc, gets_the_reserve);
    tcase_add_loop_test(tc, is_stopped, 0, 2);
    tcase_add_test(tc, covered_when_it_is_saved);
    tcase_add_test(tc, not_saved_uncovered);
    tcase_add_loop_test(tc, covered_when_nobody_looks, 0, 2);
    tcase_add_test(tc, covered_when_it_migrates);
    tcase_add_test(tc, balloons);
    tcase_add_test(tc, gives_what_is_reported);
    tcase_add_test(tc, looks_again);
    tcase_add_loop_test(tc, call_fails, 0, 6);
}

int main(void)
{
    Suite *suite = suite_create("overcommit");
    TCase *tc = tcase_create("overcommit"), *kills = tcase_create("kills");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_set_timeout(kills, 300);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_checked_fixture(kills, make_pvh, NULL);
    add_tests(tc);
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
