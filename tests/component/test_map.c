/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What memoryd says of how a guest's memory is mapped, on the stand-in of
 * Xen, which knows.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/control.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "play.h"

#define SUPER FAKE_SUPER_PAGES
#define RANGES 32u              /* 64 MiB */
#define PAGES (RANGES * SUPER)
#define DATA (8 * SUPER)        /* data below, zeroes above */

static struct play play;
static uint16_t dom;

static void setup(void)
{
    ck_assert_int_eq(fake_init(NULL), 0);
    play_init(&play);
    ck_assert_int_eq(play_up(&play), 0);
}

static void teardown(void)
{
    play_fini(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
    fake_fini();
}

/* A guest that memoryd sees before it runs, as xl makes them; and then it
 * runs, and has data. */
static void start(struct fake_config config)
{
    int id;

    config.paused = true;
    if (!config.pages)
        config.pages = PAGES;
    id = fake_domain_create(&config);
    ck_assert_int_gt(id, 0);
    dom = (uint16_t)id;
    play_idle(&play, 30);
    ck_assert_int_eq(fake_domain_unpause(dom), 0);
    if (config.type != FAKE_PV)
        ck_assert_int_eq(fake_guest_fill(dom, SUPER, DATA - SUPER), 0);
}

static struct json_object *ask(const char *method)
{
    char params[64];

    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", dom);
    return play_call(&play, method, params);
}

/* Asks for the map, which must change nothing at all. */
static struct json_object *look(void)
{
    struct fake_info before = play_info(dom), after;
    uint64_t sum = fake_checksum(dom);
    struct json_object *reply = ask("map");

    after = play_info(dom);
    ck_assert_mem_eq(&before, &after, sizeof(before));
    ck_assert_uint_eq(fake_checksum(dom), sum);
    ck_assert_int_eq(play_error(reply), 0);
    return reply;
}

static const char *origin(struct json_object *reply)
{
    struct json_object *v;

    ck_assert(json_object_object_get_ex(reply, "result", &v));
    ck_assert(json_object_object_get_ex(v, "origin", &v));
    return json_object_get_string(v);
}

/* What the totals say, in ranges, by the names of the protocol. */
static void expect(uint64_t unknown, uint64_t intact, uint64_t shattered,
                   uint64_t pod, uint64_t ballooned)
{
    const struct { const char *name; uint64_t want; } rows[] = {
        { "totals.unknown_kib", unknown }, { "totals.intact_kib", intact },
        { "totals.shattered_kib", shattered }, { "totals.pod_kib", pod },
        { "totals.ballooned_kib", ballooned }, { "totals.hole_kib", 0 },
    };
    struct json_object *reply = look();
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(rows); i++)
        ck_assert_msg(play_number(reply, rows[i].name) ==
                          (int64_t)rows[i].want * 2048,
                      "%s: %lld, not %llu", rows[i].name,
                      (long long)play_number(reply, rows[i].name) / 2048,
                      (unsigned long long)rows[i].want);
    json_object_put(reply);
}

static void expect_origin(const char *want)
{
    struct json_object *reply = look();

    ck_assert_str_eq(origin(reply), want);
    json_object_put(reply);
}

static void give(uint64_t gfn, uint64_t count)
{
    uint64_t i;

    for (i = gfn; i < gfn + count; i++)
        ck_assert_int_eq(fake_guest_decrease(dom, &i, 1, 0), 1);
}

START_TEST(built)
{
    start((struct fake_config){ .type = FAKE_PVH });
    expect_origin("built");
    expect(0, RANGES, 0, 0, 0);
}
END_TEST

/* The display's memory is a hole in the first range; the RAM ends below its
 * size, and the end was seen. */
START_TEST(built_hvm)
{
    start((struct fake_config){ .type = FAKE_HVM });
    expect_origin("built");
    expect(0, RANGES - 1, 1, 0, 0);
}
END_TEST

START_TEST(built_in_debt)
{
    start((struct fake_config){ .pages = PAGES, .static_max = 2 * PAGES });
    expect_origin("built");
    expect(2 * RANGES, 0, 0, 0, 0);
}
END_TEST

START_TEST(restored)
{
    start((struct fake_config){ .restored = true, .layout = FAKE_SCATTERED });
    expect_origin("restored");
    expect(0, 0, RANGES, 0, 0);
    give(10 * SUPER, SUPER);
    expect(0, 0, RANGES - 1, 0, 1);
}
END_TEST

/* Later versions restore in mappings of 2 MiB, where they can. */
START_TEST(restored_by_a_later_version)
{
    fake_version(4, 21);
    start((struct fake_config){ .restored = true });
    expect_origin("restored");
    expect(RANGES, 0, 0, 0, 0);
}
END_TEST

START_TEST(ran_before)
{
    struct fake_config config = { .pages = PAGES };

    play_down(&play);
    dom = (uint16_t)fake_domain_create(&config);
    ck_assert_int_eq(play_up(&play), 0);
    expect_origin("unknown");
    expect(RANGES, 0, 0, 0, 0);
}
END_TEST

/* A display's memory is no RAM that was given back. */
START_TEST(ran_before_hvm)
{
    struct fake_config config = { .type = FAKE_HVM, .pages = PAGES };
    char path[64];

    play_down(&play);
    dom = (uint16_t)fake_domain_create(&config);
    snprintf(path, sizeof(path), "/local/domain/%u/memory/static-max", dom);
    ck_assert_int_ge(fake_xs_write(0, path, "73728"), 0);   /* 8 MiB more */
    snprintf(path, sizeof(path), "/local/domain/%u/memory/videoram", dom);
    ck_assert_int_ge(fake_xs_write(0, path, "8192"), 0);
    ck_assert_int_eq(play_up(&play), 0);
    expect(RANGES, 0, 0, 0, 0);
}
END_TEST

/* A domain that is still being made has no vcpu: decided when it has. */
START_TEST(in_the_making)
{
    struct fake_config config = { .pages = PAGES, .paused = true };

    fake_fail(FAKE_CALL_CONTEXT, 0, ENOENT, 0);
    dom = (uint16_t)fake_domain_create(&config);
    play_idle(&play, 30);
    expect_origin("built");
}
END_TEST

START_TEST(swept)
{
    struct json_object *reply;
    int64_t pod;

    start((struct fake_config){ .bare = true });
    reply = ask("sweep");
    pod = play_number(reply, "committed_super");
    ck_assert_int_eq(pod, RANGES - 8);
    json_object_put(reply);
    expect(0, 8, 0, RANGES - 8, 0);
    reply = look();
    ck_assert_int_eq(play_number(reply, "pod_entries_kib"), pod * 2048);
    json_object_put(reply);

    /* The guest takes some back, which nobody sees before a sweep asks. */
    ck_assert_int_eq(fake_guest_fill(dom, 20 * SUPER, 2 * SUPER), 0);
    expect(0, 8, 0, RANGES - 8, 0);
    json_object_put(ask("sweep"));
    expect(2, 8, 0, RANGES - 10, 0);

    /* And all of it: then the entries are gone, which Xen does tell. */
    ck_assert_int_eq(fake_guest_fill(dom, SUPER, PAGES - SUPER), 0);
    expect(RANGES - 8, 8, 0, 0, 0);
}
END_TEST

/* Xen's check found a reference: X is an entry now, and the range split. */
START_TEST(refused)
{
    bool super;

    start((struct fake_config){ .bare = true });
    ck_assert_int_eq(fake_backend_get(dom, 12 * SUPER + 5), 0);
    json_object_put(ask("sweep"));
    ck_assert_int_eq(fake_gfn(dom, 12 * SUPER, &super), FAKE_GFN_RAM);
    ck_assert(!super);
    expect(0, 8, 1, RANGES - 9, 0);
    ck_assert_int_eq(fake_backend_put(dom, 12 * SUPER + 5), 0);
}
END_TEST

START_TEST(window_fails)
{
    start((struct fake_config){ .bare = true });
    fake_fail(FAKE_CALL_DECREASE, 0, EIO, 0);
    json_object_put(ask("sweep"));
    ck_assert_uint_gt(play_domain(&play, dom)->map.totals[MAP_UNKNOWN], 0);
    ck_assert_uint_ge(play_domain(&play, dom)->map.totals[MAP_INTACT], 8);
}
END_TEST

START_TEST(ballooned)
{
    const uint64_t whole = 16 * SUPER;

    start((struct fake_config){ .bare = true });
    ck_assert_int_eq(fake_guest_decrease(dom, &whole, 1, FAKE_SUPER_ORDER),
                     1);
    give(20 * SUPER, 16);
    expect(0, RANGES - 2, 1, 0, 1);
    ck_assert_int_eq(fake_guest_populate(dom, &whole, 1, FAKE_SUPER_ORDER),
                     1);
    expect(1, RANGES - 2, 1, 0, 0);
}
END_TEST

/* A migration write-protects all, and splits what is written. */
START_TEST(migrating)
{
    start((struct fake_config){ .bare = true });
    expect(0, RANGES, 0, 0, 0);
    ck_assert_int_eq(fake_domain_log_dirty(dom, true), 0);
    expect(RANGES, 0, 0, 0, 0);
}
END_TEST

static void refuses(const char *params, int code, const char *text)
{
    struct json_object *reply = play_call(&play, "map", params);

    ck_assert_int_eq(play_error(reply), code);
    ck_assert_msg(strstr(play_message(reply), text) != NULL, "%s",
                  play_message(reply));
    json_object_put(reply);
}

START_TEST(refusals)
{
    char params[64];

    start((struct fake_config){ .type = FAKE_PV });
    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", dom);
    refuses(params, XK_RPC_REFUSED, "PV guest");
    refuses("{}", XK_RPC_PARAMS, "name or id");
    refuses("{\"domain\":7}", XK_RPC_PARAMS, "name or id");
    refuses("{\"domain\":\"nobody\"}", XK_RPC_PARAMS, "no domain");
}
END_TEST

static bool destroyed;

static void destroy(enum fake_call call, unsigned long nr, void *arg)
{
    (void)nr, (void)arg;
    if (call != FAKE_CALL_MEM_TYPE || destroyed)
        return;
    destroyed = true;
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
}

START_TEST(destroyed_while_looking)
{
    struct json_object *reply;

    start((struct fake_config){ .bare = true });
    destroyed = false;
    fake_hook(destroy, NULL);
    reply = ask("map");
    fake_hook(NULL, NULL);
    ck_assert(destroyed);
    ck_assert_int_eq(play_error(reply), XK_RPC_FAILED);
    json_object_put(reply);
    play_idle(&play, 30);
    ck_assert_ptr_null(play_domain(&play, dom));
}
END_TEST

static bool looking(struct play *p, void *arg)
{
    (void)arg;
    return play_domain(p, dom)->looks != NULL;
}

static bool not_looking(struct play *p, void *arg)
{
    return !looking(p, arg);
}

START_TEST(hung_up)
{
    char params[64];

    start((struct fake_config){ .bare = true });
    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", dom);
    play_ask(&play, "map", params);
    ck_assert(play_until(&play, looking, NULL, PLAY_WAIT_MS));
    play_hang_up(&play);
    ck_assert(play_until(&play, not_looking, NULL, PLAY_WAIT_MS));
    expect(0, RANGES, 0, 0, 0);
}
END_TEST

START_TEST(ends_while_looking)
{
    char params[64];

    start((struct fake_config){ .bare = true });
    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", dom);
    play_ask(&play, "map", params);
    ck_assert(play_until(&play, looking, NULL, PLAY_WAIT_MS));
    play_down(&play);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("map");
    Suite *suite = suite_create("map");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, built);
    tcase_add_test(tc, built_hvm);
    tcase_add_test(tc, built_in_debt);
    tcase_add_test(tc, restored);
    tcase_add_test(tc, restored_by_a_later_version);
    tcase_add_test(tc, ran_before);
    tcase_add_test(tc, ran_before_hvm);
    tcase_add_test(tc, in_the_making);
    tcase_add_test(tc, swept);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, window_fails);
    tcase_add_test(tc, ballooned);
    tcase_add_test(tc, migrating);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, destroyed_while_looking);
    tcase_add_test(tc, hung_up);
    tcase_add_test(tc, ends_while_looking);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
