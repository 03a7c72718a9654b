/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From records to the next start's xenstore, see testament.h.
 */
#include "testament.h"

#include <stdio.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/proto/crash.h>
#include <xenkeep/util.h>

#include "history.h"
#include "xenbus.h"
#include "xk-keys.h"

static const char *text_of(struct json_object *record, const char *name)
{
    struct json_object *v;

    return json_object_object_get_ex(record, name, &v) &&
                   json_object_is_type(v, json_type_string)
               ? json_object_get_string(v) : "";
}

static uint64_t number_of(struct json_object *record, const char *name)
{
    struct json_object *v;

    return json_object_object_get_ex(record, name, &v)
               ? (uint64_t)json_object_get_int64(v) : 0;
}

/* Nodes, the fields of the record that they have, the most that they take. */
static const struct {
    const char *key, *field;
    size_t max;
} texts[] = {
    { XK_KEY_CRASH_LAST_STOP, "stop", 200 },
    { XK_KEY_CRASH_LAST_TITLE, "title", 255 },
    { XK_KEY_CRASH_LAST_ADVICE, "advice", 511 },
    { XK_KEY_CRASH_LAST_DUMP, "id", 23 },
    { XK_KEY_CRASH_LAST_OUTCOME, "outcome", 16 },
    { XK_KEY_CRASH_LAST_REASON, "reason", 31 },
    { XK_KEY_CRASH_LAST_KERNEL, "kernel", 64 },
};

/* A value of xenstore is printable ASCII. */
static void plain(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

/* The time comes last: what has it is whole. */
static int write_last(struct xk_guest *g, struct json_object *record)
{
    struct xk_xs *xs = g->cd->xs;
    char dir[XK_XS_PATH_MAX], value[512];
    const uint64_t deaths = number_of(record, "deaths");
    size_t i;
    int rc = 0;

    snprintf(dir, sizeof(dir), XK_PATH_CRASH_LAST, g->info.domid);
    for (i = 0; !rc && i < XK_ARRAY_SIZE(texts); i++) {
        snprintf(value, texts[i].max + 1, "%s",
                 text_of(record, texts[i].field));
        plain(value);
        rc = xk_node_write(xs, dir, texts[i].key, value);
    }
    if (!rc)
        rc = xk_node_write_u64(xs, dir, XK_KEY_CRASH_LAST_DEATHS,
                               deaths ? deaths : 1);
    if (!rc)
        rc = xk_node_write_u64(xs, dir, XK_KEY_CRASH_LAST_TIME,
                               number_of(record, "time"));
    return rc;
}

static bool was_told(struct json_object *record)
{
    struct json_object *v;

    return json_object_object_get_ex(record, "told", &v) &&
           json_object_get_boolean(v);
}

/* Killed in between, it is told to one more: better than to none. */
static void tell(struct xk_guest *g)
{
    char id[XK_STORE_ID_SIZE];
    struct json_object *record = xk_history_last(g, id);
    int rc;

    if (!record || was_told(record)) {
        json_object_put(record);
        return;
    }
    rc = write_last(g, record);
    if (!rc) {
        json_object_object_add(record, "told", json_object_new_boolean(true));
        rc = xk_store_write_record(g->cd->policy.store, id, false, record);
    }
    if (rc)
        xk_warn("%s: it cannot be told how its last run ended: %s", g->name,
                strerror(-rc));
    else
        xk_info("%s (domain %u) is told how its last run ended: %s", g->name,
                g->info.domid, text_of(record, "stop"));
    json_object_put(record);
}

static int make_nodes(struct xk_guest *g, const char *root)
{
    struct xk_xs *xs = g->cd->xs;
    char path[XK_XS_PATH_MAX];
    int rc;

    rc = xk_xs_mkdir(xs, root, 0, g->info.domid);
    if (!rc)
        rc = xk_node_write_u64(xs, root, XK_KEY_CRASH_VERSION,
                               XK_CRASH_VERSION);
    snprintf(path, sizeof(path), XK_PATH_CRASH_GUEST, g->info.domid);
    if (!rc)
        rc = xk_xs_mkdir(xs, path, g->info.domid, 0);
    return rc;
}

void xk_testament_open(struct xk_guest *g)
{
    char root[XK_XS_PATH_MAX], path[XK_XS_PATH_MAX];
    int rc;

    if (g->opened || !g->named)
        return;
    g->opened = true;
    snprintf(root, sizeof(root), XK_PATH_CRASH_ROOT, g->info.domid);
    snprintf(path, sizeof(path), XK_PATH_CRASH_GUEST, g->info.domid);
    /* An earlier crashd has told it. */
    if (xk_xs_exists(g->cd->xs, path))
        return;
    rc = make_nodes(g, root);
    if (rc)
        xk_warn("%s: %s: %s", g->name, root, strerror(-rc));
    else
        tell(g);
}

static bool in_its_place(const struct xk_guest *g,
                         const struct xk_guest *dead)
{
    return g != dead && g->opened && g->state == XK_GUEST_ALIVE &&
           !g->gone && (!strcmp(g->name, dead->name) ||
                        !memcmp(g->info.uuid, dead->info.uuid,
                                sizeof(g->info.uuid)));
}

void xk_testament_pass(const struct xk_guest *dead)
{
    struct xk_guest *g;

    for (g = dead->cd->guests; g; g = g->next)
        if (in_its_place(g, dead))
            tell(g);
}
