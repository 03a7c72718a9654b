/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Free page reporting, see reporting.h. With the scratch open Xen takes a
 * range that is given back into the cache, whole; the mark that follows makes
 * it an entry again. E and C both grow by 512 and the guest stays covered all
 * the time; between the two the range is a hole, which the journal knows and
 * which nobody looks at, because the guest holds the range back.
 *
 *                              E      C     (one range, no entries before)
 *   scratch of 2 MiB opened   512      0
 *   range decreased           512    512
 *   range marked             1024    512
 *   scratch closed            512    512
 */
#include "reporting.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "fault.h"
#include "scan.h"
#include "sweep.h"
#include "window.h"

#define SECOND_US UINT64_C(1000000)

/* Of each second, for one guest. */
#define SHARE_US (SECOND_US / 4)

_Static_assert(XK_BALLOON_RANGES <= JOURNAL_GFNS, "a record holds a report");

struct list {
    xk_gfn_t gfns[XK_BALLOON_RANGES];
    size_t count;
};

/*
 * Xen looks at no reference when it takes a range this way. A device model
 * may hold one that nobody knows of, so guests that have one are not served;
 * what backends hold is in the grant table.
 */
bool reporting_offered(const struct domain *dom)
{
    return dom->md->settings.free_page_reporting &&
           dom->info.type == XK_GUEST_PVH;
}

/* ---- may it be done ---------------------------------------------------- */

static bool over_share(struct reporting *r)
{
    uint64_t now = xk_now_us();

    if (now - r->since_us >= SECOND_US)
        *r = (struct reporting){ .since_us = now };
    return r->spent_us >= SHARE_US;
}

/* Another work on this guest's memory has the scratch, or soon will. A guest
 * with passed-through devices is found out by the first mark, which Xen
 * refuses. */
static bool is_busy(const struct domain *dom)
{
    return domain_busy(dom) || dom->aside ||
           dom->guard.halted || dom->scratch.slots || dom->held ||
           dom->device.balloon.phase != BALLOON_IDLE;
}

/* Memory that a sweep would look at, all of it RAM or entries. */
static int check_range(struct domain *dom, xk_gfn_t gfn)
{
    enum range_state kind;
    int rc;

    if (!gfn || !sweep_may_be_ram(dom, gfn))
        return -EINVAL;
    rc = scan_kind(dom, gfn, &kind);
    return rc || kind == RANGE_UNKNOWN ? rc : -EINVAL;
}

struct granted {
    const struct list *list;
    bool found;
};

static void find_granted(xk_gfn_t untrusted_gfn, void *arg)
{
    struct granted *g = arg;
    size_t i;

    for (i = 0; i < g->list->count; i++)
        if (untrusted_gfn - g->list->gfns[i] < XK_SUPER_PAGES)
            g->found = true;
}

/* A frame that a backend may reach would go on to be written by it. */
static int check_grants(struct domain *dom, const struct list *list)
{
    struct granted g = { .list = list };
    struct xk_grants *grants;
    int rc;

    rc = xk_hv_grants_map(dom->md->hv, dom->info.domid, &grants);
    if (rc)
        return rc;
    rc = xk_hv_grants_walk(dom->md->hv, grants, find_granted, &g);
    xk_hv_grants_unmap(dom->md->hv, grants);
    return rc ? rc : g.found ? -EINVAL : 0;
}

/* 0, -EBUSY (later perhaps), -EINVAL (these ranges never), -errno. */
static int check(struct domain *dom, struct list *list)
{
    size_t i;
    int rc = 0;

    if (is_busy(dom) || over_share(&dom->reporting))
        return -EBUSY;
    rc = xk_hv_dominfo(dom->md->hv, dom->info.domid, &dom->info);
    if (rc)
        return rc;
    if (dom->info.dying || dom->info.shutdown || dom->info.paused ||
        dom->leaving)
        return -EBUSY;
    for (i = 0; !rc && i < list->count; i++)
        rc = check_range(dom, list->gfns[i]);
    if (!rc)
        rc = domain_place_scratch(dom);
    if (!rc)
        rc = domain_note_debt(dom);
    if (!rc && dom->debt > dom->overcommit.given)
        rc = -EBUSY;
    return rc ? rc : check_grants(dom, list);
}

/* ---- doing it ---------------------------------------------------------- */

/*
 * A guest that says what is not so (there was a hole in the range already)
 * has got more entries than frames by it. They are taken from the same ranges
 * again: its own loss, and its own covering.
 */
static int take_back(struct domain *dom, const struct list *list)
{
    uint64_t scratch = (uint64_t)dom->scratch.slots * XK_SUPER_PAGES;
    struct xk_pod pod;
    uint64_t i;
    int rc;

    for (i = 0; i < list->count * XK_SUPER_PAGES; i++) {
        xk_gfn_t gfn = list->gfns[i / XK_SUPER_PAGES] + i % XK_SUPER_PAGES;

        rc = xk_hv_pod(dom->md->hv, dom->info.domid, &pod);
        if (rc || pod.entries <= pod.cache + scratch + dom->debt)
            return rc;
        if (!i)
            xk_warn("%s: reported ranges that are not all its own",
                    dom->name);
        (void)xk_hv_decrease(dom->md->hv, dom->info.domid, &gfn, 1, 0, NULL);
    }
    return 0;
}

/*
 * 0: no hole is left. *all_r: every range is an entry; else Xen did not take
 * one, or the guest has used it meanwhile, and it is RAM.
 */
static int turn_ranges(struct domain *dom, const struct list *list,
                       bool *all_r)
{
    size_t i;
    int rc;

    *all_r = true;
    for (i = 0; *all_r && i < list->count; i++) {
        rc = xk_hv_decrease(dom->md->hv, dom->info.domid, &list->gfns[i], 1,
                            XK_SUPER_ORDER, NULL);
        xk_fault("report-taken");
        *all_r = !rc;
        /* Also when it stopped in the middle. */
        rc = window_mark_super(dom, list->gfns[i]);
        xk_fault("report-marked");
        if (rc == -EBUSY)
            *all_r = false;
        else if (rc)
            return rc;
    }
    return 0;
}

static int turn(struct domain *dom, const struct list *list)
{
    xk_gfn_t noted[XK_BALLOON_RANGES];
    bool all = false;
    size_t i;
    int rc, r = 0;

    for (i = 0; i < list->count; i++)
        noted[i] = journal_run(list->gfns[i], 1);
    rc = domain_journal(dom, JOURNAL_OPEN, noted, (uint32_t)list->count);
    if (rc)
        return rc;
    xk_fault("report-opening");
    rc = window_open_debt(dom);
    xk_fault("report-opened");
    if (!rc)
        r = turn_ranges(dom, list, &all);
    if (!r)
        r = take_back(dom, list);
    if (!r)
        r = window_restore(dom, NULL, 0);
    xk_fault("report-closed");
    if (r && r != -ESRCH) {
        xk_err("%s: reported pages cannot be made whole: %s", dom->name,
               strerror(-r));
        /* The record stays; the repair pauses it for what is to be done. */
        domain_hold(dom);
        return r;
    }
    (void)domain_journal(dom, JOURNAL_IDLE, NULL, 0);
    return rc ? rc : r ? r : all ? 0 : -EAGAIN;
}

bool reporting_free(struct domain *dom, const struct xk_balloon_slot *msg,
                    uint32_t *status_r)
{
    struct list list = { .count = (size_t)msg->given };
    uint64_t start = xk_now_us();
    size_t i;
    int rc;

    for (i = 0; i < list.count; i++)
        list.gfns[i] = msg->pages + i * XK_SUPER_PAGES;
    rc = check(dom, &list);
    if (!xk_ring_take_ticket(&dom->device.ring, (uint32_t)msg->id))
        return false;
    if (!rc)
        rc = turn(dom, &list);
    if (!rc) {
        dom->md->totals.reported_pages += list.count * XK_SUPER_PAGES;
        map_note(dom, msg->pages, list.count, MAP_POD);
        overcommit_soon(dom);
    }
    start = xk_now_us() - start;
    dom->reporting.spent_us += start;
    xk_debug("%s: %zu ranges reported from gfn 0x%" PRIx64 " on, %" PRIu64
             " us: %s", dom->name, list.count, msg->pages, start,
             strerror(-rc));
    *status_r = !rc             ? XK_BALLOON_OK
                : rc == -EINVAL ? XK_BALLOON_EREFUSED
                                : XK_BALLOON_EBUSY;
    return true;
}
