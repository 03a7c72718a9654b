/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pass, see sweep.h: phases in this order, each a function that does a
 * slice of work and says when to come back.
 */
#include "sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "look.h"
#include "ranges.h"
#include "scan.h"
#include "window.h"

/* Scanning yields to the loop after this, microseconds. */
#define SLICE_US 3000u

/* Ranges asked about in one window. */
#define PROBES 64u

/* No RAM is here, but devices and the special pages (libxl's memory map). */
#define DEVICES_GFN ((xk_gfn_t)0xf0000)
#define FOUR_GIB_GFN ((xk_gfn_t)0x100000)

const char *const sweep_skip_names[SKIP_COUNT] = {
    [SKIP_CHANGED] = "changed", [SKIP_GRANTED] = "granted",
    [SKIP_REFUSED] = "refused-by-xen", [SKIP_PARTLY] = "partly-ballooned",
    [SKIP_SWEPT] = "already-swept", [SKIP_UNREADABLE] = "unreadable",
    [SKIP_LOW] = "low-memory", [SKIP_MODEL] = "device-model",
};

enum phase {
    PHASE_PROBE, PHASE_SCAN, PHASE_SUPER, PHASE_REGULAR, PHASE_GIVE, PHASE_END
};

struct sweep {
    struct domain *dom;
    bool dry_run;
    bool stopping;
    enum phase phase;
    size_t cursor;              /* the next range of this phase */
    struct ranges ranges;
    uint64_t candidates;        /* of PHASE_SUPER, for the progress */
    struct scan_result split;   /* PHASE_REGULAR: the range at the cursor */
    unsigned int split_page;    /* its next page; 512: take another range */
    struct xk_grants *grants;
    struct event *timer;
    struct sweep_report *report;
    sweep_progress_fn *progress;
    sweep_done_fn *done;
    void *arg;
};

static xk_gfn_t gfn_of(size_t range)
{
    return (xk_gfn_t)range * XK_SUPER_PAGES;
}

static void tell(struct sweep *s, const char *phase, uint64_t done,
                 uint64_t total)
{
    if (s->progress)
        s->progress(phase, done, total, s->arg);
}

/* A guest that the guard has stopped waits for the pass: no pause then, and no
 * rest. */
static uint64_t rest(const struct sweep *s)
{
    return s->dom->guard.halted ? 0 : budget_wait(&s->dom->budget, xk_now_us());
}

/* --- probing: which ranges are entries already ------------------------- */

static int add_probes(struct sweep *s, size_t *list, size_t max)
{
    enum range_state kind;
    size_t n = 0;
    int rc;

    for (; s->cursor < s->ranges.count && n < max; s->cursor++) {
        rc = scan_kind(s->dom, gfn_of(s->cursor), &kind);
        if (rc)
            return rc;
        if (kind == RANGE_HOLE)
            s->ranges.state[s->cursor] = RANGE_HOLE;
        else if (kind == RANGE_UNKNOWN)
            list[n++] = s->cursor;
    }
    return (int)n;
}

/* An entry that is no longer whole: filled, as one or in pieces. */
static void note_probe(struct domain *dom, xk_gfn_t gfn, bool pod)
{
    if (pod)
        map_note(dom, gfn, 1, MAP_POD);
    else if (map_get(dom, gfn) == MAP_POD)
        map_note(dom, gfn, 1, MAP_UNKNOWN);
}

static int probe(struct sweep *s, uint64_t *wait_us)
{
    xk_gfn_t gfns[PROBES];
    size_t list[PROBES];
    bool pod[PROBES];
    int i, n, rc;

    *wait_us = rest(s);
    if (*wait_us)
        return 0;
    /* Dozens of entries are looked at in the time of one commit. */
    n = add_probes(s, list, PROBES);
    if (n <= 0) {
        s->phase = PHASE_SCAN;
        s->cursor = 0;
        return n;
    }
    for (i = 0; i < n; i++)
        gfns[i] = gfn_of(list[i]);
    rc = window_probe(s->dom, gfns, (size_t)n, pod);
    for (i = 0; !rc && i < n; i++) {
        if (pod[i]) {
            s->ranges.state[list[i]] = RANGE_POD;
            s->report->skipped[SKIP_SWEPT]++;
        }
        note_probe(s->dom, gfns[i], pod[i]);
    }
    return rc;
}

/* --- scanning ----------------------------------------------------------- */

/*
 * Mapping fills entries that hide between the RAM of a range. With the cache
 * at least as large there is a page for each; a guest that is in debt by
 * itself shall keep some, unless it is stopped.
 */
static bool may_read(struct domain *dom)
{
    uint64_t keep = dom->guard.halted ? 0 : XK_SUPER_PAGES;
    struct xk_pod pod;

    return !xk_hv_pod(dom->md->hv, dom->info.domid, &pod) &&
           (pod.cache >= pod.entries || pod.cache >= keep + XK_SUPER_PAGES);
}

/* Of a range that was mapped into this process: each page that is there is
 * RAM now, and 2 MiB with a hole in it is no single mapping. */
static void note_scan(struct domain *dom, xk_gfn_t gfn, unsigned int present)
{
    map_saw(dom, gfn, !present                  ? MAP_SAW_NOTHING
                      : present < XK_SUPER_PAGES ? MAP_SAW_PART
                                                 : MAP_SAW_RAM);
    if (map_get(dom, gfn) == MAP_POD)
        map_note(dom, gfn, 1, MAP_UNKNOWN);
}

static int scan_one(struct sweep *s, size_t range)
{
    struct scan_result result;
    enum range_state kind;
    int rc;

    rc = scan_kind(s->dom, gfn_of(range), &kind);
    if (rc)
        return rc;
    if (kind == RANGE_HOLE) {
        s->ranges.state[range] = RANGE_HOLE;
        return 0;
    }
    rc = may_read(s->dom) ? scan_range(s->dom, gfn_of(range), &result)
                          : -EAGAIN;
    if (rc) {
        s->ranges.state[range] = RANGE_DATA;
        s->report->skipped[SKIP_UNREADABLE]++;
        return 0;
    }
    s->report->scanned_pages += result.present;
    s->dom->md->totals.scanned_pages += result.present;
    s->ranges.state[range] = (uint8_t)ranges_judge(result.present,
                                                   result.zero);
    note_scan(s->dom, gfn_of(range), result.present);
    if (s->ranges.state[range] == RANGE_ZERO)
        s->report->zero_super++;
    else
        s->report->zero_regular += result.zero;
    if (s->ranges.state[range] == RANGE_SPLIT)
        s->report->skipped[SKIP_PARTLY]++;
    return 0;
}

static int scan(struct sweep *s, uint64_t *wait_us)
{
    uint64_t start = xk_now_us(), spent = 0;
    int rc;

    for (; s->cursor < s->ranges.count && spent < SLICE_US; s->cursor++) {
        if (s->ranges.state[s->cursor] == RANGE_UNKNOWN) {
            rc = scan_one(s, s->cursor);
            if (rc)
                return rc;
        }
        spent = xk_now_us() - start;
    }
    tell(s, "scan", s->cursor * XK_SUPER_PAGES,
         s->ranges.count * XK_SUPER_PAGES);
    if (!s->dom->guard.halted)
        *wait_us = spent * 100u / s->dom->md->settings.scan_share_percent -
                   spent;
    if (s->cursor >= s->ranges.count) {
        s->candidates = ranges_in(&s->ranges, RANGE_ZERO);
        s->phase = s->dry_run ? PHASE_END : PHASE_SUPER;
        s->cursor = 0;
    }
    return 0;
}

/* --- committing --------------------------------------------------------- */

/* What Xen refused has lost its X to an entry, and is split by that. */
static void note_result(struct domain *dom, const struct window_item *item)
{
    bool whole = item->super && item->result == WINDOW_COMMITTED;

    if (whole || item->result == WINDOW_COMMITTED ||
        item->result == WINDOW_REFUSED)
        map_note(dom, item->gfn, 1, whole ? MAP_POD : MAP_SHATTERED);
}

static void count_result(struct sweep *s, const struct window_item *item)
{
    static const enum sweep_skip skips[] = {
        [WINDOW_CHANGED] = SKIP_CHANGED, [WINDOW_GRANTED] = SKIP_GRANTED,
        [WINDOW_REFUSED] = SKIP_REFUSED,
    };
    uint64_t pages = item->super ? XK_SUPER_PAGES : 1;

    if (item->result == WINDOW_UNTOUCHED)
        return;
    note_result(s->dom, item);
    if (item->result != WINDOW_COMMITTED) {
        s->report->skipped[skips[item->result]]++;
        s->dom->md->totals.refused_ranges +=
            item->result == WINDOW_REFUSED;
        return;
    }
    if (item->super)
        s->report->committed_super++;
    else
        s->report->committed_regular++;
    s->dom->swept_pages += pages;
    s->dom->md->totals.committed_pages += pages;
}

static int run_window(struct sweep *s, struct window_item *items, size_t n)
{
    size_t i;
    int rc;

    rc = window_run(s->dom, &s->grants, items, n);
    for (i = 0; i < n; i++) {
        if (rc)     /* somewhere in the middle: nobody knows how far */
            map_note(s->dom, items[i].gfn, 1, MAP_UNKNOWN);
        else
            count_result(s, &items[i]);
    }
    return rc;
}

/* A second look, just before the window: hot ranges fall out here, where it
 * costs nothing, and not in Xen's check, which splits what it refuses. */
static bool still_zero(struct sweep *s, size_t range)
{
    struct scan_result result;

    return !scan_range(s->dom, gfn_of(range), &result) &&
           ranges_judge(result.present, result.zero) == RANGE_ZERO;
}

/* Single pages come next, where they may be taken. */
static void end_super(struct sweep *s)
{
    s->phase = PHASE_GIVE;
    s->cursor = 0;
    if (!s->dom->md->settings.sweep_regular)
        return;
    if (s->dom->info.type == XK_GUEST_PVH)
        s->phase = PHASE_REGULAR;
    else
        s->report->skipped[SKIP_MODEL] += ranges_in(&s->ranges, RANGE_SPLIT);
}

static int commit_super(struct sweep *s, uint64_t *wait_us)
{
    struct window_item items[WINDOW_ITEMS];
    uint32_t max;
    size_t n = 0;

    *wait_us = rest(s);
    if (*wait_us)
        return 0;
    max = budget_items(&s->dom->budget, WINDOW_ITEMS);
    while (n < max) {
        s->cursor = ranges_next(&s->ranges, s->cursor, RANGE_ZERO);
        if (s->cursor >= s->ranges.count)
            break;
        s->ranges.state[s->cursor] = RANGE_DONE;
        if (still_zero(s, s->cursor))
            items[n++] = (struct window_item){ .gfn = gfn_of(s->cursor),
                                               .super = true };
        else
            s->report->skipped[SKIP_CHANGED]++;
    }
    if (!n) {
        end_super(s);
        return 0;
    }
    tell(s, "commit",
         s->candidates - ranges_in(&s->ranges, RANGE_ZERO), s->candidates);
    return run_window(s, items, n);
}

/* Reads the next split range: once, because reading it a second time would
 * populate what was just taken. False: there is none. */
static bool next_split(struct sweep *s)
{
    s->cursor = ranges_next(&s->ranges, s->cursor, RANGE_SPLIT);
    if (s->cursor >= s->ranges.count)
        return false;
    s->ranges.state[s->cursor] = RANGE_DONE;
    s->split_page = 0;
    if (scan_range(s->dom, gfn_of(s->cursor), &s->split)) {
        memset(&s->split, 0, sizeof(s->split));
        s->report->skipped[SKIP_UNREADABLE]++;
    }
    return true;
}

/*
 * Single zero pages, only where the range is split anyway: taking one out of
 * an intact 2 MiB mapping would cost more than it brings. For these Xen checks
 * no references, which is why a guest with a device model (HVM) gets none.
 */
static int commit_regular(struct sweep *s, uint64_t *wait_us)
{
    struct window_item items[WINDOW_ITEMS];
    uint32_t max = budget_items(&s->dom->budget, WINDOW_ITEMS);
    size_t n = 0;

    *wait_us = rest(s);
    if (*wait_us)
        return 0;
    if (s->split_page >= XK_SUPER_PAGES && !next_split(s)) {
        s->phase = PHASE_GIVE;
        return 0;
    }
    for (; s->split_page < XK_SUPER_PAGES && n < max; s->split_page++)
        if (s->split.is_zero[s->split_page])
            items[n++] = (struct window_item){
                .gfn = gfn_of(s->cursor) + s->split_page };
    return n ? run_window(s, items, n) : 0;
}

/* --- giving to the host, where that is allowed --------------------------- */

static int give(struct sweep *s, uint64_t *wait_us)
{
    *wait_us = rest(s);
    if (!*wait_us && !overcommit_step(s->dom))
        s->phase = PHASE_END;
    return 0;
}

/* --- the pass ----------------------------------------------------------- */

static int (*const phases[])(struct sweep *s, uint64_t *wait_us) = {
    [PHASE_PROBE] = probe,
    [PHASE_SCAN] = scan,
    [PHASE_SUPER] = commit_super,
    [PHASE_REGULAR] = commit_regular,
    [PHASE_GIVE] = give,
};

static void again(struct sweep *s, uint64_t wait_us)
{
    struct timeval tv = { .tv_sec = (time_t)(wait_us / 1000000),
                          .tv_usec = (suseconds_t)(wait_us % 1000000) };

    (void)evtimer_add(s->timer, &tv);
}

static void end(struct sweep *s, int rc)
{
    sweep_done_fn *done = s->done;
    void *arg = s->arg;

    sweep_free(s);
    done(rc, arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct sweep *s = arg;
    uint64_t wait_us = 0;
    int rc;

    (void)fd, (void)what;
    rc = s->stopping || s->dom->leaving ? -ECANCELED
                                        : phases[s->phase](s, &wait_us);
    if (rc || s->phase == PHASE_END)
        end(s, rc);
    else
        again(s, wait_us);
}

bool sweep_may_be_ram(struct domain *dom, uint64_t gfn)
{
    uint64_t ram = domain_ram_pages(dom);

    if (gfn % XK_SUPER_PAGES)
        return false;
    if (gfn < FOUR_GIB_GFN)
        return gfn + XK_SUPER_PAGES <= xk_min_u64(ram, DEVICES_GFN);
    return gfn - FOUR_GIB_GFN + XK_SUPER_PAGES <= ram;
}

/* A guest can map something as high as it likes; its RAM has an end. */
uint64_t sweep_end(struct domain *dom)
{
    return domain_ram_pages(dom) + FOUR_GIB_GFN;
}

int sweep_ranges(struct domain *dom, size_t *count_r)
{
    xk_gfn_t max, end = sweep_end(dom) - 1;
    int rc;

    rc = xk_hv_max_gfn(dom->md->hv, dom->info.domid, &max);
    if (rc)
        return rc;
    *count_r = (size_t)(xk_min_u64(max, end) / XK_SUPER_PAGES) + 1;
    return 0;
}

bool sweep_is_device(size_t range)
{
    return gfn_of(range) >= DEVICES_GFN && gfn_of(range) < FOUR_GIB_GFN;
}

static void leave_devices_out(struct ranges *r)
{
    size_t i;

    for (i = DEVICES_GFN / XK_SUPER_PAGES;
         i < r->count && sweep_is_device(i); i++)
        r->state[i] = RANGE_HOLE;
}

static int prepare(struct sweep *s)
{
    struct domain *dom = s->dom;
    struct xk_pod pod;
    size_t count;
    int rc;

    rc = xk_hv_pod(dom->md->hv, dom->info.domid, &pod);
    if (!rc)
        rc = sweep_ranges(dom, &count);
    if (!rc)
        rc = ranges_init(&s->ranges, count);
    if (rc)
        return rc;
    rc = domain_place_scratch(dom);
    if (rc)
        return rc;
    look_origin(dom);
    leave_devices_out(&s->ranges);
    s->ranges.state[0] = RANGE_DONE;
    s->report->skipped[SKIP_LOW]++;
    /* Without entries there is nothing that mapping could populate. */
    s->phase = pod.entries ? PHASE_PROBE : PHASE_SCAN;
    return 0;
}

int sweep_start(struct domain *dom, bool dry_run, struct sweep_report *report,
                sweep_progress_fn *progress, sweep_done_fn *done, void *arg,
                struct sweep **sweep_r)
{
    struct sweep *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return -ENOMEM;
    *s = (struct sweep){
        .dom = dom, .dry_run = dry_run, .report = report,
        .split_page = XK_SUPER_PAGES,
        .progress = progress, .done = done, .arg = arg,
    };
    s->timer = evtimer_new(dom->md->loop.base, on_timer, s);
    rc = s->timer ? prepare(s) : -ENOMEM;
    if (rc) {
        sweep_free(s);
        return rc;
    }
    dom->md->totals.sweeps++;
    again(s, 0);
    *sweep_r = s;
    return 0;
}

void sweep_stop(struct sweep *s)
{
    s->stopping = true;
    again(s, 0);
}

void sweep_free(struct sweep *s)
{
    if (!s)
        return;
    xk_hv_grants_unmap(s->dom->md->hv, s->grants);
    ranges_dispose(&s->ranges);
    if (s->timer)
        event_free(s->timer);
    free(s);
}
