/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real memoryd on the stand-in of Xen: what it does with honest guests,
 * and what it refuses to do.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/sched.h>

#include <xenkeep/control.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "play.h"
#include "schema.h"

#define SUPER FAKE_SUPER_PAGES
#define PAGES (32 * SUPER)      /* 64 MiB */
#define DATA (8 * SUPER)        /* data below, zeroes above */
#define FREE (23 * SUPER)       /* of these: whole ranges nobody uses */

static struct play play;
static struct guest *guest;
static uint16_t dom;
static uint64_t sum;

static void setup(void)
{
    ck_assert_int_eq(fake_init(NULL), 0);
    guest = calloc(2, sizeof(*guest));
    play_init(&play);
    dom = play_create(PAGES, SUPER, DATA);
    guest_init(guest, dom, DATA, FREE);
    sum = fake_checksum(dom);
    ck_assert_int_eq(play_up(&play), 0);
}

static void teardown(void)
{
    play_fini(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
    free(guest);
    fake_fini();
}

static void connect_guest(void)
{
    play_guest(&play, guest);
    play_connect(&play);
}

static struct json_object *call(const char *method, const char *params)
{
    return play_call(&play, method, params);
}

static struct json_object *sweep(const char *more)
{
    char params[128];

    snprintf(params, sizeof(params), "{\"domain\":\"fake%u\"%s}", dom, more);
    return call("sweep", params);
}

/* The request is refused with this code and a line that says `text`; nothing
 * changed. */
static void refuses_call(const char *params, int code, const char *text)
{
    struct fake_info before = play_info(dom), after;
    struct json_object *reply = call("sweep", params);

    ck_assert_int_eq(play_error(reply), code);
    ck_assert_msg(strstr(play_message(reply), text) != NULL, "%s",
                  play_message(reply));
    json_object_put(reply);
    after = play_info(dom);
    ck_assert_mem_eq(&before, &after, sizeof(before));
}

static void refuses(const char *more, int code, const char *text)
{
    char params[128];

    snprintf(params, sizeof(params), "{\"domain\":\"fake%u\"%s}", dom, more);
    refuses_call(params, code, text);
}

/* ---- domains and nodes ---- */

#define FE "/local/domain/%u/device/xk-balloon/0"
#define BE "/local/domain/0/backend/xk-balloon/%u/0"

static void check_node(bool front, uint16_t id, const char *key)
{
    char path[128], value[256], perms[64];
    int n;

    n = front ? snprintf(path, sizeof(path), FE, id)
              : snprintf(path, sizeof(path), BE, id);
    if (*key)
        snprintf(path + n, sizeof(path) - (size_t)n, "/%s", key);
    ck_assert_int_ge(fake_xs_read(0, path, value, sizeof(value)), 0);
    ck_assert_msg(!xk_schema_check(path, value), "%s = %s", path, value);
    ck_assert_int_eq(fake_xs_perms(path, perms, sizeof(perms)), 0);
    ck_assert_msg(!xk_schema_perms(path, perms), "%s: %s", path, perms);
}

static void check_nodes(uint16_t id)
{
    static const char *const fe_keys[] = {
        "", "backend", "backend-id", "state",
    };
    static const char *const be_keys[] = {
        "", "frontend", "frontend-id", "online", "state", "max-version",
    };
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(fe_keys); i++)
        check_node(true, id, fe_keys[i]);
    for (i = 0; i < XK_ARRAY_SIZE(be_keys); i++)
        check_node(false, id, be_keys[i]);
}

static bool seen(struct play *p, void *arg)
{
    return play_domain(p, *(uint16_t *)arg) != NULL;
}

static bool not_seen(struct play *p, void *arg)
{
    return !seen(p, arg);
}

static bool nodes_back(struct play *p, void *arg)
{
    char path[128];

    (void)p;
    snprintf(path, sizeof(path), "/local/domain/%u/device/xk-balloon/0/state",
             *(uint16_t *)arg);
    return fake_xs_exists(path);
}

START_TEST(come_and_go)
{
    char path[128];
    uint16_t other;

    check_nodes(dom);
    other = play_create(SUPER, 0, 0);
    ck_assert(play_until(&play, seen, &other, 1000));
    check_nodes(other);
    ck_assert_int_eq(fake_domain_destroy(other), 0);
    ck_assert(play_until(&play, not_seen, &other, 1000));
    snprintf(path, sizeof(path), "/local/domain/0/backend/xk-balloon/%u",
             other);
    ck_assert(!fake_xs_exists(path));
    ck_assert(seen(&play, &dom));
    ck_assert_ptr_null(play_domain(&play, 0));
}
END_TEST

START_TEST(dying_is_gone)
{
    connect_guest();
    ck_assert_int_eq(fake_domain_dying(dom), 0);
    ck_assert(play_until(&play, not_seen, &dom, 1000));
    ck_assert_uint_eq(fake_mappings(), 0);
}
END_TEST

/* The toolstack begins a domain's directory anew after it has made it. */
START_TEST(nodes_removed)
{
    char path[128];

    snprintf(path, sizeof(path), "/local/domain/%u/device/xk-balloon", dom);
    ck_assert_int_eq(fake_xs_rm(0, path), 0);
    (void)play_create(SUPER, 0, 0);
    ck_assert(play_until(&play, nodes_back, &dom, 1000));
    check_nodes(dom);
}
END_TEST

START_TEST(pv_gets_no_device)
{
    struct fake_config config = { .pages = SUPER, .type = FAKE_PV };
    uint16_t pv = (uint16_t)fake_domain_create(&config);
    char path[128];

    ck_assert(play_until(&play, seen, &pv, 1000));
    snprintf(path, sizeof(path), FE, pv);
    ck_assert(!fake_xs_exists(path));
}
END_TEST

START_TEST(handshake)
{
    struct json_object *reply;

    connect_guest();
    check_node(true, dom, "ring-ref");
    check_node(true, dom, "event-channel");
    check_node(true, dom, "version");
    ck_assert_uint_eq(guest_backend_state(guest), FE_CONNECTED);
    reply = call("memory", "{}");
    ck_assert_int_eq(play_error(reply), 0);
    json_object_put(reply);
    /* The module is unloaded, and loaded again. */
    guest->deaf = true;
    (void)guest_write_state(guest, FE_CLOSING);
    play_idle(&play, 30);
    ck_assert_uint_eq(guest_backend_state(guest), FE_CLOSING);
    (void)guest_write_state(guest, FE_CLOSED);
    play_idle(&play, 30);
    ck_assert_uint_eq(guest_backend_state(guest), FE_CLOSED);
    ck_assert_uint_eq(fake_mappings(), 0);
    guest->deaf = false;
    guest->connected = false;
    (void)guest_write_state(guest, FE_INITIALISING);
    play_idle(&play, 30);
    ck_assert_uint_eq(guest_backend_state(guest), FE_INIT_WAIT);
    play_connect(&play);
}
END_TEST

/* memoryd ends in good order and comes again: the front-end starts over. */
START_TEST(restart)
{
    connect_guest();
    play_down(&play);
    ck_assert_uint_eq(guest_backend_state(guest), FE_CLOSED);
    ck_assert_uint_eq(fake_mappings(), 0);
    ck_assert_int_eq(play_up(&play), 0);
    play_connect(&play);
}
END_TEST

START_TEST(second_instance)
{
    struct memoryd md;

    memoryd_init(&md);
    ck_assert_int_eq(memoryd_open(&md, play.dir), -EWOULDBLOCK);
    memoryd_dispose(&md);
    connect_guest();        /* the first one still works */
}
END_TEST

/* ---- sweeps ---- */

START_TEST(sweep_commits)
{
    struct json_object *reply = sweep("");
    struct fake_info info = play_info(dom);

    /* Above the data, but for the range with the vcpu_info page. */
    ck_assert_int_eq(play_number(reply, "zero_super"), FREE / SUPER);
    ck_assert_int_eq(play_number(reply, "committed_super"), FREE / SUPER);
    ck_assert_int_eq(play_number(reply, "skipped.refused-by-xen"), 0);
    ck_assert_int_ge(play_number(reply, "pauses.count"), 1);
    ck_assert_int_eq(play_number(reply, "returned_kib"), 0);
    ck_assert_int_eq(play_number(reply, "after.pod_entries_kib"), FREE * 4);
    ck_assert_int_eq(play_number(reply, "after.pod_cache_kib"), FREE * 4);
    json_object_put(reply);
    ck_assert_uint_eq(info.entries, FREE);
    ck_assert_uint_eq(info.cache, FREE);
    ck_assert_uint_eq(info.pod_supers, FREE / SUPER);
    ck_assert_uint_ge(play.rpc.progress, 1);
    play_check(dom);
    ck_assert_uint_eq(play_checksum(guest), sum);
    ck_assert_uint_eq(fake_mappings(), 0);
    /* The guest uses all of it. */
    ck_assert_int_eq(fake_guest_fill(dom, DATA, FREE), 0);
    play_check(dom);
}
END_TEST

START_TEST(sweep_again)
{
    struct json_object *reply;

    json_object_put(sweep(""));
    reply = sweep("");
    ck_assert_int_eq(play_number(reply, "committed_super"), 0);
    ck_assert_int_eq(play_number(reply, "skipped.already-swept"),
                     FREE / SUPER);
    json_object_put(reply);
    ck_assert_uint_eq(play_info(dom).entries, FREE);
    play_check(dom);
}
END_TEST

START_TEST(dry_run)
{
    struct fake_info before = play_info(dom), after;
    struct json_object *reply;

    connect_guest();
    reply = sweep(",\"dry_run\":true,\"target_kib\":40960");
    ck_assert_int_eq(play_number(reply, "zero_super"), FREE / SUPER);
    ck_assert_int_eq(play_number(reply, "committed_super"), 0);
    ck_assert_int_eq(play_number(reply, "balloon.moved_kib"), 0);
    ck_assert_int_eq(play_number(reply, "balloon.asked_kib"), 24576);
    json_object_put(reply);
    after = play_info(dom);
    ck_assert_mem_eq(&before, &after, sizeof(before));
}
END_TEST

START_TEST(sweep_skips)
{
    const uint64_t granted = DATA + 100, used = DATA + 3 * SUPER + 7,
                   given = DATA + 5 * SUPER + 300, raised = DATA + 8 * SUPER;
    struct json_object *reply;
    uint64_t gfn = given;

    ck_assert_int_ge(fake_guest_grant(dom, granted, true), 0);
    ck_assert_int_eq(fake_backend_get(dom, used), 0);
    ck_assert_int_eq(fake_guest_decrease(dom, &gfn, 1, 0), 1);
    ck_assert_int_eq(fake_domain_special(dom, raised + 9), 0);
    reply = sweep("");
    ck_assert_int_eq(play_number(reply, "skipped.granted"), 1);
    ck_assert_int_eq(play_number(reply, "skipped.refused-by-xen"), 2);
    ck_assert_int_eq(play_number(reply, "skipped.partly-ballooned"), 1);
    ck_assert_int_eq(play_number(reply, "committed_super"), FREE / SUPER - 4);
    ck_assert_int_eq(play_number(reply, "committed_regular"), SUPER - 1);
    json_object_put(reply);
    play_check(dom);
    ck_assert_uint_eq(play_checksum(guest), sum);
    ck_assert_int_eq(fake_gfn(dom, granted, NULL), FAKE_GFN_RAM);
    ck_assert_int_eq(fake_gfn(dom, used, NULL), FAKE_GFN_RAM);
    ck_assert_int_eq(fake_gfn(dom, given, NULL), FAKE_GFN_HOLE);
    ck_assert_int_eq(fake_gfn(dom, raised + 9, NULL), FAKE_GFN_RAM);
    ck_assert_int_eq(fake_backend_put(dom, used), 0);
}
END_TEST

/* The page that the range's check is started with must not be lost to Xen's
 * refusal: it is an entry then, and covered. */
START_TEST(sweep_refused_x)
{
    ck_assert_int_eq(fake_backend_get(dom, DATA + 1), 0);
    json_object_put(sweep(""));
    play_check(dom);
    ck_assert_uint_eq(play_info(dom).entries, FREE - SUPER + 1);
    ck_assert_int_eq(fake_backend_put(dom, DATA + 1), 0);
}
END_TEST

/* The special pages of the toolstack are zero, and stay where they are. */
START_TEST(special_pages_stay)
{
    uint64_t gfn;

    json_object_put(sweep(""));
    for (gfn = 0xfeff8; gfn < 0xff000; gfn++)
        ck_assert_int_eq(fake_gfn(dom, gfn, NULL), FAKE_GFN_RAM);
    for (gfn = 0xfc000; gfn < 0xfc008; gfn++)
        ck_assert_int_eq(fake_gfn(dom, gfn, NULL), FAKE_GFN_RAM);
}
END_TEST

/* More in the cache than there are entries: without a debt Xen would free
 * each X and check nothing. */
START_TEST(sweep_with_a_surplus)
{
    uint64_t gfns[6], i;
    struct json_object *reply;

    json_object_put(sweep(""));
    for (i = 0; i < 6; i++)
        gfns[i] = DATA + i * SUPER;
    fake_domain_set_max_pages(dom, PAGES + 8 * SUPER);
    ck_assert_int_eq(fake_guest_populate(dom, gfns, 6, 9), 6);
    ck_assert_uint_eq(play_info(dom).cache,
                      play_info(dom).entries + 6 * SUPER);
    reply = sweep("");
    ck_assert_int_eq(play_number(reply, "committed_super"), 6);
    ck_assert_int_eq(play_number(reply, "skipped.refused-by-xen"), 0);
    json_object_put(reply);
    ck_assert_uint_eq(play_info(dom).cache, play_info(dom).entries);
    play_check(dom);
}
END_TEST

/* A device's page mapped very high makes no pass over terabytes of holes. */
START_TEST(sweep_of_a_high_page)
{
    unsigned long calls;

    ck_assert_int_eq(fake_domain_device(dom, UINT64_C(1) << 27), 0);
    calls = fake_calls();
    json_object_put(sweep(""));
    ck_assert_uint_lt(fake_calls() - calls, 30000);
    play_check(dom);
}
END_TEST

START_TEST(hvm)
{
    struct fake_config config = { .pages = PAGES, .type = FAKE_HVM };
    struct json_object *reply;
    uint64_t gfn = 9 * SUPER + 3;
    uint16_t other = (uint16_t)fake_domain_create(&config);
    char params[64];

    ck_assert(play_until(&play, seen, &other, 1000));
    ck_assert_int_eq(fake_guest_decrease(other, &gfn, 1, 0), 1);
    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", other);
    reply = call("sweep", params);
    ck_assert_int_gt(play_number(reply, "committed_super"), 20);
    /* A device model may know of any single page. */
    ck_assert_int_eq(play_number(reply, "committed_regular"), 0);
    json_object_put(reply);
    play_check(other);
}
END_TEST

/* ---- natural debt ---- */

static uint16_t in_debt(void)
{
    struct fake_config config = {
        .pages = 16 * SUPER, .static_max = 32 * SUPER, .name = "debt",
    };
    uint16_t id;

    play.md.settings.guard = 0;     /* test_guard.c is about it */
    id = (uint16_t)fake_domain_create(&config);
    ck_assert(play_until(&play, seen, &id, 1000));
    ck_assert_int_eq(fake_guest_fill(id, SUPER, 4 * SUPER), 0);
    return id;
}

/* Its debt is the toolstack's: no host memory covers it. */
START_TEST(debt_is_not_covered)
{
    uint16_t id = in_debt();
    struct fake_info before = play_info(id), after;
    struct json_object *reply;

    ck_assert_uint_gt(before.entries, before.cache);
    reply = call("sweep", "{\"domain\":\"debt\"}");
    ck_assert_int_eq(play_error(reply), 0);
    json_object_put(reply);
    after = play_info(id);
    ck_assert_uint_eq(after.tot, before.tot);
    ck_assert_uint_eq(after.entries - after.cache,
                      before.entries - before.cache);
    ck_assert_ptr_null(fake_check(id));
    ck_assert(!after.crashed);
    ck_assert_uint_eq(after.pauses, 0);
}
END_TEST

/* Entries of 4 KiB hide between the RAM of a range: reading it would fill
 * them from a cache that is not enough for all. */
START_TEST(debt_is_not_drained)
{
    uint16_t id = in_debt();
    struct fake_info before, after;
    struct json_object *reply;
    uint64_t gfn;

    /* No superpage is left in the cache: the next entries fall apart. */
    for (gfn = 6 * SUPER; play_info(id).cache_supers; gfn += SUPER)
        ck_assert_int_eq(fake_guest_fill(id, gfn, 1), 0);
    for (; play_info(id).cache > 100; gfn += 11)
        ck_assert_int_eq(fake_guest_fill(id, gfn, 1), 0);
    before = play_info(id);
    reply = call("sweep", "{\"domain\":\"debt\"}");
    json_object_put(reply);
    after = play_info(id);
    ck_assert(!after.crashed && !after.out_of_pod);
    ck_assert_uint_ge(after.cache, before.cache);
    ck_assert_ptr_null(fake_check(id));
}
END_TEST

/* ---- the balloon ---- */

static uint64_t target_node(void)
{
    char path[64], text[24];

    snprintf(path, sizeof(path), "/local/domain/%u/memory/target", dom);
    ck_assert_int_gt(fake_xs_read(0, path, text, sizeof(text)), 0);
    return strtoull(text, NULL, 10);
}

static void to_target(uint64_t pages)
{
    struct json_object *reply;
    char more[64];

    snprintf(more, sizeof(more), ",\"target_kib\":%llu",
             (unsigned long long)pages * 4);
    reply = sweep(more);
    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    json_object_put(reply);
}

static void check_size(uint64_t pages)
{
    struct fake_info info = play_info(dom);

    ck_assert_uint_eq(info.tot, pages + 16);    /* the special pages */
    ck_assert_uint_eq(info.max_pages, pages + 256);
    ck_assert_uint_eq(target_node(), pages * 4);
    ck_assert_uint_eq(guest->ballooned, PAGES - pages);
    ck_assert_uint_eq(info.cache, info.entries);
    play_check(dom);
}

START_TEST(inflate_and_deflate)
{
    const uint64_t free_before = fake_host_free(),
                   moved = 12 * SUPER + 77;

    connect_guest();
    to_target(PAGES - moved);
    check_size(PAGES - moved);
    ck_assert_uint_eq(fake_host_free(), free_before + moved);
    ck_assert_uint_eq(guest->super, 12 * SUPER);
    /* Each superpage within an allowance: without a debt Xen takes its time
     * over each page of it. */
    ck_assert_uint_eq(guest->bare, 77);
    ck_assert_uint_eq(play_checksum(guest), sum);
    to_target(PAGES - 3 * SUPER);
    check_size(PAGES - 3 * SUPER);
    to_target(PAGES);
    check_size(PAGES);
    ck_assert_uint_eq(fake_host_free(), free_before);
    ck_assert_uint_eq(play_checksum(guest), sum);
    ck_assert_int_eq(fake_guest_fill(dom, DATA, FREE), 0);
    play_check(dom);
}
END_TEST

START_TEST(inflate_swept)
{
    json_object_put(sweep(""));
    connect_guest();
    to_target(PAGES - 20 * SUPER);
    check_size(PAGES - 20 * SUPER);
    ck_assert_uint_eq(play_checksum(guest), sum);
    to_target(PAGES);
    check_size(PAGES);
}
END_TEST

START_TEST(inflate_within_debt)
{
    uint16_t id = in_debt();
    struct fake_info before = play_info(id), after;
    struct json_object *reply;

    guest_init(guest, id, 20 * SUPER, 12 * SUPER);
    connect_guest();
    reply = call("sweep", "{\"domain\":\"debt\",\"target_kib\":28672}");
    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    json_object_put(reply);
    after = play_info(id);
    ck_assert_uint_eq(after.scratch, 0);
    ck_assert_uint_le(after.tot, before.tot);
    ck_assert_uint_le(after.entries - after.cache,
                      before.entries - before.cache);
    ck_assert_ptr_null(fake_check(id));
}
END_TEST

/* Less came back than was asked for: the limit follows what did. */
START_TEST(deflate_partly)
{
    struct json_object *reply;
    char more[64];

    connect_guest();
    to_target(PAGES - 8 * SUPER);
    ck_assert_int_eq(fake_host_take(9, fake_host_free_supers() - 3), 0);
    fake_host_fragment(0);
    ck_assert_int_eq(fake_host_take(0, fake_host_free() - 700), 0);
    snprintf(more, sizeof(more), ",\"target_kib\":%u", PAGES * 4);
    reply = sweep(more);
    ck_assert_int_eq(play_error(reply), XK_RPC_FAILED);
    json_object_put(reply);
    ck_assert_uint_eq(play_info(dom).max_pages, play_info(dom).tot + 240);
    ck_assert_uint_eq(target_node(), (play_info(dom).tot - 16) * 4);
    play_check(dom);
    fake_host_give();
}
END_TEST

static bool moving(struct play *p, void *arg)
{
    (void)p;
    return guest->given > *(uint64_t *)arg;
}

static bool idle(struct play *p, void *arg)
{
    return !play_domain(p, *(uint16_t *)arg)->op;
}

static void ask_inflate(void)
{
    char params[80];

    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"target_kib\":%u}",
             dom, (PAGES - FREE) * 4);
    play_ask(&play, "sweep", params);
}

/* The command goes away in the middle: the job stops, what was given stays. */
START_TEST(interrupted)
{
    struct json_object *reply;
    uint64_t some = 2 * SUPER;
    int first;

    connect_guest();
    ask_inflate();
    ck_assert(play_until(&play, moving, &some, 5000));
    first = play.rpc.fd;
    play.rpc.fd = -1;
    reply = sweep("");
    ck_assert_int_eq(play_error(reply), XK_RPC_REFUSED);
    ck_assert_ptr_nonnull(strstr(play_message(reply), "another command"));
    json_object_put(reply);
    close(first);
    ck_assert(play_until(&play, idle, &dom, 5000));
    ck_assert_uint_lt(guest->ballooned, FREE);
    ck_assert_uint_eq(play_info(dom).tot, PAGES + 16 - guest->ballooned);
    ck_assert_uint_eq(target_node(), (PAGES - guest->ballooned) * 4);
    play_check(dom);
}
END_TEST

START_TEST(ends_in_the_middle)
{
    uint64_t some = 2 * SUPER;

    connect_guest();
    ask_inflate();
    ck_assert(play_until(&play, moving, &some, 5000));
    play_down(&play);
    play_check(dom);
    ck_assert_uint_eq(play_checksum(guest), sum);
    ck_assert_uint_eq(target_node(), (play_info(dom).tot - 16) * 4);
    ck_assert_int_eq(play_up(&play), 0);
    play_connect(&play);
    to_target(PAGES);
    check_size(PAGES);
}
END_TEST

START_TEST(asked_to_suspend)
{
    uint64_t some = 2 * SUPER;
    char path[64];

    connect_guest();
    ask_inflate();
    ck_assert(play_until(&play, moving, &some, 5000));
    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", dom);
    ck_assert_int_eq(fake_xs_write(0, path, "suspend"), 0);
    ck_assert(play_until(&play, idle, &dom, 5000));
    play_check(dom);
    refuses("", XK_RPC_REFUSED, "asked to shut down");
    ck_assert_int_eq(fake_xs_write(0, path, ""), 0);
    play_idle(&play, 30);
    json_object_put(sweep(""));
    play_check(dom);
}
END_TEST

/* ---- refusals ---- */

START_TEST(refuses_requests)
{
    struct fake_config config = {
        .pages = SUPER, .type = FAKE_PV, .name = "paravirt",
    };
    uint16_t pv = (uint16_t)fake_domain_create(&config);

    ck_assert(play_until(&play, seen, &pv, 1000));
    refuses_call("{}", XK_RPC_PARAMS, "name or id");
    refuses_call("{\"domain\":7}", XK_RPC_PARAMS, "name or id");
    refuses_call("{\"domain\":\"0\"}", XK_RPC_PARAMS, "domain 0");
    refuses_call("{\"domain\":\"Domain-0\"}", XK_RPC_PARAMS, "domain 0");
    refuses_call("{\"domain\":\"nobody\"}", XK_RPC_PARAMS, "no domain");
    refuses_call("{\"domain\":\"999\"}", XK_RPC_PARAMS, "no domain");
    refuses_call("{\"domain\":\"paravirt\"}", XK_RPC_REFUSED, "PV");
    refuses(",\"target_kib\":0", XK_RPC_PARAMS, "target_kib");
    refuses(",\"target_kib\":-4", XK_RPC_PARAMS, "target_kib");
    refuses(",\"target_kib\":\"1\"", XK_RPC_PARAMS, "target_kib");
    refuses(",\"target_kib\":99999999999999999999", XK_RPC_PARAMS,
            "target_kib");
    refuses(",\"dry_run\":1", XK_RPC_PARAMS, "dry_run");
    refuses(",\"target_kib\":40960", XK_RPC_REFUSED, "load xk_balloon");
    connect_guest();
    refuses(",\"target_kib\":99999999", XK_RPC_PARAMS, "above its maximum");
    refuses(",\"target_kib\":8192", XK_RPC_PARAMS, "below what it can run");
}
END_TEST

/* Refused before anything is done, and nothing the guest does changes it. */
START_TEST(refuses_states)
{
    ck_assert_int_eq(fake_domain_pause(dom), 0);
    refuses("", XK_RPC_REFUSED, "paused");
    ck_assert_int_eq(fake_domain_unpause(dom), 0);
    ck_assert_int_eq(fake_domain_passthrough(dom, true), 0);
    refuses("", XK_RPC_REFUSED, "passed-through");
    ck_assert_int_eq(fake_domain_passthrough(dom, false), 0);
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_poweroff), 0);
    refuses("", XK_RPC_REFUSED, "shut down");
}
END_TEST

START_TEST(refuses_migration)
{
    struct json_object *reply;

    ck_assert_int_eq(fake_domain_log_dirty(dom, true), 0);
    reply = sweep("");
    ck_assert_int_eq(play_error(reply), XK_RPC_FAILED);
    json_object_put(reply);
    ck_assert_uint_eq(play_info(dom).entries, 0);
    ck_assert_uint_eq(play_info(dom).pause_calls, 0);
    ck_assert_int_eq(fake_domain_log_dirty(dom, false), 0);
    play_check(dom);
}
END_TEST

/* ---- pauses, faults, rest ---- */

START_TEST(pauses_are_counted)
{
    struct json_object *reply = sweep("");

    ck_assert_int_eq(play_number(reply, "pauses.count"),
                     (int64_t)play_info(dom).pause_calls);
    ck_assert_int_le(play_number(reply, "pauses.longest_us"),
                     play_number(reply, "pauses.total_us"));
    ck_assert_uint_eq(play.md.totals.pauses, play_info(dom).pause_calls);
    json_object_put(reply);
}
END_TEST

struct fault {
    enum fake_call call;
    int err;
};

static const struct fault faults[] = {
    { FAKE_CALL_PAUSE, EINVAL }, { FAKE_CALL_RESOURCE, ENOMEM },
    { FAKE_CALL_MAP, ENOMEM }, { FAKE_CALL_MARK, ENOMEM },
    { FAKE_CALL_DECREASE, EFAULT }, { FAKE_CALL_GET_POD, EINVAL },
    { FAKE_CALL_MEM_TYPE, EINVAL }, { FAKE_CALL_GNTTAB_INFO, EIO },
    { FAKE_CALL_MAX_GFN, EINVAL }, { FAKE_CALL_DECREASE, 0 },
    { FAKE_CALL_MARK, 0 }, { FAKE_CALL_SETMAXMEM, EPERM },
};

static bool whole(struct play *p, void *arg)
{
    const struct domain *d = play_domain(p, *(uint16_t *)arg);

    return d && !d->op && !d->held;
}

/* One call fails, the n-th of its kind: the guest is whole and runs, if not
 * at once then by itself soon after. */
START_TEST(calls_that_fail)
{
    const struct fault *f = &faults[_i];
    unsigned int skip;

    connect_guest();
    for (skip = 0; skip < 7; skip++) {
        fake_fail(f->call, skip, f->err, 0);
        json_object_put(sweep(",\"target_kib\":49152"));
        ck_assert(play_until(&play, whole, &dom, 8000));
        json_object_put(sweep(",\"target_kib\":65536"));
        ck_assert(play_until(&play, whole, &dom, 8000));
        play_check(dom);
        ck_assert_uint_eq(play_checksum(guest), sum);
    }
}
END_TEST

static void vanish(enum fake_call what, unsigned long nr, void *arg)
{
    static unsigned int left;

    (void)nr;
    if (arg)
        left = *(unsigned int *)arg;
    if (what == FAKE_CALL_ANY || !left || --left)
        return;
    (void)fake_domain_destroy(dom);
}

/* The guest is destroyed right before the n-th call of a sweep. */
START_TEST(destroyed_at_any_call)
{
    unsigned int n = 1 + (unsigned int)_i * 37;
    struct json_object *reply;

    connect_guest();
    vanish(FAKE_CALL_ANY, 0, &n);
    play_ask(&play, "sweep", "{\"domain\":\"1\",\"target_kib\":49152}");
    fake_hook(vanish, NULL);
    play_idle(&play, 150);
    fake_hook(NULL, NULL);
    (void)fake_domain_destroy(dom);
    ck_assert(play_until(&play, not_seen, &dom, 2000));
    reply = play_answer(&play);
    json_object_put(reply);
    ck_assert_uint_eq(fake_mappings(), 0);
    json_object_put(call("version", "{}"));
}
END_TEST

/* With nothing to do the loop has nothing to wake up for. */
START_TEST(idle_sleeps)
{
    struct event_base *base = play.md.loop.base;
    unsigned long calls;

    connect_guest();
    json_object_put(sweep(",\"target_kib\":49152"));
    play_hang_up(&play);
    play_idle(&play, 50);
    ck_assert_int_eq(event_base_get_num_events(base,
                                               EVENT_BASE_COUNT_ACTIVE), 0);
    calls = fake_calls();
    /* Each round ends by the harness's own timer of 10 ms. */
    ck_assert_uint_le(play_idle(&play, 300), 33);
    ck_assert_uint_eq(fake_calls(), calls);
}
END_TEST

START_TEST(metrics)
{
    struct json_object *reply, *result, *text;

    json_object_put(sweep(""));
    reply = call("metrics", "{}");
    ck_assert(json_object_object_get_ex(reply, "result", &result));
    ck_assert(json_object_object_get_ex(result, "text", &text));
    ck_assert_ptr_nonnull(strstr(json_object_get_string(text),
                                 "xk_memoryd_sweeps_total 1\n"));
    json_object_put(reply);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("memoryd");
    Suite *suite = suite_create("memoryd");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, come_and_go);
    tcase_add_test(tc, dying_is_gone);
    tcase_add_test(tc, nodes_removed);
    tcase_add_test(tc, pv_gets_no_device);
    tcase_add_test(tc, handshake);
    tcase_add_test(tc, restart);
    tcase_add_test(tc, second_instance);
    tcase_add_test(tc, sweep_commits);
    tcase_add_test(tc, sweep_again);
    tcase_add_test(tc, dry_run);
    tcase_add_test(tc, sweep_skips);
    tcase_add_test(tc, sweep_refused_x);
    tcase_add_test(tc, special_pages_stay);
    tcase_add_test(tc, sweep_with_a_surplus);
    tcase_add_test(tc, sweep_of_a_high_page);
    tcase_add_test(tc, hvm);
    tcase_add_test(tc, debt_is_not_covered);
    tcase_add_test(tc, debt_is_not_drained);
    tcase_add_test(tc, inflate_and_deflate);
    tcase_add_test(tc, inflate_swept);
    tcase_add_test(tc, inflate_within_debt);
    tcase_add_test(tc, deflate_partly);
    tcase_add_test(tc, interrupted);
    tcase_add_test(tc, ends_in_the_middle);
    tcase_add_test(tc, asked_to_suspend);
    tcase_add_test(tc, refuses_requests);
    tcase_add_test(tc, refuses_states);
    tcase_add_test(tc, refuses_migration);
    tcase_add_test(tc, pauses_are_counted);
    tcase_add_loop_test(tc, calls_that_fail, 0, XK_ARRAY_SIZE(faults));
    tcase_add_loop_test(tc, destroyed_at_any_call, 0, 12);
    tcase_add_test(tc, idle_sleeps);
    tcase_add_test(tc, metrics);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
