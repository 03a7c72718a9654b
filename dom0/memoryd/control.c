/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control methods, see control.h: parameters in, one call of another
 * part, an answer out.
 */
#include "control.h"

#include <stdlib.h>
#include <string.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "drain.h"
#include "look.h"
#include "metrics.h"
#include "operation.h"
#include "recovery.h"
#include "report.h"
#include "scene.h"

#define ROW(name, type, unit, field, help) \
    { "xk_memoryd_" name, type, unit, help, offsetof(struct totals, field) }

static const struct xk_metric metrics[] = {
    ROW("domains", "gauge", "", domains, "Guests that memoryd knows."),
    ROW("sweeps", "counter", "", sweeps, "Passes over a guest's memory."),
    ROW("scanned_pages", "counter", "pages", scanned_pages,
        "Pages tested for zero."),
    ROW("committed_pages", "counter", "pages", committed_pages,
        "Zero pages turned into populate-on-demand entries."),
    ROW("refused_ranges", "counter", "", refused_ranges,
        "Ranges that Xen's own check refused."),
    ROW("pauses", "counter", "", pauses, "Times a guest was paused."),
    ROW("paused_microseconds", "counter", "microseconds", pause_us,
        "Time guests were paused."),
    ROW("longest_pause_microseconds", "gauge", "microseconds",
        longest_pause_us, "The longest pause of a guest."),
    ROW("inflated_pages", "counter", "pages", inflated_pages,
        "Pages that balloons returned to the host."),
    ROW("deflated_pages", "counter", "pages", deflated_pages,
        "Pages that balloons gave back to guests."),
    ROW("recovered_ranges", "counter", "", recovered_ranges,
        "Ranges of 2 MiB that were made whole again."),
    ROW("reported_pages", "counter", "pages", reported_pages,
        "Free pages that guests reported and that became entries."),
    ROW("broken_devices", "counter", "", broken_devices,
        "Times a front-end broke the protocol."),
    ROW("repairs", "counter", "", repairs,
        "Guests repaired after an earlier memoryd."),
    ROW("lent_pages", "counter", "pages", lent_pages,
        "Host memory lent to guests in debt."),
    ROW("overcommit_pages", "counter", "pages", overcommit_pages,
        "Memory that the host has got from guests by overcommit."),
    ROW("guard_halts", "counter", "", guard_halts,
        "Times a guest in debt was stopped to be refilled."),
    ROW("guard_alarms", "counter", "", guard_alarms,
        "Times a guest stayed stopped, because nothing could refill it."),
    ROW("balance_moves", "counter", "", balance_moves,
        "Times that the balancer moved a guest's memory."),
};

static void do_version(struct xk_ctl_call *call, struct json_object *params,
                       void *arg)
{
    (void)params, (void)arg;
    xk_ctl_reply_version(call, "xenkeep-memoryd");
}

static void do_metrics(struct xk_ctl_call *call, struct json_object *params,
                       void *arg)
{
    struct memoryd *md = arg;

    (void)params;
    xk_ctl_reply_metrics(call, metrics, XK_ARRAY_SIZE(metrics), &md->totals);
}

/*
 * The domain that the parameters name. False: none was named, or the call was
 * failed because there is no such domain.
 */
static bool named_domain(struct xk_ctl_call *call, struct json_object *params,
                         struct memoryd *md, bool required,
                         struct domain **dom_r)
{
    struct json_object *v;
    const char *name;
    char safe[80];

    *dom_r = NULL;
    if (!json_object_object_get_ex(params, "domain", &v) ||
        !json_object_is_type(v, json_type_string)) {
        if (required || v)
            xk_ctl_fail(call, XK_RPC_PARAMS,
                        "\"domain\" is to be the name or id of a guest");
        return !required && !v;
    }
    name = json_object_get_string(v);
    if (strlen(name) != (size_t)json_object_get_string_len(v)) {
        xk_ctl_fail(call, XK_RPC_PARAMS, "\"domain\" has a zero byte in it");
        return false;
    }
    if (!strcmp(name, "0") || !strcmp(name, "Domain-0")) {
        xk_ctl_fail(call, XK_RPC_PARAMS,
                    "domain 0 is not a guest: name one that xl list shows");
        return false;
    }
    *dom_r = domain_find(md, name);
    if (!*dom_r) {
        xk_ctl_fail(call, XK_RPC_PARAMS,
                    "no domain \"%s\": expected a name or id that xl list "
                    "shows", xk_log_safe(safe, sizeof(safe), name));
        return false;
    }
    return true;
}

static struct json_object *host_json(struct memoryd *md)
{
    struct json_object *obj = json_object_new_object();
    struct xk_host host = { 0 };

    (void)xk_hv_host(md->hv, &host);
    json_object_object_add(obj, "total_kib", json_object_new_int64(
                                (int64_t)host.total_pages * 4));
    json_object_object_add(obj, "free_kib", json_object_new_int64(
                                (int64_t)host.free_pages * 4));
    return obj;
}

static void do_memory(struct xk_ctl_call *call, struct json_object *params,
                      void *arg)
{
    struct json_object *obj, *list;
    struct memoryd *md = arg;
    struct domain *one, *dom;

    if (!named_domain(call, params, md, false, &one))
        return;
    obj = json_object_new_object();
    list = json_object_new_array();
    for (dom = md->domains; dom; dom = dom->next)
        if (!one || dom == one)
            json_object_array_add(list, report_domain(dom));
    json_object_object_add(obj, "host", host_json(md));
    json_object_object_add(obj, "domains", list);
    xk_ctl_reply(call, obj);
}

/* What the balancer sees, by one of scene.h's reports. */
static void show_scene(struct xk_ctl_call *call, struct json_object *params,
                       struct memoryd *md,
                       struct json_object *(*report)(
                           const struct memoryd *md, const struct scene *s,
                           const struct domain *one))
{
    struct scene scene;
    struct domain *one;
    int rc;

    if (!named_domain(call, params, md, false, &one))
        return;
    rc = scene_take(md, &scene);
    if (rc)
        xk_ctl_fail(call, XK_RPC_FAILED, "cannot look at the guests: %s",
                    strerror(-rc));
    else
        xk_ctl_reply(call, report(md, &scene, one));
    scene_dispose(&scene);
}

static void do_plan(struct xk_ctl_call *call, struct json_object *params,
                    void *arg)
{
    show_scene(call, params, arg, scene_plan);
}

static void do_policy(struct xk_ctl_call *call, struct json_object *params,
                      void *arg)
{
    show_scene(call, params, arg, scene_policy);
}

/* ---- what has to wait for a step of memoryd's own work ------------------- */

#define STEP_WAIT_US 20000

struct waiting {
    struct xk_ctl_call *call;
    struct json_object *params;
    struct memoryd *md;
    xk_ctl_fn *fn;
    struct event *timer;
};

static void forget(struct waiting *w)
{
    json_object_put(w->params);
    if (w->timer)
        event_free(w->timer);
    free(w);
}

static void on_waiting_gone(void *arg)
{
    struct waiting *w = arg;

    xk_ctl_fail(w->call, XK_RPC_FAILED, "the command went away");
    forget(w);
}

static void on_waited(evutil_socket_t fd, short what, void *arg)
{
    struct waiting w = *(struct waiting *)arg;

    (void)fd, (void)what;
    json_object_get(w.params);
    forget(arg);
    xk_ctl_on_gone(w.call, NULL, NULL);
    w.fn(w.call, w.params, w.md);
    json_object_put(w.params);
}

/* True: the call comes again in a moment. */
static bool waits(struct domain *dom, struct xk_ctl_call *call,
                  struct json_object *params, xk_ctl_fn *fn)
{
    static const struct timeval moment = { .tv_usec = STEP_WAIT_US };
    struct waiting *w;

    if (!dom->recovery || !recovery_steps(dom->recovery))
        return false;
    w = calloc(1, sizeof(*w));
    if (!w)
        return false;
    *w = (struct waiting){ call, json_object_get(params), dom->md, fn, NULL };
    w->timer = evtimer_new(dom->md->loop.base, on_waited, w);
    if (!w->timer || evtimer_add(w->timer, &moment)) {
        forget(w);
        return false;
    }
    xk_ctl_on_gone(call, on_waiting_gone, w);
    return true;
}

static void do_sweep(struct xk_ctl_call *call, struct json_object *params,
                     void *arg)
{
    struct json_object *target = NULL, *dry = NULL;
    struct domain *dom;

    if (!named_domain(call, params, arg, true, &dom))
        return;
    if (json_object_object_get_ex(params, "target_kib", &target) &&
        (!json_object_is_type(target, json_type_int) ||
         json_object_get_int64(target) <= 0 ||
         json_object_get_int64(target) > INT64_MAX / 1024)) {
        xk_ctl_fail(call, XK_RPC_PARAMS,
                    "\"target_kib\" is to be a number of KiB above 0");
        return;
    }
    if (json_object_object_get_ex(params, "dry_run", &dry) &&
        !json_object_is_type(dry, json_type_boolean)) {
        xk_ctl_fail(call, XK_RPC_PARAMS, "\"dry_run\" is to be true or false");
        return;
    }
    if (waits(dom, call, params, do_sweep))
        return;
    operation_start(dom, call, target != NULL,
                    target ? (uint64_t)json_object_get_int64(target) : 0,
                    dry && json_object_get_boolean(dry));
}

static void do_resume(struct xk_ctl_call *call, struct json_object *params,
                      void *arg)
{
    struct json_object *obj;
    struct domain *dom;
    uint64_t before;
    int rc;

    if (!named_domain(call, params, arg, true, &dom))
        return;
    before = dom->guard.lent_pages;
    rc = guard_resume(dom);
    if (rc) {
        xk_ctl_fail(call, XK_RPC_REFUSED, rc == -EALREADY
                    ? "%s: it is not stopped by the guard"
                    : dom->overcommit.given
                    ? "%s: the host has no free memory for it"
                    : "%s: the host has no memory for it above its reserve of "
                      "%u MiB", dom->name,
                    dom->md->settings.host_reserve_mib);
        return;
    }
    obj = json_object_new_object();
    json_object_object_add(obj, "domid",
                           json_object_new_int(dom->info.domid));
    json_object_object_add(obj, "name", json_object_new_string(dom->name));
    json_object_object_add(obj, "lent_kib", json_object_new_int64(
                           (int64_t)(dom->guard.lent_pages - before) * 4));
    xk_ctl_reply(call, obj);
}

static void do_map(struct xk_ctl_call *call, struct json_object *params,
                   void *arg)
{
    struct domain *dom;

    if (named_domain(call, params, arg, true, &dom))
        look_start(dom, call);
}

static void do_recoalesce(struct xk_ctl_call *call, struct json_object *params,
                          void *arg)
{
    struct json_object *background = NULL;
    struct domain *dom;

    if (!named_domain(call, params, arg, true, &dom))
        return;
    if (json_object_object_get_ex(params, "background", &background) &&
        !json_object_is_type(background, json_type_boolean)) {
        xk_ctl_fail(call, XK_RPC_PARAMS,
                    "\"background\" is to be true or false");
        return;
    }
    if (waits(dom, call, params, do_recoalesce))
        return;
    recovery_start(dom, call,
                   background && json_object_get_boolean(background));
}

static void do_drain(struct xk_ctl_call *call, struct json_object *params,
                     void *arg)
{
    struct json_object *end = NULL;
    struct domain *dom;

    if (!named_domain(call, params, arg, true, &dom))
        return;
    if (json_object_object_get_ex(params, "end", &end) &&
        !json_object_is_type(end, json_type_boolean)) {
        xk_ctl_fail(call, XK_RPC_PARAMS, "\"end\" is to be true or false");
        return;
    }
    if (waits(dom, call, params, do_drain))
        return;
    if (end && json_object_get_boolean(end))
        drain_end(dom, call);
    else
        drain_start(dom, call);
}

const struct xk_ctl_method control_methods[] = {
    { "version", do_version },
    { "memory", do_memory },
    { "map", do_map },
    { "sweep", do_sweep },
    { "resume", do_resume },
    { "recoalesce", do_recoalesce },
    { "drain", do_drain },
    { "metrics", do_metrics },
    { "plan", do_plan },
    { "policy", do_policy },
    { NULL, NULL },
};
