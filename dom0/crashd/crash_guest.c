/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests and their deaths, see crash_guest.h.
 */
#include "crash_guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenkeep/log.h>
#include <xenkeep/parse.h>
#include <xenkeep/util.h>

#include "corpse.h"
#include "diskless.h"
#include "dumping.h"
#include "errand.h"
#include "fifo.h"
#include "history.h"
#include "hold.h"
#include "testament.h"
#include "xk-keys.h"

/* Xen says nothing when a domain that was dying is gone at last. */
#define AGAIN_S 2

/* A panic that is followed by no death for so long was none. */
#define TAKEN_MS 600000u

static void guest_free(struct xk_guest *g)
{
    struct xk_guest **at = &g->cd->guests;

    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    xk_fifo_close(g);
    xk_hold_close(g);
    if (g->later)
        event_free(g->later);
    g->cd->totals.guests--;
    free(g);
}

void xk_guests_reap(struct xk_crashd *cd)
{
    struct xk_guest *g, *next;

    for (g = cd->guests; g; g = next) {
        next = g->next;
        if (g->gone && !g->job && !g->wanted && cd->actor_for != g)
            guest_free(g);
    }
}

/* ---- births and deaths -------------------------------------------------- */

static bool is_death(const struct xk_dominfo *info)
{
    return info->shutdown && (info->reason == XK_SHUTDOWN_CRASH ||
                              info->reason == XK_SHUTDOWN_WATCHDOG ||
                              info->reason == XK_SHUTDOWN_SOFT_RESET);
}

const char *xk_guest_stateless(const struct xk_guest *g)
{
    const struct xk_rule *rule = xk_policy_rule(&g->cd->policy, g->name);

    if (rule && rule->stateless)
        return "the configuration says it is stateless";
    if (g->cd->policy.skip_diskless &&
        xk_diskless(g->cd->xs, g->info.domid))
        return "it has no disk that it can write";
    return NULL;
}

/* It waited for its dump, and died when that was made. */
static bool is_taken(const struct xk_guest *g)
{
    return g->taken && xk_now_ms() - g->hold.answered_ms < TAKEN_MS;
}

static void died(struct xk_guest *g)
{
    const char *why;

    if (g->job)
        return;                 /* a live dump goes on; then we look again */
    g->cd->totals.deaths++;
    if (is_taken(g) || (!g->seen_alive && xk_history_own(g, &g->died))) {
        xk_corpse_weigh(g);
        xk_corpse_settle(g);
        return;
    }
    g->died = (uint64_t)time(NULL);
    xk_corpse_weigh(g);
    why = xk_guest_stateless(g);
    if (why) {
        xk_corpse_skip(g, "skipped", why);
    } else {
        g->state = XK_GUEST_QUEUED;
        xk_dumping_start(g);
    }
}

static void read_name(struct xk_guest *g)
{
    char path[XK_XS_PATH_MAX], name[257];

    snprintf(path, sizeof(path), XK_PATH_DOMAIN_NAME, g->info.domid);
    g->named = !xk_xs_read(g->cd->xs, path, name, sizeof(name)) && name[0];
    if (!g->named)
        snprintf(name, sizeof(name), "dom%u", g->info.domid);
    xk_log_safe(g->name, sizeof(g->name), name);
    if (g->named && g->cd->policy.hold_coredumps)
        xk_errand(g, XK_ACTOR_FIFO);
}

static void read_size(struct xk_guest *g)
{
    char path[XK_XS_PATH_MAX];
    uint64_t kib;

    snprintf(path, sizeof(path), XK_PATH_MEMORY_STATIC_MAX, g->info.domid);
    if (!xk_xs_read_u64(g->cd->xs, path, &kib))
        g->ram_pages = kib / 4;
}

static void add(struct xk_crashd *cd, const struct xk_dominfo *info)
{
    struct xk_guest *g = calloc(1, sizeof(*g));

    if (!g) {
        xk_err("domain %u is not watched: out of memory", info->domid);
        return;
    }
    g->cd = cd;
    g->info = *info;
    g->fifo = -1;
    g->note_pfn = UINT64_MAX;
    g->born_ms = cd->looked ? xk_now_ms() : 0;
    g->next = cd->guests;
    cd->guests = g;
    cd->totals.guests++;
    if (cd->policy.catch_triple_faults && info->type != XK_GUEST_PV)
        (void)xk_hv_catch_triple_fault(cd->hv, info->domid);
    read_name(g);
    read_size(g);
}

static struct xk_guest *find_id(struct xk_crashd *cd,
                                const struct xk_dominfo *info)
{
    struct xk_guest *g;

    for (g = cd->guests; g; g = g->next)
        if (!g->gone && g->info.domid == info->domid &&
            !memcmp(g->info.uuid, info->uuid, sizeof(info->uuid)))
            return g;
    return NULL;
}

static void is_gone(struct xk_guest *g)
{
    g->gone = true;
    g->wanted = 0;
    xk_hold_close(g);
    if (g->state == XK_GUEST_QUEUED)
        xk_corpse_skip(g, "lost",
                       "the guest was destroyed before it could be read");
    if (g->fifo >= 0)
        xk_errand(g, XK_ACTOR_UNFIFO);
}

/* rename-restart gives the corpse another uuid, and another name. */
static struct xk_guest *find_renamed(struct xk_crashd *cd,
                                     const struct xk_dominfo *info)
{
    struct xk_guest *g;

    for (g = cd->guests; g; g = g->next)
        if (!g->gone && g->info.domid == info->domid && info->shutdown &&
            (g->state != XK_GUEST_ALIVE || is_death(info)))
            return g;
    return NULL;
}

static void saw_alive(struct xk_guest *g)
{
    g->seen_alive = true;
    read_size(g);
    /* It may have been seen before the toolstack was done with it. */
    if (!g->named)
        read_name(g);
    xk_testament_open(g);
    xk_hold_watch(g);
}

static void look_at(struct xk_crashd *cd, const struct xk_dominfo *info)
{
    struct xk_guest *g = find_id(cd, info);

    if (!g)
        g = find_renamed(cd, info);
    if (!g && !info->dying) {
        add(cd, info);
        g = find_id(cd, info);
    }
    if (!g)
        return;
    g->info = *info;
    if (info->dying)
        xk_hold_close(g);
    if (g->state != XK_GUEST_ALIVE || info->dying)
        return;
    if (is_death(info))
        died(g);
    else if (!info->shutdown)
        saw_alive(g);
}

void xk_guests_look(struct xk_crashd *cd)
{
    xk_cleanup_free struct xk_dominfo *list = NULL;
    struct xk_dominfo now;
    static const struct timeval later = { .tv_sec = AGAIN_S };
    struct xk_guest *g;
    bool dying = false;
    size_t i, n;

    if (xk_hv_domains(cd->hv, &list, &n))
        return;
    for (i = 0; i < n; i++) {
        look_at(cd, &list[i]);
        dying |= list[i].dying;
    }
    if (dying)
        (void)evtimer_add(cd->again, &later);
    for (g = cd->guests; g; g = g->next)
        if (!g->gone && xk_hv_dominfo(cd->hv, g->info.domid, &now) == -ESRCH)
            is_gone(g);
    cd->looked = true;
    xk_guests_reap(cd);
}

static void on_change(const char *path, void *arg)
{
    (void)path;
    xk_guests_look(arg);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    xk_guests_look(arg);
}

int xk_guests_start(struct xk_crashd *cd)
{
    int rc;

    cd->again = evtimer_new(cd->loop.base, on_again, cd);
    rc = cd->again ? xk_dumping_init(cd) : -ENOMEM;
    if (!rc)
        rc = xk_errands_start(cd);
    if (rc)
        return rc;
    rc = xk_xs_watch(cd->xs, &cd->introduced, "@introduceDomain", on_change,
                     cd);
    if (!rc)
        rc = xk_xs_watch(cd->xs, &cd->released, "@releaseDomain", on_change,
                         cd);
    if (!rc)
        xk_guests_look(cd);
    return rc;
}

void xk_guests_dispose(struct xk_crashd *cd)
{
    struct xk_guest *g;

    for (g = cd->guests; g; g = g->next)
        xk_dumping_stop(g);
    if (cd->xs) {
        xk_xs_unwatch(cd->xs, &cd->introduced);
        xk_xs_unwatch(cd->xs, &cd->released);
    }
    while (cd->guests)
        guest_free(cd->guests);
    if (cd->again)
        event_free(cd->again);
    if (cd->notify_event)
        event_free(cd->notify_event);
    if (cd->actor_event)
        event_free(cd->actor_event);
}

/* ---- commands ----------------------------------------------------------- */

int xk_guests_reload(struct xk_crashd *cd)
{
    const struct xk_guest *g;

    for (g = cd->guests; g; g = g->next)
        if (g->job)
            return -EBUSY;
    xk_recipients_dispose(&cd->recipients);
    xk_recipients_read(&cd->recipients, cd->policy.keys, time(NULL));
    return 0;
}

struct xk_guest *xk_guest_find(struct xk_crashd *cd, const char *name)
{
    struct xk_guest *g;
    uint32_t domid;

    if (xk_parse_u32(name, 1, XK_DOMID_RESERVED - 1, &domid))
        domid = 0;
    for (g = cd->guests; g; g = g->next)
        if (!g->gone && (g->info.domid == domid || !strcmp(g->name, name)))
            return g;
    return NULL;
}
