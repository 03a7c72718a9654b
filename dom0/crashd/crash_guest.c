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
#include <unistd.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/parse.h>
#include <xenkeep/util.h>

#include "diskless.h"
#include "fault.h"
#include "record.h"
#include "store.h"
#include "xk-keys.h"

/* Between two words on how far a dump is. */
#define PROGRESS_MS 200

static void jobs_next(struct xk_crashd *cd);
static void actor_next(struct xk_crashd *cd);
static void look(struct xk_crashd *cd);

/* ---- records ------------------------------------------------------------ */

static enum xk_action action_of(const struct xk_guest *g)
{
    const struct xk_rule *rule = xk_policy_rule(&g->cd->policy, g->name);

    return rule && rule->has_action ? rule->action : g->cd->policy.action;
}

static void on_removed(const char *id, const char *why)
{
    xk_info("dump %s was removed: %s", id, why);
}

static void retain(struct xk_crashd *cd)
{
    const struct xk_policy *p = &cd->policy;
    struct xk_store_limits limits = {
        .dumps = p->keep_dumps,
        .bytes = (uint64_t)p->keep_mib << 20,
        .days = p->keep_days,
        .free_bytes = (uint64_t)p->keep_free_mib << 20,
    };
    int rc;

    rc = xk_store_retain(p->store, &limits, time(NULL), on_removed);
    if (rc)
        xk_warn("retention: %s", strerror(-rc));
}

static struct xk_record record_of(const struct xk_guest *g, const char *id,
                                  const char *outcome, const char *why)
{
    return (struct xk_record){
        .id = id, .guest = g->name, .boot = g->cd->boot, .info = &g->info,
        .time = g->died, .outcome = outcome, .why = why,
        .action = action_of(g), .job = g->job,
        .recipients = &g->cd->recipients,
    };
}

/* Into the store; the record stays the caller's. */
static int keep(struct xk_guest *g, const char *id,
                struct json_object *record)
{
    const char *store = g->cd->policy.store;
    int rc;

    rc = xk_store_write_record(store, id, true, record);
    xk_fault("dump-recorded");
    if (!rc)
        rc = xk_store_commit(store, id);
    xk_fault("dump-committed");
    if (rc)
        xk_err("%s: its record cannot be stored: %s", g->name,
               strerror(-rc));
    return rc;
}

/* ---- what becomes of the corpse ----------------------------------------- */

static void want(struct xk_guest *g, enum xk_actor_verb verb)
{
    g->wanted |= 1u << verb;
    actor_next(g->cd);
}

static void drain(struct xk_guest *g);

static void settle(struct xk_guest *g)
{
    enum xk_action action = action_of(g);
    struct xk_dominfo now;

    g->state = XK_GUEST_SETTLED;
    xk_fault("guest-settled");
    if (g->fifo_event)
        (void)event_add(g->fifo_event, NULL);
    drain(g);
    if (g->xl_dumps) {
        xk_info("%s: let go: xl goes on as its on_crash says", g->name);
        return;
    }
    if (action == XK_ACTION_PRESERVE ||
        xk_hv_dominfo(g->cd->hv, g->info.domid, &now) || now.dying ||
        !now.shutdown)
        return;
    g->info = now;              /* xl may have given it another uuid */
    want(g, action == XK_ACTION_RESTART ? XK_ACTOR_RESTART
                                        : XK_ACTOR_DESTROY);
}

/* A death without a dump. */
static void skip(struct xk_guest *g, const char *outcome, const char *why)
{
    struct xk_record rec;
    struct json_object *record;
    char id[XK_STORE_ID_SIZE];
    int rc;

    xk_store_id((time_t)g->died, id);
    rec = record_of(g, id, outcome, why);
    record = xk_record_json(&rec);
    rc = xk_store_begin(g->cd->policy.store, id);
    if (!rc)
        rc = keep(g, id, record);
    else
        xk_err("%s: no record: %s", g->name, strerror(-rc));
    json_object_put(record);
    g->cd->totals.skipped += !strcmp(outcome, "skipped");
    g->cd->totals.failed += !strcmp(outcome, "failed");
    xk_info("%s (domain %u) died, %s: no dump: %s", g->name, g->info.domid,
            xk_reason_name(&g->info), why);
    settle(g);
}

/* ---- jobs --------------------------------------------------------------- */

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

static void answer(struct xk_guest *g, int rc, struct json_object *record)
{
    if (!g->call)
        return;
    if (!rc)
        xk_ctl_reply(g->call, json_object_get(record));
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

static void job_done(struct xk_guest *g)
{
    struct xk_job *job = g->job;
    struct xk_crashd *cd = g->cd;
    bool live = g->state == XK_GUEST_ALIVE;
    struct json_object *record;
    struct xk_record rec;
    int rc;

    xk_job_join(job);
    if (job->rc)
        drop_file(g);
    rec = record_of(g, job->id, outcome_of(job->rc), job->why);
    rec.live = live;
    record = xk_record_json(&rec);
    count(g->cd, job);
    if (job->rc && live)
        (void)xk_store_remove(g->cd->policy.store, job->id, true);
    rc = job->rc && live ? job->rc : keep(g, job->id, record);
    if (job->rc)
        xk_warn("%s (domain %u), %s: no dump: %s", g->name, g->info.domid,
                xk_reason_name(&g->info), job->why);
    else
        xk_info("%s (domain %u), %s: dump %s, %llu MiB in %llu ms%s%s",
                g->name, g->info.domid, xk_reason_name(&g->info), job->id,
                (unsigned long long)(job->file_bytes >> 20),
                (unsigned long long)(job->duration_us / 1000),
                job->stop[0] ? ": " : "", job->stop);
    answer(g, job->rc ? job->rc : rc, record);
    json_object_put(record);
    job_free(g);
    retain(g->cd);
    if (!live)
        settle(g);
    /* Meanwhile it may have died, or be gone; after this `g` may be too. */
    look(cd);
    jobs_next(cd);
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

static void start_queued(struct xk_guest *g)
{
    int rc = job_start(g);

    if (!rc)
        g->state = XK_GUEST_DUMPING;
    else if (rc != -EBUSY)
        skip(g, "failed", strerror(-rc));
}

static void jobs_next(struct xk_crashd *cd)
{
    struct xk_guest *g;

    for (g = cd->guests; g; g = g->next)
        if (g->state == XK_GUEST_QUEUED)
            start_queued(g);
}

/* A thread has ended: which, its job says. */
static void on_notify(evutil_socket_t fd, short what, void *arg)
{
    struct xk_crashd *cd = arg;
    struct xk_guest *g, *next;
    char bytes[16];

    (void)what;
    if (read(fd, bytes, sizeof(bytes)) <= 0)
        return;
    for (g = cd->guests; g; g = next) {
        next = g->next;
        if (g->job && g->job->ended)
            job_done(g);
    }
}

/* ---- the FIFO ----------------------------------------------------------- */

/* Reads away what xl writes, a little at a time. */
static void drain(struct xk_guest *g)
{
    static char away[65536];
    unsigned int turns;
    ssize_t n;

    for (turns = 0; g->fifo >= 0 && turns < 16; turns++) {
        n = read(g->fifo, away, sizeof(away));
        if (n <= 0)
            return;
        g->xl_dumps = true;
    }
}

static void on_fifo(evutil_socket_t fd, short what, void *arg)
{
    struct xk_guest *g = arg;

    (void)fd, (void)what;
    /* Until it is settled nothing is read: that holds xl, and the guest. */
    if (g->state == XK_GUEST_SETTLED)
        drain(g);
    else
        (void)event_del(g->fifo_event);
}

static void take_fifo(struct xk_guest *g, int fd)
{
    g->fifo = fd;
    g->fifo_event = event_new(g->cd->loop.base, fd, EV_READ | EV_PERSIST,
                              on_fifo, g);
}

/* ---- the actor ---------------------------------------------------------- */

static bool namesake(const struct xk_guest *g)
{
    const struct xk_guest *other;

    for (other = g->cd->guests; other; other = other->next)
        if (other != g && !other->gone && !strcmp(other->name, g->name))
            return true;
    return false;
}

static void guest_free(struct xk_guest *g)
{
    struct xk_guest **at = &g->cd->guests;

    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    if (g->fifo_event)
        event_free(g->fifo_event);
    xk_close(&g->fifo);
    g->cd->totals.guests--;
    free(g);
}

static void free_if_done(struct xk_guest *g)
{
    if (g->gone && !g->job && !g->wanted && g->cd->actor_for != g)
        guest_free(g);
}

static int ask_actor(struct xk_guest *g, enum xk_actor_verb verb)
{
    struct xk_actor_request req = { .verb = verb, .domid = g->info.domid };

    memcpy(req.uuid, g->info.uuid, sizeof(req.uuid));
    strcpy(req.name, g->name);
    return xk_actor_ask(&g->cd->actor, &req);
}

static void actor_next(struct xk_crashd *cd)
{
    struct xk_guest *g, *next;
    unsigned int verb;

    for (g = cd->guests; g && !cd->actor_for && cd->actor.fd >= 0; g = next) {
        next = g->next;
        if (!g->wanted)
            continue;
        verb = (unsigned int)__builtin_ctz(g->wanted);
        g->wanted &= ~(1u << verb);
        if (verb == XK_ACTOR_UNFIFO && namesake(g))
            free_if_done(g);
        else if (!ask_actor(g, (enum xk_actor_verb)verb))
            cd->actor_for = g;
    }
}

static void on_actor(evutil_socket_t fd, short what, void *arg)
{
    struct xk_crashd *cd = arg;
    struct xk_guest *g = cd->actor_for;
    struct xk_actor_reply reply;
    int rc, got = -1;

    (void)fd, (void)what;
    rc = xk_actor_answer(&cd->actor, &reply, &got);
    if (rc == -EAGAIN)
        return;
    if (rc) {
        xk_err("the helper process is gone: guests are not destroyed or "
               "restarted any more");
        (void)event_del(cd->actor_event);
        xk_close(&cd->actor.fd);
        return;
    }
    cd->actor_for = NULL;
    if (g && got >= 0 && g->fifo < 0)
        take_fifo(g, xk_steal_fd(&got));
    xk_close(&got);
    if (g && reply.rc && reply.rc != -EEXIST && reply.rc != -ENOENT &&
        reply.rc != -ESRCH) {
        cd->totals.actions_failed++;
        xk_warn("%s: what should become of it could not be done: %s",
                g->name, reply.rc == -EREMOTEIO ? "xl failed"
                                                : strerror(-reply.rc));
    }
    if (g)
        free_if_done(g);
    actor_next(cd);
}

/* ---- births and deaths -------------------------------------------------- */

static bool is_death(const struct xk_dominfo *info)
{
    return info->shutdown && (info->reason == XK_SHUTDOWN_CRASH ||
                              info->reason == XK_SHUTDOWN_WATCHDOG ||
                              info->reason == XK_SHUTDOWN_SOFT_RESET);
}

/* Stored or skipped already, by a crashd that was stopped since. */
static bool is_recorded(struct xk_guest *g)
{
    struct json_object *record, *boot, *uuid, *domid, *live;
    char (*ids)[XK_STORE_ID_SIZE], text[37];
    size_t i, ids_count;
    bool found = false;

    if (xk_store_list(g->cd->policy.store, false, &ids, &ids_count))
        return false;
    xk_uuid_text(g->info.uuid, text);
    for (i = 0; !found && i < ids_count; i++) {
        if (xk_store_read_record(g->cd->policy.store, ids[i], &record))
            continue;
        found = json_object_object_get_ex(record, "boot", &boot) &&
                json_object_object_get_ex(record, "uuid", &uuid) &&
                json_object_object_get_ex(record, "domid", &domid) &&
                json_object_object_get_ex(record, "live", &live) &&
                !json_object_get_boolean(live) &&
                json_object_get_int(domid) == g->info.domid &&
                !strcmp(json_object_get_string(uuid), text) &&
                !strcmp(json_object_get_string(boot), g->cd->boot);
        json_object_put(record);
    }
    free(ids);
    return found;
}

static void died(struct xk_guest *g)
{
    const struct xk_rule *rule = xk_policy_rule(&g->cd->policy, g->name);

    g->died = (uint64_t)time(NULL);
    g->cd->totals.deaths++;
    if (g->job)
        return;                 /* a live dump goes on; then we look again */
    if (!g->seen_alive && is_recorded(g)) {
        settle(g);
    } else if (rule && rule->stateless) {
        skip(g, "skipped", "the configuration says it is stateless");
    } else if (g->cd->policy.skip_diskless &&
               xk_diskless(g->cd->xs, g->info.domid)) {
        skip(g, "skipped", "it has no disk that it can write");
    } else {
        g->state = XK_GUEST_QUEUED;
        start_queued(g);
    }
}

static void read_name(struct xk_guest *g)
{
    char path[XK_XS_PATH_MAX], name[257];

    snprintf(path, sizeof(path), XK_PATH_DOMAIN_NAME, g->info.domid);
    if (xk_xs_read(g->cd->xs, path, name, sizeof(name)) || !name[0])
        snprintf(name, sizeof(name), "dom%u", g->info.domid);
    xk_log_safe(g->name, sizeof(g->name), name);
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
    read_name(g);
    read_size(g);
    g->next = cd->guests;
    cd->guests = g;
    cd->totals.guests++;
    if (cd->policy.catch_triple_faults && info->type != XK_GUEST_PV)
        (void)xk_hv_catch_triple_fault(cd->hv, info->domid);
    if (cd->policy.hold_coredumps)
        want(g, XK_ACTOR_FIFO);
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
    if (g->state == XK_GUEST_QUEUED)
        skip(g, "lost", "the guest was destroyed before it could be read");
    if (g->fifo >= 0)
        want(g, XK_ACTOR_UNFIFO);
    free_if_done(g);
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
    if (g->state != XK_GUEST_ALIVE || info->dying)
        return;
    if (is_death(info))
        died(g);
    else if (!info->shutdown)
        saw_alive(g);
}

static void look(struct xk_crashd *cd)
{
    xk_cleanup_free struct xk_dominfo *list = NULL;
    struct xk_dominfo now;
    struct xk_guest *g, *next;
    size_t i, n;

    if (xk_hv_domains(cd->hv, &list, &n))
        return;
    for (i = 0; i < n; i++)
        look_at(cd, &list[i]);
    for (g = cd->guests; g; g = next) {
        next = g->next;
        if (!g->gone && xk_hv_dominfo(cd->hv, g->info.domid, &now) == -ESRCH)
            is_gone(g);
    }
}

static void on_change(const char *path, void *arg)
{
    (void)path;
    look(arg);
}

int xk_guests_start(struct xk_crashd *cd)
{
    int rc;

    cd->notify_event = event_new(cd->loop.base, cd->notify[0],
                                 EV_READ | EV_PERSIST, on_notify, cd);
    cd->actor_event = event_new(cd->loop.base, cd->actor.fd,
                                EV_READ | EV_PERSIST, on_actor, cd);
    if (!cd->notify_event || !cd->actor_event ||
        event_add(cd->notify_event, NULL) || event_add(cd->actor_event, NULL))
        return -ENOMEM;
    rc = xk_xs_watch(cd->xs, &cd->introduced, "@introduceDomain", on_change,
                     cd);
    if (!rc)
        rc = xk_xs_watch(cd->xs, &cd->released, "@releaseDomain", on_change,
                         cd);
    if (!rc)
        look(cd);
    return rc;
}

void xk_guests_dispose(struct xk_crashd *cd)
{
    struct xk_guest *g;

    for (g = cd->guests; g; g = g->next) {
        if (!g->job)
            continue;
        g->job->cancel = true;
        xk_job_join(g->job);
        (void)xk_store_remove(cd->policy.store, g->job->id, true);
        if (g->call)
            xk_ctl_fail(g->call, XK_RPC_FAILED, "crashd was told to end");
        job_free(g);
    }
    if (cd->xs) {
        xk_xs_unwatch(cd->xs, &cd->introduced);
        xk_xs_unwatch(cd->xs, &cd->released);
    }
    while (cd->guests)
        guest_free(cd->guests);
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
