/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that does what it can against memoryd, beside one that is honest.
 * After each attempt memoryd answers, the hostile device alone is broken (or
 * nothing is), no guest lost memory, and the other one's balloon works.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/grant_table.h>

#include <xenkeep/control.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "play.h"

/* Of the stand-in, for values with a zero byte. */
int fk_store_write(uint16_t as, const char *path, const void *value,
                   size_t len);
void fk_lock(void);
void fk_unlock(void);

#define SUPER FAKE_SUPER_PAGES
#define PAGES (16 * SUPER)
#define FREE (12 * SUPER)
#define BASE (2 * SUPER)

static struct play play;
static struct guest *bad, *good;

static void setup(void)
{
    ck_assert_int_eq(fake_init(NULL), 0);
    bad = calloc(2, sizeof(*bad));
    good = bad + 1;
    play_init(&play);
    guest_init(bad, play_create(PAGES, SUPER, BASE), BASE, FREE);
    guest_init(good, play_create(PAGES, SUPER, BASE), BASE, FREE);
    play_guest(&play, bad);
    play_guest(&play, good);
    ck_assert_int_eq(play_up(&play), 0);
    play_connect(&play);
    bad->deaf = true;
}

static void teardown(void)
{
    play_fini(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
    free(bad);
    fake_fini();
}

static const struct device *device(const struct guest *g)
{
    return &play_domain(&play, g->domid)->device;
}

static void move(const struct guest *g, uint64_t pages, bool must)
{
    struct json_object *reply;
    char params[80];

    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"target_kib\":%llu}",
             g->domid, (unsigned long long)pages * 4);
    reply = play_call(&play, "sweep", params);
    if (must)
        ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    json_object_put(reply);
}

/* The honest guest, as if nothing were. */
static void check_good(void)
{
    uint64_t sum = play_checksum(good);

    ck_assert_int_eq(device(good)->state, DEVICE_CONNECTED);
    move(good, PAGES - 3 * SUPER, true);
    ck_assert_uint_eq(good->ballooned, 3 * SUPER);
    move(good, PAGES, true);
    play_check(good->domid);
    ck_assert_uint_eq(play_checksum(good), sum);
}

static void check_bad_memory(void)
{
    const struct domain *dom = play_domain(&play, bad->domid);

    ck_assert_uint_eq(dom->scratch.slots, 0);
    ck_assert_ptr_null(dom->op);
    play_check(bad->domid);
}

static bool is_broken(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return device(bad)->state == DEVICE_BROKEN;
}

static void expect_broken(void)
{
    ck_assert(play_until(&play, is_broken, NULL, 3000));
    ck_assert_uint_eq(guest_backend_state(bad), FE_CLOSED);
    check_good();
    check_bad_memory();
    /* It may come back, as one that starts over. */
    bad->deaf = false;
    bad->connected = false;
    play_connect(&play);
    move(bad, PAGES - SUPER, true);
    play_check(bad->domid);
}

static void expect_nothing(void)
{
    play_idle(&play, 30);
    check_good();
    check_bad_memory();
}

static struct xk_balloon_slot message(uint16_t type)
{
    return (struct xk_balloon_slot){
        .type = type, .id = bad->seen.id, .limit = FREE,
    };
}

static bool has_heard(struct play *p, void *arg)
{
    (void)p;
    return bad->seen.type == *(uint16_t *)arg;
}

static void hear(uint16_t type)
{
    ck_assert(play_until(&play, has_heard, &type, 3000));
}

static void say(struct xk_balloon_slot slot)
{
    ck_assert_int_eq(guest_send(bad, &slot), 0);
}

/* A job of the hostile guest: growing to SWEPT, the scratch is open. */
static void begin_job(void)
{
    struct xk_balloon_slot slot;
    char params[80];

    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"target_kib\":%u}",
             bad->domid, (PAGES - 8 * SUPER) * 4);
    play_ask(&play, "sweep", params);
    hear(XK_BALLOON_TARGET);
    slot = message(XK_BALLOON_SWEEP);
    slot.pages = 8 * SUPER;
    say(slot);
    hear(XK_BALLOON_SWEPT);
    ck_assert_uint_gt(bad->seen.pages, 0);
    ck_assert_uint_gt(play_info(bad->domid).scratch, 0);
}

/* ---- the ring ---- */

static const uint32_t far[] = { 17, 1000, 0x7fffffff, 0x80000000, 0xffffffff };

START_TEST(prod_far_ahead)
{
    bad->ring.page->guest_prod.value += far[_i];
    guest_notify(bad);
    expect_broken();
}
END_TEST

/* TARGET is put, and the index that says what the guest has read is nonsense:
 * the device breaks while the command is being started. */
START_TEST(cons_nonsense)
{
    struct json_object *reply;
    char params[80];

    bad->ring.page->guest_cons.value = far[_i];
    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"target_kib\":%u}",
             bad->domid, (PAGES - 8 * SUPER) * 4);
    reply = play_call(&play, "sweep", params);
    ck_assert_int_eq(play_error(reply), XK_RPC_FAILED);
    json_object_put(reply);
    expect_broken();
}
END_TEST

START_TEST(cons_backwards)
{
    begin_job();
    bad->ring.page->guest_cons.value--;
    say(message(XK_BALLOON_GAVE));
    expect_broken();
}
END_TEST

static const struct xk_balloon_slot malformed[] = {
    { .type = 0 }, { .type = 64 }, { .type = 0xffff },
    { .type = XK_BALLOON_TARGET, .id = 1 },
    { .type = XK_BALLOON_SETTLED, .id = 1 },
    { .type = XK_BALLOON_STATE, .flags = 1 },
    { .type = XK_BALLOON_STATE, .ballooned = UINT64_MAX },
    { .type = XK_BALLOON_STATE, .limit = UINT64_C(1) << 41 },
    { .type = XK_BALLOON_PRESSURE, .status = 1001 },
    { .type = XK_BALLOON_PRESSURE, .given = UINT64_MAX },
    { .type = XK_BALLOON_SWEEP, .pages = 1 },
    { .type = XK_BALLOON_SWEEP, .id = 1, .pages = 1 },
    { .type = XK_BALLOON_GAVE, .id = 1, .given = 1 },
    { .type = XK_BALLOON_GAVE, .id = 1, .flags = 2 },
    { .type = XK_BALLOON_DONE, .id = 1 },
    { .type = XK_BALLOON_DONE, .id = 1, .status = 99 },
    { .type = XK_BALLOON_DONE, .id = UINT64_MAX },
};

START_TEST(malformed_or_uncalled_for)
{
    say(malformed[_i]);
    expect_broken();
}
END_TEST

/* ---- jobs ---- */

struct wrong {
    uint16_t type;
    uint16_t flags;
    int64_t id;             /* added */
    uint64_t pages, given;
};

/* After SWEPT. */
static const struct wrong wrongs[] = {
    { XK_BALLOON_SWEEP, 0, 0, SUPER, 0 },           /* twice */
    { XK_BALLOON_GAVE, 0, 1, 0, SUPER },            /* another job's */
    { XK_BALLOON_GAVE, 0, 0, 0, 8 * SUPER },        /* over the allowance */
    { XK_BALLOON_GAVE, 0, 0, 0, 9 * SUPER },        /* over the job */
    { XK_BALLOON_GAVE, 0, 0, 0, UINT64_C(1) << 39 },
    { XK_BALLOON_GAVE, 0, 0, 0, 0 },                /* nothing, for ever */
    { XK_BALLOON_DONE, 0, 0, 0, 9 * SUPER },
};

START_TEST(wrong_in_a_job)
{
    const struct wrong *w = &wrongs[_i];
    struct xk_balloon_slot slot;

    begin_job();
    slot = message(w->type);
    slot.flags = w->flags;
    slot.id += (uint64_t)w->id;
    slot.pages = w->pages;
    slot.given = w->given;
    say(slot);
    expect_broken();
}
END_TEST

START_TEST(less_than_before)
{
    struct xk_balloon_slot slot;

    begin_job();
    slot = message(XK_BALLOON_GAVE);
    slot.given = 2 * SUPER;
    say(slot);
    hear(XK_BALLOON_SETTLED);
    slot.type = XK_BALLOON_DONE;
    slot.given = SUPER;
    say(slot);
    expect_broken();
}
END_TEST

START_TEST(gave_after_the_last)
{
    struct xk_balloon_slot slot;

    begin_job();
    slot = message(XK_BALLOON_GAVE);
    slot.flags = XK_BALLOON_F_LAST;
    say(slot);
    hear(XK_BALLOON_SETTLED);
    ck_assert_uint_eq(play_info(bad->domid).scratch, 0);
    say(slot);
    expect_broken();
}
END_TEST

/* It says it gave all and gave nothing: the hypervisor knows better. */
START_TEST(liar)
{
    struct xk_balloon_slot slot;
    struct json_object *reply;
    uint64_t tot = play_info(bad->domid).tot;

    begin_job();
    slot = message(XK_BALLOON_DONE);
    slot.given = 8 * SUPER;
    slot.ballooned = 8 * SUPER;
    say(slot);
    while (!(reply = play_answer(&play)))
        play_idle(&play, 10);
    ck_assert_int_eq(play_number(reply, "balloon.moved_kib"), 0);
    json_object_put(reply);
    ck_assert_uint_eq(play_info(bad->domid).tot, tot);
    expect_nothing();
}
END_TEST

/* The scratch lies above its RAM: it finds and uses it. */
START_TEST(touches_the_scratch)
{
    const struct domain *dom = play_domain(&play, bad->domid);
    struct fake_info info;
    char params[64];
    uint64_t k;

    /* Entries of its own first, for the cache that the scratch would rob. */
    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", bad->domid);
    json_object_put(play_call(&play, "sweep", params));
    ck_assert_uint_gt(play_info(bad->domid).cache, 0);
    begin_job();
    for (k = 0; k < (_i ? SUPER : 5); k += 1)
        (void)fake_guest_touch(bad->domid, dom->scratch.base + SUPER + k * 2);
    say(message(XK_BALLOON_SWEEP));
    ck_assert(play_until(&play, is_broken, NULL, 3000));
    check_good();
    /* It has robbed itself meanwhile; it is whole when the scratch is gone. */
    info = play_info(bad->domid);
    ck_assert_uint_eq(info.scratch, 0);
    ck_assert_uint_eq(info.pauses, 0);
    ck_assert_uint_ge(info.cache, info.entries);
    ck_assert(!info.crashed);
    ck_assert_ptr_null(fake_check(bad->domid));
}
END_TEST

START_TEST(vanishes_in_a_job)
{
    begin_job();
    (void)guest_write_state(bad, FE_CLOSED);
    expect_nothing();
    ck_assert_int_eq(device(bad)->state, DEVICE_ABSENT);
}
END_TEST

START_TEST(destroyed_in_a_job)
{
    uint16_t id = bad->domid;

    begin_job();
    ck_assert_int_eq(_i ? fake_domain_dying(id) : fake_domain_destroy(id), 0);
    play_idle(&play, 30);
    ck_assert_ptr_null(play_domain(&play, id));
    play.guests[0] = good;
    play.guests[1] = NULL;
    check_good();
}
END_TEST

START_TEST(closes_its_port)
{
    begin_job();
    ck_assert_int_eq(fake_guest_port_close(bad->domid,
                                           (uint32_t)bad->port), 0);
    bad->port = -1;
    (void)guest_write_state(bad, FE_CLOSED);
    expect_nothing();
}
END_TEST

/* ---- xenstore ---- */

START_TEST(state_flapping)
{
    static const unsigned int states[] = {
        FE_INITIALISED, FE_CLOSED, FE_INITIALISING, FE_INITIALISED,
        FE_CONNECTED, FE_CLOSING, 0, 7, 8,
    };
    unsigned int i;

    bad->deaf = false;
    (void)guest_write_state(bad, FE_CLOSED);
    play_idle(&play, 20);
    for (i = 0; i < 600; i++) {
        (void)guest_write_state(bad, states[i % XK_ARRAY_SIZE(states)]);
        if (i % 10 == 0)
            play_idle(&play, 1);
    }
    play_idle(&play, 30);
    /* Each connection used one: no more than the bound. */
    ck_assert_uint_le(device(bad)->connects.used, DEVICE_CONNECTS);
    bad->deaf = true;
    check_good();
    check_bad_memory();
}
END_TEST

static const char *const keys[] = {
    "ring-ref", "event-channel", "version", "state",
};

static const char *const values[] = {
    "", "-1", "99999999999999999999", "4294967296", "0x", " 1", "1 ", "one",
    "\n", "131072", "65536", "9", "\xff\xfe",
};

static void write_bytes(const char *key, const char *value, size_t len)
{
    char path[128];

    snprintf(path, sizeof(path), "/local/domain/%u/device/xk-balloon/0/%s",
             bad->domid, key);
    fk_lock();
    (void)fk_store_write(bad->domid, path, value, len);
    fk_unlock();
}

START_TEST(values_of_nodes)
{
    char *huge = malloc(4001);
    size_t i;

    memset(huge, '7', 4000);
    huge[4000] = '\0';
    for (i = 0; i < XK_ARRAY_SIZE(values) + 2; i++) {
        (void)guest_write_state(bad, FE_CLOSED);
        play_idle(&play, 5);
        if (i < XK_ARRAY_SIZE(values))
            (void)guest_write(bad, keys[_i], values[i]);
        else
            write_bytes(keys[_i], i % 2 ? huge : "3\0" "3",
                        i % 2 ? 4000 : 3);
        if (_i < 3)
            (void)guest_write_state(bad, FE_INITIALISED);
        play_idle(&play, 5);
        ck_assert_int_ne(device(bad)->state, DEVICE_CONNECTED);
    }
    free(huge);
    expect_nothing();
}
END_TEST

START_TEST(nodes_removed)
{
    char path[128];

    snprintf(path, sizeof(path), "/local/domain/%u/device/xk-balloon/0",
             bad->domid);
    (void)fake_xs_rm(bad->domid, path);
    (void)fake_xs_mkdir(bad->domid, path);
    (void)guest_write_state(bad, FE_INITIALISED);
    expect_nothing();
}
END_TEST

/* ---- storms and tables ---- */

START_TEST(event_storm)
{
    unsigned int i;

    for (i = 0; i < 3000; i++) {
        guest_notify(bad);
        event_base_loop(play.md.loop.base, EVLOOP_NONBLOCK);
    }
    ck_assert_uint_gt(device(bad)->chan.storms, 0);
    check_good();
    ck_assert_int_eq(device(bad)->state, DEVICE_CONNECTED);
    check_bad_memory();
}
END_TEST

/* Many messages at once, each well formed. */
START_TEST(message_storm)
{
    unsigned int i;

    for (i = 0; i < 2000; i++) {
        if (guest_send(bad, &(struct xk_balloon_slot){
                .type = XK_BALLOON_STATE, .ballooned = i }))
            event_base_loop(play.md.loop.base, EVLOOP_NONBLOCK);
    }
    expect_nothing();
    ck_assert_int_eq(device(bad)->state, DEVICE_CONNECTED);
}
END_TEST

START_TEST(grant_table)
{
    grant_entry_v1_t *table;
    struct json_object *reply;
    char params[64];
    size_t count, i;

    ck_assert_int_ge(fake_guest_grant_grow(bad->domid, 40), 0);
    table = fake_guest_grant_table(bad->domid, &count);
    for (i = 20; i < count; i++)
        table[i] = (grant_entry_v1_t){
            .flags = (uint16_t)(_i ? GTF_permit_access : i * 77),
            .domid = (uint16_t)i, .frame = UINT32_MAX - (uint32_t)i,
        };
    table[20] = (grant_entry_v1_t){
        .flags = GTF_permit_access, .frame = BASE + SUPER - 1,
    };
    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", bad->domid);
    reply = play_call(&play, "sweep", params);
    ck_assert_int_eq(play_number(reply, "skipped.granted"), 1);
    json_object_put(reply);
    ck_assert_int_eq(fake_gfn(bad->domid, BASE, NULL), FAKE_GFN_RAM);
    expect_nothing();
}
END_TEST

static void another_version(enum fake_call call, unsigned long nr, void *arg)
{
    (void)nr, (void)arg;
    /* In between two windows, as often as it likes. */
    if (call == FAKE_CALL_PAUSE)
        (void)fake_guest_grant_grow(bad->domid, 1 + (unsigned int)nr % 60);
}

START_TEST(growing_grant_table)
{
    struct json_object *reply;
    char params[64];

    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", bad->domid);
    fake_hook(another_version, NULL);
    reply = play_call(&play, "sweep", params);
    fake_hook(NULL, NULL);
    ck_assert_int_gt(play_number(reply, "committed_super"), 5);
    json_object_put(reply);
    expect_nothing();
}
END_TEST

/* While the hostile one keeps its job open the other's goes through. */
START_TEST(side_by_side)
{
    struct json_object *reply;

    begin_job();
    play.rpc.fd = -1;       /* the first command waits on */
    check_good();
    ck_assert_uint_gt(play_info(bad->domid).scratch, 0);
    reply = play_call(&play, "memory", "{}");
    ck_assert_int_eq(play_error(reply), 0);
    json_object_put(reply);
}
END_TEST

/* Told to stop it goes on: no debt is opened for it any more. */
START_TEST(does_not_stop)
{
    struct xk_balloon_slot slot;

    begin_job();
    play_hang_up(&play);
    hear(XK_BALLOON_STOP);
    ck_assert_uint_eq(play_info(bad->domid).scratch, 0);
    slot = message(XK_BALLOON_GAVE);
    slot.given = SUPER;
    say(slot);
    hear(XK_BALLOON_SETTLED);
    ck_assert_uint_eq(bad->seen.pages, 0);
    ck_assert_uint_eq(play_info(bad->domid).scratch, 0);
    slot.type = XK_BALLOON_DONE;
    say(slot);
    expect_nothing();
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_loop_test(tc, prod_far_ahead, 0, XK_ARRAY_SIZE(far));
    tcase_add_loop_test(tc, cons_nonsense, 0, XK_ARRAY_SIZE(far));
    tcase_add_test(tc, cons_backwards);
    tcase_add_loop_test(tc, malformed_or_uncalled_for, 0,
                        XK_ARRAY_SIZE(malformed));
    tcase_add_loop_test(tc, wrong_in_a_job, 0, XK_ARRAY_SIZE(wrongs));
    tcase_add_test(tc, less_than_before);
    tcase_add_test(tc, gave_after_the_last);
    tcase_add_test(tc, liar);
    tcase_add_loop_test(tc, touches_the_scratch, 0, 2);
    tcase_add_test(tc, vanishes_in_a_job);
    tcase_add_loop_test(tc, destroyed_in_a_job, 0, 2);
    tcase_add_test(tc, closes_its_port);
    tcase_add_test(tc, state_flapping);
    tcase_add_loop_test(tc, values_of_nodes, 0, XK_ARRAY_SIZE(keys));
    tcase_add_test(tc, nodes_removed);
    tcase_add_test(tc, event_storm);
    tcase_add_test(tc, message_storm);
    tcase_add_loop_test(tc, grant_table, 0, 2);
    tcase_add_test(tc, growing_grant_table);
    tcase_add_test(tc, side_by_side);
    tcase_add_test(tc, does_not_stop);
}

int main(void)
{
    TCase *tc = tcase_create("hostile");
    Suite *suite = suite_create("hostile");
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
