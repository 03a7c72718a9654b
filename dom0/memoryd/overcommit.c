/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Overcommit, see overcommit.h. Xen lets a cache shrink only as entries go
 * away: so ranges that are entries are taken out while the guest stands still,
 * Xen trims the cache to what is left, and they are marked again. What was
 * given before has to be taken out with them each time: until the entries are
 * fewer than the pages of the cache, nothing is trimmed.
 *
 *                                        E      C     (debt 512, to be 1024)
 *   before                             4096   3584
 *   two ranges taken out               3072   3072
 *   and marked again                   4096   3072
 */
#include "overcommit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "scan.h"
#include "window.h"

#define KIB_PER_PAGE 4u

/* Beside the guard's high mark: what it uses up in a moment shall not have to
 * be got back at once. */
#define SLACK ((uint64_t)8 * XK_SUPER_PAGES)

/* A careful first guess, before anything was measured: what freeing 512 pages
 * costs. */
#define ITEM_US 250u

/* Given in one pause, ranges. */
#define STEP_MAX 256u

/* From a growth of the cache to a gift, and between two. */
static const struct timeval soon = { .tv_sec = 1 };

uint64_t overcommit_budget(const struct domain *dom)
{
    const struct rule *rule = settings_rule(&dom->md->settings, dom->name);

    /* A device model fills entries while the guest stands still. */
    if (!rule || dom->info.type != XK_GUEST_PVH)
        return 0;
    return rule->overcommit_kib / KIB_PER_PAGE;
}

void overcommit_note(struct domain *dom, const struct xk_pod *pod)
{
    uint64_t debt = pod->entries - xk_min_u64(pod->entries, pod->cache);

    dom->overcommit.given = xk_min_u64(dom->overcommit.given, debt);
}

uint64_t overcommit_ranges(const struct xk_pod *pod, uint64_t given,
                           uint64_t budget, uint64_t keep, uint64_t most)
{
    uint64_t debt = pod->entries - xk_min_u64(pod->entries, pod->cache);
    uint64_t pages = pod->cache - xk_min_u64(pod->cache, keep);
    uint64_t ranges;

    /* It was in debt without us: that is not ours to make larger. */
    if (debt > given)
        return 0;
    pages = xk_min_u64(pages, most * XK_SUPER_PAGES);
    pages = xk_min_u64(debt + pages, budget);
    ranges = pages / XK_SUPER_PAGES;
    return ranges * XK_SUPER_PAGES > debt ? ranges : 0;
}

/* ---- which ranges ------------------------------------------------------ */

/* An entry when last seen, and no hole now: the balloon takes entries too. */
static bool is_entry(struct domain *dom, size_t range)
{
    xk_gfn_t gfn = (xk_gfn_t)range * XK_SUPER_PAGES;
    enum range_state kind;

    if (dom->map.cells[range] != MAP_POD || scan_kind(dom, gfn, &kind))
        return false;
    if (kind != RANGE_UNKNOWN)
        map_saw(dom, gfn, kind == RANGE_HOLE ? MAP_SAW_NOTHING
                                             : MAP_SAW_PART);
    return kind == RANGE_UNKNOWN;
}

/* The next run of entries from *at on, of at most `most` ranges. */
static struct window_run next_run(struct domain *dom, size_t *at,
                                  uint64_t most)
{
    const struct map *map = &dom->map;
    struct window_run run = { 0, 0 };

    while (*at < map->count && !is_entry(dom, *at))
        ++*at;
    run.gfn = (xk_gfn_t)*at * XK_SUPER_PAGES;
    while (*at < map->count && is_entry(dom, *at) && run.ranges < most) {
        run.ranges++;
        ++*at;
    }
    return run;
}

/*
 * Takes `ranges` of those that were entries when last seen, in few runs: long
 * ones first. The number of runs; 0: there are not so many.
 */
static size_t pick(struct domain *dom, uint64_t ranges,
                   struct window_run runs[JOURNAL_GFNS])
{
    static const uint64_t least[] = { 64, 8, 1 };
    struct window_run run;
    uint64_t left;
    size_t i, n, at;

    for (i = 0; i < XK_ARRAY_SIZE(least); i++) {
        left = ranges;
        for (n = at = 0; n < JOURNAL_GFNS && at < dom->map.count && left;) {
            run = next_run(dom, &at, xk_min_u64(left, JOURNAL_RUN_MAX));
            if (run.ranges < xk_min_u64(least[i], left))
                continue;
            runs[n++] = run;
            left -= run.ranges;
        }
        if (!left)
            return n;
    }
    return 0;
}

/* ---- a step ------------------------------------------------------------ */

static uint64_t keep_pages(const struct domain *dom)
{
    struct marks m;

    marks_init(&m, dom->md->settings.guard_low_mib, dom->info.max_vcpus);
    return m.high + SLACK;
}

static uint64_t most_ranges(const struct domain *dom)
{
    const struct overcommit *o = &dom->overcommit;
    uint64_t us = o->item_us ? o->item_us : ITEM_US;

    return xk_max_u64(xk_min_u64(dom->md->settings.pause_max_us / us,
                                 STEP_MAX), 1);
}

static void learn(struct overcommit *o, uint64_t us, uint64_t ranges)
{
    uint64_t seen = xk_min_u64(us / xk_max_u64(ranges, 1), UINT32_MAX / 4);

    o->item_us = o->item_us ? (uint32_t)((3u * (uint64_t)o->item_us + seen) /
                                         4u)
                            : (uint32_t)seen;
    if (!o->item_us)
        o->item_us = 1;
}

/* The runs have been given, all of them but what the debt was before. */
static void account(struct domain *dom, uint64_t before, uint64_t us)
{
    struct overcommit *o = &dom->overcommit;
    uint64_t pages = o->given - xk_min_u64(o->given, before);

    learn(o, us, pages / XK_SUPER_PAGES);
    dom->md->totals.overcommit_pages += pages;
    xk_debug("%s: %" PRIu64 " KiB given to the host in %" PRIu64 " us",
             dom->name, pages * KIB_PER_PAGE, us);
}

/* There is no more to give: says so if it was more than that. */
static bool end_of_giving(struct domain *dom)
{
    struct overcommit *o = &dom->overcommit;

    if (o->given > o->said)
        xk_info("%s: the host has %" PRIu64 " KiB of its memory by overcommit",
                dom->name, o->given * KIB_PER_PAGE);
    o->said = o->given;
    return false;
}

static bool may_give(const struct domain *dom)
{
    return dom->md->settings.guard && !dom->guard.halted && !dom->aside &&
           !dom->scratch.slots;
}

bool overcommit_step(struct domain *dom)
{
    struct overcommit *o = &dom->overcommit;
    uint64_t budget = overcommit_budget(dom), ranges, start, before;
    struct window_run runs[JOURNAL_GFNS];
    struct xk_pod pod;
    size_t count, bad;
    int rc;

    if (!budget || !may_give(dom) ||
        xk_hv_pod(dom->md->hv, dom->info.domid, &pod))
        return false;
    overcommit_note(dom, &pod);
    before = o->given;
    ranges = overcommit_ranges(&pod, before, budget, keep_pages(dom),
                               most_ranges(dom));
    count = ranges ? pick(dom, ranges, runs) : 0;
    if (!count)
        return end_of_giving(dom);
    start = xk_now_us();
    rc = window_give(dom, runs, count, ranges * XK_SUPER_PAGES, &bad);
    if (rc == -EAGAIN && bad < count) {
        /* The guest has filled some of it since. */
        map_note(dom, runs[bad].gfn, runs[bad].ranges, MAP_UNKNOWN);
        return true;
    }
    if (!rc)
        account(dom, before, xk_now_us() - start);
    /* In debt now, maybe also where not all of it could be done. */
    guard_check(dom);
    return !rc;
}

/* ---- by itself --------------------------------------------------------- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct domain *dom = arg;

    (void)fd, (void)what;
    if (domain_busy(dom) ||
        dom->device.balloon.phase != BALLOON_IDLE || overcommit_step(dom))
        (void)evtimer_add(dom->overcommit.timer, &soon);
}

void overcommit_soon(struct domain *dom)
{
    struct overcommit *o = &dom->overcommit;

    if (!overcommit_budget(dom))
        return;
    if (!o->timer)
        o->timer = evtimer_new(dom->md->loop.base, on_timer, dom);
    if (o->timer && !evtimer_pending(o->timer, NULL))
        (void)evtimer_add(o->timer, &soon);
}

void overcommit_dispose(struct domain *dom)
{
    if (dom->overcommit.timer)
        event_free(dom->overcommit.timer);
    dom->overcommit.timer = NULL;
}
