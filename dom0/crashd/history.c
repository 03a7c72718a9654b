/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of one guest, see history.h.
 */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "record.h"

/* Called for each record, the newest first, until it says that it is enough. */
typedef bool look_fn(void *ctx, struct json_object *record, const char *id);

static void each(const char *store, look_fn *look, void *ctx)
{
    struct json_object *record;
    char (*ids)[XK_STORE_ID_SIZE];
    bool enough = false;
    size_t count;

    if (xk_store_list(store, false, &ids, &count))
        return;
    while (count-- && !enough) {
        if (xk_store_read_record(store, ids[count], &record))
            continue;
        enough = look(ctx, record, ids[count]);
        json_object_put(record);
    }
    free(ids);
}

static bool has(struct json_object *record, const char *name,
                const char *text)
{
    struct json_object *v;

    return json_object_object_get_ex(record, name, &v) &&
           json_object_is_type(v, json_type_string) &&
           !strcmp(json_object_get_string(v), text);
}

static uint64_t time_of(struct json_object *record)
{
    struct json_object *v;

    return json_object_object_get_ex(record, "time", &v)
               ? (uint64_t)json_object_get_int64(v) : 0;
}

/* Of a guest that ran on it is no death. */
static bool is_death(struct json_object *record)
{
    struct json_object *live;

    return json_object_object_get_ex(record, "live", &live) &&
           !json_object_get_boolean(live);
}

struct search {
    const struct xk_guest *g;
    char uuid[37];
    uint64_t *times, own;
    size_t max, count;
    struct json_object *last;
    char *id;
};

static struct search search_for(const struct xk_guest *g)
{
    struct search s = { .g = g };

    xk_uuid_text(g->info.uuid, s.uuid);
    return s;
}

/* rename-restart leaves a corpse its number, and nothing else. */
static bool is_own(const struct search *s, struct json_object *record)
{
    struct json_object *domid;

    return has(record, "boot", s->g->cd->boot) &&
           json_object_object_get_ex(record, "domid", &domid) &&
           json_object_get_int(domid) == s->g->info.domid &&
           (has(record, "uuid", s->uuid) || has(record, "guest", s->g->name));
}

static bool is_earlier(const struct search *s, struct json_object *record)
{
    return is_death(record) && !is_own(s, record) &&
           (has(record, "uuid", s->uuid) || has(record, "guest", s->g->name));
}

static bool look_own(void *ctx, struct json_object *record, const char *id)
{
    struct search *s = ctx;

    (void)id;
    if (!is_death(record) || !is_own(s, record))
        return false;
    s->own = time_of(record);
    return true;
}

bool xk_history_own(const struct xk_guest *g, uint64_t *time_r)
{
    struct search s = search_for(g);

    each(g->cd->policy.store, look_own, &s);
    *time_r = s.own;
    return s.own;
}

static bool look_deaths(void *ctx, struct json_object *record,
                        const char *id)
{
    struct search *s = ctx;

    (void)id;
    if (is_earlier(s, record))
        s->times[s->count++] = time_of(record);
    return s->count == s->max;
}

size_t xk_history_deaths(const struct xk_guest *g, uint64_t *times,
                         size_t max)
{
    struct search s = search_for(g);

    s.times = times;
    s.max = max;
    if (max)
        each(g->cd->policy.store, look_deaths, &s);
    return s.count;
}

static bool look_last(void *ctx, struct json_object *record, const char *id)
{
    struct search *s = ctx;

    if (!is_earlier(s, record))
        return false;
    memcpy(s->id, id, XK_STORE_ID_SIZE);
    s->last = json_object_get(record);
    return true;
}

struct json_object *xk_history_last(const struct xk_guest *g,
                                    char id[XK_STORE_ID_SIZE])
{
    struct search s = search_for(g);

    s.id = id;
    each(g->cd->policy.store, look_last, &s);
    return s.last;
}
