/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of the dead, see corpse.h.
 */
#include "corpse.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenkeep/log.h>

#include "errand.h"
#include "fault.h"
#include "fifo.h"
#include "history.h"
#include "store.h"
#include "testament.h"

/* In which xl opens its core, if it is to write one. */
#define XL_COMES_S 1

/* Starts in this time are a fact of the diagnosis. */
#define STARTS_S 600

enum xk_action xk_corpse_action(const struct xk_guest *g)
{
    const struct xk_rule *rule = xk_policy_rule(&g->cd->policy, g->name);

    return rule && rule->has_action ? rule->action : g->cd->policy.action;
}

struct xk_record xk_corpse_record(const struct xk_guest *g, const char *id,
                                  const char *outcome, const char *why)
{
    return (struct xk_record){
        .id = id, .guest = g->name, .boot = g->cd->boot, .info = &g->info,
        .time = g->died, .outcome = outcome, .why = why,
        .action = xk_corpse_action(g), .job = g->job,
        .repeat = &g->repeat,
        .recipients = &g->cd->recipients,
    };
}

/* Into the store; the record stays the caller's. */
int xk_corpse_keep(struct xk_guest *g, const char *id,
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
    else
        xk_testament_pass(g);
    return rc;
}

int xk_corpse_turn(struct xk_guest *g, const char *id)
{
    const char *store = g->cd->policy.store;
    struct json_object *record;
    int rc;

    rc = xk_store_read_record(store, id, &record);
    if (rc)
        return rc;
    xk_corpse_weigh(g);
    json_object_object_add(record, "live", json_object_new_boolean(false));
    json_object_object_add(record, "reason", json_object_new_string("panic"));
    xk_record_repeat(record, &g->repeat);
    rc = xk_store_write_record(store, id, false, record);
    json_object_put(record);
    if (!rc)
        xk_testament_pass(g);
    return rc;
}

/* ---- what becomes of it ------------------------------------------------- */

void xk_corpse_weigh(struct xk_guest *g)
{
    const struct xk_policy *p = &g->cd->policy;
    const struct xk_repeat_limits limits = {
        .window_s = p->loop_minutes * 60, .deaths = p->loop_deaths,
        .delay_s = p->loop_delay_s,
    };
    const struct xk_repeat_limits lately = { .window_s = STARTS_S };
    uint64_t times[XK_POLICY_LOOP_DEATHS + 1];
    size_t count;

    count = xk_history_deaths(g, times, limits.deaths + 1);
    g->repeat = xk_repeat(times, count, g->died, &limits);
    /* Whoever died was started. */
    g->starts = xk_repeat(times, count, g->died, &lately).deaths;
}

/* What the policy says, unless xl is at it. */
static void act(struct xk_guest *g)
{
    static const enum xk_actor_verb verbs[] = {
        [XK_ACTION_DESTROY] = XK_ACTOR_DESTROY,
        [XK_ACTION_RESTART] = XK_ACTOR_RESTART,
    };
    struct xk_dominfo now;

    if (g->xl_dumps || xk_hv_dominfo(g->cd->hv, g->info.domid, &now) ||
        now.dying || !now.shutdown)
        return;
    g->info = now;              /* xl may have given it another uuid */
    xk_errand(g, verbs[xk_corpse_action(g)]);
}

static void go_on(struct xk_guest *g);

static void on_later(evutil_socket_t fd, short what, void *arg)
{
    struct xk_guest *g = arg;

    (void)fd, (void)what;
    if (g->released)
        act(g);
    else
        go_on(g);
}

static bool later(struct xk_guest *g, time_t seconds)
{
    const struct timeval wait = { .tv_sec = seconds };

    if (!g->later)
        g->later = evtimer_new(g->cd->loop.base, on_later, g);
    return g->later && !evtimer_add(g->later, &wait);
}

/* A dump can be faster than xl comes to the FIFO. */
static void go_on(struct xk_guest *g)
{
    xk_fifo_release(g);
    if (xk_corpse_action(g) == XK_ACTION_PRESERVE)
        return;
    if (g->fifo < 0 || g->xl_dumps || !later(g, XL_COMES_S))
        act(g);
}

static void go_on_later(struct xk_guest *g)
{
    uint64_t now = (uint64_t)time(NULL), due = g->died + g->repeat.delay_s;
    time_t wait = due > now ? (time_t)(due - now) : 0;

    xk_warn("%s died %u times within %u minutes: its next start waits %u "
            "seconds", g->name, g->repeat.deaths,
            g->cd->policy.loop_minutes, (unsigned int)wait);
    if (!later(g, wait))
        go_on(g);
}

/* The alarm. Its fallback is tried once: at the first death too many. */
static void stop(struct xk_guest *g)
{
    const struct xk_policy *p = &g->cd->policy;
    const struct xk_rule *rule = xk_policy_rule(p, g->name);
    bool fallback = rule && rule->fallback[0] &&
                    g->repeat.deaths == p->loop_deaths + 1;

    g->cd->totals.loops++;
    xk_err("%s died %u times within %u minutes: %s", g->name,
           g->repeat.deaths, p->loop_minutes,
           fallback ? "its fallback is started"
           : p->loop_action == XK_ACTION_DESTROY ? "it is destroyed"
                                                 : "it is held as it is");
    if (fallback)
        xk_errand(g, XK_ACTOR_FALLBACK);
    else if (p->loop_action == XK_ACTION_DESTROY)
        xk_errand(g, XK_ACTOR_DESTROY);
}

void xk_corpse_settle(struct xk_guest *g)
{
    g->state = XK_GUEST_SETTLED;
    xk_fault("guest-settled");
    if (g->repeat.stop)
        stop(g);
    else if (g->repeat.delay_s)
        go_on_later(g);
    else
        go_on(g);
}

/* A death without a dump. */
void xk_corpse_skip(struct xk_guest *g, const char *outcome, const char *why)
{
    struct xk_record rec;
    struct json_object *record;
    char id[XK_STORE_ID_SIZE];
    int rc;

    xk_store_id((time_t)g->died, id);
    rec = xk_corpse_record(g, id, outcome, why);
    record = xk_record_json(&rec);
    rc = xk_store_begin(g->cd->policy.store, id);
    if (!rc)
        rc = xk_corpse_keep(g, id, record);
    else
        xk_err("%s: no record: %s", g->name, strerror(-rc));
    json_object_put(record);
    g->cd->totals.skipped += !strcmp(outcome, "skipped");
    g->cd->totals.failed += !strcmp(outcome, "failed");
    xk_info("%s (domain %u) died, %s: no dump: %s", g->name, g->info.domid,
            xk_reason_name(&g->info), why);
    xk_corpse_settle(g);
}
