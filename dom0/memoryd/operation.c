/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-sweep's work, see operation.h. The balloon first: the memory that was
 * asked for reaches the host before the pass begins, and the pass has less to
 * look at.
 */
#include "operation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/balloon_msg.h>
#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "recovery.h"
#include "report.h"
#include "resize.h"
#include "sweep.h"

/* What a command asks for. */
struct request {
    struct xk_ctl_call *call;
    bool has_target;
    uint64_t target_kib;
    bool dry_run;
};

struct operation {
    struct domain *dom;
    struct xk_ctl_call *call;   /* NULL: own work */
    operation_resized_fn *done; /* of own work */
    struct request next;        /* a command that waits for own work to end */
    struct sweep *sweep;
    struct report report;
    const char *stopped;        /* why it ends early; NULL: it does not */
    bool shrinking;             /* the balloon, not the guest */
    uint64_t raised;            /* shrinking: the limit, by so many pages */
    bool ballooning;            /* a job is open */
    uint64_t balloon_start_us;
};

static void begin(struct domain *dom, const struct request *req);

/* `why` is for own work: a command has its answer. */
static void release(struct operation *op, const char *why)
{
    struct resized r = {
        .asked = op->report.asked, .moved = op->report.moved,
        .duration_us = op->report.balloon_us, .why = why,
    };
    operation_resized_fn *done = op->done;
    struct domain *dom = op->dom;
    struct request next = op->next;

    sweep_free(op->sweep);
    dom->op = NULL;
    free(op);
    if (next.call)
        begin(dom, &next);
    if (done)
        done(dom, &r);
}

/* Ends with an error: a code of control.h and one clear line. */
static void end(struct operation *op, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void end(struct operation *op, int code, const char *fmt, ...)
{
    char line[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (op->call)
        xk_ctl_fail(op->call, code, "%s", line);
    release(op, line);
}

static void fail(struct operation *op, const char *what, int rc)
{
    end(op, XK_RPC_FAILED, "%s: %s: %s", op->dom->name, what,
        op->stopped ? op->stopped : strerror(-rc));
}

static void finish(struct operation *op, int rc)
{
    struct report *r = &op->report;

    op->sweep = NULL;
    r->end_us = xk_now_us();
    snapshot_take(op->dom, &r->after);
    if (rc) {
        fail(op, "the sweep ended early", rc);
        return;
    }
    xk_info("%s: swept: %" PRIu64 " pages scanned, %" PRIu64 " zero "
            "superpages found, %" PRIu64 " committed, %" PRIu64 " regular "
            "pages committed; size %" PRIu64 " -> %" PRIu64 " KiB",
            op->dom->name, r->sweep.scanned_pages, r->sweep.zero_super,
            r->sweep.committed_super, r->sweep.committed_regular,
            r->before.tot_pages * 4, r->after.tot_pages * 4);
    xk_ctl_reply(op->call, report_sweep(op->dom, r));
    release(op, NULL);
}

static void on_sweep_done(int rc, void *arg)
{
    finish(arg, rc);
}

static void on_sweep_progress(const char *phase, uint64_t done,
                              uint64_t total, void *arg)
{
    struct operation *op = arg;

    xk_ctl_progress(op->call, phase, done, total);
}

static void sweep_phase(struct operation *op)
{
    int rc = op->stopped ? -ECANCELED
                         : sweep_start(op->dom, op->report.dry_run,
                                       &op->report.sweep, on_sweep_progress,
                                       on_sweep_done, op, &op->sweep);

    if (rc)
        fail(op, "cannot sweep", rc);
}

/* A balloon that grows gives to the cache first, as long as the host has some
 * of the guest's by overcommit. */
static uint64_t size_of(const struct snapshot *snap)
{
    return snap->tot_pages + snap->given;
}

static void count_moved(struct operation *op)
{
    struct report *r = &op->report;
    struct totals *t = &op->dom->md->totals;
    uint64_t was = size_of(&r->before), is;
    struct snapshot now;

    snapshot_take(op->dom, &now);
    is = size_of(&now);
    r->balloon_us = xk_now_us() - op->balloon_start_us;
    if (op->shrinking) {
        r->moved = is - xk_min_u64(is, was);
        t->deflated_pages += r->moved;
    } else {
        r->moved = was - xk_min_u64(was, is);
        t->inflated_pages += r->moved;
    }
}

static void settle(struct operation *op)
{
    struct resize resize = { .shrinking = op->shrinking };

    op->ballooning = false;
    count_moved(op);
    resize.raised = op->raised;
    resize.moved = op->shrinking ? xk_min_u64(op->report.moved, op->raised)
                                 : op->report.moved;
    resize_settle(op->dom, &resize);
}

static void after_balloon(struct operation *op)
{
    if (op->call)
        sweep_phase(op);
    else
        release(op, NULL);
}

static void on_balloon_done(int status, void *arg)
{
    struct operation *op = arg;

    settle(op);
    xk_info("%s: balloon %s by %" PRIu64 " of %" PRIu64 " KiB in %" PRIu64
            " us, settling %" PRIu64, op->dom->name,
            op->shrinking ? "shrunk" : "grown", op->report.moved * 4,
            op->report.asked * 4, op->report.balloon_us,
            op->dom->device.balloon.settle_us);
    if (status < 0) {
        fail(op, "its balloon front-end went away", status);
    } else if (status == XK_BALLOON_OK) {
        after_balloon(op);
    } else {
        end(op, XK_RPC_FAILED,
            "%s: the guest moved %" PRIu64 " of %" PRIu64 " MiB: %s",
            op->dom->name, op->report.moved / 256, op->report.asked / 256,
            op->stopped ? op->stopped
                        : xk_balloon_status_name((uint32_t)status));
    }
}

static void on_balloon_progress(uint64_t moved, uint64_t want, void *arg)
{
    struct operation *op = arg;

    if (op->call)
        xk_ctl_progress(op->call, op->shrinking ? "deflate" : "inflate",
                        moved, want);
}

/*
 * How large the balloon must be for the target. What the guest has beside its
 * target (special pages) stays beside it.
 */
static int goal_of(struct operation *op, uint64_t target_kib, uint64_t *goal_r)
{
    const struct balloon *b = &op->dom->device.balloon;
    uint64_t size = size_of(&op->report.before);
    uint64_t want = target_kib / 4 + domain_beside(op->dom);

    op->shrinking = want > size;
    op->report.asked = op->shrinking ? want - size : size - want;
    if (op->shrinking && op->report.asked > b->ballooned)
        return -ENODATA;
    *goal_r = op->shrinking ? b->ballooned - op->report.asked
                            : b->ballooned + op->report.asked;
    return 0;
}

/*
 * By how much the limit is raised for the target: from the old target, not
 * from the size. A guest that gave memory without being asked is below its
 * target, and has the limit for it already; raised by what it lacks, again
 * and again, the limit would come to be above any target.
 */
static uint64_t raise_by(struct operation *op, uint64_t target_kib)
{
    uint64_t now_kib;

    if (!op->shrinking)
        return 0;
    if (domain_target_kib(op->dom, &now_kib))
        return op->report.asked;
    return xk_min_u64(op->report.asked,
                      (target_kib - xk_min_u64(target_kib, now_kib)) / 4);
}

/* A target that cannot be meant; the operation is over then. */
static bool above_max(struct operation *op, uint64_t target_kib)
{
    uint64_t max_kib;

    if (!domain_static_max_kib(op->dom, &max_kib) && target_kib > max_kib) {
        end(op, XK_RPC_PARAMS, "%s: target %" PRIu64 " MiB is above its "
            "maximum of %" PRIu64 " MiB", op->dom->name, target_kib / 1024,
            max_kib / 1024);
        return true;
    }
    return false;
}

/* One that this guest cannot reach; likewise. */
static bool below_floor(struct operation *op, uint64_t target_kib,
                        uint64_t goal)
{
    const struct balloon *b = &op->dom->device.balloon;

    if (goal > b->ballooned && goal > b->limit) {
        end(op, XK_RPC_PARAMS, "%s: target %" PRIu64 " MiB is below what it "
            "can run with: at least %" PRIu64 " MiB", op->dom->name,
            target_kib / 1024,
            (target_kib + (goal - b->limit) * 4 + 1023) / 1024);
        return true;
    }
    return false;
}

/* Starts the balloon; true when the operation goes on (or has ended). */
static void balloon_phase(struct operation *op, uint64_t target_kib)
{
    struct domain *dom = op->dom;
    uint64_t goal = 0;
    int rc;

    if (dom->device.state != DEVICE_CONNECTED || !dom->device.balloon.known) {
        end(op, XK_RPC_REFUSED, "%s: its balloon front-end is %s: load "
            "xk_balloon in the guest, or use xl mem-set", dom->name,
            device_state_name(&dom->device));
        return;
    }
    if (above_max(op, target_kib))
        return;
    rc = goal_of(op, target_kib, &goal);
    if (rc) {
        end(op, XK_RPC_REFUSED, "%s: its balloon holds %" PRIu64 " MiB and "
            "cannot give back %" PRIu64 ": use xl mem-set for the rest",
            dom->name, dom->device.balloon.ballooned / 256,
            op->report.asked / 256);
        return;
    }
    if (below_floor(op, target_kib, goal))
        return;
    op->report.ballooned = true;
    if (op->report.dry_run || goal == dom->device.balloon.ballooned) {
        after_balloon(op);
        return;
    }
    op->balloon_start_us = xk_now_us();
    op->raised = raise_by(op, target_kib);
    rc = op->raised
             ? xk_hv_set_max_pages(dom->md->hv, dom->info.domid,
                                   dom->info.max_pages + op->raised)
             : 0;
    if (!rc)
        rc = balloon_start(&dom->device.balloon, goal, on_balloon_progress,
                           on_balloon_done, op);
    op->ballooning = !rc;
    if (rc) {
        if (op->raised)
            (void)xk_hv_set_max_pages(dom->md->hv, dom->info.domid,
                                      dom->info.max_pages);
        fail(op, "cannot move its balloon", rc);
    }
}

static void on_gone(void *arg)
{
    operation_stop(arg, "the command went away");
}

static struct operation *new_operation(struct domain *dom)
{
    struct operation *op = calloc(1, sizeof(*op));

    if (!op)
        return NULL;
    op->dom = dom;
    op->report.start_us = xk_now_us();
    dom->budget.longest_us = 0;
    op->report.pauses_before = dom->budget;
    dom->op = op;
    snapshot_take(dom, &op->report.before);
    return op;
}

/* Nothing else is under way. */
static void begin(struct domain *dom, const struct request *req)
{
    const char *why = domain_refuses(dom);
    struct operation *op;

    if (!why && dom->recovery && !recovery_rests(dom->recovery))
        why = "another command is working on it";
    if (!why && dom->guard.sweep)
        why = "the guard is sweeping it";
    if (why) {
        xk_ctl_fail(req->call, XK_RPC_REFUSED, "%s: not now: %s", dom->name,
                    why);
        return;
    }
    op = new_operation(dom);
    if (!op) {
        xk_ctl_fail(req->call, XK_RPC_FAILED, "out of memory");
        return;
    }
    op->call = req->call;
    op->report.dry_run = req->dry_run;
    xk_ctl_on_gone(op->call, on_gone, op);
    if (req->has_target)
        balloon_phase(op, req->target_kib);
    else
        sweep_phase(op);
}

static void on_waiting_gone(void *arg)
{
    struct operation *op = arg;
    struct xk_ctl_call *call = op->next.call;

    op->next.call = NULL;
    xk_ctl_fail(call, XK_RPC_FAILED, "the command went away");
}

void operation_start(struct domain *dom, struct xk_ctl_call *call,
                     bool has_target, uint64_t target_kib, bool dry_run)
{
    struct request req = { call, has_target, target_kib, dry_run };
    struct operation *own = dom->op;

    if (!own) {
        begin(dom, &req);
    } else if (own->call || own->next.call) {
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s: not now: another command is "
                    "working on it", dom->name);
    } else {
        own->next = req;
        xk_ctl_on_gone(call, on_waiting_gone, own);
        operation_stop(own, "a command comes first");
    }
}

int operation_resize(struct domain *dom, uint64_t target_kib,
                     operation_resized_fn *done)
{
    struct operation *op;

    if (domain_busy(dom) || domain_refuses(dom))
        return -EBUSY;
    op = new_operation(dom);
    if (!op)
        return -ENOMEM;
    op->done = done;
    balloon_phase(op, target_kib);
    return 0;
}

void operation_due(const struct operation *op, uint64_t *taking_r,
                   uint64_t *giving_r)
{
    uint64_t was = size_of(&op->report.before), now = domain_size(op->dom);
    uint64_t moved = op->shrinking ? now - xk_min_u64(now, was)
                                   : was - xk_min_u64(was, now);
    uint64_t left = op->ballooning ? op->report.asked -
                                     xk_min_u64(op->report.asked, moved) : 0;

    *taking_r = op->shrinking ? left : 0;
    *giving_r = op->shrinking ? 0 : left;
}

void operation_stop(struct operation *op, const char *reason)
{
    if (op->stopped)
        return;
    op->stopped = reason;
    if (op->sweep)
        sweep_stop(op->sweep);
    else
        balloon_stop(&op->dom->device.balloon);
}

void operation_abandon(struct operation *op)
{
    static const char why[] = "the domain is gone, or memoryd ends";

    balloon_abandon(&op->dom->device.balloon);
    if (op->ballooning && !domain_refresh(op->dom) && !op->dom->info.dying)
        settle(op);
    /* Nobody is to start anything on it any more. */
    op->done = NULL;
    if (op->next.call)
        xk_ctl_fail(op->next.call, XK_RPC_FAILED, "%s: %s", op->dom->name,
                    why);
    op->next.call = NULL;
    end(op, XK_RPC_FAILED, "%s: %s", op->dom->name, why);
}
