/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ranges of a guest that Xen maps page by page are made whole, by a guest
 * that can and by one that lies.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/control.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "play.h"

#define SUPER FAKE_SUPER_PAGES
#define RANGES 24u
#define PAGES (RANGES * SUPER)
#define DATA (6 * SUPER)        /* what it cannot move, from 1 on */
#define FREE (16 * SUPER)

static struct play play;
static struct guest *guest;
static uint16_t dom;
static uint64_t sum;

static void setup(void)
{
    struct fake_config config = { .pages = PAGES, .layout = FAKE_SCATTERED };

    ck_assert_int_eq(fake_init(NULL), 0);
    guest = calloc(1, sizeof(*guest));
    play_init(&play);
    dom = (uint16_t)fake_domain_create(&config);
    ck_assert_int_eq(fake_guest_fill(dom, SUPER, DATA - SUPER), 0);
    guest_init(guest, dom, DATA, FREE);
    /* The end of its memory holds what Xen refers to. */
    guest->pinned = 0;
    guest->pinned_end = DATA;
    sum = fake_checksum(dom);
    ck_assert_int_eq(play_up(&play), 0);
    play.md.settings.recover_share_percent = 100;
    play_guest(&play, guest);
    play_connect(&play);
}

static void teardown(void)
{
    play_fini(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
    free(guest);
    fake_fini();
}

static const struct device *device(void)
{
    return &play_domain(&play, dom)->device;
}

static struct json_object *recoalesce(void)
{
    char params[64];

    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", dom);
    return play_call(&play, "recoalesce", params);
}

static void check_sums(struct json_object *reply)
{
    ck_assert_int_eq(play_number(reply, "ranges"),
                     play_number(reply, "recovered") +
                     play_number(reply, "busy") +
                     play_number(reply, "pinned") +
                     play_number(reply, "refused") +
                     play_number(reply, "skipped"));
}

static void refuses(const char *text)
{
    struct json_object *reply = recoalesce();

    ck_assert_int_eq(play_error(reply), XK_RPC_REFUSED);
    ck_assert_msg(strstr(play_message(reply), text) != NULL, "%s",
                  play_message(reply));
    json_object_put(reply);
}

/* ---- an honest guest ---- */

/* The vcpu_info pages are in the last range: a guest that moved them would
 * stand still. */
static void pin_the_end(void)
{
    guest->pinned = (RANGES - 1) * SUPER;
    guest->pinned_end = PAGES;
}

START_TEST(makes_whole)
{
    struct json_object *reply;
    uint64_t gfn;
    bool super;

    ck_assert_uint_eq(play_info(dom).supers, 0);
    pin_the_end();
    /* What is below has data: the played guest moves none. */
    ck_assert_int_eq(fake_guest_zero(dom, SUPER, DATA - SUPER), 0);
    sum = play_checksum(guest);
    reply = recoalesce();
    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    ck_assert_int_eq(play_number(reply, "ranges"), RANGES);
    ck_assert_int_eq(play_number(reply, "recovered"), RANGES - 2);
    ck_assert_int_eq(play_number(reply, "busy"), 0);
    ck_assert_int_eq(play_number(reply, "pinned"), 1);
    ck_assert_int_eq(play_number(reply, "skipped"), 1);
    check_sums(reply);
    json_object_put(reply);
    ck_assert_uint_eq(play_info(dom).supers, RANGES - 2);
    for (gfn = SUPER; gfn < PAGES - SUPER; gfn += SUPER) {
        ck_assert_int_eq(fake_gfn(dom, gfn, &super), FAKE_GFN_RAM);
        ck_assert(super);
    }
    ck_assert_uint_ge(play.rpc.progress, 2);
    /* Nobody paused it. */
    ck_assert_uint_eq(play_info(dom).pause_calls, 0);
    ck_assert_uint_eq(play_info(dom).tot, PAGES + 16);
    ck_assert_uint_eq(play_checksum(guest), sum);
    play_check(dom);
}
END_TEST

/* Ranges of the balloon are not looked for in the guest. */
START_TEST(leaves_the_balloon)
{
    struct json_object *reply;
    char params[80];

    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"target_kib\":%u}",
             dom, (PAGES - 4 * SUPER) * 4);
    json_object_put(play_call(&play, "sweep", params));
    ck_assert_uint_eq(guest->ballooned, 4 * SUPER);
    pin_the_end();
    guest->pinned = 10 * SUPER;     /* all of the rest */
    reply = recoalesce();
    ck_assert_int_eq(play_number(reply, "ranges"), RANGES - 4);
    check_sums(reply);
    json_object_put(reply);
    ck_assert_uint_eq(guest->ballooned, 4 * SUPER);
    play_check(dom);
}
END_TEST

/* The host has single pages only: what is given comes back in these, and it
 * is not tried for ever. */
START_TEST(host_in_pieces)
{
    struct json_object *reply;

    pin_the_end();
    guest->pieces = true;
    reply = recoalesce();
    ck_assert_int_eq(play_error(reply), 0);
    ck_assert_int_eq(play_number(reply, "recovered"), 0);
    ck_assert_int_ge(play_number(reply, "refused"), 3);
    ck_assert_int_lt(play_number(reply, "refused"), 12);
    check_sums(reply);
    json_object_put(reply);
    ck_assert_uint_eq(play_info(dom).tot, PAGES + 16);
    ck_assert_uint_eq(guest->ballooned, 0);
    play_check(dom);
}
END_TEST

static bool at_rest(struct play *p, void *arg)
{
    (void)arg;
    return !play_domain(p, dom)->recovery;
}

START_TEST(in_the_background)
{
    struct json_object *reply;
    char params[64];

    pin_the_end();
    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"background\":true}",
             dom);
    reply = play_call(&play, "recoalesce", params);
    ck_assert_int_eq(play_number(reply, "recovered"), 0);
    json_object_put(reply);
    play_hang_up(&play);
    ck_assert(!at_rest(&play, NULL));
    refuses("another command");
    ck_assert(play_until(&play, at_rest, NULL, 5000));
    ck_assert_uint_eq(play_info(dom).supers, RANGES - 2);
    play_check(dom);
}
END_TEST

/* With a share the waits are longer than the work. */
/* How long a recovery takes, microseconds. */
static int64_t recovery_time(void)
{
    struct json_object *reply;
    int64_t us;

    /* Or it would know that there is nothing to do. */
    map_note_ram(play_domain(&play, dom), MAP_UNKNOWN);
    reply = recoalesce();
    us = play_number(reply, "duration_us");
    json_object_put(reply);
    return us;
}

START_TEST(takes_its_time)
{
    int64_t fast, us, slow;
    int i;

    pin_the_end();
    /* The fastest of a few: the machine may be busy with something else. */
    fast = recovery_time();
    for (i = 0; i < 4; i++) {
        us = recovery_time();
        fast = us < fast ? us : fast;
    }
    play.md.settings.recover_share_percent = 10;
    slow = recovery_time();
    ck_assert_int_gt(slow, 3 * fast);
}
END_TEST

static bool has_begun(struct play *p, void *arg)
{
    const struct recovery *r = play_domain(p, dom)->recovery;

    (void)arg;
    return r && guest->recovering;
}

static void begin(void)
{
    char params[64];

    pin_the_end();
    play.md.settings.recover_share_percent = 1;
    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", dom);
    play_ask(&play, "recoalesce", params);
    ck_assert(play_until(&play, has_begun, NULL, 2000));
}

/* The command, the front-end, memoryd, or the guest goes away in the middle,
 * or it is asked to suspend. */
START_TEST(ends_in_the_middle)
{
    char path[64];

    begin();
    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", dom);
    if (_i == 0)
        play_hang_up(&play);
    else if (_i == 1)
        (void)guest_write_state(guest, FE_CLOSED);
    else if (_i == 2)
        (void)fake_xs_write(0, path, "suspend");
    else if (_i == 3)
        play_down(&play);
    else
        ck_assert_int_eq(fake_domain_destroy(dom), 0);
    if (_i < 3)
        ck_assert(play_until(&play, at_rest, NULL, 5000));
    else if (_i == 4)
        play_idle(&play, 50);
    if (_i < 4) {
        ck_assert_uint_lt(play_info(dom).supers, RANGES - 2);
        play_check(dom);
    }
}
END_TEST

START_TEST(not_beside_others)
{
    struct json_object *reply;
    int first;

    begin();
    first = play.rpc.fd;
    play.rpc.fd = -1;
    reply = play_call(&play, "sweep", "{\"domain\":\"1\"}");
    ck_assert_int_eq(play_error(reply), XK_RPC_REFUSED);
    json_object_put(reply);
    refuses("another command");
    play.rpc.fd = first;
}
END_TEST

/* A guest that is short of memory meanwhile is served first. */
static bool served(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return !guest->ballooned;
}

START_TEST(pages_on_demand_go_first)
{
    char params[80];

    guest->pinned = DATA;
    guest->pinned_end = PAGES;
    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"target_kib\":%u}",
             dom, (PAGES - 2 * SUPER) * 4);
    json_object_put(play_call(&play, "sweep", params));
    begin();
    guest->pinned = DATA;
    ck_assert_int_eq(guest_press(guest, 10, 2 * SUPER, 900), 0);
    ck_assert(play_until(&play, served, NULL, 5000));
    play_check(dom);
}
END_TEST

START_TEST(refuses_states)
{
    guest->deaf = true;
    (void)guest_write_state(guest, FE_CLOSED);
    play_idle(&play, 30);
    refuses("front-end");
    guest->deaf = false;
    guest->connected = false;
    guest->version = 1;
    play_connect(&play);
    refuses("too old");
    ck_assert_int_eq(fake_domain_pause(dom), 0);
    refuses("paused");
    ck_assert_int_eq(fake_domain_unpause(dom), 0);
}
END_TEST

/* ---- by itself ---- */

/* As a guest that was restored while memoryd ran: what it has of its own is
 * at both ends. */
static void restored(void)
{
    map_note_ram(play_domain(&play, dom), MAP_SHATTERED);
    pin_the_end();
    play.md.settings.background_share_percent = 50;
    play.md.settings.recover_background = 1;
}

static bool begun(struct play *p, void *arg)
{
    (void)arg;
    return play_domain(p, dom)->recovery != NULL;
}

static bool all_whole(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return play_info(dom).supers == RANGES - 2;
}

/* Not by default, not where a rule says no; where one says yes. */
START_TEST(only_when_told_to)
{
    struct settings *s = &play.md.settings;

    restored();
    s->recover_background = _i == 1;
    snprintf(s->rules[0].name, sizeof(s->rules[0].name), "fake%u", dom);
    s->rules[0].recover = _i == 2 ? RULE_YES : RULE_NO;
    s->nr_rules = _i ? 1 : 0;
    background_soon(play_domain(&play, dom));
    ck_assert_int_eq(play_until(&play, begun, NULL, 2500), _i == 2);
}
END_TEST

START_TEST(by_itself)
{
    struct xk_balloon_slot state = { .type = XK_BALLOON_STATE };

    restored();
    /* The front-end says that it is there, and that is all. */
    ck_assert_int_eq(guest_send(guest, &state), 0);
    ck_assert(play_until(&play, all_whole, NULL, 8000));
    ck_assert(play_until(&play, at_rest, NULL, 3000));
    /* What is pinned is not tried for ever. */
    ck_assert(!evtimer_pending(play_domain(&play, dom)->background.timer,
                               NULL));
    ck_assert_uint_eq(play_info(dom).pause_calls, 0);
    play_check(dom);
}
END_TEST

/* A range that is busy is tried again later, a longer while each time. */
START_TEST(comes_back_for_the_busy)
{
    struct timeval left, now;

    restored();
    guest->busy = 20 * SUPER;
    guest->busy_end = 21 * SUPER;
    background_soon(play_domain(&play, dom));
    ck_assert(play_until(&play, begun, NULL, 4000));
    ck_assert(play_until(&play, at_rest, NULL, 8000));
    ck_assert_uint_eq(play_info(dom).supers, RANGES - 3);
    ck_assert(evtimer_pending(play_domain(&play, dom)->background.timer,
                              &left));
    (void)evutil_gettimeofday(&now, NULL);
    ck_assert_int_gt(left.tv_sec, now.tv_sec + 5);
}
END_TEST

/* It stops for a guest that is short of memory, and for any command. */
START_TEST(makes_way)
{
    struct json_object *reply;

    restored();
    play.md.settings.background_share_percent = 1;
    background_soon(play_domain(&play, dom));
    ck_assert(play_until(&play, begun, NULL, 4000));
    if (_i == 0) {
        ck_assert_int_eq(guest_press(guest, 10, 0, 900), 0);
        ck_assert(play_until(&play, at_rest, NULL, 4000));
        ck_assert_uint_lt(play_info(dom).supers, RANGES - 2);
    } else if (_i == 1) {
        reply = play_call(&play, "sweep", "{\"domain\":\"1\"}");
        ck_assert_msg(!play_error(reply), "%s", play_message(reply));
        json_object_put(reply);
    } else {
        reply = recoalesce();
        ck_assert_msg(!play_error(reply), "%s", play_message(reply));
        json_object_put(reply);
        ck_assert(at_rest(&play, NULL));
        ck_assert(all_whole(&play, NULL));
    }
    play_check(dom);
}
END_TEST

/* In the middle the guest, or memoryd, goes. */
START_TEST(by_itself_to_the_end)
{
    restored();
    background_soon(play_domain(&play, dom));
    ck_assert(play_until(&play, has_begun, NULL, 4000));
    if (_i) {
        play_down(&play);
        play_check(dom);
    } else {
        ck_assert_int_eq(fake_domain_destroy(dom), 0);
        play_idle(&play, 50);
        ck_assert_ptr_null(play_domain(&play, dom));
    }
}
END_TEST

/* ---- a hostile guest ---- */

struct wrong {
    uint16_t type;
    int64_t id, gfn;            /* added to what would be right */
    uint64_t given;
};

static const struct wrong wrongs[] = {
    { XK_BALLOON_RECOVERED, 1, 0, 0 },          /* another job's */
    { XK_BALLOON_RECOVERED, 0, SUPER, 0 },      /* another range */
    { XK_BALLOON_RECOVERED, 0, 1, 0 },
    { XK_BALLOON_GAVE, 0, 0, 1 },
    { XK_BALLOON_SWEEP, 0, 0, 1 },
    { XK_BALLOON_DONE, 0, 0, 99 },              /* more than were asked for */
};

static bool heard(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return guest->seen.type == XK_BALLOON_RECOVER;
}

static struct xk_balloon_slot begin_deaf(void)
{
    char params[64];

    guest->deaf = true;
    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", dom);
    play_ask(&play, "recoalesce", params);
    ck_assert(play_until(&play, heard, NULL, 2000));
    ck_assert_uint_le(guest->seen.given, XK_BALLOON_RANGES);
    return (struct xk_balloon_slot){
        .type = XK_BALLOON_RECOVERED, .id = guest->seen.id,
        .pages = guest->seen.pages, .limit = FREE,
    };
}

static bool broken(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return device()->state == DEVICE_BROKEN &&
           !play_domain(&play, dom)->recovery;
}

START_TEST(wrong_answers)
{
    const struct wrong *w = &wrongs[_i];
    struct xk_balloon_slot slot = begin_deaf();

    slot.type = w->type;
    slot.id += (uint64_t)w->id;
    slot.pages += (uint64_t)w->gfn;
    slot.given = w->given;
    ck_assert_int_eq(guest_send(guest, &slot), 0);
    ck_assert(play_until(&play, broken, NULL, 3000));
    ck_assert_uint_eq(play_checksum(guest), sum);
    play_check(dom);
}
END_TEST

/* More answers than ranges; and one to a job that nobody opened. */
START_TEST(too_many_answers)
{
    struct xk_balloon_slot slot = begin_deaf();
    uint64_t i, n = guest->seen.given;

    for (i = 0; i < n + 1; i++) {
        ck_assert_int_eq(guest_send(guest, &slot), 0);
        play_idle(&play, 10);
        slot.pages += SUPER;
    }
    ck_assert(play_until(&play, broken, NULL, 3000));
    play_check(dom);
}
END_TEST

START_TEST(answer_without_a_job)
{
    ck_assert_int_eq(guest_send(guest, &(struct xk_balloon_slot){
        .type = XK_BALLOON_RECOVERED, .id = 1 }), 0);
    ck_assert(play_until(&play, broken, NULL, 3000));
}
END_TEST

/* It says that all went well and did nothing: its own memory is as it was,
 * and the figures are what it said. */
START_TEST(liar)
{
    struct xk_balloon_slot slot = begin_deaf();

    slot.type = XK_BALLOON_DONE;
    slot.status = XK_BALLOON_EREFUSED;
    ck_assert_int_eq(guest_send(guest, &slot), 0);
    ck_assert(play_until(&play, at_rest, NULL, 3000));
    ck_assert_int_eq(device()->state, DEVICE_CONNECTED);
    ck_assert_uint_eq(play_checksum(guest), sum);
    play_check(dom);
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, makes_whole);
    tcase_add_test(tc, leaves_the_balloon);
    tcase_add_test(tc, host_in_pieces);
    tcase_add_test(tc, in_the_background);
    tcase_add_test(tc, takes_its_time);
    tcase_add_loop_test(tc, ends_in_the_middle, 0, 5);
    tcase_add_test(tc, not_beside_others);
    tcase_add_test(tc, pages_on_demand_go_first);
    tcase_add_test(tc, refuses_states);
    tcase_add_loop_test(tc, only_when_told_to, 0, 3);
    tcase_add_test(tc, by_itself);
    tcase_add_test(tc, comes_back_for_the_busy);
    tcase_add_loop_test(tc, makes_way, 0, 3);
    tcase_add_loop_test(tc, by_itself_to_the_end, 0, 2);
    tcase_add_loop_test(tc, wrong_answers, 0, XK_ARRAY_SIZE(wrongs));
    tcase_add_test(tc, too_many_answers);
    tcase_add_test(tc, answer_without_a_job);
    tcase_add_test(tc, liar);
}

int main(void)
{
    TCase *tc = tcase_create("recovery");
    Suite *suite = suite_create("recovery");
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
