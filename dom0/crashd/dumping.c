/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dumps from their start to their record, see dumping.h.
 */
#include "dumping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "corpse.h"
#include "hold.h"
#include "retention.h"
#include "store.h"

/* Between two words on how far a dump is. */
#define PROGRESS_MS 200

static void on_removed(const char *id, const char *why)
{
    xk_info("dump %s was removed: %s", id, why);
}

static void retain(struct xk_crashd *cd)
{
    const struct xk_policy *p = &cd->policy;
    struct xk_retention limits = {
        .dumps = p->keep_dumps,
        .bytes = (uint64_t)p->keep_mib << 20,
        .days = p->keep_days,
        .free_bytes = (uint64_t)p->keep_free_mib << 20,
    };
    int rc;

    rc = xk_retain(p->store, &limits, time(NULL), on_removed);
    if (rc)
        xk_warn("retention: %s", strerror(-rc));
}

static void job_free(struct xk_guest *g)
{
    g->cd->job_hv_used[g->job_slot] = false;
    free(g->job);
    g->job = NULL;
    if (g->progress)
        event_free(g->progress);
    g->progress = NULL;
}

static const char *outcome_of(int rc)
{
    return !rc ? "stored" : rc == -ESRCH ? "lost" : "failed";
}

static void count(struct xk_crashd *cd, const struct xk_job *job)
{
    unsigned int cls;

    cd->totals.stored += !job->rc;
    cd->totals.lost += job->rc == -ESRCH;
    cd->totals.failed += job->rc && job->rc != -ESRCH;
    if (job->rc)
        return;
    cd->totals.stored_bytes += job->file_bytes;
    for (cls = 0; cls < XK_CLASSES; cls++)
        cd->totals.dumped_pages += job->stats.stored[cls];
}

static void answer(struct xk_guest *g, int rc, struct json_object *json)
{
    if (!g->call)
        return;
    if (!rc)
        xk_ctl_reply(g->call, json_object_get(json));
    else
        xk_ctl_fail(g->call, XK_RPC_FAILED, "%s: %s", g->name,
                    g->job->why[0] ? g->job->why : strerror(-rc));
    g->call = NULL;
}

/* What was written of a dump that failed is worth nothing to anybody. */
static void drop_file(struct xk_guest *g)
{
    char path[XK_STORE_PATH];

    xk_store_path(g->cd->policy.store, g->job->id, true, XK_STORE_DUMP, path);
    (void)unlink(path);
}

static void tell(const struct xk_guest *g, const char *reason)
{
    const struct xk_job *job = g->job;

    if (job->rc)
        xk_warn("%s (domain %u), %s: no dump: %s", g->name, g->info.domid,
                reason, job->why);
    else
        xk_info("%s (domain %u), %s: dump %s, %llu MiB in %llu ms%s%s",
                g->name, g->info.domid, reason, job->id,
                (unsigned long long)(job->file_bytes >> 20),
                (unsigned long long)(job->duration_us / 1000),
                job->stop[0] ? ": " : "", job->stop);
}

/* Its record, or nothing at all where a failure is not the end: a guest that
 * runs on, or one whose death is yet to come. */
static void record(struct xk_guest *g, bool live)
{
    static const char *const reasons[] = {
        [XK_HELD_OOPS] = "oops", [XK_HELD_PANIC] = "panic",
    };
    struct xk_job *job = g->job;
    struct json_object *json;
    struct xk_record rec;
    int rc = job->rc;

    if (rc)
        drop_file(g);
    rec = xk_corpse_record(g, job->id, outcome_of(rc), job->why);
    rec.live = live;
    rec.reason = reasons[g->held];
    json = xk_record_json(&rec);
    if (rc && (live || (g->held && rc != -ESRCH)))
        (void)xk_store_remove(g->cd->policy.store, job->id, true);
    else if (!rc || !live)
        rc = xk_corpse_keep(g, job->id, json);
    if (!rc && g->held == XK_HELD_OOPS)
        strcpy(g->hold.oops, job->id);
    tell(g, rec.reason ? rec.reason : xk_reason_name(&g->info));
    answer(g, job->rc ? job->rc : rc, json);
    json_object_put(json);
}

/* It runs, for Xen; what it does next the next look shows. */
static void let_go(struct xk_guest *g, bool stored)
{
    g->taken = stored && g->held == XK_HELD_PANIC;
    g->held = XK_HELD_NOT;
    g->state = XK_GUEST_ALIVE;
    xk_hold_answer(g);
}

static void job_done(struct xk_guest *g)
{
    struct xk_crashd *cd = g->cd;
    bool live = g->state == XK_GUEST_ALIVE || g->held == XK_HELD_OOPS;
    bool stored;

    xk_job_join(g->job);
    stored = !g->job->rc;
    count(cd, g->job);
    cd->totals.held += stored && g->held;
    record(g, live);
    job_free(g);
    retain(cd);
    if (g->held)
        let_go(g, stored);
    else if (!live)
        xk_corpse_settle(g);
    /* It may have asked while it was dumped as it ran. */
    xk_hold_look(g);
    /* Meanwhile it may have died, or be gone; after this `g` may be too. */
    xk_guests_look(cd);
    xk_dumping_next(cd);
}

static void on_progress(evutil_socket_t fd, short what, void *arg)
{
    struct xk_guest *g = arg;

    (void)fd, (void)what;
    if (g->job && g->call && g->job->total)
        xk_ctl_progress(g->call, "dump", g->job->done, g->job->total);
}

static void on_hang_up(void *arg)
{
    struct xk_guest *g = arg;

    /* A live dump was for that command; a death is stored all the same. */
    if (g->job && g->state == XK_GUEST_ALIVE)
        g->job->cancel = true;
}

static int take_hv(struct xk_crashd *cd, unsigned int *slot_r)
{
    unsigned int i;

    for (i = 0; i < XK_CRASHD_JOBS; i++) {
        if (!cd->job_hv_used[i]) {
            cd->job_hv_used[i] = true;
            *slot_r = i;
            return 0;
        }
    }
    return -EBUSY;
}

static void fill_job(struct xk_guest *g, struct xk_job *job)
{
    struct xk_crashd *cd = g->cd;
    uint32_t wanted = cd->policy.store_free ? XK_DUMP_STORE_ALL
                                            : XK_DUMP_STORE_DEFAULT;

    job->hv = cd->job_hv[g->job_slot];
    job->info = g->info;
    job->name = g->name;
    job->causes = &cd->causes;
    job->ram_pages = g->ram_pages;
    job->note_pfn = g->note_pfn;
    job->uptime_s = g->born_ms ? (xk_now_ms() - g->born_ms) / 1000
                               : UINT64_MAX;
    job->starts = g->starts;
    job->dead = g->info.shutdown || g->held;
    job->still = g->held == XK_HELD_PANIC;
    job->store = cd->policy.store;
    job->workers = cd->policy.workers;
    job->notify_fd = cd->notify[1];
    xk_recipients_plan(&cd->recipients, wanted, &job->room, &job->plan);
    memcpy(job->plan.domain, g->info.uuid, sizeof(job->plan.domain));
    job->plan.time = g->died;
    job->plan.signer = cd->signer;
    xk_store_id((time_t)g->died, job->id);
}

/* -EBUSY: none is free now. */
static int job_start(struct xk_guest *g)
{
    static const struct timeval often = { .tv_usec = PROGRESS_MS * 1000 };
    struct xk_job *job;
    int rc;

    rc = take_hv(g->cd, &g->job_slot);
    if (rc)
        return rc;
    job = calloc(1, sizeof(*job));
    if (!job) {
        g->cd->job_hv_used[g->job_slot] = false;
        return -ENOMEM;
    }
    g->job = job;
    fill_job(g, job);
    retain(g->cd);
    rc = xk_store_begin(g->cd->policy.store, job->id);
    if (!rc)
        rc = xk_job_start(job);
    if (rc) {
        job_free(g);
        return rc;
    }
    g->progress = event_new(g->cd->loop.base, -1, EV_PERSIST, on_progress, g);
    if (g->progress)
        (void)event_add(g->progress, &often);
    return 0;
}

void xk_dumping_start(struct xk_guest *g)
{
    int rc = job_start(g);

    if (!rc) {
        g->state = XK_GUEST_DUMPING;
    } else if (rc != -EBUSY && g->held) {
        xk_warn("%s waits, but there is no dump: %s", g->name,
                strerror(-rc));
        let_go(g, false);
    } else if (rc != -EBUSY) {
        xk_corpse_skip(g, "failed", strerror(-rc));
    }
}

void xk_dumping_next(struct xk_crashd *cd)
{
    struct xk_guest *g;

    for (g = cd->guests; g; g = g->next)
        if (g->state == XK_GUEST_QUEUED)
            xk_dumping_start(g);
}

static struct xk_guest *ended(struct xk_crashd *cd)
{
    struct xk_guest *g;

    for (g = cd->guests; g && !(g->job && g->job->ended); g = g->next)
        ;
    return g;
}

/* A thread has ended: which, its job says. */
static void on_notify(evutil_socket_t fd, short what, void *arg)
{
    struct xk_crashd *cd = arg;
    struct xk_guest *g;
    char bytes[16];

    (void)what;
    if (read(fd, bytes, sizeof(bytes)) <= 0)
        return;
    while ((g = ended(cd)))
        job_done(g);
}

int xk_dumping_init(struct xk_crashd *cd)
{
    cd->notify_event = event_new(cd->loop.base, cd->notify[0],
                                 EV_READ | EV_PERSIST, on_notify, cd);
    return cd->notify_event ? event_add(cd->notify_event, NULL) : -ENOMEM;
}

void xk_dumping_stop(struct xk_guest *g)
{
    if (!g->job)
        return;
    g->job->cancel = true;
    xk_job_join(g->job);
    (void)xk_store_remove(g->cd->policy.store, g->job->id, true);
    if (g->call)
        xk_ctl_fail(g->call, XK_RPC_FAILED, "crashd was told to end");
    job_free(g);
}

void xk_guest_dump(struct xk_guest *g, struct xk_ctl_call *call, bool live)
{
    int rc;

    if (g->job || g->state == XK_GUEST_QUEUED) {
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s: it is being dumped", g->name);
        return;
    }
    rc = xk_hv_dominfo(g->cd->hv, g->info.domid, &g->info);
    if (!rc && !g->info.shutdown && !live) {
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s: it runs: --live dumps it as "
                    "it runs", g->name);
        return;
    }
    g->died = (uint64_t)time(NULL);
    g->state = g->info.shutdown ? XK_GUEST_DUMPING : XK_GUEST_ALIVE;
    if (!rc)
        rc = job_start(g);
    if (rc) {
        g->state = g->info.shutdown ? XK_GUEST_SETTLED : XK_GUEST_ALIVE;
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s: %s", g->name, rc == -EBUSY
                    ? "other guests are being dumped" : strerror(-rc));
        return;
    }
    g->call = call;
    xk_ctl_on_gone(call, on_hang_up, g);
}
