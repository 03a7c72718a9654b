/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control methods, see control.h: what is kept for a guest, by its name,
 * and what is lent to it if it runs.
 */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "filed.h"
#include "guest.h"
#include "metrics.h"
#include "share_path.h"
#include "store.h"

/* As many as fit in an answer's line. */
#define AUDIT_SHOWN 200u
#define STATS_SHOWN 32u

#define ROW(name, type, field, help) \
    { "xk_filed_" name, type, "", help, offsetof(struct totals, field) }

static const struct xk_metric metrics[] = {
    ROW("guests", "gauge", guests, "Guests that have a files device."),
    ROW("servers", "gauge", servers, "Servers that run."),
    ROW("server_starts", "counter", starts, "Servers started."),
    ROW("server_deaths", "counter", deaths, "Servers that ended unasked."),
    ROW("broken_devices", "counter", broken,
        "Times a front-end broke the protocol."),
};

/* What one call is about. */
struct about {
    struct filed *fd;
    struct guest *guest;        /* NULL: it does not run */
    const char *name;           /* of the guest */
    struct kept kept;
};

static void do_version(struct xk_ctl_call *call, struct json_object *params,
                       void *arg)
{
    (void)params, (void)arg;
    xk_ctl_reply_version(call, "xenkeep-filed");
}

static void do_metrics(struct xk_ctl_call *call, struct json_object *params,
                       void *arg)
{
    struct filed *fd = arg;

    (void)params;
    xk_ctl_reply_metrics(call, metrics, XK_ARRAY_SIZE(metrics), &fd->totals);
}

static bool flag_of(struct json_object *params, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(params, key, &v) &&
           json_object_get_boolean(v);
}

/* The guest that is meant, and what is kept for it. False: the call was
 * failed. */
static bool about_guest(struct xk_ctl_call *call, struct json_object *params,
                        struct filed *fd, struct about *a)
{
    const char *name = xk_ctl_text(params, "domain");
    char safe[80];

    memset(a, 0, sizeof(*a));
    if (!name || !*name) {
        xk_ctl_fail(call, XK_RPC_PARAMS,
                    "\"domain\" is to be the name or id of a guest");
        return false;
    }
    if (!strcmp(name, "0") || !strcmp(name, "Domain-0")) {
        xk_ctl_fail(call, XK_RPC_PARAMS,
                    "domain 0 is not a guest: name one that xl list shows");
        return false;
    }
    a->fd = fd;
    a->guest = guest_find(fd, name);
    a->name = a->guest ? a->guest->name : name;
    if (!share_name_ok(a->name)) {
        xk_ctl_fail(call, XK_RPC_PARAMS,
                    "domain \"%s\": expected a name without '/'",
                    xk_log_safe(safe, sizeof(safe), a->name));
        return false;
    }
    if (store_read(fd->share_dir, a->name, &a->kept) == -EINVAL) {
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s/%s.conf is not sound: correct "
                    "it first, the log says where", fd->share_dir, a->name);
        store_dispose(&a->kept);
        return false;
    }
    return true;
}

/* What is kept from now on. False: the call was failed. */
static bool keep(struct xk_ctl_call *call, struct about *a)
{
    int rc = store_write(a->fd->share_dir, a->name, &a->kept);

    if (rc)
        xk_ctl_fail(call, XK_RPC_FAILED, "%s/%s.conf: %s", a->fd->share_dir,
                    a->name, strerror(-rc));
    return !rc;
}

static void add_text(struct json_object *obj, const char *key,
                     const char *text)
{
    json_object_object_add(obj, key, json_object_new_string(text));
}

static void add_number(struct json_object *obj, const char *key, uint64_t n)
{
    json_object_object_add(obj, key, json_object_new_int64((int64_t)n));
}

static struct json_object *share_json(const char *guest,
                                      const struct guest *g,
                                      const struct share *s,
                                      const struct lent *l)
{
    struct json_object *obj = json_object_new_object();
    char owner[OWNER_TEXT_MAX];

    add_text(obj, "domain", guest);
    add_text(obj, "name", s->name);
    add_text(obj, "path", s->path);
    add_text(obj, "type", share_type_name(s->type));
    add_text(obj, "mode", s->read_only ? "ro" : "rw");
    add_text(obj, "state", !g ? "kept" : !l ? "kept"
                           : l->fd < 0 ? "failed" : lent_state_name(l));
    add_text(obj, "frontend", g ? device_state_name(&g->device) : "absent");
    add_text(obj, "note", l ? l->why : "");
    add_number(obj, "id", l ? l->id : 0);
    add_number(obj, "size_limit_kib", s->size_limit / 1024);
    add_number(obj, "files_limit", s->files_limit);
    add_number(obj, "open_limit", s->open_limit);
    add_number(obj, "rate_kib", s->rate / 1024);
    add_text(obj, "owner", owner_format(&s->owner, owner, sizeof(owner)));
    json_object_object_add(obj, "set_id", json_object_new_boolean(s->set_id));
    json_object_object_add(obj, "devices",
                           json_object_new_boolean(s->devices));
    json_object_object_add(obj, "stock_9p",
                           json_object_new_boolean(s->stock_9p));
    json_object_object_add(obj, "audit", json_object_new_boolean(s->audit));
    return obj;
}

static void list_guest(struct json_object *list, struct about *a)
{
    struct lent *l;
    size_t i;

    for (i = 0; i < a->kept.count; i++) {
        l = a->guest ? guest_lent(a->guest, a->kept.shares[i].name) : NULL;
        json_object_array_add(list, share_json(a->name, a->guest,
                                               l ? &l->share
                                                 : &a->kept.shares[i], l));
    }
    for (l = a->guest ? a->guest->lent : NULL; l; l = l->next)
        if (store_find(&a->kept, l->share.name) < 0)
            json_object_array_add(list, share_json(a->name, a->guest,
                                                   &l->share, l));
}

static void list_all(struct json_object *list, struct filed *fd)
{
    struct about a = { .fd = fd };

    for (a.guest = fd->guests; a.guest; a.guest = a.guest->next) {
        a.name = a.guest->name;
        (void)store_read(fd->share_dir, a.name, &a.kept);
        list_guest(list, &a);
        store_dispose(&a.kept);
    }
}

static void do_list(struct xk_ctl_call *call, struct json_object *params,
                    void *arg)
{
    struct json_object *obj, *list;
    struct about a;

    if (json_object_object_get_ex(params, "domain", NULL) &&
        !about_guest(call, params, arg, &a))
        return;
    obj = json_object_new_object();
    list = json_object_new_array();
    if (json_object_object_get_ex(params, "domain", NULL)) {
        list_guest(list, &a);
        store_dispose(&a.kept);
    } else {
        list_all(list, arg);
    }
    json_object_object_add(obj, "shares", list);
    xk_ctl_reply(call, obj);
}

/* Is the path one that can be lent, though nobody has it now? */
static int try_path(struct share *share, char why[SHARE_WHY_MAX])
{
    int fd, rc = share_path_open(share, &fd, why);

    if (!rc)
        xk_close(&fd);
    return rc;
}

static void do_add(struct xk_ctl_call *call, struct json_object *params,
                   void *arg)
{
    const char *text = xk_ctl_text(params, "share");
    char why[SHARE_WHY_MAX] = "", safe[200];
    struct share share;
    struct about a;
    struct lent *l;
    int rc;

    if (!text || share_parse(text, &share, why)) {
        xk_ctl_fail(call, XK_RPC_PARAMS, "%s", text ? why
                    : "\"share\" is to be key=value items with a path");
        return;
    }
    if (!about_guest(call, params, arg, &a))
        return;
    if (store_find(&a.kept, share.name) >= 0 ||
        (a.guest && guest_lent(a.guest, share.name))) {
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s has a share called \"%s\" "
                    "already: give another --name, or revoke it", a.name,
                    xk_log_safe(safe, sizeof(safe), share.name));
        goto out;
    }
    if (a.kept.count == SHARES_MAX) {
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s has %u shares already, and "
                    "that is all a guest can have", a.name, SHARES_MAX);
        goto out;
    }
    rc = try_path(&share, why);
    if (!rc)
        rc = store_add(&a.kept, &share);
    if (rc) {
        xk_ctl_fail(call, rc == -EPERM ? XK_RPC_REFUSED : XK_RPC_PARAMS,
                    "%s: %s", xk_log_safe(safe, sizeof(safe), share.path),
                    why);
        goto out;
    }
    if (!keep(call, &a))
        goto out;
    if (a.guest && guest_lend(a.guest, &share, why))
        xk_warn("%s: share %s: %s", a.name, share.name, why);
    l = a.guest ? guest_lent(a.guest, share.name) : NULL;
    xk_ctl_reply(call, share_json(a.name, a.guest, &share, l));
out:
    store_dispose(&a.kept);
}

/* The named share, kept or lent. False: the call was failed. */
static bool named_share(struct xk_ctl_call *call, struct json_object *params,
                        struct about *a, int *at_r, struct lent **lent_r)
{
    const char *name = xk_ctl_text(params, "name");
    char safe[200];

    *at_r = name ? store_find(&a->kept, name) : -ENOENT;
    *lent_r = name && a->guest ? guest_lent(a->guest, name) : NULL;
    if (*at_r >= 0 || *lent_r)
        return true;
    xk_ctl_fail(call, XK_RPC_PARAMS, "%s has no share \"%s\": see xl-files "
                "list", a->name,
                name ? xk_log_safe(safe, sizeof(safe), name) : "");
    return false;
}

static bool change(struct share *share, const char *text,
                   char why[SHARE_WHY_MAX])
{
    const char *value = strchr(text, '=');
    char key[32];

    if (!value || (size_t)(value - text) >= sizeof(key)) {
        snprintf(why, SHARE_WHY_MAX, "expected key=value");
        return false;
    }
    memcpy(key, text, (size_t)(value - text));
    key[value - text] = '\0';
    if (!strcmp(key, "path") || !strcmp(key, "name") ||
        !strcmp(key, "type")) {
        snprintf(why, SHARE_WHY_MAX, "the %s of a share stays: revoke it, and "
                 "add another", key);
        return false;
    }
    return !share_set(share, key, value + 1, why);
}

static void do_set(struct xk_ctl_call *call, struct json_object *params,
                   void *arg)
{
    struct json_object *items, *item;
    char why[SHARE_WHY_MAX] = "\"set\" is to be a list of key=value";
    struct share share;
    struct about a;
    struct lent *l;
    size_t i, n;
    bool ok;
    int at;

    if (!about_guest(call, params, arg, &a))
        return;
    if (!named_share(call, params, &a, &at, &l))
        goto out;
    share = at >= 0 ? a.kept.shares[at] : l->share;
    ok = json_object_object_get_ex(params, "set", &items) &&
         json_object_is_type(items, json_type_array);
    n = ok ? json_object_array_length(items) : 0;
    for (i = 0; ok && i < n; i++) {
        item = json_object_array_get_idx(items, i);
        ok = json_object_is_type(item, json_type_string) &&
             change(&share, json_object_get_string(item), why);
    }
    if (!ok) {
        xk_ctl_fail(call, XK_RPC_PARAMS, "%s", why);
        goto out;
    }
    if (at >= 0) {
        a.kept.shares[at] = share;
        if (!keep(call, &a))
            goto out;
    }
    if (l) {
        share.type = l->share.type;
        share.typed = true;
        l->share = share;
        guest_lent_changed(a.guest, l);
    }
    xk_ctl_reply(call, share_json(a.name, a.guest, &share, l));
out:
    store_dispose(&a.kept);
}

static void do_revoke(struct xk_ctl_call *call, struct json_object *params,
                      void *arg)
{
    bool now = flag_of(params, "now");
    struct json_object *obj;
    struct about a;
    struct lent *l;
    int at;

    if (!about_guest(call, params, arg, &a))
        return;
    if (!named_share(call, params, &a, &at, &l))
        goto out;
    if (at >= 0) {
        store_remove(&a.kept, (size_t)at);
        if (!keep(call, &a))
            goto out;
    }
    obj = json_object_new_object();
    add_text(obj, "domain", a.name);
    add_text(obj, "name", xk_ctl_text(params, "name"));
    add_text(obj, "state", l && l->fd >= 0 && !now &&
                           child_is_there(&a.guest->server)
                           ? "draining" : "revoked");
    if (l)
        guest_revoke(a.guest, l, now);
    xk_ctl_reply(call, obj);
out:
    store_dispose(&a.kept);
}

/* ---- what was done ---- */

static struct json_object *ops_json(const struct stats *stats)
{
    struct json_object *obj = json_object_new_object();
    uint64_t n;
    unsigned int op;

    for (op = 1; op < XK_XKFS_OPS; op++) {
        n = atomic_load(&stats->ops[op]);
        if (n)
            add_number(obj, audit_op_name(op), n & INT64_MAX);
    }
    return obj;
}

static struct json_object *latency_json(const struct stats *stats)
{
    struct json_object *list = json_object_new_array();
    unsigned int i;

    for (i = 0; i < STATS_BUCKETS; i++)
        json_object_array_add(list, json_object_new_int64(
            (int64_t)(atomic_load(&stats->latency[i]) & INT64_MAX)));
    return list;
}

static struct json_object *stats_json(const struct guest *g,
                                      const struct lent *l)
{
    static const struct stats none;
    const struct stats *stats = g->area ? &g->area->stats[l->id % SHARES_MAX]
                                        : &none;
    struct json_object *obj = json_object_new_object();

    add_text(obj, "domain", g->name);
    add_text(obj, "name", l->share.name);
    add_number(obj, "read_bytes", atomic_load(&stats->read_bytes) & INT64_MAX);
    add_number(obj, "written_bytes",
               atomic_load(&stats->written_bytes) & INT64_MAX);
    add_number(obj, "errors", atomic_load(&stats->errors) & INT64_MAX);
    add_number(obj, "refused", atomic_load(&stats->refused) & INT64_MAX);
    json_object_object_add(obj, "operations", ops_json(stats));
    json_object_object_add(obj, "latency_us", latency_json(stats));
    return obj;
}

/* The guest of a call that asks about one that runs, or NULL: failed. */
static struct guest *running(struct xk_ctl_call *call,
                             struct json_object *params, struct filed *fd)
{
    struct about a;

    if (!about_guest(call, params, fd, &a))
        return NULL;
    store_dispose(&a.kept);
    if (!a.guest)
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s does not run", a.name);
    return a.guest;
}

static void do_stats(struct xk_ctl_call *call, struct json_object *params,
                     void *arg)
{
    struct guest *g = running(call, params, arg);
    const char *name = xk_ctl_text(params, "name");
    struct json_object *obj, *list;
    struct lent *l;

    if (!g)
        return;
    list = json_object_new_array();
    for (l = g->lent; l && json_object_array_length(list) < STATS_SHOWN;
         l = l->next)
        if (!name || !strcmp(name, l->share.name))
            json_object_array_add(list, stats_json(g, l));
    obj = json_object_new_object();
    json_object_object_add(obj, "shares", list);
    xk_ctl_reply(call, obj);
}

static struct json_object *record_json(const struct guest *g,
                                       const struct audit_record *r)
{
    struct json_object *obj = json_object_new_object();
    char safe[4 * AUDIT_NAME];
    struct lent *l;

    for (l = g->lent; l && l->id != r->share; l = l->next)
        ;
    add_number(obj, "time_ns", r->time_ns & INT64_MAX);
    add_text(obj, "share", l ? l->share.name : "");
    add_text(obj, "operation", audit_op_name(r->op));
    add_text(obj, "name", xk_log_safe(safe, sizeof(safe), r->name));
    add_number(obj, "uid", r->uid);
    add_number(obj, "ino", r->ino & INT64_MAX);
    add_text(obj, "result", r->status ? strerror(-r->status) : "ok");
    return obj;
}

static void do_audit(struct xk_ctl_call *call, struct json_object *params,
                     void *arg)
{
    struct guest *g = running(call, params, arg);
    struct json_object *obj, *list;
    struct audit_record r;
    uint64_t last, i;

    if (!g)
        return;
    list = json_object_new_array();
    last = g->area ? g->area->audit.next : 0;
    for (i = AUDIT_SHOWN; i--; )
        if (last > i && !audit_get(&g->area->audit, last - i, &r))
            json_object_array_add(list, record_json(g, &r));
    obj = json_object_new_object();
    json_object_object_add(obj, "records", list);
    xk_ctl_reply(call, obj);
}

const struct xk_ctl_method control_methods[] = {
    { "version", do_version },
    { "metrics", do_metrics },
    { "list", do_list },
    { "add", do_add },
    { "set", do_set },
    { "revoke", do_revoke },
    { "stats", do_stats },
    { "audit", do_audit },
    { NULL, NULL },
};
