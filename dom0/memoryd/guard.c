/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard, see guard.h. One look is one function, guard_check(); everything
 * it decides by is read anew each time, so a look may come at any moment.
 */
#include "guard.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "fault.h"

#define PAGES_PER_MIB 256u

/* A guest that is halted without help is looked at again after this. */
#define ALARM_US 1000000u

/* Share of a processor for a guest that cannot be refilled, percent. Xen itself
 * keeps to it, however late dom0 comes to look. */
#define STARVED_CAP 5u

/* Between two looks at such a guest. */
#define METER_US 2000u

/* Lent at once at least, so that it is not done page by page. */
#define LEND_MIN ((uint64_t)16 * XK_SUPER_PAGES)

static uint64_t kib(uint64_t pages)
{
    return pages * (XK_PAGE_SIZE / 1024);
}

/* What the guest can reach of the entries: not the scratch. */
static int read_pod(struct domain *dom, struct xk_pod *pod)
{
    uint64_t scratch = (uint64_t)dom->scratch.slots * XK_SUPER_PAGES;
    int rc;

    rc = xk_hv_dominfo(dom->md->hv, dom->info.domid, &dom->info);
    if (!rc)
        rc = xk_hv_pod(dom->md->hv, dom->info.domid, pod);
    if (!rc) {
        pod->entries -= xk_min_u64(pod->entries, scratch);
        overcommit_note(dom, pod);
    }
    return rc;
}

/* --- stopping and going on ----------------------------------------------- */

static void halt(struct domain *dom, const struct xk_pod *pod)
{
    struct guard *g = &dom->guard;
    int rc;

    /* Somebody has unpaused it. */
    if (g->halted && !dom->info.paused)
        g->halted = false;
    if (g->halted || dom->held)
        return;
    g->halted = true;
    rc = domain_journal_again(dom);
    xk_fault("guard-halting");
    if (!rc)
        rc = xk_hv_pause(dom->md->hv, dom->info.domid);
    xk_fault("guard-halted");
    if (rc) {
        g->halted = false;
        (void)domain_journal_again(dom);
        xk_err("%s: cannot be stopped: %s", dom->name, strerror(-rc));
        return;
    }
    dom->info.paused = true;
    dom->md->totals.guard_halts++;
    xk_debug("%s: stopped: %" PRIu64 " KiB of its memory have no page yet, "
             "and %" PRIu64 " KiB are left for them", dom->name,
             kib(pod->entries), kib(pod->cache));
}

/* False: its scheduler has no such thing. */
static bool cut_share(struct domain *dom)
{
    struct guard *g = &dom->guard;
    uint16_t before;
    int rc;

    if (g->capped)
        return true;
    if (xk_hv_cap(dom->md->hv, dom->info.domid, &before))
        return false;
    g->capped = (uint16_t)(before + 1u);
    rc = domain_journal_again(dom);
    if (!rc)
        rc = xk_hv_set_cap(dom->md->hv, dom->info.domid, STARVED_CAP);
    xk_fault("guard-capped");
    if (rc)
        g->capped = 0;
    return !rc;
}

static void restore_share(struct domain *dom)
{
    struct guard *g = &dom->guard;

    if (!g->capped)
        return;
    (void)xk_hv_set_cap(dom->md->hv, dom->info.domid,
                        (uint16_t)(g->capped - 1u));
    xk_fault("guard-uncapped");
    g->capped = 0;
    (void)domain_journal_again(dom);
}

/* It runs, with what share of a processor it has now. */
static void release(struct domain *dom)
{
    struct guard *g = &dom->guard;

    if (!g->halted)
        return;
    if (g->alarm)
        xk_info("%s: runs again", dom->name);
    g->halted = g->alarm = dom->info.paused = false;
    (void)xk_hv_unpause(dom->md->hv, dom->info.domid);
    xk_fault("guard-unpaused");
    (void)domain_journal_again(dom);
}

static void go_on(struct domain *dom)
{
    dom->guard.metered = false;
    restore_share(dom);
    release(dom);
}

/* --- lending ------------------------------------------------------------- */

/*
 * How many pages the guest may have now. What the host has of it by overcommit
 * it gets back whatever the policy says of lending, and out of the reserve
 * too: that is what the reserve is for.
 */
static uint64_t host_spares(const struct domain *dom)
{
    const struct settings *s = &dom->md->settings;
    uint64_t reserve = (uint64_t)s->host_reserve_mib * PAGES_PER_MIB;
    uint64_t spare = 0;
    struct xk_host host;

    if (xk_hv_host(dom->md->hv, &host))
        return 0;
    if (s->guard_lend || dom->guard.ordered)
        spare = host.free_pages - xk_min_u64(host.free_pages, reserve);
    return xk_max_u64(spare, xk_min_u64(host.free_pages,
                                        dom->overcommit.given));
}

/* Xen lets a guest have no page beyond its limit. */
static int raise_limit(struct domain *dom, uint64_t pages)
{
    struct guard *g = &dom->guard;
    int rc;

    if (pages <= dom->info.max_pages)
        return 0;
    if (!g->max_pages)
        g->max_pages = dom->info.max_pages;
    g->raised_to = pages;
    rc = domain_journal_again(dom);
    if (!rc)
        rc = xk_hv_set_max_pages(dom->md->hv, dom->info.domid, pages);
    return rc;
}

/*
 * What was lent comes back by itself: as the guest's balloon takes entries
 * away, Xen frees the pages that waited for them. The limit follows.
 */
static void lower_limit(struct domain *dom)
{
    struct guard *g = &dom->guard;
    uint64_t pages = xk_max_u64(g->max_pages, dom->info.tot_pages);

    if (!g->max_pages)
        return;
    /* Somebody else has set it meanwhile: it is theirs now. */
    if (dom->info.max_pages != g->raised_to) {
        g->max_pages = 0;
    } else {
        if (pages == g->raised_to ||
            xk_hv_set_max_pages(dom->md->hv, dom->info.domid, pages))
            return;
        g->raised_to = pages;
        if (pages == g->max_pages)
            g->max_pages = 0;
    }
    (void)domain_journal_again(dom);
}

/* Lends up to `pages`; *pod is what it is then. */
static int lend(struct domain *dom, uint64_t pages, struct xk_pod *pod)
{
    uint64_t before = pod->cache, ours = dom->overcommit.given;
    uint64_t spare = host_spares(dom);
    int rc;

    pages = xk_min_u64(pages, spare);
    if (!pages)
        return -ENOMEM;
    rc = raise_limit(dom, dom->info.tot_pages + pages);
    if (!rc)
        rc = xk_hv_pod_add(dom->md->hv, dom->info.domid, pages);
    xk_fault("guard-lent");
    if (read_pod(dom, pod) || pod->cache <= before)
        return rc ? rc : -ENOMEM;
    dom->guard.lent_pages += pod->cache - before;
    dom->md->totals.lent_pages += pod->cache - before;
    xk_info("%s: %s %" PRIu64 " KiB: %" PRIu64 " KiB of its memory had no "
            "page yet, and %" PRIu64 " KiB were left for them", dom->name,
            ours ? "got back" : "lent", kib(pod->cache - before),
            kib(pod->entries), kib(before));
    return 0;
}

/* --- sweeping ------------------------------------------------------------ */

static void on_swept(int rc, void *arg)
{
    struct domain *dom = arg;
    struct guard *g = &dom->guard;
    struct xk_pod pod = { 0 };

    g->sweep = NULL;
    (void)xk_hv_pod(dom->md->hv, dom->info.domid, &pod);
    g->swept_entries = pod.entries;
    g->swept_cache = pod.cache;
    xk_info("%s: swept by the guard%s: %" PRIu64 " superpages and %" PRIu64
            " pages, %" PRIu64 " KiB are left for %" PRIu64 " KiB of its "
            "memory", dom->name, rc ? ", in part" : "",
            g->report.committed_super, g->report.committed_regular,
            kib(pod.cache), kib(pod.entries));
    guard_check(dom);
}

/*
 * A pass finds what the guest has populated with zeros. It is worth its while
 * when half of what there was after the last one is used up, or when the guest
 * stands still for want of pages and has used some.
 */
static bool worthwhile(const struct guard *g, const struct xk_pod *pod)
{
    uint64_t used = g->swept_entries - xk_min_u64(g->swept_entries,
                                                  pod->entries);

    return !g->swept_entries || pod->cache <= g->swept_cache / 2 ||
           (g->starved && used >= XK_SUPER_PAGES);
}

static bool sweep(struct domain *dom, const struct xk_pod *pod)
{
    struct guard *g = &dom->guard;

    if (g->sweep)
        return true;
    if (domain_busy(dom) || dom->held || dom->leaving || dom->info.shutdown ||
        !worthwhile(g, pod))
        return false;
    g->starved = false;
    memset(&g->report, 0, sizeof(g->report));
    return !sweep_start(dom, false, &g->report, NULL, on_swept, dom,
                        &g->sweep);
}

/* --- a look -------------------------------------------------------------- */

static void look_again(struct domain *dom, uint64_t wait_us)
{
    struct timeval tv = { .tv_sec = (time_t)(wait_us / 1000000),
                          .tv_usec = (suseconds_t)(wait_us % 1000000) };

    (void)evtimer_add(dom->guard.timer, &tv);
}

static void raise_alarm(struct domain *dom, const struct xk_pod *pod)
{
    struct guard *g = &dom->guard;

    if (g->alarm)
        return;
    g->alarm = true;
    dom->md->totals.guard_alarms++;
    xk_err("%s: stopped before Xen would kill it: %" PRIu64 " KiB of its "
           "memory have no page yet, %" PRIu64 " KiB are left for them%s, a "
           "sweep found no more, and %s; xl-memory resume lends it memory",
           dom->name, kib(pod->entries), kib(pod->cache),
           dom->suspending ? ", saving it would fill them all" : "",
           dom->overcommit.given           ? "the host has no more free"
           : dom->md->settings.guard_lend ? "the host has none above its "
                                             "reserve"
                                           : "lending is not allowed");
}

/*
 * It can be given nothing, but has some pages left. Its balloon may be about to
 * repay, so it goes on with a small share of a processor, as long as it has
 * more than it used between two looks at the worst of late.
 */
static bool meter(struct domain *dom, const struct xk_pod *pod)
{
    struct guard *g = &dom->guard;
    uint64_t spare = pod->cache - xk_min_u64(pod->cache, g->marks.floor);
    uint64_t used = g->metered ? g->metered_cache -
                        xk_min_u64(g->metered_cache, pod->cache) : 0;

    /* Not known yet: a guess that leaves it half of what there is. */
    if (!g->look_cost)
        g->look_cost = xk_min_u64(marks_quantum(dom->info.max_vcpus),
                                  spare / 2);
    g->look_cost = xk_max_u64(g->look_cost - g->look_cost / 16, used);
    g->metered_cache = pod->cache;
    g->metered = spare && spare >= g->look_cost && cut_share(dom);
    return g->metered;
}

/* Saving it fills all of its entries, as migrating does: that is all of them
 * at once, wherever its cache stands. */
static bool is_read_whole(struct domain *dom)
{
    return dom->leaving || domain_migrating(dom, DOMAIN_RAM_GFN);
}

/* How many pages would make the guest safe for a while. */
static uint64_t lack(const struct domain *dom, const struct xk_pod *pod,
                     bool whole)
{
    const struct marks *m = &dom->guard.marks;
    uint64_t debt = pod->entries - pod->cache;
    uint64_t to_high = m->high - xk_min_u64(m->high, pod->cache);

    if (whole)
        return debt;
    return xk_min_u64(debt, xk_max_u64(to_high, LEND_MIN));
}

/* Below the high mark, or `whole` is wanted. Returns what is so then. */
static enum marks_need refill(struct domain *dom, struct xk_pod *pod,
                              bool whole)
{
    struct guard *g = &dom->guard;
    enum marks_need need = marks_need(&g->marks, pod->entries, pod->cache);

    /* What the host has of it is there at once, so that comes first. */
    if (dom->overcommit.given && !lend(dom, lack(dom, pod, whole), pod))
        need = marks_need(&g->marks, pod->entries, pod->cache);
    if (need == MARKS_COVERED || (need == MARKS_EASY && !whole))
        return need;
    if (!whole && sweep(dom, pod) && need != MARKS_STOP)
        return need;
    if (!lend(dom, lack(dom, pod, whole), pod))
        need = marks_need(&g->marks, pod->entries, pod->cache);
    return need;
}

/* It stands still, and nothing is left to refill it with. */
static uint64_t starve(struct domain *dom, const struct xk_pod *pod)
{
    struct guard *g = &dom->guard;

    if (!g->starved) {
        g->starved = true;
        return 0;               /* a last look for zeros */
    }
    raise_alarm(dom, pod);
    /* One dear look shall not keep it from all others. */
    g->look_cost -= g->look_cost / 4;
    return ALARM_US;
}

/* Below the low mark, and not refilled. */
static uint64_t scrape_by(struct domain *dom, const struct xk_pod *pod)
{
    if (dom->guard.sweep) {
        halt(dom, pod);
        return ALARM_US;        /* its end looks again */
    }
    if (meter(dom, pod)) {
        release(dom);
        return METER_US;
    }
    halt(dom, pod);
    return starve(dom, pod);
}

static uint64_t watch(struct domain *dom, struct xk_pod *pod)
{
    struct guard *g = &dom->guard;
    bool whole = is_read_whole(dom);
    enum marks_need need;

    marks_init(&g->marks, dom->md->settings.guard_low_mib,
               dom->info.max_vcpus);
    need = marks_need(&g->marks, pod->entries, pod->cache);
    if (need == MARKS_STOP && !g->metered)
        halt(dom, pod);
    if (need > MARKS_EASY || whole)
        need = refill(dom, pod, whole);
    /* It must not come so far that it is read; a request to suspend that is
     * not answered is withdrawn. */
    if (dom->suspending && pod->entries > pod->cache) {
        halt(dom, pod);
        return starve(dom, pod);
    }
    if (need == MARKS_STOP)
        return scrape_by(dom, pod);
    go_on(dom);
    return marks_wait_us(&g->marks, pod->cache, dom->info.max_vcpus);
}

static void settle(struct domain *dom)
{
    struct guard *g = &dom->guard;

    go_on(dom);
    if (!g->watching)
        return;
    xk_info("%s: no longer in debt", dom->name);
    g->watching = g->ordered = false;
    g->swept_entries = g->look_cost = 0;
    g->starved = false;
    (void)evtimer_del(g->timer);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    guard_check(arg);
}

static bool begin(struct domain *dom, const struct xk_pod *pod)
{
    struct guard *g = &dom->guard;

    if (!g->timer)
        g->timer = evtimer_new(dom->md->loop.base, on_timer, dom);
    g->watching = g->timer != NULL;
    (void)domain_refresh(dom);          /* its name, which comes late */
    if (g->watching)
        xk_info("%s: in debt: %" PRIu64 " KiB of its memory have no page yet, "
                "and there are %" PRIu64 " KiB for them: guarded", dom->name,
                kib(pod->entries), kib(pod->cache));
    return g->watching;
}

void guard_check(struct domain *dom)
{
    struct xk_pod pod;

    if (dom->info.type == XK_GUEST_PV || read_pod(dom, &pod))
        return;
    lower_limit(dom);
    if (!dom->md->settings.guard) {
        go_on(dom);
        return;
    }
    if (pod.cache >= pod.entries || dom->info.dying || dom->info.shutdown)
        settle(dom);
    else if (dom->guard.watching || begin(dom, &pod))
        look_again(dom, watch(dom, &pod));
}

void guard_adopt(struct domain *dom, const struct journal_record *rec)
{
    dom->guard.halted = rec->halted && dom->info.paused;
    dom->guard.max_pages = rec->max_pages;
    dom->guard.raised_to = rec->raised_to;
    dom->guard.capped = (uint16_t)rec->capped;
}

int guard_resume(struct domain *dom)
{
    struct guard *g = &dom->guard;

    if (!g->halted)
        return -EALREADY;
    g->ordered = true;
    guard_check(dom);
    if (!g->halted)
        return 0;
    g->ordered = false;
    return -ENOMEM;
}

int guard_cover(struct domain *dom, struct xk_pod *pod)
{
    int rc = read_pod(dom, pod);

    if (!rc && dom->overcommit.given)
        (void)lend(dom, pod->entries - pod->cache, pod);
    return rc;
}

void guard_dispose(struct domain *dom)
{
    struct guard *g = &dom->guard;

    sweep_free(g->sweep);
    g->sweep = NULL;
    if (g->timer)
        event_free(g->timer);
    g->timer = NULL;
    g->watching = false;
}
