/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The window, see window.h. Each step between two hypercalls is a fault point
 * of test builds, and repair.c can go on from every one of them.
 */
#include "window.h"

#include <errno.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>
#include <xenkeep/zero.h>

#include "fault.h"

/*
 * X, the one page of the range that is taken out so that Xen checks the
 * range. Were the check to fail, X alone would be gone: so it is looked at
 * again while the guest is paused. All others Xen looks at.
 */
static xk_gfn_t x_of(const struct window_item *item)
{
    return item->super ? item->gfn + XK_SUPER_PAGES / 2 : item->gfn;
}

static size_t pages_of(const struct window_item *item)
{
    return item->super ? XK_SUPER_PAGES : 1u;
}

struct granted {
    struct window_item *items;
    size_t count;
};

static void strike_granted(xk_gfn_t untrusted_gfn, void *arg)
{
    struct granted *g = arg;
    size_t i;

    for (i = 0; i < g->count; i++)
        if (untrusted_gfn - g->items[i].gfn < pages_of(&g->items[i]))
            g->items[i].result = WINDOW_GRANTED;
}

/* The guest is paused: it can add no grant, and the table cannot grow. */
static int drop_granted(struct domain *dom, struct xk_grants **grants,
                        struct window_item *items, size_t count)
{
    struct granted g = { items, count };
    struct xk_hv *hv = dom->md->hv;
    int rc;

    rc = *grants ? xk_hv_grants_walk(hv, *grants, strike_granted, &g)
                 : -ESTALE;
    if (rc != -ESTALE)
        return rc;
    xk_hv_grants_unmap(hv, *grants);
    *grants = NULL;
    rc = xk_hv_grants_map(hv, dom->info.domid, grants);
    return rc ? rc : xk_hv_grants_walk(hv, *grants, strike_granted, &g);
}

/* Our own mapping is a reference that would fail Xen's check: it is gone
 * when this returns. */
static int drop_changed(struct domain *dom, struct window_item *items,
                        size_t count)
{
    xk_gfn_t xs[WINDOW_ITEMS] = { 0 };
    int errs[WINDOW_ITEMS];
    size_t i;
    void *map;
    int rc;

    for (i = 0; i < count; i++)
        xs[i] = x_of(&items[i]);
    rc = xk_hv_map(dom->md->hv, dom->info.domid, xs, count, errs, &map);
    if (rc)
        return rc;
    for (i = 0; i < count; i++)
        if (items[i].result == WINDOW_UNTOUCHED &&
            (errs[i] || !xk_zero((char *)map + i * XK_PAGE_SIZE,
                                 XK_PAGE_SIZE)))
            items[i].result = WINDOW_CHANGED;
    xk_hv_unmap(dom->md->hv, map, count);
    return 0;
}

/* Takes out every X in one call; *taken_r of them were. */
static int take_xs(struct domain *dom, struct window_item *const *live,
                   size_t count, size_t *taken_r)
{
    xk_gfn_t xs[WINDOW_ITEMS];
    size_t i;
    int rc;

    for (i = 0; i < count; i++)
        xs[i] = x_of(live[i]);
    rc = xk_hv_decrease(dom->md->hv, dom->info.domid, xs, count, 0, taken_r);
    return rc == -EAGAIN ? 0 : rc;
}

/*
 * Marks each range: when Xen has checked it, all of it is entries but X, and
 * the mark makes it one 2 MiB entry again. When Xen refused, it is still RAM,
 * the mark fails, and X alone is put back as an entry.
 */
static int mark_ranges(struct domain *dom, struct window_item *const *live,
                       size_t count)
{
    struct xk_hv *hv = dom->md->hv;
    size_t i;
    int rc;

    for (i = 0; i < count; i++) {
        xk_gfn_t x = x_of(live[i]);

        rc = xk_hv_mark_pod(hv, dom->info.domid, &live[i]->gfn, 1,
                            live[i]->super ? XK_SUPER_ORDER : 0, NULL);
        live[i]->result = rc ? WINDOW_REFUSED : WINDOW_COMMITTED;
        if (rc)
            rc = xk_hv_mark_pod(hv, dom->info.domid, &x, 1, 0, NULL);
        if (rc)
            return rc;
        xk_fault("window-marked");
    }
    return 0;
}

/*
 * Xen checks only while there is a debt, so a cache that holds more than its
 * entries need is trimmed first: closing the scratch does that.
 */
int window_open_debt(struct domain *dom)
{
    struct xk_hv *hv = dom->md->hv;
    int rc = 0;

    if (dom->surplus) {
        rc = scratch_open(hv, dom->info.domid, &dom->scratch, 1);
        if (!rc)
            rc = scratch_close(hv, dom->info.domid, &dom->scratch);
    }
    return rc ? rc : scratch_open(hv, dom->info.domid, &dom->scratch, 1);
}

/* With the guest paused and the scratch open: the heart of it. */
static int commit(struct domain *dom, struct window_item *items, size_t count)
{
    struct window_item *live[WINDOW_ITEMS];
    size_t i, n, taken;
    int rc;

    for (i = 0, n = 0; i < count; i++)
        if (items[i].result == WINDOW_UNTOUCHED)
            live[n++] = &items[i];
    if (!n)
        return 0;
    rc = window_open_debt(dom);
    if (rc)
        return rc;
    xk_fault("window-opened");
    rc = take_xs(dom, live, n, &taken);
    xk_fault("window-taken");
    if (!rc)
        rc = mark_ranges(dom, live, taken);
    return rc;
}

int window_mark_super(struct domain *dom, xk_gfn_t gfn)
{
    struct xk_hv *hv = dom->md->hv;
    xk_domid_t domid = dom->info.domid;
    enum xk_gfn_type type;
    xk_gfn_t at;
    int rc;

    rc = xk_hv_mark_pod(hv, domid, &gfn, 1, XK_SUPER_ORDER, NULL);
    if (rc != -EBUSY)
        return rc;
    /* There is RAM in it: holes beside that are the work of a guest. */
    for (at = gfn; at < gfn + XK_SUPER_PAGES; at++) {
        rc = xk_hv_gfn_type(hv, domid, at, &type);
        if (!rc && type == XK_GFN_HOLE)
            rc = xk_hv_mark_pod(hv, domid, &at, 1, 0, NULL);
        if (rc && rc != -EBUSY)
            return rc;
    }
    return -EBUSY;
}

/* RAM refuses the mark, an entry stays one, a hole becomes one. */
static int restore_gfn(struct domain *dom, uint64_t gfn)
{
    int rc;

    uint64_t i, ranges = journal_ranges(gfn);

    if (!ranges) {
        rc = xk_hv_mark_pod(dom->md->hv, dom->info.domid, &gfn, 1, 0, NULL);
        return rc == -EBUSY ? 0 : rc;
    }
    for (i = 0; i < ranges; i++) {
        rc = window_mark_super(dom, journal_gfn(gfn) + i * XK_SUPER_PAGES);
        if (rc && rc != -EBUSY)
            return rc;
    }
    return 0;
}

int window_restore(struct domain *dom, const xk_gfn_t *gfns, size_t count)
{
    struct xk_hv *hv = dom->md->hv;
    xk_domid_t domid = dom->info.domid;
    struct xk_pod pod;
    size_t i;
    int rc;

    for (i = 0; i < count; i++) {
        rc = restore_gfn(dom, gfns[i]);
        if (rc)
            return rc;
    }
    rc = scratch_close(hv, domid, &dom->scratch);
    if (rc)
        return rc;
    xk_fault("window-closed");
    rc = xk_hv_pod(hv, domid, &pod);
    if (rc || pod.cache + dom->debt >= pod.entries)
        return rc;
    xk_warn("%s: %llu entries but %llu pages to fill them: covering",
            dom->name, (unsigned long long)pod.entries,
            (unsigned long long)pod.cache);
    return xk_hv_pod_cover(hv, domid, dom->debt);
}

/*
 * Is the guest in a state to be paused by us, and by nobody else? (The guard
 * may have done it already.) Notes the debt it has anyway: faults leave it as
 * it is, the guest's balloon only lowers it.
 */
static int may_pause(struct domain *dom)
{
    int rc;

    rc = xk_hv_dominfo(dom->md->hv, dom->info.domid, &dom->info);
    if (rc)
        return rc;
    if (dom->info.dying || dom->info.shutdown || dom->leaving || dom->held ||
        dom->info.paused != dom->guard.halted)
        return -EBUSY;
    return domain_note_debt(dom);
}

static int check_running(struct domain *dom, xk_gfn_t gfn)
{
    int rc;

    rc = xk_hv_dominfo(dom->md->hv, dom->info.domid, &dom->info);
    if (rc)
        return rc;
    return dom->info.dying || dom->info.shutdown ||
           domain_migrating(dom, gfn) ? -EBUSY : 0;
}

static int pause_guest(struct domain *dom, const xk_gfn_t *xs, size_t count)
{
    int rc;

    if (dom->guard.halted)
        return domain_journal(dom, JOURNAL_PAUSED, xs, (uint32_t)count);
    rc = domain_journal(dom, JOURNAL_PAUSING, xs, (uint32_t)count);
    if (rc)
        return rc;
    xk_fault("window-pausing");
    rc = xk_hv_pause(dom->md->hv, dom->info.domid);
    xk_fault("window-paused");
    if (!rc) {
        rc = domain_journal(dom, JOURNAL_PAUSED, xs, (uint32_t)count);
        if (rc)
            (void)xk_hv_unpause(dom->md->hv, dom->info.domid);
    }
    /* Or a later pause of somebody else would be taken for this one. */
    if (rc)
        (void)domain_journal(dom, JOURNAL_IDLE, NULL, 0);
    return rc;
}

/* The guest cannot be made whole. If it is still there it stays paused. */
static int leave_paused(struct domain *dom, int rc)
{
    int gone = xk_hv_dominfo(dom->md->hv, dom->info.domid, &dom->info);

    if (gone == -ESRCH || (!gone && dom->info.dying)) {
        dom->scratch.slots = 0;
        return -ESRCH;
    }
    xk_err("%s: left paused, its memory is not whole: %s", dom->name,
           strerror(-rc));
    domain_hold(dom);
    return rc;
}

/* When it ran again; 0: it does not, the guard has stopped it. */
static uint64_t let_run(struct domain *dom, uint64_t start)
{
    struct totals *t = &dom->md->totals;
    uint64_t end;
    int rc;

    if (dom->guard.halted) {
        (void)domain_journal(dom, JOURNAL_IDLE, NULL, 0);
        return 0;
    }
    rc = xk_hv_unpause(dom->md->hv, dom->info.domid);
    end = xk_now_us();
    if (rc && rc != -ESRCH)
        xk_err("%s: cannot be unpaused: %s", dom->name, strerror(-rc));
    xk_fault("window-unpaused");
    (void)domain_journal(dom, JOURNAL_IDLE, NULL, 0);
    t->pauses++;
    t->pause_us += end - start;
    t->longest_pause_us = xk_max_u64(t->longest_pause_us, end - start);
    return end;
}

static void unpause_guest(struct domain *dom, uint64_t start, size_t items)
{
    uint64_t end = let_run(dom, start);

    if (end)
        budget_spent(&dom->budget, start, end, (uint32_t)items);
}

int window_run(struct domain *dom, struct xk_grants **grants,
               struct window_item *items, size_t count)
{
    xk_gfn_t xs[WINDOW_ITEMS];
    uint64_t start;
    size_t i;
    int rc, r;

    if (!count || count > WINDOW_ITEMS)
        return -EINVAL;
    for (i = 0; i < count; i++) {
        items[i].result = WINDOW_UNTOUCHED;
        xs[i] = x_of(&items[i]);
    }
    rc = may_pause(dom);
    if (rc)
        return rc;
    start = xk_now_us();
    rc = pause_guest(dom, xs, count);
    if (rc)
        return rc;
    rc = check_running(dom, xs[0]);
    if (!rc)
        rc = drop_granted(dom, grants, items, count);
    if (!rc)
        rc = drop_changed(dom, items, count);
    if (!rc) {
        rc = commit(dom, items, count);
        /* On success there are no holes: close and verify only. */
        r = window_restore(dom, xs, rc ? count : 0);
        rc = rc ? rc : r;
        xk_fault("window-verified");
        if (r)
            return leave_paused(dom, r);
    }
    unpause_guest(dom, start, count);
    return rc;
}

/* First, middle and last page: a cheap test for ranges that are part hole. */
static bool has_hole(struct domain *dom, xk_gfn_t gfn)
{
    static const unsigned int at[] = { 0, XK_SUPER_PAGES / 2,
                                       XK_SUPER_PAGES - 1 };
    enum xk_gfn_type type;
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(at); i++)
        if (xk_hv_gfn_type(dom->md->hv, dom->info.domid, gfn + at[i], &type) ||
            type != XK_GFN_RAM)
            return true;
    return false;
}

int window_probe(struct domain *dom, const xk_gfn_t *gfns, size_t count,
                 bool *pod_r)
{
    uint64_t start;
    size_t i;
    int rc, r;

    rc = may_pause(dom);
    if (rc)
        return rc;
    start = xk_now_us();
    rc = pause_guest(dom, NULL, 0);
    if (rc)
        return rc;
    /* The mark changes nothing where all is entries or any is RAM. */
    for (i = 0; i < count; i++)
        pod_r[i] = !has_hole(dom, gfns[i]) &&
                   !xk_hv_mark_pod(dom->md->hv, dom->info.domid, &gfns[i], 1,
                                   XK_SUPER_ORDER, NULL);
    /* A hole that hid from has_hole() is an entry now: cover it. */
    r = window_restore(dom, NULL, 0);
    if (r)
        return leave_paused(dom, r);
    unpause_guest(dom, start, 0);
    return rc;
}

/* ---- giving ------------------------------------------------------------ */

/* Ranges of one hypercall. */
#define BATCH 128u

typedef int batch_fn(struct xk_hv *hv, xk_domid_t domid, const xk_gfn_t *gfns,
                     size_t count, unsigned int order, size_t *done_r);

static int each_range(struct domain *dom, const struct window_run *run,
                      batch_fn *fn)
{
    xk_gfn_t gfns[BATCH];
    uint64_t at, i, n;
    int rc;

    for (at = 0; at < run->ranges; at += n) {
        n = xk_min_u64(run->ranges - at, BATCH);
        for (i = 0; i < n; i++)
            gfns[i] = run->gfn + (at + i) * XK_SUPER_PAGES;
        rc = fn(dom->md->hv, dom->info.domid, gfns, n, XK_SUPER_ORDER, NULL);
        if (rc)
            return rc;
    }
    return 0;
}

static int each_run(struct domain *dom, const struct window_run *runs,
                    size_t count, batch_fn *fn, size_t *bad_r)
{
    int rc = 0;

    for (*bad_r = 0; *bad_r < count; ++*bad_r) {
        rc = each_range(dom, &runs[*bad_r], fn);
        if (rc)
            break;
    }
    return rc;
}

/* What the guest's balloon has taken must not become entries again. */
static bool have_holes(struct domain *dom, const struct window_run *runs,
                       size_t count, size_t *bad_r)
{
    uint64_t i;

    for (*bad_r = 0; *bad_r < count; ++*bad_r)
        for (i = 0; i < runs[*bad_r].ranges; i++)
            if (has_hole(dom, runs[*bad_r].gfn + i * XK_SUPER_PAGES))
                return true;
    return false;
}

/*
 * Are all of them entries, each of their pages? Then a mark changes nothing.
 * One with a hole that hid has more entries by it, so E tells; they are
 * covered before the guest runs.
 */
static int check_entries(struct domain *dom, const struct window_run *runs,
                         size_t count, size_t *bad_r)
{
    struct xk_pod before, after;
    int rc;

    if (have_holes(dom, runs, count, bad_r))
        return -EAGAIN;
    rc = xk_hv_pod(dom->md->hv, dom->info.domid, &before);
    if (!rc)
        rc = each_run(dom, runs, count, xk_hv_mark_pod, bad_r);
    if (!rc)
        rc = xk_hv_pod(dom->md->hv, dom->info.domid, &after);
    return rc == -EBUSY                                ? -EAGAIN
           : !rc && after.entries != before.entries ? -EAGAIN
                                                       : rc;
}

static int take_out(struct domain *dom, const struct window_run *runs,
                    size_t count, uint64_t debt, size_t *bad_r)
{
    size_t at;
    int rc;

    rc = check_running(dom, runs[0].gfn);
    if (!rc)
        rc = check_entries(dom, runs, count, bad_r);
    xk_fault("give-checked");
    if (rc)
        return rc;
    /* From here on the debt is meant to be. */
    dom->debt = debt;
    rc = each_run(dom, runs, count, xk_hv_decrease, &at);
    xk_fault("give-taken");
    if (!rc)
        rc = each_run(dom, runs, count, xk_hv_mark_pod, &at);
    xk_fault("give-marked");
    return rc;
}

int window_give(struct domain *dom, const struct window_run *runs,
                size_t count, uint64_t debt, size_t *bad_r)
{
    uint64_t noted[JOURNAL_GFNS], start, now, was, given;
    size_t i;
    int rc, r;

    *bad_r = count;
    if (!count || count > JOURNAL_GFNS)
        return -EINVAL;
    for (i = 0; i < count; i++)
        noted[i] = journal_run(runs[i].gfn, runs[i].ranges);
    rc = may_pause(dom);
    if (rc)
        return rc;
    /* A repair must find what the account is to be in the end, or it would
     * take back what was given. */
    was = dom->debt;
    given = dom->overcommit.given;
    dom->debt = dom->overcommit.given = debt;
    start = xk_now_us();
    rc = pause_guest(dom, noted, (uint32_t)count);
    dom->debt = was;
    if (rc) {
        dom->overcommit.given = given;
        return rc;
    }
    rc = take_out(dom, runs, count, debt, bad_r);
    r = window_restore(dom, noted, dom->debt == was ? 0 : count);
    if (r)
        return leave_paused(dom, r);
    if (dom->debt == was)
        dom->overcommit.given = given;
    now = let_run(dom, start);
    if (now)
        budget_count(&dom->budget, start, now);
    return rc;
}
