/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real memoryd moves memory between two guests on the stand-in of Xen.
 * What the guests say of their need is set directly.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/control.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "operation.h"
#include "play.h"

#define SUPER FAKE_SUPER_PAGES
#define PAGES (32 * SUPER)      /* 64 MiB */
#define DATA (8 * SUPER)        /* data below, zeroes above */
#define FREE (23 * SUPER)       /* of these: whole ranges nobody uses */
#define MIN (10 * SUPER)
#define HOST 90                 /* superpages; the guests have 64 */

/* a is small and has memory in its balloon, b has all of its memory. */
static struct play play;
static struct guest *guests;
static uint16_t a, b;
static uint64_t sum_a, sum_b, reserve;

static struct guest *guest_of(uint16_t id)
{
    return &guests[id == b];
}

static void add_rule(uint16_t id)
{
    struct settings *s = &play.md.settings;
    struct rule *r = &s->rules[s->nr_rules++];

    snprintf(r->name, sizeof(r->name), "fake%u", id);
    r->min_kib = MIN * 4;
    r->pace_kib = UINT64_C(64) << 20;   /* 64 GiB a second */
}

static void shrink(uint16_t id, uint64_t pages)
{
    char params[96];
    struct json_object *reply;

    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"target_kib\":%llu}",
             id, (unsigned long long)pages * 4);
    reply = play_call(&play, "sweep", params);
    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    json_object_put(reply);
}

/* What is free now is the reserve: nobody gets anything without a gift. */
static void set_reserve(void)
{
    play.md.settings.host_reserve_mib = (uint32_t)(fake_host_free() / 256);
    reserve = (uint64_t)play.md.settings.host_reserve_mib * 256;
}

static void setup(void)
{
    static const struct fake_host host = { .supers = HOST };

    ck_assert_int_eq(fake_init(&host), 0);
    guests = calloc(2, sizeof(*guests));
    play_init(&play);
    a = play_create(PAGES, SUPER, DATA);
    b = play_create(PAGES, SUPER, DATA);
    guest_init(&guests[0], a, DATA, FREE);
    guest_init(&guests[1], b, DATA, FREE);
    sum_a = fake_checksum(a);
    sum_b = fake_checksum(b);
    ck_assert_int_eq(play_up(&play), 0);
    play.md.settings.balance_interval_ms = 5;
    add_rule(a);
    add_rule(b);
    play_guest(&play, &guests[0]);
    play_guest(&play, &guests[1]);
    play_connect(&play);
    shrink(a, 16 * SUPER);
    set_reserve();
}

static void teardown(void)
{
    fake_hook(NULL, NULL);
    play_fini(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
    free(guests);
    fake_fini();
}

/* ---- what guests say ---- */

static struct domain *domain_of(uint16_t id)
{
    struct domain *dom = play_domain(&play, id);

    ck_assert_ptr_nonnull(dom);
    return dom;
}

static uint64_t size_of(uint16_t id)
{
    return play_info(id).tot - 16;      /* but for the special pages */
}

static void say(uint16_t id, uint64_t available, uint64_t wanted,
                uint32_t stall)
{
    struct domain *dom = domain_of(id);

    dom->device.balloon.pressure = (struct pressure){
        .at_us = xk_now_us(), .available = available, .wanted = wanted,
        .stall_permille = stall,
    };
    balancer_heard(dom);
}

/* It uses this much, and says so. */
static void use(uint16_t id, uint64_t used)
{
    uint64_t size = size_of(id);

    say(id, size > used ? size - used : 0, used > size ? used - size : 0, 0);
}

struct usage {
    uint64_t of_a, of_b;
};

static bool at_rest(struct play *p, void *arg)
{
    const struct usage *u = arg;

    (void)p;
    use(a, u->of_a);
    use(b, u->of_b);
    return size_of(a) >= u->of_a && !domain_of(a)->op && !domain_of(b)->op;
}

/* The reserve holds before each single call. */
static void watch_reserve(enum fake_call call, unsigned long nr, void *arg)
{
    (void)call, (void)nr, (void)arg;
    ck_assert_uint_ge(fake_host_free(), reserve);
}

static uint64_t target_of(uint16_t id)
{
    char path[64], text[24];

    snprintf(path, sizeof(path), "/local/domain/%u/memory/target", id);
    ck_assert_int_gt(fake_xs_read(0, path, text, sizeof(text)), 0);
    return strtoull(text, NULL, 10) / 4;
}

/* Whole, honest in all its accounts, its data as it was. */
static void check_guest(uint16_t id)
{
    play_check(id);
    ck_assert_uint_eq(target_of(id), size_of(id));
    ck_assert_uint_eq(guest_of(id)->ballooned, PAGES - size_of(id));
    ck_assert_uint_eq(play_info(id).max_pages, size_of(id) + 256);
    ck_assert_uint_eq(play_checksum(guest_of(id)), id == a ? sum_a : sum_b);
}

/* ---- what the balancer says ---- */

static struct json_object *ask(const char *method, const char *params)
{
    struct json_object *reply = play_call(&play, method, params);

    ck_assert_msg(!play_error(reply), "%s", play_message(reply));
    return reply;
}

/* Of the answer's guest `id`; NULL: no such field. */
static struct json_object *field(struct json_object *reply, uint16_t id,
                                 const char *name)
{
    struct json_object *at, *list, *row, *v = NULL;
    size_t i;

    ck_assert(json_object_object_get_ex(reply, "result", &at));
    ck_assert(json_object_object_get_ex(at, "domains", &list));
    for (i = 0; i < json_object_array_length(list); i++) {
        row = json_object_array_get_idx(list, i);
        ck_assert(json_object_object_get_ex(row, "domid", &v));
        if (json_object_get_int64(v) != id)
            continue;
        ck_assert_msg(json_object_object_get_ex(row, name, &v), "%s", name);
        return v;
    }
    ck_abort_msg("no domain %u in the answer", id);
    return NULL;
}

static void plan_says(uint16_t id, const char *reason, uint64_t pages)
{
    struct json_object *reply = ask("plan", "{}");

    ck_assert_str_eq(json_object_get_string(field(reply, id, "reason")),
                     reason);
    ck_assert_int_eq(json_object_get_int64(field(reply, id, "target_kib")),
                     (int64_t)pages * 4);
    json_object_put(reply);
}

/* ---- the tests ---- */

START_TEST(memory_moves)
{
    struct usage u = { 24 * SUPER, 14 * SUPER };
    uint64_t all = fake_host_free() + size_of(a) + size_of(b);

    play.md.settings.balancer = 1;
    fake_hook(watch_reserve, NULL);
    ck_assert(play_until(&play, at_rest, &u, 8000));
    fake_hook(NULL, NULL);
    ck_assert_uint_ge(size_of(a), 24 * SUPER);
    ck_assert_uint_lt(size_of(b), PAGES);
    ck_assert_uint_ge(size_of(b), u.of_b);
    ck_assert_uint_eq(fake_host_free() + size_of(a) + size_of(b), all);
    ck_assert_uint_ge(play.md.totals.balance_moves, 2);
    check_guest(a);
    check_guest(b);
    /* The other way round: nothing is lost. */
    u = (struct usage){ 8 * SUPER, 8 * SUPER };
    play_idle(&play, 20);
    ck_assert(play_until(&play, at_rest, &u, 8000));
    check_guest(a);
    check_guest(b);
}
END_TEST

static bool a_has(struct play *p, void *arg)
{
    (void)p;
    return size_of(a) >= *(uint64_t *)arg && !domain_of(a)->op;
}

/* The guests' own messages, once each: a word stands until the next one. */
START_TEST(words_by_message)
{
    uint64_t enough = 18 * SUPER;

    play.md.settings.balancer = 1;
    ck_assert_int_eq(guest_press(&guests[1], 20 * SUPER, 0, 0), 0);
    play_idle(&play, 20);
    plan_says(b, "idle", PAGES);
    ck_assert_int_eq(guest_press(&guests[0], 2 * SUPER, 2 * SUPER, 0), 0);
    ck_assert_int_eq(guest_press(&guests[0], 2 * SUPER, 0, 0), 0);
    ck_assert(play_until(&play, a_has, &enough, 4000));
    play_idle(&play, 50);
    ck_assert_uint_eq(size_of(a), enough);
    ck_assert_uint_eq(size_of(b), PAGES - 2 * SUPER);
    check_guest(a);
    check_guest(b);
}
END_TEST

/* What the host has above its reserve is not for the asking any more: the
 * balancer's bounds hold. */
START_TEST(no_demand_beside_it)
{
    uint64_t most = 20 * SUPER;

    play.md.settings.host_reserve_mib = 0;
    play.md.settings.rules[0].max_kib = most * 4;
    play.md.settings.balancer = 1;
    ck_assert_int_eq(guest_press(&guests[0], 0, 10 * SUPER, 0), 0);
    ck_assert(play_until(&play, a_has, &most, 4000));
    play_idle(&play, 50);
    ck_assert_int_eq(guest_press(&guests[0], 0, 10 * SUPER, 0), 0);
    play_idle(&play, 50);
    ck_assert_uint_eq(size_of(a), most);
    plan_says(a, "short-at-max", most);
    check_guest(a);
}
END_TEST

/* What the host has above its reserve is given without taking any. */
START_TEST(free_memory_first)
{
    struct usage u = { 18 * SUPER, 14 * SUPER };

    play.md.settings.host_reserve_mib -= 16;
    play.md.settings.balancer = 1;
    ck_assert(play_until(&play, at_rest, &u, 8000));
    ck_assert_uint_eq(size_of(b), PAGES);
    check_guest(a);
}
END_TEST

START_TEST(off_means_off)
{
    unsigned long jobs = guests[0].jobs + guests[1].jobs;

    use(a, 20 * SUPER);
    use(b, 10 * SUPER);
    plan_says(a, "short-waits", 16 * SUPER);
    plan_says(b, "idle-gives", 28 * SUPER);
    use(a, 20 * SUPER);
    play_idle(&play, 60);
    ck_assert_uint_eq(guests[0].jobs + guests[1].jobs, jobs);
    ck_assert_uint_eq(size_of(a), 16 * SUPER);
    ck_assert_uint_eq(size_of(b), PAGES);
}
END_TEST

/* The host itself is short: even those that say nothing give. */
START_TEST(reserve_is_restored)
{
    struct json_object *reply;
    uint64_t lacking = 6 * SUPER;

    ck_assert_int_eq(fake_host_take(9, 6), 0);
    plan_says(a, "host-short", 15 * SUPER);
    reply = ask("plan", "{}");
    ck_assert_uint_eq(json_object_get_uint64(field(reply, a, "target_kib")) +
                      json_object_get_uint64(field(reply, b, "target_kib")),
                      (48 * SUPER - lacking) * 4);
    json_object_put(reply);
    play.md.settings.balancer = 1;
    balancer_heard(domain_of(a));
    event_active(play.md.balancer.timer, EV_TIMEOUT, 0);
    play_idle(&play, 100);
    ck_assert_uint_ge(fake_host_free(), reserve);
    check_guest(a);
    check_guest(b);
    fake_host_give();
}
END_TEST

/* ---- commands come first ---- */

static bool at_work(struct play *p, void *arg)
{
    const struct domain *dom = play_domain(p, *(uint16_t *)arg);

    use(a, 24 * SUPER);
    use(b, 14 * SUPER);
    return dom->op != NULL;
}

/* b is asked for memory and has not answered yet. */
static void stop_half_way(void)
{
    play.md.settings.balancer = 1;
    play.guests[1] = NULL;
    ck_assert(play_until(&play, at_work, &b, 2000));
    play.md.settings.balancer = 0;
}

START_TEST(command_comes_first)
{
    struct json_object *reply;
    int first;

    stop_half_way();
    play_ask(&play, "sweep", "{\"domain\":\"fake2\"}");
    play_idle(&play, 30);
    ck_assert_ptr_null(play.rpc.reply);
    /* One that waits is enough. */
    first = play.rpc.fd;
    play.rpc.fd = -1;
    reply = play_call(&play, "sweep", "{\"domain\":\"fake2\"}");
    ck_assert_int_eq(play_error(reply), XK_RPC_REFUSED);
    json_object_put(reply);
    play_hang_up(&play);
    play.rpc.fd = first;
    play.guests[1] = &guests[1];
    ck_assert(play_until(&play, at_rest, &(struct usage){ 0, 0 }, 4000));
    play_idle(&play, 30);
    reply = play_answer(&play);
    ck_assert_ptr_nonnull(reply);
    ck_assert_int_eq(play_error(reply), 0);
    ck_assert_int_gt(play_number(reply, "committed_super"), 0);
    json_object_put(reply);
    check_guest(b);
}
END_TEST

START_TEST(command_leaves_before_its_turn)
{
    struct json_object *reply;

    stop_half_way();
    play_ask(&play, "sweep", "{\"domain\":\"fake2\"}");
    play_idle(&play, 20);
    play_hang_up(&play);
    play_idle(&play, 20);
    play.guests[1] = &guests[1];
    ck_assert(play_until(&play, at_rest, &(struct usage){ 0, 0 }, 4000));
    reply = ask("sweep", "{\"domain\":\"fake2\"}");
    json_object_put(reply);
    check_guest(b);
}
END_TEST

/* memoryd ends, or the guest goes, with a command in the queue. */
START_TEST(ends_with_a_command_waiting)
{
    struct json_object *reply;

    stop_half_way();
    play_ask(&play, "sweep", "{\"domain\":\"fake2\"}");
    play_idle(&play, 20);
    if (_i) {
        play.up = false;
        memoryd_dispose(&play.md);
        play_check(b);
        return;
    }
    ck_assert_int_eq(fake_domain_destroy(b), 0);
    play_idle(&play, 50);
    reply = play_answer(&play);
    ck_assert_ptr_nonnull(reply);
    ck_assert_int_ne(play_error(reply), 0);
    json_object_put(reply);
    ck_assert_ptr_null(play_domain(&play, b));
}
END_TEST

/* ---- stepping aside ---- */

static void stays_aside(void)
{
    use(a, 20 * SUPER);
    use(b, 10 * SUPER);
    plan_says(b, "no-balloon", PAGES);
    play_idle(&play, 30);
    ck_assert_uint_eq(size_of(b), PAGES);
}

START_TEST(steps_aside)
{
    char path[64];

    play.md.settings.balancer = 1;
    ck_assert_int_eq(fake_domain_log_dirty(b, true), 0);
    stays_aside();
    ck_assert_int_eq(fake_domain_log_dirty(b, false), 0);
    ck_assert_int_eq(fake_domain_pause(b), 0);
    stays_aside();
    ck_assert_int_eq(fake_domain_unpause(b), 0);
    domain_of(b)->held = true;
    stays_aside();
    domain_of(b)->held = false;
    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", b);
    ck_assert_int_eq(fake_xs_write(0, path, "suspend"), 0);
    play_idle(&play, 20);
    stays_aside();
}
END_TEST

/* xapi's squeezed is here, or xenopsd prepares for it: hands off. */
START_TEST(squeezed_owns_the_targets)
{
    unsigned long jobs = guests[0].jobs + guests[1].jobs;
    struct json_object *reply, *note;
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/memory/dynamic-max", b);
    if (_i)
        ck_assert_int_eq(fake_xs_write(0, path, "65536"), 0);
    else
        ck_assert_int_eq(fake_xs_mkdir(0, "/squeezed"), 0);
    play.md.settings.balancer = 1;
    use(a, 20 * SUPER);
    use(b, 10 * SUPER);
    play_idle(&play, 50);
    ck_assert_uint_eq(guests[0].jobs + guests[1].jobs, jobs);
    ck_assert(play.md.balancer.foreign);
    reply = ask("plan", "{}");
    ck_assert_int_eq(play_number(reply, "balancer"), 0);
    ck_assert(json_object_object_get_ex(reply, "result", &note));
    ck_assert(json_object_object_get_ex(note, "note", &note));
    ck_assert_ptr_nonnull(strstr(json_object_get_string(note), "squeezed"));
    json_object_put(reply);
    /* The rest is on offer. */
    shrink(b, 20 * SUPER);
    check_guest(b);
}
END_TEST

/* ---- guests that do not play along ---- */

static const uint64_t absurd[] = {
    0, 1, 511, 512, PAGES, UINT64_C(1) << 40, UINT64_C(1) << 63, UINT64_MAX,
};

static uint64_t any(unsigned int *seed)
{
    return absurd[(unsigned int)rand_r(seed) % XK_ARRAY_SIZE(absurd)];
}

struct lies {
    unsigned int seed;
    unsigned int left;
};

static bool lie(struct play *p, void *arg)
{
    struct lies *l = arg;
    struct balloon *of_a = &domain_of(a)->device.balloon;

    (void)p;
    say(a, any(&l->seed), any(&l->seed), (uint32_t)any(&l->seed));
    say(b, any(&l->seed), any(&l->seed), (uint32_t)any(&l->seed));
    if (l->seed % 5 == 0 && !domain_of(a)->op) {
        of_a->ballooned = any(&l->seed);
        of_a->limit = any(&l->seed);
        of_a->pressure.at_us = any(&l->seed);
    }
    ck_assert_uint_ge(size_of(a), MIN);
    ck_assert_uint_ge(size_of(b), MIN);
    ck_assert_uint_le(size_of(a), PAGES);
    ck_assert_uint_le(size_of(b), PAGES);
    return !l->left--;
}

START_TEST(hostile_numbers)
{
    struct lies l = { .seed = 1 + (unsigned int)_i, .left = 150 };

    play.md.settings.balancer = 1;
    fake_hook(watch_reserve, NULL);
    ck_assert(play_until(&play, lie, &l, 30000));
    fake_hook(NULL, NULL);
    play.md.settings.balancer = 0;
    json_object_put(ask("plan", "{}"));
    json_object_put(ask("policy", "{}"));
    play_idle(&play, 100);
    play_check(a);
    play_check(b);
    ck_assert_uint_eq(play_checksum(&guests[0]), sum_a);
    ck_assert_uint_eq(play_checksum(&guests[1]), sum_b);
}
END_TEST

struct creep {
    unsigned int rounds;
    uint64_t target;
};

/* It gives memory without being asked, and wants it back as if from its
 * balloon. */
static bool creeping(struct play *p, void *arg)
{
    struct creep *c = arg;
    struct balloon *of_b = &domain_of(b)->device.balloon;
    uint64_t gfn;

    (void)p;
    if (domain_of(b)->op)
        return false;
    ck_assert_uint_le(play_info(b).max_pages, PAGES + 256);
    ck_assert_uint_le(target_of(b), c->target);
    gfn = guests[1].next;
    if (fake_guest_decrease(b, &gfn, 1, 9) == 1) {
        guests[1].held[guests[1].nr_held++] = (struct guest_extent){ gfn, 9 };
        guests[1].next += SUPER;
        guests[1].ballooned += SUPER;
        guests[1].super += SUPER;
    }
    of_b->ballooned = guests[1].ballooned;
    say(b, 0, SUPER, 0);
    return !c->rounds--;
}

START_TEST(limit_does_not_creep)
{
    struct creep c = { .rounds = 40, .target = target_of(b) };

    play.md.settings.host_reserve_mib = 0;
    play.md.settings.balancer = 1;
    ck_assert(play_until(&play, creeping, &c, 8000));
    ck_assert_uint_gt(guests[1].jobs, 3);
}
END_TEST

static bool fourth_job(struct play *p, void *arg)
{
    (void)p;
    use(a, 30 * SUPER);
    use(b, 10 * SUPER);
    return guests[1].jobs >= *(unsigned long *)arg + 4;
}

/* It has a single superpage to give, and says that it has many: it is asked
 * for less, but still asked. */
START_TEST(slow_guest_is_asked_for_less)
{
    unsigned long jobs = guests[1].jobs;

    guests[1].end = guests[1].next + SUPER;
    play.md.settings.balancer = 1;
    ck_assert(play_until(&play, fourth_job, &jobs, 4000));
    ck_assert_uint_eq(size_of(b), PAGES - SUPER);
    ck_assert_uint_le(domain_of(b)->balance.step, 4 * SUPER);
    ck_assert_uint_ge(domain_of(b)->balance.step, SUPER);
    play_check(b);
}
END_TEST

START_TEST(silence_is_respected)
{
    play.md.settings.balancer = 1;
    use(a, 24 * SUPER);
    play_idle(&play, 60);
    ck_assert_uint_eq(size_of(b), PAGES);
    plan_says(b, "silent", PAGES);
}
END_TEST

/* ---- what it shows, and what it costs ---- */

static void shows(struct json_object *reply, uint16_t id, const char *name,
                  const char *text)
{
    ck_assert_str_eq(json_object_get_string(field(reply, id, name)), text);
}

START_TEST(policy_shows_origins)
{
    struct settings *s = &play.md.settings;
    struct json_object *reply;

    s->rules[0].weight = 300;
    s->rules[0].max_kib = 20 * SUPER * 4;
    s->nr_rules = 1;
    guests[1].limit = SUPER;
    domain_of(b)->device.balloon.limit = SUPER;
    reply = ask("policy", "{}");
    shows(reply, a, "min_kib", "20480");
    shows(reply, a, "min_from", "configuration");
    shows(reply, a, "max_kib", "40960");
    shows(reply, a, "max_from", "configuration");
    shows(reply, a, "weight", "300");
    shows(reply, a, "weight_from", "configuration");
    shows(reply, a, "pace_from", "configuration");
    shows(reply, b, "min_from", "default");
    shows(reply, b, "max_kib", "65536");
    shows(reply, b, "max_from", "maximum");
    shows(reply, b, "weight", "100");
    shows(reply, b, "weight_from", "default");
    shows(reply, b, "pace_kib", "65536");
    shows(reply, b, "pace_from", "default");
    json_object_put(reply);
    /* A floor above what was decided, a balloon that holds less. */
    s->rules[0].max_kib = 0;
    domain_of(a)->device.balloon.limit = 16 * SUPER;
    domain_of(a)->device.balloon.ballooned = 3 * SUPER;
    reply = ask("policy", "{\"domain\":\"fake1\"}");
    shows(reply, a, "max_from", "balloon");
    shows(reply, a, "max_kib", "38912");
    domain_of(a)->device.balloon.limit = 4 * SUPER;
    json_object_put(reply);
    reply = ask("policy", "{\"domain\":\"fake1\"}");
    shows(reply, a, "min_from", "guest");
    shows(reply, a, "min_kib", "30720");
    json_object_put(reply);
}
END_TEST

START_TEST(refuses_requests)
{
    static const char *const methods[] = { "plan", "policy" };
    struct json_object *reply;
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(methods); i++) {
        reply = play_call(&play, methods[i], "{\"domain\":\"nobody\"}");
        ck_assert_int_eq(play_error(reply), XK_RPC_PARAMS);
        json_object_put(reply);
        reply = play_call(&play, methods[i], "{\"domain\":7}");
        ck_assert_int_eq(play_error(reply), XK_RPC_PARAMS);
        json_object_put(reply);
    }
}
END_TEST

/* Guests that have what they need are no reason to wake up. */
START_TEST(quiet_host_sleeps)
{
    unsigned long calls;

    play.md.settings.balancer = 1;
    use(a, 13 * SUPER);
    use(b, 10 * SUPER);
    event_active(play.md.balancer.timer, EV_TIMEOUT, 0);
    play_hang_up(&play);
    play_idle(&play, 50);
    ck_assert_uint_ge(play.md.balancer.due_us, xk_now_us() + 20000000);
    calls = fake_calls();
    ck_assert_uint_le(play_idle(&play, 300), 33);
    ck_assert_uint_eq(fake_calls(), calls);
}
END_TEST

/* Who talks without end is looked at once in an interval. */
START_TEST(talk_is_cheap)
{
    unsigned long calls = fake_calls();
    unsigned int i;

    play.md.settings.balance_interval_ms = 60000;
    play.md.settings.balancer = 1;
    use(a, 24 * SUPER);
    play_idle(&play, 30);
    ck_assert_uint_gt(fake_calls(), calls);
    calls = fake_calls();
    for (i = 0; i < 1000; i++)
        say(a, 0, PAGES, 1000);
    play_idle(&play, 50);
    ck_assert_uint_eq(fake_calls(), calls);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("balancer");
    Suite *suite = suite_create("balancer");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, memory_moves);
    tcase_add_test(tc, words_by_message);
    tcase_add_test(tc, no_demand_beside_it);
    tcase_add_test(tc, free_memory_first);
    tcase_add_test(tc, off_means_off);
    tcase_add_test(tc, reserve_is_restored);
    tcase_add_test(tc, command_comes_first);
    tcase_add_test(tc, command_leaves_before_its_turn);
    tcase_add_loop_test(tc, ends_with_a_command_waiting, 0, 2);
    tcase_add_test(tc, steps_aside);
    tcase_add_loop_test(tc, squeezed_owns_the_targets, 0, 2);
    tcase_add_loop_test(tc, hostile_numbers, 0, 6);
    tcase_add_test(tc, limit_does_not_creep);
    tcase_add_test(tc, slow_guest_is_asked_for_less);
    tcase_add_test(tc, silence_is_respected);
    tcase_add_test(tc, policy_shows_origins);
    tcase_add_test(tc, refuses_requests);
    tcase_add_test(tc, quiet_host_sleeps);
    tcase_add_test(tc, talk_is_cheap);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
