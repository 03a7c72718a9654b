/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Draining, see drain.h. Mapping a page fills its entry, and one of 2 MiB as a
 * whole where the cache has a superpage: so one page of each range is mapped
 * first, and all of them only where entries are left after that. The guest
 * runs, and is covered, all the time.
 */
#include "drain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "fault.h"
#include "scan.h"
#include "sweep.h"

/* Yields to the loop after this, microseconds. */
#define SLICE_US 3000u

struct drain {
    struct domain *dom;
    struct xk_ctl_call *call;
    struct event *timer;
    bool whole;                 /* the second pass: each page */
    size_t cursor, end;         /* ranges */
    uint64_t entries;           /* when it began, pages */
};

static void release(struct drain *d)
{
    if (d->timer)
        event_free(d->timer);
    d->dom->drain = NULL;
    free(d);
}

void drain_stop(struct drain *d, const char *why)
{
    d->dom->aside = false;
    xk_ctl_fail(d->call, XK_RPC_FAILED, "%s: not drained: %s", d->dom->name,
                why);
    release(d);
}

static void answer(struct domain *dom, struct xk_ctl_call *call,
                   uint64_t filled)
{
    struct json_object *obj = json_object_new_object();

    json_object_object_add(obj, "domid",
                           json_object_new_int(dom->info.domid));
    json_object_object_add(obj, "name", json_object_new_string(dom->name));
    json_object_object_add(obj, "drained",
                           json_object_new_boolean(dom->aside));
    json_object_object_add(obj, "filled_kib", json_object_new_int64(
                           (int64_t)(filled * (XK_PAGE_SIZE / 1024))));
    xk_ctl_reply(call, obj);
}

/* ---- filling ----------------------------------------------------------- */

/* Maps the first `count` pages of a range, and lets go of them. */
static int fill(struct domain *dom, xk_gfn_t gfn, unsigned int count)
{
    xk_gfn_t gfns[XK_SUPER_PAGES];
    int errs[XK_SUPER_PAGES];
    unsigned int i;
    void *map;
    int rc;

    for (i = 0; i < count; i++)
        gfns[i] = gfn + i;
    rc = xk_hv_map(dom->md->hv, dom->info.domid, gfns, count, errs, &map);
    if (!rc)
        xk_hv_unmap(dom->md->hv, map, count);
    return rc;
}

static int fill_range(struct drain *d, size_t range)
{
    xk_gfn_t gfn = (xk_gfn_t)range * XK_SUPER_PAGES;
    enum range_state kind;
    int rc;

    if (sweep_is_device(range))
        return 0;
    rc = scan_kind(d->dom, gfn, &kind);
    if (rc || kind == RANGE_HOLE)
        return rc;
    rc = fill(d->dom, gfn, d->whole ? XK_SUPER_PAGES : 1);
    /* Pages that are nothing do not count; a range of nothing but these was
     * not one a moment ago. */
    return rc == -ESRCH ? rc : 0;
}

/* What is left of the cache when there is no entry: closing a scratch, Xen
 * trims it. */
static int trim(struct domain *dom)
{
    struct xk_pod pod;
    int rc;

    rc = domain_place_scratch(dom);
    if (!rc)
        rc = domain_note_debt(dom);
    if (!rc)
        rc = domain_journal(dom, JOURNAL_OPEN, NULL, 0);
    if (rc)
        return rc;
    rc = scratch_open(dom->md->hv, dom->info.domid, &dom->scratch, 1);
    xk_fault("drain-opened");
    if (!rc)
        rc = scratch_close(dom->md->hv, dom->info.domid, &dom->scratch);
    if (!rc)
        rc = xk_hv_pod(dom->md->hv, dom->info.domid, &pod);
    return rc ? rc : pod.cache ? -EAGAIN : 0;
}

/* 0: there is no entry and no cache. -EAGAIN: there is. */
static int check(struct domain *dom)
{
    struct xk_pod pod;
    int rc;

    rc = xk_hv_pod(dom->md->hv, dom->info.domid, &pod);
    if (rc || pod.entries)
        return rc ? rc : -EAGAIN;
    map_doubt(dom, MAP_POD);
    return pod.cache ? trim(dom) : 0;
}

static void finish(struct drain *d)
{
    struct xk_ctl_call *call = d->call;
    uint64_t entries = d->entries;
    struct domain *dom = d->dom;
    int rc;

    release(d);
    rc = domain_journal(dom, JOURNAL_IDLE, NULL, 0);
    xk_fault("drain-done");
    if (rc) {
        dom->aside = false;
        xk_ctl_fail(call, XK_RPC_FAILED, "%s: drained, but it cannot be "
                    "noted: %s", dom->name, strerror(-rc));
        return;
    }
    guard_check(dom);
    xk_info("%s: drained: %" PRIu64 " KiB were filled; left alone from now on",
            dom->name, entries * (XK_PAGE_SIZE / 1024));
    answer(dom, call, entries);
}

static void again(struct drain *d, uint64_t wait_us)
{
    struct timeval tv = { .tv_sec = (time_t)(wait_us / 1000000),
                          .tv_usec = (suseconds_t)(wait_us % 1000000) };

    (void)evtimer_add(d->timer, &tv);
}

/* A pass is over. */
static void next_pass(struct drain *d)
{
    int rc = check(d->dom);

    if (!rc) {
        finish(d);
    } else if (rc != -EAGAIN) {
        drain_stop(d, strerror(-rc));
    } else if (d->whole) {
        drain_stop(d, "entries are left that no page of its memory is");
    } else {
        d->whole = true;
        d->cursor = 0;
        again(d, 0);
    }
}

static int slice(struct drain *d, uint64_t *wait_us)
{
    uint64_t start = xk_now_us(), spent = 0;
    int rc;

    for (; d->cursor < d->end && spent < SLICE_US; d->cursor++) {
        rc = fill_range(d, d->cursor);
        if (rc)
            return rc;
        spent = xk_now_us() - start;
    }
    *wait_us = spent * 100u / d->dom->md->settings.scan_share_percent - spent;
    return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct drain *d = arg;
    uint64_t wait_us = 0;
    int rc;

    (void)fd, (void)what;
    rc = slice(d, &wait_us);
    if (rc == -EBUSY) {
        drain_stop(d, "it is being migrated");
    } else if (rc) {
        drain_stop(d, strerror(-rc));
    } else if (d->cursor < d->end) {
        xk_ctl_progress(d->call, "drain", d->cursor * XK_SUPER_PAGES,
                        d->end * XK_SUPER_PAGES);
        again(d, wait_us);
    } else {
        next_pass(d);
    }
}

/* ---- the commands ------------------------------------------------------ */

static void on_gone(void *arg)
{
    drain_stop(arg, "the command went away");
}

/*
 * 0, and all entries have a page that waits. The debt of a guest that was
 * started with less than its maximum is not ours to fill: its balloon takes
 * those entries away.
 */
static int cover(struct domain *dom, struct xk_ctl_call *call,
                 uint64_t *entries_r)
{
    struct xk_pod pod;
    int rc;

    rc = guard_cover(dom, &pod);
    if (rc) {
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s: cannot be drained: %s",
                    dom->name, strerror(-rc));
        return rc;
    }
    *entries_r = pod.entries;
    if (pod.cache >= pod.entries)
        return 0;
    if (dom->overcommit.given)
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s: cannot be drained: the host "
                    "has %" PRIu64 " MiB of it by overcommit, and less free "
                    "than that", dom->name, dom->overcommit.given / 256);
    else
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s: cannot be drained: it was "
                    "started with less than its maximum, and its balloon has "
                    "not given the difference back yet", dom->name);
    return -ENOMEM;
}

static struct drain *create(struct domain *dom, struct xk_ctl_call *call)
{
    struct drain *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->dom = dom;
    d->call = call;
    d->timer = evtimer_new(dom->md->loop.base, on_timer, d);
    if (!d->timer || sweep_ranges(dom, &d->end)) {
        if (d->timer)
            event_free(d->timer);
        free(d);
        return NULL;
    }
    dom->drain = d;
    return d;
}

void drain_start(struct domain *dom, struct xk_ctl_call *call)
{
    const char *why = dom->aside && !dom->drain ? NULL : domain_refuses(dom);
    struct drain *d;
    uint64_t entries;

    if (!why && domain_busy(dom))
        why = "another command is working on it";
    if (why) {
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s: not now: %s", dom->name, why);
        return;
    }
    if (cover(dom, call, &entries))
        return;
    d = create(dom, call);
    if (!d) {
        xk_ctl_fail(call, XK_RPC_FAILED, "%s: its memory cannot be looked at",
                    dom->name);
        return;
    }
    /* From here on nobody makes new ones. */
    dom->aside = true;
    d->entries = entries;
    xk_ctl_on_gone(call, on_gone, d);
    again(d, 0);
}

void drain_end(struct domain *dom, struct xk_ctl_call *call)
{
    if (!dom->aside || dom->drain) {
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s: it is not drained", dom->name);
        return;
    }
    dom->aside = false;
    (void)domain_journal(dom, JOURNAL_IDLE, NULL, 0);
    xk_info("%s: no longer left alone", dom->name);
    answer(dom, call, 0);
}
