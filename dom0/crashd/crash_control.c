/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What commands can ask of crashd, see crash_control.h: copy, check, answer.
 */
#include "crash_control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "crash_guest.h"
#include "metrics.h"
#include "store.h"

/* Records in one answer: each has less than 300 bytes in a list. */
#define LIST_MAX 150

#define ROW(name, type, unit, field, help) \
    { "xk_crashd_" name, type, unit, help, \
      offsetof(struct xk_crashd_totals, field) }

static const struct xk_metric metrics[] = {
    ROW("guests", "gauge", "", guests, "Guests that crashd watches."),
    ROW("deaths", "counter", "", deaths, "Guests that died."),
    ROW("stored_dumps", "counter", "", stored, "Dumps stored."),
    ROW("skipped_dumps", "counter", "", skipped,
        "Deaths without a dump, by policy."),
    ROW("lost_dumps", "counter", "", lost,
        "Guests that were destroyed before they could be read."),
    ROW("failed_dumps", "counter", "", failed, "Dumps that failed."),
    ROW("dumped_pages", "counter", "pages", dumped_pages,
        "Pages of guests in dumps."),
    ROW("stored_bytes", "counter", "bytes", stored_bytes,
        "Bytes of dumps written."),
    ROW("loops", "counter", "", loops,
        "Guests that died too often to be started again."),
    ROW("held_panics", "counter", "", held,
        "Panics and oopses that waited in the guest for their dump."),
    ROW("failed_actions", "counter", "", actions_failed,
        "Guests that could not be destroyed or restarted."),
};

static void do_version(struct xk_ctl_call *call, struct json_object *params,
                       void *arg)
{
    (void)params, (void)arg;
    xk_ctl_reply_version(call, "xenkeep-crashd");
}

static void do_metrics(struct xk_ctl_call *call, struct json_object *params,
                       void *arg)
{
    struct xk_crashd *cd = arg;

    (void)params;
    xk_ctl_reply_metrics(call, metrics, XK_ARRAY_SIZE(metrics), &cd->totals);
}

/* The dump that the parameters name; false: the call was failed. */
static bool named_dump(struct xk_ctl_call *call, struct json_object *params,
                       struct xk_crashd *cd, char id[XK_STORE_ID_SIZE])
{
    const char *word = xk_ctl_text(params, "id");
    char safe[64];
    int rc;

    if (!word) {
        xk_ctl_fail(call, XK_RPC_PARAMS, "\"id\" is to be that of a dump");
        return false;
    }
    rc = xk_store_find(cd->policy.store, word, id);
    if (!rc)
        return true;
    xk_log_safe(safe, sizeof(safe), word);
    if (rc == -ENOENT)
        xk_ctl_fail(call, XK_RPC_PARAMS, "no dump \"%s\": expected an id "
                    "that xl-crash list shows", safe);
    else if (rc == -EEXIST)
        xk_ctl_fail(call, XK_RPC_PARAMS, "\"%s\" is the beginning of several "
                    "ids: expected more of it", safe);
    else
        xk_ctl_fail(call, XK_RPC_FAILED, "the store cannot be read: %s",
                    strerror(-rc));
    return false;
}

/* What a list shows of a record. */
static struct json_object *brief(struct json_object *record)
{
    static const char *const names[] = {
        "id", "time", "guest", "domid", "reason", "outcome", "why", "live",
        "kernel", "bytes", "memory_bytes", "title",
    };
    struct json_object *obj = json_object_new_object(), *v;
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(names); i++)
        if (json_object_object_get_ex(record, names[i], &v))
            json_object_object_add(obj, names[i], json_object_get(v));
    return obj;
}

static bool is_of(struct json_object *record, const char *guest)
{
    const char *name = xk_ctl_text(record, "guest");

    return !guest || (name && !strcmp(name, guest));
}

/* The newest first, from the one before `before` on. */
static void do_list(struct xk_ctl_call *call, struct json_object *params,
                    void *arg)
{
    struct json_object *obj, *list, *record;
    const char *before = xk_ctl_text(params, "before");
    const char *guest = xk_ctl_text(params, "guest");
    char (*ids)[XK_STORE_ID_SIZE];
    struct xk_crashd *cd = arg;
    size_t count, n = 0;
    int rc;

    rc = xk_store_list(cd->policy.store, false, &ids, &count);
    if (rc) {
        xk_ctl_fail(call, XK_RPC_FAILED, "the store cannot be read: %s",
                    strerror(-rc));
        return;
    }
    obj = json_object_new_object();
    list = json_object_new_array();
    while (count-- && n < LIST_MAX) {
        if ((before && strcmp(ids[count], before) >= 0) ||
            xk_store_read_record(cd->policy.store, ids[count], &record))
            continue;
        if (is_of(record, guest)) {
            json_object_array_add(list, brief(record));
            n++;
        }
        json_object_put(record);
    }
    free(ids);
    json_object_object_add(obj, "more", json_object_new_boolean(
                           n == LIST_MAX));
    json_object_object_add(obj, "dumps", list);
    xk_ctl_reply(call, obj);
}

static void do_show(struct xk_ctl_call *call, struct json_object *params,
                    void *arg)
{
    char id[XK_STORE_ID_SIZE], path[XK_STORE_PATH];
    struct xk_crashd *cd = arg;
    struct json_object *record;
    int rc;

    if (!named_dump(call, params, cd, id))
        return;
    rc = xk_store_read_record(cd->policy.store, id, &record);
    if (rc) {
        xk_ctl_fail(call, XK_RPC_FAILED, "the record of %s: %s", id,
                    rc == -EINVAL ? "it is damaged" : strerror(-rc));
        return;
    }
    xk_store_path(cd->policy.store, id, false, NULL, path);
    json_object_object_add(record, "folder", json_object_new_string(path));
    xk_ctl_reply(call, record);
}

static void do_delete(struct xk_ctl_call *call, struct json_object *params,
                      void *arg)
{
    char id[XK_STORE_ID_SIZE];
    struct xk_crashd *cd = arg;
    struct json_object *obj;
    int rc;

    if (!named_dump(call, params, cd, id))
        return;
    rc = xk_store_remove(cd->policy.store, id, false);
    if (rc) {
        xk_ctl_fail(call, XK_RPC_FAILED, "%s cannot be removed: %s", id,
                    strerror(-rc));
        return;
    }
    xk_info("dump %s was removed: by command", id);
    obj = json_object_new_object();
    json_object_object_add(obj, "id", json_object_new_string(id));
    xk_ctl_reply(call, obj);
}

static void do_dump(struct xk_ctl_call *call, struct json_object *params,
                    void *arg)
{
    const char *name = xk_ctl_text(params, "domain");
    struct json_object *live = NULL;
    struct xk_guest *g;
    char safe[80];

    if (!name) {
        xk_ctl_fail(call, XK_RPC_PARAMS,
                    "\"domain\" is to be the name or id of a guest");
        return;
    }
    if (json_object_object_get_ex(params, "live", &live) &&
        !json_object_is_type(live, json_type_boolean)) {
        xk_ctl_fail(call, XK_RPC_PARAMS, "\"live\" is to be true or false");
        return;
    }
    g = xk_guest_find(arg, name);
    if (!g)
        xk_ctl_fail(call, XK_RPC_PARAMS, "no guest \"%s\": expected a name "
                    "or id that xl list shows",
                    xk_log_safe(safe, sizeof(safe), name));
    else
        xk_guest_dump(g, call, live && json_object_get_boolean(live));
}

static void add_recipient(struct json_object *list,
                          const struct xk_recipient *one, unsigned int a)
{
    struct json_object *obj = json_object_new_object();
    char print[2 * XK_HASH_SIZE + 1];
    size_t i;

    for (i = 0; i < XK_HASH_SIZE; i++)
        snprintf(print + 2 * i, 3, "%02x", one->fingerprint[i]);
    json_object_object_add(obj, "audience",
                           json_object_new_string(xk_audience_names[a]));
    json_object_object_add(obj, "name", json_object_new_string(one->name));
    json_object_object_add(obj, "subject",
                           json_object_new_string(one->subject));
    json_object_object_add(obj, "fingerprint", json_object_new_string(print));
    json_object_object_add(obj, "not_after", json_object_new_int64(
                           (int64_t)one->not_after));
    json_object_object_add(obj, "used", json_object_new_boolean(
                           one->cert != NULL));
    json_object_object_add(obj, "why", json_object_new_string(one->fault));
    json_object_array_add(list, obj);
}

/* Reads the certificates again, and tells what they are. */
static void do_keys(struct xk_ctl_call *call, struct json_object *params,
                    void *arg)
{
    struct json_object *obj, *list = json_object_new_array();
    uint8_t host[XK_PUBLIC_SIZE] = { 0 };
    char print[2 * XK_PUBLIC_SIZE + 1];
    struct xk_crashd *cd = arg;
    unsigned int a;
    size_t i;

    (void)params;
    if (xk_guests_reload(cd)) {
        json_object_put(list);
        xk_ctl_fail(call, XK_RPC_REFUSED, "a dump is being made with the "
                    "certificates that are used now: try again after it");
        return;
    }
    for (a = 0; a < XK_RECIPIENT_AUDIENCES; a++)
        for (i = 0; i < cd->recipients.count[a]; i++)
            add_recipient(list, &cd->recipients.list[a][i], a);
    (void)xk_signer_public(cd->signer, host);
    for (i = 0; i < sizeof(host); i++)
        snprintf(print + 2 * i, 3, "%02x", host[i]);
    obj = json_object_new_object();
    json_object_object_add(obj, "folder",
                           json_object_new_string(cd->policy.keys));
    json_object_object_add(obj, "host", json_object_new_string(print));
    json_object_object_add(obj, "recipients", list);
    xk_ctl_reply(call, obj);
}

const struct xk_ctl_method xk_crash_methods[] = {
    { "version", do_version },
    { "list", do_list },
    { "show", do_show },
    { "dump", do_dump },
    { "delete", do_delete },
    { "keys", do_keys },
    { "metrics", do_metrics },
    { NULL, NULL },
};
