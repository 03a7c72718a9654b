/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sharing of memory, see policy.h.
 *
 * A guest is short below 1/16 of its size available, and is then given what
 * brings it to 1/8. It is idle above 1/4, and is then taken from until 3/16
 * are left. What a guest was given does not make it idle, and what it gave
 * does not make it short: so nothing goes back and forth.
 *
 * Gifts come out of what is free above the reserve now, never out of what
 * somebody else has yet to give: that is for the next plan.
 */
#include "policy.h"

#include <string.h>

#include <xenkeep/util.h>

/* Available memory in sixteenths of the size. */
#define SHORT_16 1u
#define GIVEN_16 2u
#define LEFT_16 3u
#define IDLE_16 4u

/* Waiting for memory: from here on it is short; up to here it is idle. */
#define STALL_SHORT 50u
#define STALL_IDLE 10u

/* What a guest gets that stalls and cannot say how much it lacks: 1/16. */
#define STALL_GIFT 16u

/* The least part of its pace for a guest that brings what it is asked for. */
#define SLOWEST 32u

/* No page count is above this: 2^40 pages are 4 PiB. */
#define PAGES_MAX (UINT64_C(1) << 40)

__extension__ typedef unsigned __int128 wide_t;

const char *const policy_reason_names[POLICY_REASONS] = {
    [POLICY_FITS] = "fits",
    [POLICY_IDLE] = "idle",
    [POLICY_IDLE_AT_MIN] = "idle-at-min",
    [POLICY_IDLE_GIVES] = "idle-gives",
    [POLICY_HOST_SHORT] = "host-short",
    [POLICY_SHORT_GETS] = "short-gets",
    [POLICY_SHORT_WAITS] = "short-waits",
    [POLICY_SHORT_AT_MAX] = "short-at-max",
    [POLICY_BELOW_MIN] = "below-min",
    [POLICY_SILENT] = "silent",
    [POLICY_BUSY] = "busy",
    [POLICY_NO_BALLOON] = "no-balloon",
};

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static uint64_t sane(uint64_t pages)
{
    return xk_min_u64(pages, PAGES_MAX);
}

static uint64_t weight(const struct policy_guest *g)
{
    return xk_max_u64(xk_min_u64(g->weight, POLICY_WEIGHT_MAX), 1);
}

static uint64_t sixteenths(const struct policy_guest *g, unsigned int n)
{
    return sane(g->size) / 16 * n;
}

static bool spoke(const struct policy_guest *g)
{
    return g->word.age_ms <= POLICY_WORD_MS;
}

/* It cannot have more available than it has. */
static uint64_t available(const struct policy_guest *g)
{
    return xk_min_u64(g->word.available, sane(g->size));
}

static bool stalls(const struct policy_guest *g)
{
    /* With a quarter of its memory available it does not wait for more. */
    return g->word.stall_permille >= STALL_SHORT &&
           available(g) < sixteenths(g, IDLE_16);
}

bool policy_short(const struct policy_guest *g)
{
    return spoke(g) && (g->word.wanted || stalls(g) ||
                        available(g) < sixteenths(g, SHORT_16));
}

static bool idle(const struct policy_guest *g)
{
    return spoke(g) && !g->word.wanted &&
           g->word.stall_permille <= STALL_IDLE &&
           available(g) > sixteenths(g, IDLE_16);
}

/* Pages that bring it to `n` sixteenths available: they add to its size and
 * to what is available of it alike. */
static uint64_t lacking(const struct policy_guest *g, unsigned int n)
{
    return less(sane(g->size) * n, available(g) * 16) / (16 - n);
}

static uint64_t beyond(const struct policy_guest *g, unsigned int n)
{
    return less(available(g) * 16, sane(g->size) * n) / (16 - n);
}

/* Rounded up: a need of half a superpage is a need. */
static uint64_t need_of(const struct policy_guest *g)
{
    uint64_t room = less(sane(g->max), g->size) / POLICY_UNIT;
    uint64_t pages = less(sane(g->min), g->size);

    if (policy_short(g)) {
        pages = xk_max_u64(pages, sane(g->word.wanted));
        if (available(g) < sixteenths(g, SHORT_16))
            pages = xk_max_u64(pages, lacking(g, GIVEN_16));
        if (stalls(g))
            pages = xk_max_u64(pages, sane(g->size) / STALL_GIFT);
    }
    return xk_min_u64((pages + POLICY_UNIT - 1) / POLICY_UNIT, room);
}

/* Sets what the guest lacks or can miss, and why it stays if it does. */
static void judge(const struct policy_guest *g, struct policy_verdict *v)
{
    uint64_t above = less(sane(g->size), g->min) / POLICY_UNIT;

    memset(v, 0, sizeof(*v));
    v->target = g->size;
    v->reason = POLICY_NO_BALLOON;
    if (!g->connected)
        return;
    v->need = need_of(g);
    if (policy_short(g)) {
        v->reason = v->need ? POLICY_SHORT_WAITS : POLICY_SHORT_AT_MAX;
    } else if (idle(g)) {
        v->spare = xk_min_u64(beyond(g, LEFT_16) / POLICY_UNIT, above);
        v->yield = xk_min_u64(beyond(g, GIVEN_16) / POLICY_UNIT, above);
        v->reason = above ? POLICY_IDLE : POLICY_IDLE_AT_MIN;
    } else if (spoke(g)) {
        v->yield = xk_min_u64(beyond(g, GIVEN_16) / POLICY_UNIT, above);
        v->reason = POLICY_FITS;
    } else {
        v->yield = above;
        v->reason = POLICY_SILENT;
    }
    if (g->busy)
        v->reason = POLICY_BUSY;
}

/* ---- sharing out ---- */

/* One way of sharing: by which key, how much each can take part at most. */
struct way {
    uint64_t (*most)(const struct policy_verdict *v);
    uint64_t (*key)(const struct policy_guest *g,
                    const struct policy_verdict *v);
};

static uint64_t most_need(const struct policy_verdict *v)
{
    return v->need;
}

static uint64_t most_spare(const struct policy_verdict *v)
{
    return v->spare;
}

static uint64_t most_yield(const struct policy_verdict *v)
{
    return v->yield;
}

static uint64_t key_need(const struct policy_guest *g,
                         const struct policy_verdict *v)
{
    return v->need * weight(g);
}

static uint64_t key_spare(const struct policy_guest *g,
                          const struct policy_verdict *v)
{
    return v->spare * POLICY_WEIGHT_MAX / weight(g);
}

static uint64_t key_yield(const struct policy_guest *g,
                          const struct policy_verdict *v)
{
    return v->yield * POLICY_WEIGHT_MAX / weight(g);
}

static const struct way give_way = { most_need, key_need };
static const struct way spare_way = { most_spare, key_spare };
static const struct way yield_way = { most_yield, key_yield };

/* Superpages that one plan may move of this guest. */
static uint64_t reach(const struct way *way, const struct policy_guest *g,
                      const struct policy_verdict *v)
{
    return g->busy ? 0 : xk_min_u64(way->most(v), g->step / POLICY_UNIT);
}

/*
 * One round: each that is not settled gets its part by key, but no more than
 * it can reach. Returns what is left over; *more_r: another round can help.
 */
static uint64_t share_round(const struct way *way,
                            const struct policy_guest *g,
                            struct policy_verdict *v, size_t count,
                            uint64_t amount, bool *more_r)
{
    uint64_t left = amount, part, room;
    wide_t sum = 0;
    size_t i;

    *more_r = false;
    for (i = 0; i < count; i++)
        sum += v[i].settled ? 0 : way->key(&g[i], &v[i]);
    for (i = 0; i < count && sum; i++) {
        if (v[i].settled)
            continue;
        part = (uint64_t)(way->key(&g[i], &v[i]) * (wide_t)amount / sum);
        room = reach(way, &g[i], &v[i]) - v[i].share;
        if (part >= room) {
            part = room;
            v[i].settled = true;
        }
        v[i].share += part;
        left -= part;
        *more_r |= part != 0 || v[i].settled;
    }
    return left;
}

/* What is left of rounding down goes one by one to the first in line. */
static void share_rest(const struct way *way, const struct policy_guest *g,
                       struct policy_verdict *v, size_t count, uint64_t left)
{
    size_t i;

    for (i = 0; i < count && left; i++) {
        if (v[i].share < reach(way, &g[i], &v[i])) {
            v[i].share++;
            left--;
        }
    }
}

/* Sets each one's share of `amount` superpages. */
static void share(const struct way *way, const struct policy_guest *g,
                  struct policy_verdict *v, size_t count, uint64_t amount)
{
    bool more = amount != 0;
    size_t i;

    for (i = 0; i < count; i++) {
        v[i].share = 0;
        v[i].settled = false;
    }
    while (more && amount)
        amount = share_round(way, g, v, count, amount, &more);
    share_rest(way, g, v, count, amount);
}

/* ---- the plan ---- */

static void give(const struct policy_guest *g, struct policy_verdict *v,
                 size_t count, uint64_t usable)
{
    size_t i;

    share(&give_way, g, v, count, usable);
    for (i = 0; i < count; i++) {
        if (!v[i].share)
            continue;
        v[i].target = g[i].size + v[i].share * POLICY_UNIT;
        v[i].reason = policy_short(&g[i]) ? POLICY_SHORT_GETS
                                          : POLICY_BELOW_MIN;
    }
}

/* Returns what was taken. Nobody is taken from twice in a plan. */
static uint64_t take(const struct way *way, enum policy_reason reason,
                     const struct policy_guest *g, struct policy_verdict *v,
                     size_t count, uint64_t amount)
{
    uint64_t taken = 0;
    size_t i;

    share(way, g, v, count, amount);
    for (i = 0; i < count; i++) {
        if (!v[i].share)
            continue;
        v[i].target = g[i].size - v[i].share * POLICY_UNIT;
        v[i].reason = reason;
        v[i].spare = v[i].yield = 0;
        taken += v[i].share;
    }
    return taken;
}

/* What the work under way will still take from the host, and give to it. */
static uint64_t sum_up(const struct policy_guest *g, size_t count,
                       uint64_t *giving_r)
{
    uint64_t taking = 0;
    size_t i;

    *giving_r = 0;
    for (i = 0; i < count; i++) {
        taking += sane(g[i].taking);
        *giving_r += sane(g[i].giving);
    }
    return taking;
}

void policy_plan(const struct policy_host *host,
                 const struct policy_guest *guests, size_t count,
                 struct policy_verdict *verdicts)
{
    uint64_t giving, kept, usable, missing, found, need = 0;
    size_t i;

    kept = sum_up(guests, count, &giving) + sane(host->reserve);
    usable = less(sane(host->free), kept) / POLICY_UNIT;
    for (i = 0; i < count; i++) {
        judge(&guests[i], &verdicts[i]);
        need += verdicts[i].need;
    }
    give(guests, verdicts, count, xk_min_u64(usable, need));
    /* What is on its way to the host already need not be taken again. */
    missing = (less(kept, sane(host->free)) + POLICY_UNIT - 1) / POLICY_UNIT;
    found = usable + giving / POLICY_UNIT;
    found += take(&spare_way, POLICY_IDLE_GIVES, guests, verdicts, count,
                  less(need + missing, found));
    /* Beyond idle memory only what the reserve lacks. */
    (void)take(&yield_way, POLICY_HOST_SHORT, guests, verdicts, count,
               less(missing, found));
}

uint64_t policy_step(uint64_t step, uint64_t limit, uint64_t asked,
                     uint64_t moved, uint64_t us, uint64_t interval_ms)
{
    uint64_t due = xk_max_u64(interval_ms, 1) * 1000;
    uint64_t tried = sane(xk_min_u64(step, asked)), least;

    limit = xk_max_u64(limit, POLICY_UNIT);
    /* Late with all of it: what a move costs beside its pages shall not be
     * all that there is to it. */
    least = moved >= asked ? xk_max_u64(limit / SLOWEST, POLICY_UNIT)
                           : POLICY_UNIT;
    if (moved >= asked && us <= due)
        step = sane(step) * 2;
    else if (us <= due)
        step = (tried + sane(moved)) / 2;
    else
        step = (tried + (uint64_t)(sane(moved) * (wide_t)due / us)) / 2;
    return xk_max_u64(xk_min_u64(step, limit), least);
}
