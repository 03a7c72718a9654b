/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest says how short of memory it is, and asks for pages of its balloon:
 * what memoryd gives on its own, and where it stops.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#include "domain.h"
#include "play.h"

#define SUPER FAKE_SUPER_PAGES
#define PAGES (32 * SUPER)
#define DATA (8 * SUPER)
#define FREE (23 * SUPER)
#define HELD (12 * SUPER)       /* in the balloon when a test begins */
#define RESERVE (4 * SUPER)     /* play.c's host_reserve_mib */
#define CEILING (PAGES + 256)

static struct play play;
static struct guest *guest;
static uint16_t dom;
static uint64_t sum;

static const struct device *device(void)
{
    return &play_domain(&play, dom)->device;
}

static void to_target(uint64_t pages)
{
    struct json_object *reply;
    char params[80];

    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"target_kib\":%llu}",
             dom, (unsigned long long)pages * 4);
    reply = play_call(&play, "sweep", params);
    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    json_object_put(reply);
}

static void setup(void)
{
    ck_assert_int_eq(fake_init(NULL), 0);
    guest = calloc(1, sizeof(*guest));
    play_init(&play);
    dom = play_create(PAGES, SUPER, DATA);
    guest_init(guest, dom, DATA, FREE);
    sum = fake_checksum(dom);
    ck_assert_int_eq(play_up(&play), 0);
    play_guest(&play, guest);
    play_connect(&play);
    to_target(PAGES - HELD);
    play_hang_up(&play);
}

static void teardown(void)
{
    play_fini(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
    free(guest);
    fake_fini();
}

static void press(uint64_t wanted)
{
    ck_assert_int_eq(guest_press(guest, 1000, wanted, 7), 0);
}

static bool holds(struct play *p, void *arg)
{
    const struct demand *d = &play_domain(p, dom)->demand;

    return guest->ballooned == *(uint64_t *)arg && !d->open;
}

static void until_holds(uint64_t pages, unsigned int ms)
{
    ck_assert_msg(play_until(&play, holds, &pages, ms), "%llu pages held",
                  (unsigned long long)guest->ballooned);
}

static uint64_t target_node(void)
{
    char path[64], text[24];

    snprintf(path, sizeof(path), "/local/domain/%u/memory/target", dom);
    ck_assert_int_gt(fake_xs_read(0, path, text, sizeof(text)), 0);
    return strtoull(text, NULL, 10);
}

static void check_size(uint64_t held)
{
    struct fake_info info = play_info(dom);

    ck_assert_uint_eq(info.tot, PAGES - held + 16);
    ck_assert_uint_eq(info.max_pages, PAGES - held + 256);
    ck_assert_uint_eq(target_node(), (PAGES - held) * 4);
    ck_assert_uint_eq(play_checksum(guest), sum);
    play_check(dom);
}

/* ---- what is noted ---- */

static bool noted(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return device()->balloon.pressure.at_us != 0;
}

START_TEST(is_noted)
{
    const struct pressure *said = &device()->balloon.pressure;
    unsigned long calls = fake_calls();

    ck_assert_uint_eq(said->at_us, 0);
    ck_assert_int_eq(guest_press(guest, 12345, 0, 678), 0);
    ck_assert(play_until(&play, noted, NULL, 1000));
    ck_assert_uint_eq(said->available, 12345);
    ck_assert_uint_eq(said->wanted, 0);
    ck_assert_uint_eq(said->stall_permille, 678);
    /* It only listens: no call but what taking an event needs. */
    play_idle(&play, 50);
    ck_assert_uint_le(fake_calls(), calls + 1);
    check_size(HELD);
    /* Another connection knows nothing of it. */
    (void)guest_write_state(guest, FE_CLOSED);
    play_idle(&play, 30);
    ck_assert_uint_eq(said->at_us, 0);
}
END_TEST

/* The first version knows no PRESSURE, and all else is as it was. */
START_TEST(first_version)
{
    (void)guest_write_state(guest, FE_CLOSED);
    guest->deaf = true;
    play_idle(&play, 30);
    guest->deaf = false;
    guest->connected = false;
    guest->version = 1;
    play_connect(&play);
    to_target(PAGES - 3 * SUPER);
    to_target(PAGES - 5 * SUPER);
    check_size(5 * SUPER);
    press(0);
    play_idle(&play, 30);
    ck_assert_int_eq(device()->state, DEVICE_BROKEN);
}
END_TEST

/* ---- what is given ---- */

START_TEST(gets_pages_back)
{
    press(3 * SUPER + 5);
    until_holds(HELD - 3 * SUPER - 5, 1000);
    check_size(HELD - 3 * SUPER - 5);
    /* All that there is, and no more. */
    press(UINT64_C(1) << 40);
    until_holds(0, 3000);
    check_size(0);
    press(SUPER);
    play_idle(&play, 50);
    check_size(0);
}
END_TEST

/* One job a second, and the wish is not forgotten meanwhile. */
START_TEST(once_a_second)
{
    uint64_t start = xk_now_us();
    unsigned long jobs;

    press(SUPER);
    until_holds(HELD - SUPER, 1000);
    jobs = guest->jobs;
    press(SUPER);
    press(2 * SUPER);
    play_idle(&play, 300);
    ck_assert_uint_eq(guest->jobs, jobs);
    until_holds(HELD - 3 * SUPER, 3000);
    ck_assert_uint_ge(xk_now_us() - start, 990000);
    ck_assert_uint_eq(guest->jobs, jobs + 1);
    check_size(HELD - 3 * SUPER);
}
END_TEST

START_TEST(wish_withdrawn)
{
    press(SUPER);
    until_holds(HELD - SUPER, 1000);
    press(SUPER);
    press(0);
    play_idle(&play, 1300);
    check_size(HELD - SUPER);
}
END_TEST

START_TEST(host_keeps_its_reserve)
{
    ck_assert_int_eq(fake_host_take(0, fake_host_free() - RESERVE - 700), 0);
    press(5 * SUPER);
    until_holds(HELD - 700, 1000);
    check_size(HELD - 700);
    press(5 * SUPER);
    play_idle(&play, 1300);
    check_size(HELD - 700);
    fake_host_give();
}
END_TEST

/* The command's own job goes first. */
static bool growing(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return guest->id && guest->given > 0;
}

START_TEST(after_another_job)
{
    char params[80];

    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"target_kib\":%u}",
             dom, (PAGES - HELD - 8 * SUPER) * 4);
    play_ask(&play, "sweep", params);
    ck_assert(play_until(&play, growing, NULL, 3000));
    press(2 * SUPER);
    until_holds(HELD + 6 * SUPER, 5000);
    check_size(HELD + 6 * SUPER);
}
END_TEST

/* With nothing more to do there is nothing to wake up for. */
START_TEST(rests_afterwards)
{
    struct timeval tv;

    press(SUPER);
    until_holds(HELD - SUPER, 1000);
    play_idle(&play, 50);
    ck_assert(!evtimer_pending(play_domain(&play, dom)->demand.timer, &tv));
    ck_assert(!evtimer_pending(device()->balloon.deadline, &tv));
    ck_assert(!evtimer_pending(device()->balloon.poll, &tv));
}
END_TEST

/* ---- a guest that lies ---- */

static void pretend(uint64_t ballooned)
{
    guest->deaf = true;
    ck_assert_int_eq(guest_send(guest, &(struct xk_balloon_slot){
        .type = XK_BALLOON_STATE, .ballooned = ballooned, .limit = FREE }), 0);
    play_idle(&play, 20);
}

/* It says that it has more in its balloon than it ever had memory. */
START_TEST(boundless_balloon)
{
    uint64_t free_before = fake_host_free();

    pretend(UINT64_C(1) << 39);
    press(UINT64_C(1) << 40);
    play_idle(&play, 50);
    ck_assert_uint_eq(guest->seen.type, XK_BALLOON_TARGET);
    ck_assert_uint_le(play_info(dom).max_pages, CEILING);
    /* It says that it took all, and took nothing. */
    ck_assert_int_eq(guest_send(guest, &(struct xk_balloon_slot){
        .type = XK_BALLOON_DONE, .id = guest->seen.id, .given = HELD }), 0);
    play_idle(&play, 50);
    check_size(HELD);
    ck_assert_uint_eq(fake_host_free(), free_before);
}
END_TEST

/* It gives by itself and asks back, again and again: its limit does not grow
 * above what the toolstack has meant for it. */
START_TEST(creeping_limit)
{
    uint64_t gfn;
    unsigned int i;

    for (i = 0; i < 3; i++) {
        press(6 * SUPER);
        until_holds(HELD - 6 * SUPER, 3000);
        for (gfn = guest->next; guest->ballooned < HELD; gfn += SUPER) {
            ck_assert_int_eq(fake_guest_decrease(dom, &gfn, 1, 9), 1);
            guest->held[guest->nr_held++] = (struct guest_extent){ gfn, 9 };
            guest->ballooned += SUPER;
            guest->super += SUPER;
            guest->next += SUPER;
        }
        ck_assert_uint_le(play_info(dom).max_pages, CEILING);
    }
    play_check(dom);
}
END_TEST

static bool broken(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return device()->state == DEVICE_BROKEN;
}

START_TEST(flood)
{
    unsigned int i;

    for (i = 0; i < 200 && device()->state == DEVICE_CONNECTED; i++) {
        if (guest_press(guest, i, _i ? 1 : 0, 0))
            play_idle(&play, 10);
    }
    ck_assert(play_until(&play, broken, NULL, 1000));
    ck_assert_uint_ge(i, XK_BALLOON_WANTS_MAX);
    ck_assert_uint_le(play_info(dom).max_pages, CEILING);
    play_check(dom);
    /* It may come back. */
    guest->connected = false;
    play_connect(&play);
}
END_TEST

/* A job that no answer ends: the guest, or memoryd, goes away in it. */
START_TEST(goes_in_the_middle)
{
    guest->deaf = true;
    press(2 * SUPER);
    play_idle(&play, 50);
    ck_assert_uint_eq(guest->seen.type, XK_BALLOON_TARGET);
    ck_assert_uint_eq(play_info(dom).max_pages, PAGES - HELD + 2 * SUPER + 256);
    if (_i == 0)
        (void)guest_write_state(guest, FE_CLOSED);
    else if (_i == 1)
        play_down(&play);
    else
        ck_assert_int_eq(fake_domain_destroy(dom), 0);
    if (_i != 1)
        play_idle(&play, 50);
    if (_i != 2)
        check_size(HELD);
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, is_noted);
    tcase_add_test(tc, first_version);
    tcase_add_test(tc, gets_pages_back);
    tcase_add_test(tc, once_a_second);
    tcase_add_test(tc, wish_withdrawn);
    tcase_add_test(tc, host_keeps_its_reserve);
    tcase_add_test(tc, after_another_job);
    tcase_add_test(tc, rests_afterwards);
    tcase_add_test(tc, boundless_balloon);
    tcase_add_test(tc, creeping_limit);
    tcase_add_loop_test(tc, flood, 0, 2);
    tcase_add_loop_test(tc, goes_in_the_middle, 0, 3);
}

int main(void)
{
    TCase *tc = tcase_create("pressure");
    Suite *suite = suite_create("pressure");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    add_tests(tc);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
