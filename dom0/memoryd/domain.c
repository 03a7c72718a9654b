/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests and the list of them, see domain.h.
 */
#include "domain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/parse.h>
#include <xenkeep/util.h>

#include "drain.h"
#include "look.h"
#include "operation.h"
#include "recovery.h"
#include "repair.h"
#include "xk-keys.h"

/* Between two attempts to make a held guest whole. */
#define HOLD_SECONDS 1

static void read_name(struct domain *dom)
{
    char path[XK_XS_PATH_MAX], name[257];

    snprintf(path, sizeof(path), XK_PATH_DOMAIN_NAME, dom->info.domid);
    if (xk_xs_read(dom->md->xs, path, name, sizeof(name)) || !name[0])
        snprintf(name, sizeof(name), "dom%u", dom->info.domid);
    xk_log_safe(dom->name, sizeof(dom->name), name);
}

int domain_refresh(struct domain *dom)
{
    int rc = xk_hv_dominfo(dom->md->hv, dom->info.domid, &dom->info);

    if (!rc)
        read_name(dom);
    return rc;
}

static int memory_node(struct domain *dom, const char *format, uint64_t *kib_r)
{
    char path[XK_XS_PATH_MAX];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(path, sizeof(path), format, dom->info.domid);
#pragma GCC diagnostic pop
    return xk_xs_read_u64(dom->md->xs, path, kib_r);
}

int domain_target_kib(struct domain *dom, uint64_t *kib_r)
{
    return memory_node(dom, XK_PATH_MEMORY_TARGET, kib_r);
}

int domain_static_max_kib(struct domain *dom, uint64_t *kib_r)
{
    return memory_node(dom, XK_PATH_MEMORY_STATIC_MAX, kib_r);
}

int domain_video_kib(struct domain *dom, uint64_t *kib_r)
{
    return memory_node(dom, XK_PATH_MEMORY_VIDEORAM, kib_r);
}

uint64_t domain_size(const struct domain *dom)
{
    return dom->info.tot_pages + dom->overcommit.given;
}

uint64_t domain_beside(struct domain *dom)
{
    uint64_t kib, size = domain_size(dom);

    if (domain_target_kib(dom, &kib) || size <= kib / 4)
        return 0;
    return xk_min_u64(size - kib / 4, SPECIAL_PAGES_MAX);
}

uint64_t domain_ram_pages(struct domain *dom)
{
    uint64_t kib;

    return domain_static_max_kib(dom, &kib) ? dom->info.max_pages : kib / 4;
}

int domain_place_scratch(struct domain *dom)
{
    return scratch_place(dom->md->hv, dom->info.domid, domain_ram_pages(dom),
                         &dom->scratch);
}

int domain_note_debt(struct domain *dom)
{
    struct xk_pod pod;
    int rc = xk_hv_pod(dom->md->hv, dom->info.domid, &pod);

    if (rc)
        return rc;
    dom->debt = pod.entries - xk_min_u64(pod.entries, pod.cache);
    dom->surplus = pod.cache - xk_min_u64(pod.entries, pod.cache);
    return 0;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    struct domain *dom = arg;

    (void)fd, (void)what;
    dom->held = false;
    if (repair_domain(dom))
        domain_hold(dom);
}

void domain_hold(struct domain *dom)
{
    static const struct timeval later = { .tv_sec = HOLD_SECONDS };

    dom->held = true;
    if (!dom->again)
        dom->again = evtimer_new(dom->md->loop.base, on_again, dom);
    if (dom->again)
        (void)evtimer_add(dom->again, &later);
}

const char *domain_refuses(struct domain *dom)
{
    char path[XK_XS_PATH_MAX];

    if (domain_refresh(dom))
        return "it is gone";
    if (dom->info.type == XK_GUEST_PV)
        return "it is a PV guest: Xen has no populate-on-demand for PV";
    if (dom->info.dying)
        return "it is being destroyed";
    if (dom->info.shutdown)
        return "it is shut down or suspended";
    if (dom->leaving)
        return "it was asked to shut down or suspend";
    if (dom->held)
        return "it is held, because its memory is not whole";
    if (dom->guard.halted)
        return "it is stopped by the guard, because no pages are left for its "
               "memory: see xl-memory resume";
    if (dom->info.paused)
        return "it is paused";
    if (dom->aside)
        return dom->drain ? "it is being drained"
                          : "it was drained and is left alone, until xl-memory "
                            "drain --end";
    snprintf(path, sizeof(path), XK_PATH_PCI_BACKEND, dom->info.domid);
    if (xk_xs_exists(dom->md->xs, path))
        return "it has passed-through devices: Xen refuses "
               "populate-on-demand beside them";
    return NULL;
}

bool domain_busy(const struct domain *dom)
{
    return dom->op || (dom->recovery && !recovery_rests(dom->recovery)) ||
           dom->drain || dom->guard.sweep;
}

bool domain_migrating(struct domain *dom, xk_gfn_t gfn)
{
    enum xk_gfn_type type;

    return !xk_hv_gfn_type(dom->md->hv, dom->info.domid, gfn, &type) &&
           type == XK_GFN_RAM_RO;
}

static int take_slot(struct memoryd *md)
{
    int slot;

    for (slot = 0; slot < JOURNAL_SLOTS; slot++) {
        if (!md->slot_used[slot]) {
            md->slot_used[slot] = 1;
            return slot;
        }
    }
    return -ENOSPC;
}

int domain_journal(struct domain *dom, enum journal_phase phase,
                   const xk_gfn_t *gfns, uint32_t count)
{
    struct journal_record rec = {
        .domid = dom->info.domid, .phase = phase,
        .scratch_base = dom->scratch.base,
        .scratch_slots = phase == JOURNAL_OPEN ? SCRATCH_SLOTS_MAX
                         : phase == JOURNAL_IDLE ? 0 : 1,
        .nr_gfns = count, .debt = dom->debt,
        .max_pages = dom->guard.max_pages, .raised_to = dom->guard.raised_to,
        .halted = dom->guard.halted, .capped = dom->guard.capped,
        .given = dom->overcommit.given, .aside = dom->aside && !dom->drain,
    };

    if (dom->held)
        return -EBUSY;
    if (dom->journal_slot < 0)
        dom->journal_slot = take_slot(dom->md);
    if (dom->journal_slot < 0)
        return dom->journal_slot;
    memcpy(rec.uuid, dom->info.uuid, sizeof(rec.uuid));
    if (count)
        memcpy(rec.gfns, gfns, count * sizeof(*gfns));
    return journal_write(&dom->md->journal, (unsigned int)dom->journal_slot,
                         &rec);
}

int domain_journal_again(struct domain *dom)
{
    return domain_journal(dom, dom->scratch.slots ? JOURNAL_OPEN
                                                  : JOURNAL_IDLE, NULL, 0);
}

/* A request to suspend or shut down: let go of the guest at once. */
static void on_shutdown(const char *path, void *arg)
{
    struct domain *dom = arg;
    bool was = dom->leaving;
    char value[65];

    dom->leaving = !xk_xs_read(dom->md->xs, path, value, sizeof(value)) &&
                   value[0];
    dom->suspending = dom->leaving && !strcmp(value, "suspend");
    if (dom->leaving && dom->op)
        operation_stop(dom->op, "the guest was asked to shut down or suspend");
    if (dom->leaving || was)
        guard_check(dom);
    if (dom->leaving && dom->drain)
        drain_stop(dom->drain, "the guest was asked to shut down or suspend");
    if (dom->leaving && dom->recovery)
        recovery_stop(dom->recovery,
                      "the guest was asked to shut down or suspend");
}

static void domain_free(struct domain *dom)
{
    struct memoryd *md = dom->md;
    struct domain **at;

    for (at = &md->domains; *at; at = &(*at)->next) {
        if (*at == dom) {
            *at = dom->next;
            break;
        }
    }
    demand_dispose(&dom->demand);
    if (dom->op)
        operation_abandon(dom->op);
    look_forget(dom);
    map_dispose(dom);
    if (dom->recovery)
        recovery_abandon(dom->recovery);
    if (dom->drain)
        drain_stop(dom->drain, "the domain is gone, or memoryd ends");
    device_dispose(&dom->device);
    xk_xs_unwatch(md->xs, &dom->shutdown);
    if (dom->again)
        event_free(dom->again);
    guard_dispose(dom);
    overcommit_dispose(dom);
    background_dispose(dom);
    md->totals.domains--;
    free(dom);
}

static void forget_record(struct domain *dom)
{
    struct journal_record rec = { 0 };

    if (dom->journal_slot < 0)
        return;
    (void)journal_write(&dom->md->journal, (unsigned int)dom->journal_slot,
                        &rec);
    dom->md->slot_used[dom->journal_slot] = 0;
}

static void domain_add(struct memoryd *md, const struct xk_dominfo *info)
{
    struct domain *dom = calloc(1, sizeof(*dom));
    char path[XK_XS_PATH_MAX];

    if (!dom)
        return;
    dom->md = md;
    dom->info = *info;
    dom->journal_slot = -1;
    budget_init(&dom->budget, md->settings.pause_max_us,
                md->settings.pause_share_permille);
    read_name(dom);
    demand_init(&dom->demand, dom);
    device_init(&dom->device, dom);
    dom->next = md->domains;
    md->domains = dom;
    md->totals.domains++;
    if (repair_domain(dom))
        domain_hold(dom);
    snprintf(path, sizeof(path), XK_PATH_CONTROL_SHUTDOWN, info->domid);
    if (xk_xs_watch(md->xs, &dom->shutdown, path, on_shutdown, dom))
        xk_warn("%s: cannot watch its shutdown requests", dom->name);
    if (info->type != XK_GUEST_PV)
        device_create(&dom->device);
    xk_debug("%s: domain %u is here", dom->name, info->domid);
}

static struct domain *find_id(struct memoryd *md, xk_domid_t domid)
{
    struct domain *dom;

    for (dom = md->domains; dom && dom->info.domid != domid; dom = dom->next)
        ;
    return dom;
}

/* What Xen has now, by rising domid. */
struct listing {
    struct xk_dominfo *all;
    bool *known;                /* it is in our list */
    size_t count;
};

/* -ENOMEM, or what Xen answered: then there is no listing. */
static int list_all(struct memoryd *md, struct listing *l)
{
    int rc = xk_hv_domains(md->hv, &l->all, &l->count);

    l->known = rc ? NULL : calloc(l->count + 1, sizeof(*l->known));
    return rc || l->known ? rc : -ENOMEM;
}

static void listing_dispose(struct listing *l)
{
    free(l->all);
    free(l->known);
}

static int by_domid(const void *key, const void *member)
{
    const struct xk_dominfo *info = member;
    xk_domid_t domid = *(const xk_domid_t *)key;

    return (domid > info->domid) - (domid < info->domid);
}

/* A dying one keeps living as long as we map its page; another one may have
 * got the domid. */
static bool is_gone(const struct domain *dom, struct listing *l)
{
    struct xk_dominfo *info;

    info = bsearch(&dom->info.domid, l->all, l->count, sizeof(*l->all),
                   by_domid);
    if (!info || info->dying ||
        memcmp(info->uuid, dom->info.uuid, sizeof(info->uuid)))
        return true;
    l->known[info - l->all] = true;
    return false;
}

static void drop_gone(struct memoryd *md, struct listing *l)
{
    struct domain *dom, *next;

    for (dom = md->domains; dom; dom = next) {
        next = dom->next;
        if (is_gone(dom, l)) {
            xk_debug("%s: domain %u is gone", dom->name, dom->info.domid);
            device_remove(&dom->device);
            forget_record(dom);
            domain_free(dom);
        }
    }
}

static void add_new(struct memoryd *md, const struct listing *l)
{
    size_t i;

    for (i = 0; i < l->count; i++)
        if (!l->all[i].dying && !l->known[i])
            domain_add(md, &l->all[i]);
}

/* A domain that was seen while the toolstack was still making it may have
 * lost its nodes: the toolstack begins with an empty directory. */
static void check_devices(struct memoryd *md)
{
    struct domain *dom;

    for (dom = md->domains; dom; dom = dom->next)
        device_check(&dom->device);
}

/* Its entries are made, and its cache is filled, before it is introduced. */
static void check_guards(struct memoryd *md)
{
    struct domain *dom;

    for (dom = md->domains; dom; dom = dom->next)
        guard_check(dom);
}

/* As early as can be: once a guest runs it is too late. */
static void decide_origins(struct memoryd *md)
{
    struct domain *dom;

    for (dom = md->domains; dom; dom = dom->next)
        look_origin(dom);
}

static void on_change(const char *path, void *arg)
{
    struct listing now;

    (void)path;
    if (list_all(arg, &now)) {
        xk_warn("the domains cannot be listed");
    } else {
        drop_gone(arg, &now);
        check_devices(arg);
        add_new(arg, &now);
    }
    listing_dispose(&now);
    decide_origins(arg);
    check_guards(arg);
}

int domains_start(struct memoryd *md)
{
    int rc;

    on_change(NULL, md);
    repair_forget(md);
    rc = xk_xs_watch(md->xs, &md->introduced, "@introduceDomain", on_change,
                     md);
    if (!rc)
        rc = xk_xs_watch(md->xs, &md->released, "@releaseDomain", on_change,
                         md);
    return rc;
}

/* Nobody will look at it for a while. */
static void leave(struct domain *dom)
{
    struct xk_pod pod;

    if (dom->overcommit.given && !dom->held && !guard_cover(dom, &pod) &&
        dom->overcommit.given)
        xk_warn("%s: the host keeps %llu KiB of its memory, and nobody will "
                "look", dom->name,
                (unsigned long long)dom->overcommit.given * 4);
}

void domains_dispose(struct memoryd *md)
{
    struct domain *dom;

    for (dom = md->domains; dom; dom = dom->next)
        leave(dom);
    while (md->domains)
        domain_free(md->domains);
    if (md->xs) {
        xk_xs_unwatch(md->xs, &md->introduced);
        xk_xs_unwatch(md->xs, &md->released);
    }
}

struct domain *domain_find(struct memoryd *md, const char *name)
{
    struct domain *dom;
    uint64_t id;

    for (dom = md->domains; dom; dom = dom->next) {
        read_name(dom);
        if (!strcmp(dom->name, name))
            return dom;
    }
    if (!xk_parse_u64(name, 1, XK_DOMID_RESERVED - 1, &id))
        return find_id(md, (xk_domid_t)id);
    return NULL;
}
