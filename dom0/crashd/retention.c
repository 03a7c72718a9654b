/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes from the store, see retention.h.
 */
#include "retention.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "store.h"

#define DAY_SECONDS 86400

struct kept {
    char id[XK_STORE_ID_SIZE];
    char uuid[40], guest[64], stop[200];
    bool live, thinned;
    uint64_t bytes;             /* of its dump; 0: there is none */
    int64_t time;
    uint32_t newer;             /* dumps of the guest */
};

static const char *text_of(struct json_object *obj, const char *name)
{
    struct json_object *v;

    return json_object_object_get_ex(obj, name, &v) &&
                   json_object_is_type(v, json_type_string)
               ? json_object_get_string(v) : "";
}

static void look_at(const char *store, struct kept *k)
{
    struct json_object *record = NULL, *v;
    char path[XK_STORE_PATH];
    struct stat st;

    if (!xk_store_read_record(store, k->id, &record)) {
        snprintf(k->uuid, sizeof(k->uuid), "%s", text_of(record, "uuid"));
        snprintf(k->guest, sizeof(k->guest), "%s",
                 text_of(record, "guest"));
        snprintf(k->stop, sizeof(k->stop), "%s", text_of(record, "stop"));
        k->thinned = !strcmp(text_of(record, "outcome"), "thinned");
        k->live = json_object_object_get_ex(record, "live", &v) &&
                  json_object_get_boolean(v);
        if (json_object_object_get_ex(record, "time", &v))
            k->time = json_object_get_int64(v);
    }
    json_object_put(record);
    xk_store_path(store, k->id, false, XK_STORE_DUMP, path);
    k->bytes = stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

/* Why this one is to go; NULL: it stays. */
static const char *goes(const struct kept *k,
                        const struct xk_retention *limits, uint64_t bytes,
                        uint64_t free_bytes, time_t now)
{
    if (k->time + (int64_t)limits->days * DAY_SECONDS < now)
        return "it is older than keep_days";
    if (!k->newer)
        return NULL;
    if (k->newer >= limits->dumps)
        return "its guest has keep_dumps newer ones";
    if (bytes > limits->bytes && k->bytes)
        return "the store is larger than keep_mib";
    if (free_bytes < limits->free_bytes && k->bytes)
        return "the file system has less than keep_free_mib";
    return NULL;
}

/* One that xl created anew has another uuid. */
static bool same_guest(const struct kept *a, const struct kept *b)
{
    return !strcmp(a->uuid, b->uuid) ||
           (a->guest[0] && !strcmp(a->guest, b->guest));
}

static void count_newer(struct kept *kept, size_t count)
{
    size_t i, j;

    for (i = 0; i < count; i++)
        for (j = i + 1; j < count; j++)
            kept[i].newer += same_guest(&kept[i], &kept[j]);
}

/* ---- those of one kind -------------------------------------------------- */

static bool same_kind(const struct kept *a, const struct kept *b)
{
    return !a->live && !b->live && same_guest(a, b) &&
           !strcmp(a->stop, b->stop);
}

/* Of what nobody knows, no two are known to be the same. */
static bool is_known(const struct kept *k)
{
    const char *cause = strrchr(k->stop, '/');

    return cause && strcmp(cause, "/unknown");
}

/* Neither the first nor the last of its kind, or cut off while it was made
 * a record only. */
static bool is_between(const struct kept *kept, size_t count, size_t at)
{
    bool before = false, after = false;
    size_t i;

    if (!kept[at].bytes)
        return false;
    if (kept[at].thinned)
        return true;
    if (!is_known(&kept[at]))
        return false;
    for (i = 0; i < count; i++) {
        if (i != at && kept[i].bytes && same_kind(&kept[i], &kept[at])) {
            before |= i < at;
            after |= i > at;
        }
    }
    return before && after;
}

/* The record says it first: what is left of the file is taken for nothing. */
static int thin(const char *store, struct kept *k)
{
    struct json_object *record;
    char path[XK_STORE_PATH];
    int rc;

    rc = xk_store_read_record(store, k->id, &record);
    if (rc)
        return rc;
    json_object_object_add(record, "outcome",
                           json_object_new_string("thinned"));
    json_object_object_add(record, "why", json_object_new_string(
                           "the first and the last dump of its kind stay"));
    rc = xk_store_write_record(store, k->id, false, record);
    json_object_put(record);
    xk_store_path(store, k->id, false, XK_STORE_DUMP, path);
    if (!rc && unlink(path))
        rc = -errno;
    k->bytes = 0;
    return rc;
}

static int thin_all(const char *store, struct kept *kept, size_t count,
                    xk_retain_fn *removed)
{
    size_t i;
    int rc = 0;

    for (i = 0; !rc && i < count; i++) {
        if (!is_between(kept, count, i))
            continue;
        rc = thin(store, &kept[i]);
        if (!rc)
            removed(kept[i].id, "only its record stays: others are of its "
                    "kind");
    }
    return rc;
}

static int retain(const char *store, const struct xk_retention *limits,
                  time_t now, struct kept *kept, size_t count,
                  xk_retain_fn *removed)
{
    uint64_t bytes = 0, free_bytes = 0;
    const char *why;
    size_t i;
    int rc;

    for (i = 0; i < count; i++)
        bytes += kept[i].bytes;
    rc = xk_store_free_bytes(store, &free_bytes);
    for (i = 0; !rc && i < count; i++) {
        why = goes(&kept[i], limits, bytes, free_bytes, now);
        if (!why)
            continue;
        rc = xk_store_remove(store, kept[i].id, false);
        if (!rc) {
            bytes -= kept[i].bytes;
            free_bytes += kept[i].bytes;
            removed(kept[i].id, why);
        }
    }
    return rc;
}

int xk_retain(const char *store, const struct xk_retention *limits,
                    time_t now, xk_retain_fn *removed)
{
    xk_cleanup_free struct kept *kept = NULL;
    char (*ids)[XK_STORE_ID_SIZE];
    size_t count, i;
    int rc;

    rc = xk_store_list(store, false, &ids, &count);
    if (rc)
        return rc;
    kept = calloc(count + 1, sizeof(*kept));
    for (i = 0; kept && i < count; i++) {
        memcpy(kept[i].id, ids[i], sizeof(kept[i].id));
        look_at(store, &kept[i]);
    }
    free(ids);
    if (!kept)
        return -ENOMEM;
    count_newer(kept, count);
    rc = thin_all(store, kept, count, removed);
    return rc ? rc : retain(store, limits, now, kept, count, removed);
}
