// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gets memory and who gives it: single cases first, then what must hold
 * of any snapshot and of any run of them, with guests that lie.
 */
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#include "policy.h"
#include "unit.h"

#define UNIT ((uint64_t)POLICY_UNIT)
#define MIB(n) ((uint64_t)(n) * 256)
#define GUESTS 12

static struct policy_host host;
static struct policy_guest guests[GUESTS];
static struct policy_verdict v[GUESTS];

/* 1 GiB, may have 512 MiB to 2 GiB, half of it in use. */
static void plain(struct policy_guest *g)
{
    *g = (struct policy_guest){
        .size = MIB(1024), .min = MIB(512), .max = MIB(2048), .weight = 100,
        .step = MIB(4096), .connected = true,
        .word = { .available = MIB(160) },
    };
}

static void setup(void)
{
    size_t i;

    host = (struct policy_host){ .free = MIB(256), .reserve = MIB(256) };
    for (i = 0; i < GUESTS; i++)
        plain(&guests[i]);
}

static void plan(size_t count)
{
    policy_plan(&host, guests, count, v);
}

static void stays(size_t i, enum policy_reason reason)
{
    ck_assert_uint_eq(v[i].target, guests[i].size);
    ck_assert_str_eq(policy_reason_names[v[i].reason],
                     policy_reason_names[reason]);
}

static uint64_t gets(size_t i)
{
    ck_assert_uint_ge(v[i].target, guests[i].size);
    return v[i].target - guests[i].size;
}

static uint64_t gives(size_t i)
{
    ck_assert_uint_le(v[i].target, guests[i].size);
    return guests[i].size - v[i].target;
}

START_TEST(test_content)
{
    guests[1].word.available = MIB(900);
    host.free = MIB(4096);
    plan(2);
    stays(0, POLICY_FITS);
    stays(1, POLICY_IDLE);      /* idle memory that nobody needs */
}
END_TEST

START_TEST(test_gives_to_the_short)
{
    host.free = MIB(1024);
    guests[0].word.wanted = MIB(64);
    guests[1].word.available = MIB(10);
    guests[2].word.stall_permille = 50;
    plan(4);
    ck_assert_uint_eq(gets(0), MIB(64));
    /* To an eighth of what it has then. */
    ck_assert_uint_ge((MIB(10) + gets(1)) * 8, guests[1].size + gets(1));
    ck_assert_uint_lt((MIB(10) + gets(1) - UNIT) * 8,
                      guests[1].size + gets(1) - UNIT);
    ck_assert_uint_eq(gets(2), MIB(64));
    ck_assert_uint_eq(v[0].reason, POLICY_SHORT_GETS);
    stays(3, POLICY_FITS);
}
END_TEST

START_TEST(test_reserve_is_kept)
{
    guests[0].word.wanted = MIB(512);
    host.free = MIB(256) + UNIT * 3 + 511;
    plan(1);
    ck_assert_uint_eq(gets(0), UNIT * 3);
    host.free = MIB(256) + 511;
    plan(1);
    stays(0, POLICY_SHORT_WAITS);
    /* What a job under way will take is spent already. */
    host.free = MIB(512);
    guests[1].busy = true;
    guests[1].taking = MIB(255);
    plan(2);
    stays(0, POLICY_SHORT_WAITS);
    stays(1, POLICY_BUSY);
    guests[1].taking = MIB(246);
    plan(2);
    ck_assert_uint_eq(gets(0), MIB(10));
}
END_TEST

START_TEST(test_need_and_weight)
{
    guests[0].word.wanted = guests[1].word.wanted = MIB(400);
    guests[1].weight = 300;
    guests[2].word.wanted = MIB(100);
    guests[2].weight = 400;
    host.free = MIB(256 + 200);
    plan(3);
    /* 400*100 : 400*300 : 100*400 */
    ck_assert_uint_eq(gets(0) + gets(1) + gets(2), MIB(200));
    ck_assert_uint_eq(gets(0), MIB(40));
    ck_assert_uint_eq(gets(1), MIB(120));
    ck_assert_uint_eq(gets(2), MIB(40));
}
END_TEST

START_TEST(test_takes_from_the_idle)
{
    guests[0].word.wanted = MIB(100);
    guests[1].word.available = MIB(800);
    guests[2].word.available = MIB(500);
    guests[3].word.available = MIB(255);
    guests[1].min = guests[2].min = MIB(128);
    plan(4);
    stays(0, POLICY_SHORT_WAITS);
    ck_assert_uint_eq(gives(1) + gives(2), MIB(100));
    /* By what is idle, not by a fixed part: (16A - 3S) / 13 each. */
    ck_assert_uint_ge((gives(1) + UNIT) * 379, gives(2) * 748);
    ck_assert_uint_le(gives(1) * 379, (gives(2) + 2 * UNIT) * 748);
    ck_assert_uint_eq(v[1].reason, POLICY_IDLE_GIVES);
    stays(3, POLICY_FITS);
    /* Weight holds on to memory. */
    guests[2].word.available = MIB(800);
    guests[2].weight = 300;
    plan(3);
    ck_assert_uint_eq(gives(1) + gives(2), MIB(100));
    ck_assert_uint_ge(gives(1), gives(2) * 3 - 3 * UNIT);
    ck_assert_uint_le(gives(1), gives(2) * 3 + 3 * UNIT);
}
END_TEST

START_TEST(test_stops_at_the_minimum)
{
    guests[0].word.wanted = MIB(1024);
    guests[1].word.available = MIB(1000);
    guests[1].min = MIB(900);
    guests[2].word.available = MIB(1000);
    guests[2].min = MIB(1024);
    plan(3);
    ck_assert_uint_eq(gives(1), MIB(124));
    stays(2, POLICY_IDLE_AT_MIN);
    guests[0].size = guests[0].max;
    plan(3);
    stays(0, POLICY_SHORT_AT_MAX);
    stays(1, POLICY_IDLE);
}
END_TEST

/* Memory that is coming already is not asked for twice. */
START_TEST(test_counts_what_is_coming)
{
    guests[0].word.wanted = MIB(100);
    guests[1].word.available = guests[2].word.available = MIB(800);
    guests[1].busy = true;
    guests[1].giving = MIB(100);
    plan(3);
    stays(1, POLICY_BUSY);
    stays(2, POLICY_IDLE);
    guests[1].giving = MIB(60);
    plan(3);
    ck_assert_uint_eq(gives(2), MIB(40));
}
END_TEST

/* A guest that does not speak keeps what it has, until the host is short. */
START_TEST(test_silence)
{
    guests[0].word = (struct policy_word){ .age_ms = UINT64_MAX };
    guests[1].word.available = MIB(1000);
    guests[1].word.age_ms = POLICY_WORD_MS + 1;
    guests[2].word.wanted = MIB(50);
    plan(3);
    stays(0, POLICY_SILENT);
    stays(1, POLICY_SILENT);
    stays(2, POLICY_SHORT_WAITS);
    /* A need that is old is none either. */
    guests[2].word.age_ms = POLICY_WORD_MS + 1;
    host.free = MIB(1024);
    plan(3);
    stays(2, POLICY_SILENT);
    host.free = MIB(156);
    plan(3);
    ck_assert_uint_eq(gives(0) + gives(1) + gives(2), MIB(100));
    ck_assert_uint_eq(v[0].reason, POLICY_HOST_SHORT);
}
END_TEST

/* Idle memory goes first; who says that it is short is left alone. */
START_TEST(test_host_short)
{
    host.free = 0;
    guests[0].word.available = MIB(900);
    guests[0].min = MIB(1024 - 200);
    guests[1].word.available = MIB(200);
    guests[2].word.wanted = MIB(100);
    plan(3);
    ck_assert_uint_eq(gives(0), MIB(200));
    /* The rest, as far as an eighth stays available. */
    ck_assert_uint_eq(v[1].reason, POLICY_HOST_SHORT);
    ck_assert_uint_le(gives(1), MIB(56));
    ck_assert_uint_gt(gives(1), 0);
    stays(2, POLICY_SHORT_WAITS);
    /* The need of others is no reason to take what is not idle. */
    host.free = MIB(256);
    guests[0].min = guests[0].size;
    plan(3);
    stays(1, POLICY_FITS);
}
END_TEST

START_TEST(test_steps)
{
    host.free = MIB(4096);
    guests[0].word.wanted = MIB(1000);
    guests[0].step = MIB(64);
    guests[1].busy = true;
    guests[1].word.wanted = MIB(100);
    guests[2].connected = false;
    guests[2].word.wanted = MIB(100);
    plan(3);
    ck_assert_uint_eq(gets(0), MIB(64));
    stays(1, POLICY_BUSY);
    stays(2, POLICY_NO_BALLOON);
}
END_TEST

START_TEST(test_below_min)
{
    host.free = MIB(4096);
    guests[0].size = MIB(400);
    guests[0].word.age_ms = UINT64_MAX;
    plan(1);
    ck_assert_uint_eq(gets(0), MIB(112));
    ck_assert_uint_eq(v[0].reason, POLICY_BELOW_MIN);
}
END_TEST

START_TEST(test_step_is_learnt)
{
    const uint64_t limit = MIB(64);
    uint64_t step = limit;
    int i;

    ck_assert_uint_eq(policy_step(step, limit, step, step, 1000, 1000),
                      limit);
    /* Nothing moved: less each time, never nothing. */
    for (i = 0; i < 20; i++)
        step = policy_step(step, limit, step, 0, 1000, 1000);
    ck_assert_uint_eq(step, UNIT);
    /* And back, in as few steps. */
    for (i = 0; i < 5; i++)
        step = policy_step(step, limit, step, step, 1000, 1000);
    ck_assert_uint_eq(step, limit);
    /* All of it, but in ten times the time. */
    for (i = 0; i < 30; i++)
        step = policy_step(step, limit, step, MIB(64), 10000000, 1000);
    ck_assert_uint_ge(step, MIB(64) / 10);
    ck_assert_uint_le(step, MIB(64) / 8);
    /* All of it each time, but as late with little as with much: it is the
     * host that is slow, and small moves would be the slowest. */
    for (i = 0; i < 30; i++)
        step = policy_step(step, MIB(512), step, step, 25000000, 500);
    ck_assert_uint_eq(step, MIB(16));
    ck_assert_uint_eq(policy_step(0, 0, 0, 0, 0, 0), UNIT);
    ck_assert_uint_ge(policy_step(UINT64_MAX, limit, UINT64_MAX, UINT64_MAX,
                                  UINT64_MAX, UINT64_MAX / 1000), UNIT);
}
END_TEST

/* ---- what always holds ---- */

static uint64_t state;

static uint64_t dice(uint64_t sides)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % sides;
}

/* Any number, but small ones and the ends of the range more often. */
static uint64_t any(uint64_t usual)
{
    switch (dice(8)) {
    case 0: return 0;
    case 1: return UINT64_MAX;
    case 2: return state;
    default: return dice(usual);
    }
}

static void any_word(struct policy_word *w)
{
    w->age_ms = dice(4) ? dice(POLICY_WORD_MS) : any(1000000);
    w->available = any(MIB(2048));
    w->wanted = dice(2) ? 0 : any(MIB(512));
    w->stall_permille = dice(2) ? 0 : (uint32_t)any(2000);
}

static void any_guest(struct policy_guest *g)
{
    memset(g, 0, sizeof(*g));
    g->size = MIB(64) + dice(MIB(2048));
    g->min = dice(MIB(1024));
    g->max = g->min + dice(MIB(2048));
    g->weight = (uint32_t)(1 + dice(POLICY_WEIGHT_MAX));
    g->step = dice(4) ? dice(MIB(256)) : any(MIB(64));
    g->connected = dice(8) != 0;
    g->busy = dice(8) == 0;
    g->taking = g->busy ? dice(MIB(64)) : 0;
    g->giving = g->busy && !g->taking ? dice(MIB(64)) : 0;
    any_word(&g->word);
}

/* Each verdict by itself: bounds, step, who may be moved at all. */
static void check_verdict(const struct policy_guest *g,
                          const struct policy_verdict *w)
{
    ck_assert_int_lt(w->reason, POLICY_REASONS);
    ck_assert_ptr_nonnull(policy_reason_names[w->reason]);
    if (w->target == g->size)
        return;
    ck_assert(g->connected && !g->busy);
    if (w->target > g->size) {
        ck_assert_uint_le(w->target, g->max);
        ck_assert_uint_le(w->target - g->size, g->step);
        ck_assert_uint_eq((w->target - g->size) % UNIT, 0);
        ck_assert(policy_short(g) || g->size < g->min);
    } else {
        ck_assert_uint_ge(w->target, g->min);
        ck_assert_uint_le(g->size - w->target, g->step);
        ck_assert_uint_eq((g->size - w->target) % UNIT, 0);
        ck_assert(!policy_short(g));
    }
}

/* All together: gifts come out of what is free above the reserve, and no more
 * is taken than is lacking. */
static void check_plan(size_t n)
{
    uint64_t up = 0, down = 0, taking = 0, need = 0, kept;
    size_t i;

    for (i = 0; i < n; i++) {
        check_verdict(&guests[i], &v[i]);
        if (v[i].target > guests[i].size)
            up += v[i].target - guests[i].size;
        else
            down += guests[i].size - v[i].target;
        taking += guests[i].taking;
        need += v[i].need * UNIT;
    }
    kept = host.reserve + taking;
    ck_assert_uint_le(up, host.free > kept ? host.free - kept : 0);
    ck_assert_uint_le(down, need + (kept > host.free ? kept - host.free : 0) +
                            UNIT);
}

START_TEST(test_any_snapshot)
{
    struct policy_verdict again[GUESTS];
    size_t i, n;
    int round;

    state = 0x9e3779b97f4a7c15u + (unsigned int)_i;
    for (round = 0; round < 3000; round++) {
        n = 1 + dice(GUESTS);
        for (i = 0; i < n; i++)
            any_guest(&guests[i]);
        host.free = dice(MIB(4096));
        host.reserve = dice(MIB(1024));
        plan(n);
        check_plan(n);
        memcpy(again, v, sizeof(v));
        plan(n);
        for (i = 0; i < n; i++)
            ck_assert_uint_eq(again[i].target, v[i].target);
    }
}
END_TEST

/* Numbers that no host has: nothing overflows, bounds hold. */
START_TEST(test_absurd_numbers)
{
    size_t i;
    int round;

    state = 77 + (unsigned int)_i;
    for (round = 0; round < 3000; round++) {
        for (i = 0; i < GUESTS; i++) {
            any_guest(&guests[i]);
            guests[i].size = any(MIB(1024)) / 2;
            guests[i].min = any(MIB(1024));
            guests[i].max = any(MIB(1024));
            guests[i].weight = (uint32_t)any(10);
            guests[i].taking = any(10);
            guests[i].giving = any(10);
        }
        host.free = any(MIB(1024));
        host.reserve = any(MIB(1024));
        plan(GUESTS);
        for (i = 0; i < GUESTS; i++)
            check_verdict(&guests[i], &v[i]);
    }
}
END_TEST

/* ---- what comes of it ---- */

/* How much each guest really uses; what is left of its size is available. */
static uint64_t used[GUESTS];

static uint64_t all_memory(size_t n)
{
    uint64_t sum = host.free;
    size_t i;

    for (i = 0; i < n; i++)
        sum += guests[i].size;
    return sum;
}

static void speak(size_t i)
{
    struct policy_guest *g = &guests[i];

    g->word = (struct policy_word){
        .available = g->size > used[i] ? g->size - used[i] : 0,
        .wanted = used[i] > g->size ? used[i] - g->size : 0,
    };
}

/* Carries the plan out, each move as far as the dice say. */
static bool carry_out(size_t n, bool fully)
{
    bool moved = false;
    uint64_t part;
    size_t i;

    for (i = 0; i < n; i++) {
        if (v[i].target == guests[i].size)
            continue;
        moved = true;
        if (v[i].target > guests[i].size) {
            part = v[i].target - guests[i].size;
            part = fully ? part : dice(part + 1);
            guests[i].size += part;
            host.free -= part;
        } else {
            part = guests[i].size - v[i].target;
            part = fully ? part : dice(part + 1);
            guests[i].size -= part;
            host.free += part;
        }
    }
    return moved;
}

static void any_host(size_t n)
{
    size_t i;

    host.reserve = MIB(256);
    host.free = dice(MIB(1024));
    for (i = 0; i < n; i++) {
        plain(&guests[i]);
        guests[i].size = MIB(256) + dice(MIB(1024));
        guests[i].min = MIB(128) + dice(MIB(128));
        guests[i].max = guests[i].size + dice(MIB(2048));
        guests[i].weight = (uint32_t)(1 + dice(POLICY_WEIGHT_MAX));
        guests[i].step = MIB(4) + dice(MIB(64));
        used[i] = MIB(32) + dice(MIB(1500));
        if (used[i] > guests[i].max)
            used[i] = guests[i].max;
    }
}

/* With guests that use what they use it comes to rest, and stays there. */
START_TEST(test_converges)
{
    size_t i, n = 2 + (size_t)_i % (GUESTS - 1);
    uint64_t sum, was_free;
    int round, steps;

    state = 4711 + (unsigned int)_i;
    for (round = 0; round < 50; round++) {
        any_host(n);
        sum = all_memory(n);
        was_free = host.free;
        for (steps = 0; steps < 2000; steps++) {
            for (i = 0; i < n; i++)
                speak(i);
            plan(n);
            check_plan(n);
            if (!carry_out(n, true))
                break;
            ck_assert_uint_eq(all_memory(n), sum);
            ck_assert_uint_ge(host.free, xk_min_u64(was_free, host.reserve));
            was_free = host.free;
        }
        /* Each step moves 4 MiB of some 16 GiB at least; in fact it is fast. */
        ck_assert_int_lt(steps, 1000);
    }
}
END_TEST

/* Nobody is short while another sits on idle memory above its minimum. */
START_TEST(test_comes_to_a_good_end)
{
    size_t i, n = 6;
    uint64_t idle;
    bool waits;
    int round, steps;

    state = 1234 + (unsigned int)_i;
    for (round = 0; round < 50; round++) {
        any_host(n);
        for (steps = 0; steps < 2000; steps++) {
            for (i = 0; i < n; i++)
                speak(i);
            plan(n);
            if (!carry_out(n, true))
                break;
        }
        idle = 0;
        waits = false;
        for (i = 0; i < n; i++) {
            idle += v[i].spare;
            waits |= v[i].reason == POLICY_SHORT_WAITS;
        }
        ck_assert(!waits || !idle);
    }
}
END_TEST

/*
 * Many steps in which guests work, lie, fall silent and stop half way: no
 * snapshot may lead to a plan that breaks a bound, and honest guests keep
 * their minimum whatever the liars say.
 */
START_TEST(test_liars)
{
    uint64_t sum, was_free, floor[GUESTS];
    size_t i, n = GUESTS;
    int step;

    state = 31337 + (unsigned int)_i;
    any_host(n);
    sum = all_memory(n);
    for (i = 0; i < n; i++)
        floor[i] = xk_min_u64(guests[i].size, guests[i].min);
    for (step = 0; step < 5000; step++) {
        for (i = 0; i < n; i++) {
            if (i % 3 == 0)
                any_word(&guests[i].word);
            else
                speak(i);
            guests[i].busy = dice(5) == 0;
            guests[i].connected = dice(50) != 0;
            if (dice(100) == 0)
                used[i] = MIB(32) + dice(guests[i].max - MIB(32));
        }
        was_free = host.free;
        plan(n);
        check_plan(n);
        (void)carry_out(n, false);
        ck_assert_uint_eq(all_memory(n), sum);
        ck_assert_uint_ge(host.free, xk_min_u64(was_free, host.reserve));
        for (i = 0; i < n; i++) {
            ck_assert_uint_ge(guests[i].size, floor[i]);
            ck_assert_uint_le(guests[i].size, guests[i].max);
        }
    }
}
END_TEST

TCase *tcase_policy(void)
{
    TCase *tc = tcase_create("policy");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_content);
    tcase_add_test(tc, test_gives_to_the_short);
    tcase_add_test(tc, test_reserve_is_kept);
    tcase_add_test(tc, test_need_and_weight);
    tcase_add_test(tc, test_takes_from_the_idle);
    tcase_add_test(tc, test_stops_at_the_minimum);
    tcase_add_test(tc, test_counts_what_is_coming);
    tcase_add_test(tc, test_silence);
    tcase_add_test(tc, test_host_short);
    tcase_add_test(tc, test_steps);
    tcase_add_test(tc, test_below_min);
    tcase_add_test(tc, test_step_is_learnt);
    tcase_add_loop_test(tc, test_any_snapshot, 0, 8);
    tcase_add_loop_test(tc, test_absurd_numbers, 0, 4);
    tcase_add_loop_test(tc, test_converges, 0, 22);
    tcase_add_loop_test(tc, test_comes_to_a_good_end, 0, 4);
    tcase_add_loop_test(tc, test_liars, 0, 6);
    return tc;
}
