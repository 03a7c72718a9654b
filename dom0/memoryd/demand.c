/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages on demand, see demand.h.
 */
#include "demand.h"

#include <inttypes.h>
#include <string.h>

#include <xenkeep/balloon_msg.h>
#include <xenkeep/util.h>

#include "domain.h"

#define SECOND_US UINT64_C(1000000)
#define PAGES_PER_MIB 256u

/* What was wanted longer ago than this was said again, if it is true. */
#define STALE_US (5 * SECOND_US)

static void again(struct demand *d, uint64_t us)
{
    struct timeval tv = { .tv_sec = (time_t)(us / SECOND_US),
                          .tv_usec = (suseconds_t)(us % SECOND_US) };

    if (d->timer && !evtimer_pending(d->timer, NULL))
        (void)evtimer_add(d->timer, &tv);
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a - xk_min_u64(a, b);
}

/* What the host can do without. */
static uint64_t host_spare(struct memoryd *md)
{
    struct xk_host host;

    if (xk_hv_host(md->hv, &host))
        return 0;
    return less(host.free_pages,
                (uint64_t)md->settings.host_reserve_mib * PAGES_PER_MIB);
}

/* The largest size the toolstack has ever meant for it; 0: nobody knows. */
static uint64_t ceiling(struct domain *dom)
{
    uint64_t kib;

    return domain_static_max_kib(dom, &kib) ? 0 : kib / 4 + SPECIAL_PAGES_MAX;
}

/*
 * How many pages it may have now. The size it may grow to is the toolstack's
 * word; what its balloon holds is its own, and bounds nothing but itself.
 */
static uint64_t room(struct demand *d)
{
    struct domain *dom = d->dom;
    uint64_t pages = xk_min_u64(d->wanted, dom->device.balloon.ballooned);

    if (domain_refresh(dom) || dom->info.dying || dom->info.shutdown ||
        dom->info.paused || dom->leaving || dom->held)
        return 0;
    pages = xk_min_u64(pages, less(ceiling(dom), domain_size(dom)));
    return xk_min_u64(pages, host_spare(dom->md));
}

static void settle(struct demand *d)
{
    struct domain *dom = d->dom;

    d->open = false;
    if (domain_refresh(dom) || dom->info.dying)
        return;
    d->resize.moved = less(dom->info.tot_pages, d->before);
    dom->md->totals.deflated_pages += d->resize.moved;
    resize_settle(dom, &d->resize);
}

static void on_done(int status, void *arg)
{
    struct demand *d = arg;

    settle(d);
    xk_info("%s: is short of memory: got %" PRIu64 " of %" PRIu64 " KiB back "
            "from its balloon: %s", d->dom->name, d->resize.moved * 4,
            d->asked * 4,
            status < 0 ? strerror(-status)
                       : xk_balloon_status_name((uint32_t)status));
}

static int open_job(struct demand *d, uint64_t pages)
{
    struct domain *dom = d->dom;
    struct balloon *b = &dom->device.balloon;
    int rc;

    d->before = dom->info.tot_pages;
    d->asked = pages;
    /* Not above the ceiling, whatever the guest gives by itself and asks for
     * again. */
    d->resize = (struct resize){
        .shrinking = true,
        .raised = xk_min_u64(pages, less(ceiling(dom), dom->info.max_pages)),
    };
    rc = xk_hv_set_max_pages(dom->md->hv, dom->info.domid,
                             dom->info.max_pages + d->resize.raised);
    if (rc)
        return rc;
    rc = balloon_start(b, b->ballooned - pages, NULL, on_done, d);
    if (rc)
        (void)xk_hv_set_max_pages(dom->md->hv, dom->info.domid,
                                  dom->info.max_pages);
    return rc;
}

static void nothing_to_give(struct demand *d)
{
    uint32_t more;

    if (xk_ratelimit_ok(&d->complaints, xk_now_ms(), &more))
        xk_info("%s: is short of memory and wants %" PRIu64 " KiB, but the "
                "host or its own maximum leaves none (%u more like this "
                "before)", d->dom->name, d->wanted * 4, more);
}

/* One job, now or when it may be. */
static void try(struct demand *d)
{
    uint64_t now = xk_now_us(), pages;
    int rc;

    if (!d->wanted || d->open || now - d->wanted_us > STALE_US ||
        balancer_serves(d->dom->md))
        return;
    if (now < d->next_us) {
        again(d, d->next_us - now);
        return;
    }
    d->next_us = now + SECOND_US;
    if (d->dom->device.balloon.phase != BALLOON_IDLE) {
        again(d, SECOND_US);
        return;
    }
    pages = room(d);
    if (!pages) {
        nothing_to_give(d);
        return;
    }
    /* Before: a device that breaks while it is told calls on_done() never. */
    d->wanted = 0;
    rc = open_job(d, pages);
    d->open = !rc;
    if (rc)
        xk_debug("%s: no pages on demand: %s", d->dom->name, strerror(-rc));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    try(arg);
}

void demand_init(struct demand *d, struct domain *dom)
{
    memset(d, 0, sizeof(*d));
    d->dom = dom;
    d->timer = evtimer_new(dom->md->loop.base, on_timer, d);
    d->complaints = (struct xk_ratelimit)XK_RATELIMIT_INIT(60000, 3);
}

void demand_dispose(struct demand *d)
{
    if (d->open) {
        balloon_abandon(&d->dom->device.balloon);
        settle(d);
    }
    if (d->timer)
        event_free(d->timer);
    d->timer = NULL;
}

void demand_want(struct demand *d, uint64_t untrusted_pages)
{
    d->wanted = untrusted_pages;
    d->wanted_us = xk_now_us();
    if (d->wanted)
        try(d);
}
