/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest reports free memory: it becomes populate-on-demand entries without
 * a pause, and nothing else of it does, whatever the guest says.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#include "domain.h"
#include "play.h"

#define SUPER FAKE_SUPER_PAGES
#define RANGES 32u
#define PAGES (RANGES * SUPER)
#define DATA (4 * SUPER)        /* data below, zeroes above */
#define FREE (27 * SUPER)

static struct play play;
static struct guest *guest;
static uint16_t dom;
static uint64_t sum;

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

static bool answered(struct play *p, void *arg)
{
    (void)p;
    return guest->reported != *(unsigned long *)arg;
}

/* Reports and waits; the status of the answer. */
static uint32_t offer(uint64_t gfn, uint64_t ranges)
{
    unsigned long before = guest->reported;

    ck_assert_int_eq(guest_offer(guest, gfn, ranges), 0);
    ck_assert(play_until(&play, answered, &before, 2000));
    return guest->report_status;
}

static void check_untouched(uint64_t entries)
{
    ck_assert_uint_eq(play_info(dom).entries, entries);
    ck_assert_uint_eq(play_info(dom).tot, PAGES + 16);
    ck_assert_uint_eq(play_checksum(guest), sum);
    play_check(dom);
}

static bool broken(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return device()->state == DEVICE_BROKEN;
}

/* ---- an honest guest ---- */

START_TEST(become_entries)
{
    uint64_t host = fake_host_free();

    ck_assert_uint_eq(guest->features, XK_BALLOON_FEATURE_REPORTING);
    ck_assert_uint_eq(offer(DATA, XK_BALLOON_RANGES), XK_BALLOON_OK);
    ck_assert_uint_eq(offer(DATA + 20 * SUPER, 2), XK_BALLOON_OK);
    ck_assert_uint_eq(play_info(dom).pod_supers, XK_BALLOON_RANGES + 2);
    ck_assert_uint_eq(play_info(dom).cache_supers, XK_BALLOON_RANGES + 2);
    ck_assert_uint_eq(play_info(dom).pause_calls, 0);
    ck_assert_uint_eq(fake_host_free(), host);
    check_untouched((XK_BALLOON_RANGES + 2) * SUPER);
    ck_assert_uint_eq(play.md.totals.reported_pages,
                      (XK_BALLOON_RANGES + 2) * SUPER);
    /* Each is used again, and is one 2 MiB mapping. */
    ck_assert_int_eq(fake_guest_fill(dom, DATA, FREE), 0);
    ck_assert_uint_eq(play_info(dom).entries, 0);
    ck_assert_uint_eq(play_info(dom).supers, RANGES);
    play_check(dom);
}
END_TEST

/* What was left in free memory does not come back with it. */
START_TEST(contents_go)
{
    char bytes[16] = { 1 };
    size_t i;

    ck_assert_int_eq(fake_guest_fill(dom, DATA, 2 * SUPER), 0);
    ck_assert_uint_eq(offer(DATA, 2), XK_BALLOON_OK);
    ck_assert_int_eq(fake_guest_read(dom, DATA + 700, 0, bytes,
                                     sizeof(bytes)), 0);
    for (i = 0; i < sizeof(bytes); i++)
        ck_assert_int_eq(bytes[i], 0);
    play_check(dom);
}
END_TEST

/* Twice the same, after a sweep, and ranges that were split before. */
START_TEST(entries_already)
{
    uint64_t host = fake_host_free(), gfn = DATA + SUPER + 3;

    ck_assert_uint_eq(offer(DATA, 4), XK_BALLOON_OK);
    ck_assert_uint_eq(offer(DATA, 4), XK_BALLOON_OK);
    check_untouched(4 * SUPER);
    ck_assert_int_eq(fake_guest_touch(dom, gfn), 0);
    ck_assert_uint_eq(offer(DATA, 4), XK_BALLOON_OK);
    check_untouched(4 * SUPER);
    json_object_put(play_call(&play, "sweep", "{\"domain\":\"1\"}"));
    ck_assert_uint_eq(offer(DATA, 16), XK_BALLOON_OK);
    ck_assert_uint_eq(play_info(dom).entries, play_info(dom).cache);
    ck_assert_uint_eq(play_info(dom).pod_supers, play_info(dom).cache_supers);
    ck_assert_uint_eq(fake_host_free(), host);
    play_check(dom);
}
END_TEST

static bool growing(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return guest->id != 0;
}

static bool grown(struct play *p, void *arg)
{
    (void)p, (void)arg;
    return guest->ballooned == 6 * SUPER && !play_domain(p, dom)->op;
}

/* Inflation over what was reported costs no data; while a job or a command is
 * at work a report is put off. */
START_TEST(beside_the_balloon)
{
    char params[80];

    ck_assert_uint_eq(offer(DATA, 8), XK_BALLOON_OK);
    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"target_kib\":%u}",
             dom, (PAGES - 6 * SUPER) * 4);
    play_ask(&play, "sweep", params);
    ck_assert(play_until(&play, growing, NULL, 3000));
    ck_assert_uint_eq(offer(DATA + 12 * SUPER, 1), XK_BALLOON_EBUSY);
    ck_assert(play_until(&play, grown, NULL, 5000));
    ck_assert_uint_eq(play_info(dom).tot, PAGES - 6 * SUPER + 16);
    ck_assert_uint_eq(offer(DATA + 12 * SUPER, 1), XK_BALLOON_OK);
    play_check(dom);
}
END_TEST

/* A cache that is larger than the entries is trimmed first, or Xen would free
 * the range instead of keeping it. */
START_TEST(with_a_surplus)
{
    uint64_t gfns[3] = { DATA, DATA + SUPER, DATA + 2 * SUPER };

    ck_assert_uint_eq(offer(DATA, 8), XK_BALLOON_OK);
    fake_domain_set_max_pages(dom, PAGES + 8 * SUPER);
    ck_assert_int_eq(fake_guest_populate(dom, gfns, 3, 9), 3);
    ck_assert_uint_eq(play_info(dom).cache,
                      play_info(dom).entries + 3 * SUPER);
    ck_assert_uint_eq(offer(DATA + 10 * SUPER, 2), XK_BALLOON_OK);
    ck_assert_uint_eq(play_info(dom).entries, 7 * SUPER);
    ck_assert_uint_eq(play_info(dom).cache, 7 * SUPER);
    play_check(dom);
}
END_TEST

/* ---- the ticket ---- */

START_TEST(withdrawn)
{
    unsigned long before = guest->reported;

    ck_assert_int_eq(guest_offer(guest, DATA, 4), 0);
    ck_assert(xk_ring_withdraw_ticket(&guest->ring, guest->ticket));
    play_idle(&play, 50);
    ck_assert_uint_eq(guest->reported, before);
    check_untouched(0);
    ck_assert_int_eq(device()->state, DEVICE_CONNECTED);
    /* Once dom0 has begun it is too late. */
    ck_assert_uint_eq(offer(DATA, 4), XK_BALLOON_OK);
    ck_assert(!xk_ring_withdraw_ticket(&guest->ring, guest->ticket));
}
END_TEST

/* ---- not offered ---- */

START_TEST(switched_off)
{
    struct xk_balloon_slot slot = {
        .type = XK_BALLOON_FREE, .id = 1, .pages = DATA, .given = 1,
    };

    guest->deaf = true;
    (void)guest_write_state(guest, FE_CLOSED);
    play_idle(&play, 30);
    if (_i)
        guest->version = 1;
    else
        play.md.settings.free_page_reporting = 0;
    guest->deaf = false;
    guest->connected = false;
    play_connect(&play);
    ck_assert_uint_eq(guest->features, 0);
    xk_ring_put_ticket(&guest->ring, 1);
    ck_assert_int_eq(guest_send(guest, &slot), 0);
    ck_assert(play_until(&play, broken, NULL, 1000));
    check_untouched(0);
}
END_TEST

static bool known(struct play *p, void *arg)
{
    const struct domain *d = play_domain(p, *(uint16_t *)arg);

    return d && d->device.balloon.known;
}

/* A device model may hold what nobody knows of. */
START_TEST(not_for_hvm)
{
    struct fake_config config = { .pages = 16 * SUPER, .type = FAKE_HVM };
    uint16_t id = (uint16_t)fake_domain_create(&config);
    struct guest *hvm = calloc(1, sizeof(*hvm));

    guest_init(hvm, id, 4 * SUPER, 8 * SUPER);
    play_guest(&play, hvm);
    play_idle(&play, 30);
    ck_assert_int_eq(guest_connect(hvm), 0);
    ck_assert(play_until(&play, known, &id, 3000));
    ck_assert_uint_eq(hvm->features, 0);
    play.guests[1] = NULL;
    play_down(&play);
    free(hvm);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(bad_ranges)
{
    const uint64_t bad[] = {
        0, DATA + 1, DATA + 256, PAGES, PAGES - SUPER / 2, 0xf0000, 0xfe000,
        0xfee00, UINT64_C(1) << 39, (UINT64_C(1) << 40) - SUPER,
        PAGES - SUPER,      /* with the next one, which is none */
    };

    ck_assert_uint_eq(offer(bad[_i], 2), XK_BALLOON_EREFUSED);
    check_untouched(0);
}
END_TEST

START_TEST(granted_ranges)
{
    ck_assert_int_ge(fake_guest_grant(dom, DATA + SUPER + 77, false), 0);
    ck_assert_uint_eq(offer(DATA, 3), XK_BALLOON_EREFUSED);
    check_untouched(0);
    ck_assert_uint_eq(offer(DATA + 2 * SUPER, 3), XK_BALLOON_OK);
}
END_TEST

START_TEST(in_no_state_for_it)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", dom);
    if (_i == 0)
        (void)fake_xs_write(0, path, "suspend");
    else
        ck_assert_int_eq(fake_domain_log_dirty(dom, true), 0);
    play_idle(&play, 20);
    ck_assert_uint_eq(offer(DATA, 3), XK_BALLOON_EBUSY);
    check_untouched(0);
}
END_TEST

/* In debt there is no page to spare for the guest's own entries. */
START_TEST(in_debt)
{
    struct fake_config config = {
        .pages = 16 * SUPER, .static_max = 32 * SUPER,
    };

    guest->deaf = true;
    play.guests[0] = NULL;
    play.md.settings.guard = 0;     /* it would be lent what it lacks */
    dom = (uint16_t)fake_domain_create(&config);
    ck_assert_int_eq(fake_guest_fill(dom, SUPER, 4 * SUPER), 0);
    guest_init(guest, dom, 20 * SUPER, 8 * SUPER);
    play_guest(&play, guest);
    play_idle(&play, 30);
    play_connect(&play);
    ck_assert_uint_gt(play_info(dom).entries, play_info(dom).cache);
    ck_assert_uint_eq(offer(8 * SUPER, 1), XK_BALLOON_EBUSY);
    ck_assert(!play_info(dom).crashed);
}
END_TEST

/* ---- a guest that lies ---- */

static const struct xk_balloon_slot malformed[] = {
    { .id = 1, .pages = DATA },                             /* no range */
    { .id = 1, .pages = DATA, .given = XK_BALLOON_RANGES + 1 },
    { .id = 1, .pages = DATA, .given = UINT64_C(1) << 40 },
    { .id = XK_BALLOON_TAKEN, .pages = DATA, .given = 1 },
    { .id = XK_BALLOON_TAKEN | 1, .pages = DATA, .given = 1 },
    { .id = UINT64_C(1) << 32 | 1, .pages = DATA, .given = 1 },
};

START_TEST(malformed_reports)
{
    struct xk_balloon_slot slot = malformed[_i];

    slot.type = XK_BALLOON_FREE;
    xk_ring_put_ticket(&guest->ring, (uint32_t)slot.id);
    ck_assert_int_eq(guest_send(guest, &slot), 0);
    ck_assert(play_until(&play, broken, NULL, 1000));
    check_untouched(0);
}
END_TEST

/* Pages of the range were given away before: an entry for each of them would
 * be more than there are frames. It gets no page by that. */
START_TEST(holes_in_it)
{
    uint64_t tot, gfn, host, n = (uint64_t)_i * 60 + 1;

    for (gfn = DATA + 10; gfn < DATA + 10 + n; gfn++)
        ck_assert_int_eq(fake_guest_decrease(dom, &gfn, 1, 0), 1);
    /* It could be filled: its limit leaves room. */
    fake_domain_set_max_pages(dom, PAGES + 4 * SUPER);
    tot = play_info(dom).tot;
    host = fake_host_free();
    (void)offer(DATA, 3);
    ck_assert_uint_le(play_info(dom).tot, tot);
    ck_assert_uint_ge(fake_host_free(), host);
    ck_assert_uint_ge(play_info(dom).cache, play_info(dom).entries);
    ck_assert_uint_eq(play_info(dom).scratch, 0);
    ck_assert_uint_eq(play_info(dom).pauses, 0);
    ck_assert(!play_info(dom).crashed);
    ck_assert(!play_domain(&play, dom)->held);
}
END_TEST

/* It goes on using what it reported, and touches the scratch. */
static bool robs;

static void use_it(enum fake_call call, unsigned long nr, void *arg)
{
    struct domain *d = arg;

    (void)nr;
    if (call != FAKE_CALL_DECREASE && call != FAKE_CALL_MARK)
        return;
    (void)fake_guest_touch(dom, DATA + nr % SUPER);
    (void)fake_guest_touch(dom, DATA + SUPER + nr % SUPER);
    if (robs && d->scratch.slots)
        (void)fake_guest_touch(dom, d->scratch.base + nr % SUPER);
}

START_TEST(goes_on_using_it)
{
    robs = _i;
    fake_hook(use_it, play_domain(&play, dom));
    (void)offer(DATA, 3);
    fake_hook(NULL, NULL);
    play_idle(&play, 1500);
    ck_assert_uint_ge(play_info(dom).cache, play_info(dom).entries);
    ck_assert_uint_eq(play_info(dom).scratch, 0);
    ck_assert_uint_eq(play_info(dom).pauses, 0);
    /* Who robs the scratch kills itself. */
    ck_assert(robs || !play_info(dom).crashed);
}
END_TEST

START_TEST(flood)
{
    struct xk_balloon_slot slot = {
        .type = XK_BALLOON_FREE, .pages = DATA, .given = 16,
    };
    unsigned int i;

    for (i = 1; i < 20000 && device()->state == DEVICE_CONNECTED; i++) {
        slot.id = i;
        xk_ring_put_ticket(&guest->ring, i);
        if (guest_send(guest, &slot))
            event_base_loop(play.md.loop.base, EVLOOP_NONBLOCK);
        guest->ring.page->guest_cons.value = guest->ring.page->dom0_prod.value;
    }
    /* It is broken, or it has had no more than its share of the time. */
    ck_assert(device()->state == DEVICE_BROKEN ||
              play_domain(&play, dom)->reporting.spent_us < 500000);
    ck_assert_uint_ge(play_info(dom).cache, play_info(dom).entries);
    play_check(dom);
}
END_TEST

/* A call fails in the middle: it is repaired, with a pause if need be. */
static bool whole(struct play *p, void *arg)
{
    const struct fake_info info = play_info(dom);

    (void)arg;
    return !play_domain(p, dom)->held && !info.pauses &&
           info.cache >= info.entries && !info.scratch;
}

static const enum fake_call faults[] = {
    FAKE_CALL_MARK, FAKE_CALL_DECREASE, FAKE_CALL_GET_POD, FAKE_CALL_MEM_TYPE,
    FAKE_CALL_RESOURCE,
};

START_TEST(calls_that_fail)
{
    fake_fail(faults[_i % (int)XK_ARRAY_SIZE(faults)],
              (unsigned int)_i / XK_ARRAY_SIZE(faults), ENOMEM, 0);
    (void)offer(DATA, 3);
    ck_assert(play_until(&play, whole, NULL, 5000));
    fake_fail(FAKE_CALL_ANY, 1000000, ENOMEM, 0);
    ck_assert_uint_eq(play_checksum(guest), sum);
    ck_assert_ptr_null(fake_check(dom));
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, become_entries);
    tcase_add_test(tc, contents_go);
    tcase_add_test(tc, entries_already);
    tcase_add_test(tc, beside_the_balloon);
    tcase_add_test(tc, with_a_surplus);
    tcase_add_test(tc, withdrawn);
    tcase_add_loop_test(tc, switched_off, 0, 2);
    tcase_add_test(tc, not_for_hvm);
    tcase_add_loop_test(tc, bad_ranges, 0, 11);
    tcase_add_test(tc, granted_ranges);
    tcase_add_loop_test(tc, in_no_state_for_it, 0, 2);
    tcase_add_test(tc, in_debt);
    tcase_add_loop_test(tc, malformed_reports, 0, XK_ARRAY_SIZE(malformed));
    tcase_add_loop_test(tc, holes_in_it, 0, 3);
    tcase_add_loop_test(tc, goes_on_using_it, 0, 2);
    tcase_add_test(tc, flood);
    tcase_add_loop_test(tc, calls_that_fail, 0, 5 * XK_ARRAY_SIZE(faults));
}

int main(void)
{
    TCase *tc = tcase_create("reporting");
    Suite *suite = suite_create("reporting");
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
