/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map as JSON, see map_json.h: runs of equal cells, and cells twice as
 * large as often as it takes for the runs to fit into a line.
 */
#include "map_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>

#define KIB_PER_RANGE (XK_SUPER_PAGES * (XK_PAGE_SIZE / 1024))

/* Room for one run, with any numbers. */
#define RUN_MAX 128

struct text {
    char buf[MAP_RUNS_MAX + 1];
    size_t len;
};

/* The state of a cell that is all of one; MAP_STATES: it is mixed. */
static unsigned int pure_state(const struct map_mix *mix)
{
    unsigned int i, one = MAP_STATES, n = 0;

    for (i = 0; i < MAP_STATES; i++) {
        if (mix->ranges[i]) {
            one = i;
            n++;
        }
    }
    return n == 1 ? one : MAP_STATES;
}

/* [2,17] or [[0,3,1,0,0,0],17]; false: it does not fit. */
static bool put_run(struct text *t, const struct map_mix *mix, size_t count)
{
    unsigned int i, state = pure_state(mix);
    char run[RUN_MAX];
    int n;

    if (state < MAP_STATES) {
        n = snprintf(run, sizeof(run), "%s[%u,%zu]", t->len > 1 ? "," : "",
                     state, count);
    } else {
        n = snprintf(run, sizeof(run), "%s[", t->len > 1 ? "," : "");
        for (i = 0; i < MAP_STATES; i++)
            n += snprintf(run + n, sizeof(run) - (size_t)n, "%c%" PRIu32,
                          i ? ',' : '[', mix->ranges[i]);
        n += snprintf(run + n, sizeof(run) - (size_t)n, "],%zu]", count);
    }
    /* One byte stays for the bracket at the end. */
    if (t->len + (size_t)n + 1 > MAP_RUNS_MAX)
        return false;
    memcpy(t->buf + t->len, run, (size_t)n);
    t->len += (size_t)n;
    return true;
}

/* All cells but the last are full, so mixes that are alike may be joined; the
 * last is, too, only if it is as large. */
static bool put_runs(const struct domain *dom, unsigned int shift,
                     struct text *t)
{
    size_t cells = map_cells(dom, shift), cell, count = 0;
    struct map_mix mix, run;

    t->len = 0;
    t->buf[t->len++] = '[';
    for (cell = 0; cell < cells; cell++) {
        map_mix(dom, cell, shift, &mix);
        if (count && pure_state(&mix) == pure_state(&run) &&
            (pure_state(&mix) < MAP_STATES ||
             !memcmp(&mix, &run, sizeof(mix)))) {
            count++;
            continue;
        }
        if (count && !put_run(t, &run, count))
            return false;
        run = mix;
        count = 1;
    }
    if (count && !put_run(t, &run, count))
        return false;
    t->buf[t->len++] = ']';
    t->buf[t->len] = '\0';
    return true;
}

static void add_u64(struct json_object *obj, const char *key, uint64_t value)
{
    json_object_object_add(obj, key, json_object_new_int64((int64_t)value));
}

static struct json_object *totals_json(const struct domain *dom)
{
    struct json_object *obj = json_object_new_object();
    char key[32];
    size_t i;

    for (i = 0; i < MAP_STATES; i++) {
        snprintf(key, sizeof(key), "%s_kib", map_state_names[i]);
        add_u64(obj, key, dom->map.totals[i] * KIB_PER_RANGE);
    }
    return obj;
}

struct json_object *map_json(const struct domain *dom,
                             const struct xk_pod *pod)
{
    xk_cleanup_free struct text *t = malloc(sizeof(*t));
    struct json_object *obj, *runs;
    unsigned int shift = 0;

    if (!t)
        return NULL;
    while (!put_runs(dom, shift, t))
        shift++;
    runs = json_tokener_parse(t->buf);
    if (!runs)
        return NULL;
    obj = json_object_new_object();
    add_u64(obj, "domid", dom->info.domid);
    json_object_object_add(obj, "name", json_object_new_string(dom->name));
    json_object_object_add(obj, "origin", json_object_new_string(
                           map_origin_names[dom->map.origin]));
    add_u64(obj, "size_kib", pod->tot * (XK_PAGE_SIZE / 1024));
    add_u64(obj, "pod_entries_kib", pod->entries * (XK_PAGE_SIZE / 1024));
    add_u64(obj, "pod_cache_kib", pod->cache * (XK_PAGE_SIZE / 1024));
    add_u64(obj, "ranges", dom->map.count);
    add_u64(obj, "cell_ranges", UINT64_C(1) << shift);
    json_object_object_add(obj, "totals", totals_json(dom));
    json_object_object_add(obj, "runs", runs);
    return obj;
}
