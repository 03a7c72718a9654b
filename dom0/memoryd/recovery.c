/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making ranges whole, see recovery.h. memoryd walks the guest's memory and
 * opens one short job after the other; the work on a range is the guest's. No
 * vcpu is paused: what it costs the guest is time of one of its processors,
 * and the waits between the jobs keep that below a share.
 */
#include "recovery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/balloon_msg.h>
#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "operation.h"
#include "report.h"
#include "scan.h"
#include "sweep.h"

/* Ranges of one job: about what a guest does in a few ten milliseconds. */
#define JOB_RANGES 8u

/* Ranges looked at before the loop has its turn again. */
#define LOOKS_MAX 512u

/* So often in a row the host had no 2 MiB in one piece: it has none. Each
 * attempt costs it another one, so it is not asked for ever. */
#define REFUSED_MAX 3u

/* Until another job of the balloon is looked at again. */
#define BUSY_US 50000u

/* Of memoryd's own work: ranges of one job, so that nobody waits for it long;
 * and a job that brought nothing makes the next wait twice as long, so often
 * at most. */
#define OWN_RANGES 2u
#define PATIENCE_MAX 5u

struct recovery {
    struct domain *dom;
    struct xk_ctl_call *call;   /* NULL: in the background, or own */
    recovery_done_fn *done;     /* of own work; else NULL */
    struct event *timer;
    const char *stopped;        /* why it ends early; NULL: it does not */
    bool open;                  /* a job is */
    size_t cursor, end;         /* ranges */
    unsigned int refused_now;   /* in a row */
    unsigned int in_vain;       /* jobs in a row that brought nothing */
    uint64_t recovered_before;  /* the job under way */
    uint64_t start_us, job_us;
    struct recovery_report report;
};

/* Or nothing in it that could be moved. */
static bool known_whole(const struct domain *dom, xk_gfn_t gfn)
{
    enum map_state state = map_get(dom, gfn);

    return state != MAP_SHATTERED && state != MAP_UNKNOWN;
}

static void note_whole(struct domain *dom, xk_gfn_t gfn)
{
    map_note(dom, gfn, 1, MAP_INTACT);
}

static void release(struct recovery *r)
{
    if (r->timer)
        event_free(r->timer);
    r->dom->recovery = NULL;
    free(r);
}

/* Own work is over; everybody may start something then. */
static void end_own(struct recovery *r, const char *why)
{
    struct recovery_report report = r->report;
    recovery_done_fn *done = r->done;
    struct domain *dom = r->dom;

    release(r);
    done(dom, &report, why);
}

static void finish(struct recovery *r)
{
    struct recovery_report *out = &r->report;

    out->duration_us = xk_now_us() - r->start_us;
    xk_info("%s: recovered %" PRIu64 " of %" PRIu64 " ranges of 2 MiB; "
            "%" PRIu64 " in use, %" PRIu64 " never moved, %" PRIu64
            " refused, %" PRIu64 " skipped%s%s", r->dom->name, out->recovered,
            out->ranges, out->busy, out->pinned, out->refused, out->skipped,
            r->stopped ? ": " : "", r->stopped ? r->stopped : "");
    if (r->done) {
        end_own(r, r->stopped);
        return;
    }
    if (r->call)
        xk_ctl_reply(r->call, report_recovery(r->dom, out));
    release(r);
}

static void fail(struct recovery *r, const char *why)
{
    if (r->done) {
        end_own(r, why);
        return;
    }
    xk_warn("%s: recovery ended early after %" PRIu64 " ranges: %s",
            r->dom->name, r->report.recovered, why);
    if (r->call)
        xk_ctl_fail(r->call, XK_RPC_FAILED, "%s: %s; %" PRIu64 " ranges were "
                    "recovered", r->dom->name, why, r->report.recovered);
    release(r);
}

static void again(struct recovery *r, uint64_t wait_us)
{
    struct timeval tv = { .tv_sec = (time_t)(wait_us / 1000000),
                          .tv_usec = (suseconds_t)(wait_us % 1000000) };

    (void)evtimer_add(r->timer, &tv);
}

/* ---- which ranges ------------------------------------------------------ */

static xk_gfn_t gfn_of(size_t range)
{
    return (xk_gfn_t)range * XK_SUPER_PAGES;
}

/* 1: to be recovered, 0: not, -errno. Counts what it passes over. */
static int judge(struct recovery *r, size_t range)
{
    enum range_state kind;
    int rc;

    if (sweep_is_device(range))
        return 0;
    rc = scan_kind(r->dom, gfn_of(range), &kind);
    if (rc || kind == RANGE_HOLE)
        return rc;
    r->report.ranges++;
    if (!range || kind == RANGE_SPLIT || known_whole(r->dom, gfn_of(range))) {
        r->report.skipped++;
        return 0;
    }
    return 1;
}

/* The next run of ranges; their number, 0 when it is time for a break. */
static int next_run(struct recovery *r, size_t *first_r)
{
    unsigned int looks = 0, n = 0, most = r->done ? OWN_RANGES : JOB_RANGES;
    int rc;

    for (; r->cursor < r->end && looks < LOOKS_MAX && n < most; looks++) {
        rc = judge(r, r->cursor);
        if (rc < 0)
            return rc;
        if (rc && !n)
            *first_r = r->cursor;
        n += (unsigned int)rc;
        r->cursor++;
        if (!rc && n)
            break;
    }
    return (int)n;
}

/* ---- jobs -------------------------------------------------------------- */

static void on_range(uint64_t gfn, uint32_t status, void *arg)
{
    struct recovery *r = arg;

    if (status == XK_BALLOON_OK) {
        r->report.recovered++;
        r->refused_now = 0;
        r->dom->md->totals.recovered_ranges++;
        note_whole(r->dom, gfn);
    } else if (status == XK_BALLOON_EBUSY) {
        r->report.busy++;
    } else if (status == XK_BALLOON_EPINNED) {
        r->report.pinned++;
    } else {
        r->report.refused++;
        r->refused_now++;
    }
    if (r->refused_now == REFUSED_MAX && !r->stopped) {
        r->stopped = "the host has no 2 MiB in one piece left";
        balloon_stop(&r->dom->device.balloon);
    }
}

/* So that the work keeps to its share of the time. */
static uint64_t rest_after(struct recovery *r, uint64_t spent)
{
    const struct settings *s = &r->dom->md->settings;

    if (!r->done)
        return spent * 100 / s->recover_share_percent - spent;
    if (r->report.recovered > r->recovered_before)
        r->in_vain = 0;
    else if (r->in_vain < PATIENCE_MAX)
        r->in_vain++;
    return (spent * 100 / s->background_share_percent - spent) << r->in_vain;
}

static void on_job_done(int status, void *arg)
{
    struct recovery *r = arg;
    struct balloon *b = &r->dom->device.balloon;
    uint64_t spent = xk_now_us() - r->job_us;

    r->open = false;
    r->report.skipped += b->want - b->moved;
    if (r->call)
        xk_ctl_progress(r->call, "recover", r->cursor * XK_SUPER_PAGES,
                        r->end * XK_SUPER_PAGES);
    if (status < 0)
        r->stopped = "its balloon front-end went away";
    else if (status != XK_BALLOON_OK && !r->stopped)
        r->stopped = xk_balloon_status_name((uint32_t)status);
    again(r, rest_after(r, spent));
}

static void step(struct recovery *r)
{
    const char *why = domain_refuses(r->dom);
    size_t first = 0;
    int n;

    if (!why && r->done && balloon_pressed(&r->dom->device.balloon,
                                           r->dom->info.tot_pages))
        why = "it is short of memory";
    if (why) {
        fail(r, why);
        return;
    }
    /* The guest is short of memory, or somebody else works on it: that goes
     * first. */
    if (r->dom->device.balloon.phase != BALLOON_IDLE || r->dom->op ||
        r->dom->drain || r->dom->guard.sweep) {
        again(r, BUSY_US);
        return;
    }
    n = next_run(r, &first);
    if (n > 0) {
        r->job_us = xk_now_us();
        r->recovered_before = r->report.recovered;
        n = balloon_recover(&r->dom->device.balloon, gfn_of(first),
                            (unsigned int)n, on_range, on_job_done, r);
        r->open = !n;
    } else if (!n && r->cursor >= r->end) {
        finish(r);
        return;
    } else if (!n) {
        again(r, 0);
    }
    if (n)
        fail(r, n == -EBUSY ? "it is being migrated"
                            : strerror(-n));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct recovery *r = arg;

    (void)fd, (void)what;
    if (r->refused_now >= REFUSED_MAX)
        finish(r);      /* all that could be done */
    else if (r->stopped)
        fail(r, r->stopped);
    else
        step(r);
}

/* ---- the command ------------------------------------------------------- */

static void on_gone(void *arg)
{
    recovery_stop(arg, "the command went away");
}

/* NULL: it can be done for this guest. */
static const char *refuses(struct domain *dom)
{
    const char *why = domain_refuses(dom);
    struct xk_pod pod;

    if (why)
        return why;
    if (domain_busy(dom))
        return "another command is working on it";
    if (dom->device.state != DEVICE_CONNECTED || !dom->device.balloon.known)
        return "its balloon front-end is not connected, and dom0 cannot tell "
               "what Xen refers to in it: load xk_balloon in the guest";
    if (dom->device.version < 2)
        return "its xk_balloon is too old";
    /* What it gives would repay the debt, and nothing be taken back. */
    if (xk_hv_pod(dom->md->hv, dom->info.domid, &pod) ||
        pod.entries > pod.cache)
        return "it is in populate-on-demand debt";
    return NULL;
}

static struct recovery *create(struct domain *dom)
{
    struct recovery *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    /* Own work that is at rest makes way. */
    if (dom->recovery)
        end_own(dom->recovery, "a command comes first");
    r->dom = dom;
    r->start_us = xk_now_us();
    r->timer = evtimer_new(dom->md->loop.base, on_timer, r);
    if (!r->timer || sweep_ranges(dom, &r->end)) {
        release(r);
        return NULL;
    }
    dom->recovery = r;
    return r;
}

void recovery_start(struct domain *dom, struct xk_ctl_call *call,
                    bool background)
{
    const char *why = refuses(dom);
    struct recovery *r;

    if (why) {
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s: not now: %s", dom->name, why);
        return;
    }
    r = create(dom);
    if (!r) {
        xk_ctl_fail(call, XK_RPC_FAILED, "%s: its memory cannot be looked at",
                    dom->name);
        return;
    }
    again(r, 0);
    if (background) {
        xk_ctl_reply(call, report_recovery(dom, &r->report));
        return;
    }
    r->call = call;
    xk_ctl_on_gone(call, on_gone, r);
}

const char *recovery_run(struct domain *dom, recovery_done_fn *done)
{
    const char *why = refuses(dom);
    struct recovery *r = why ? NULL : create(dom);

    if (!r)
        return why ? why : "its memory cannot be looked at";
    r->done = done;
    again(r, 0);
    return NULL;
}

bool recovery_rests(const struct recovery *r)
{
    return r->done && !r->open;
}

bool recovery_steps(const struct recovery *r)
{
    return r->done && r->open;
}

void recovery_stop(struct recovery *r, const char *reason)
{
    if (r->stopped)
        return;
    r->stopped = reason;
    if (r->open)
        balloon_stop(&r->dom->device.balloon);
    else
        again(r, 0);
}

void recovery_abandon(struct recovery *r)
{
    if (r->open)
        balloon_abandon(&r->dom->device.balloon);
    if (r->call)
        xk_ctl_fail(r->call, XK_RPC_FAILED, "%s: the domain is gone, or "
                    "memoryd ends", r->dom->name);
    release(r);
}
