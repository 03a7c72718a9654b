/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory top: how the memory of all guests moves. On a terminal it draws
 * anew each second; else it compares two moments and ends. It changes nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenkeep/log.h>

#include "command.h"
#include "live.h"
#include "memory.h"
#include "rates.h"
#include "table.h"
#include "units.h"

struct top {
    struct xk_common common;
    struct xk_sample before;    /* answer is NULL: none yet */
};

static const struct xk_option options[] = {
    { .name = NULL },
};

static void top_help(void)
{
    puts("\nMiB, and MiB a second: size of the guest, zero memory swept,\n"
         "balloon, populate-on-demand entries and the cache that fills them."
         "\nWithout a terminal: one comparison over a second.");
}

static const struct xk_command command = {
    .name = "xl-memory top",
    .page = "xl-memory",
    .synopsis = "[DOMAIN] [--json]",
    .about = "Show how the memory of all guests, or of DOMAIN, moves.",
    .more = top_help,
    .daemon = "memoryd",
    .options = options,
};

static const struct xk_column columns[] = {
    { "NAME", XK_LEFT },
    { "ID", XK_RIGHT },
    { "SIZE", XK_RIGHT },
    { "SIZE/s", XK_RIGHT },
    { "SWEPT/s", XK_RIGHT },
    { "BALLOON", XK_RIGHT },
    { "BALLOON/s", XK_RIGHT },
    { "POD", XK_RIGHT },
    { "POD/s", XK_RIGHT },
    { "CACHE", XK_RIGHT },
    { "CACHE/s", XK_RIGHT },
};

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* 0, or -errno with a line in `why`. */
static int take_sample(const struct top *t, struct xk_sample *s, char *why,
                       size_t size)
{
    struct json_object *params = json_object_new_object(), *result = NULL;
    const char *bad;
    int rc;

    if (t->common.domain)
        json_object_object_add(params, "domain",
                               json_object_new_string(t->common.domain));
    rc = xk_command_try(&command, "memory", params, why, size, &result);
    if (rc)
        return rc;
    bad = xk_sample_read(result, now_us(), s);
    if (!bad)
        return 0;
    snprintf(why, size, "the answer of xenkeep-memoryd has no sound \"%s\"; "
             "is it of this version?", bad);
    return -EPROTO;
}

/* --- as a table ---------------------------------------------------------- */

static void rate_cell(struct xk_table *t, const struct xk_rate *r,
                      int64_t rate)
{
    xk_table_cell(t, !r->known ? "-" : rate ? xk_mib_change(rate).text : "0");
}

static void rate_row(struct xk_table *t, const struct xk_rate *r)
{
    char name[1032], id[24];

    snprintf(id, sizeof(id), "%" PRIu64, r->now->domid);
    xk_table_cell(t, xk_log_safe(name, sizeof(name), r->now->name));
    xk_table_cell(t, id);
    xk_table_cell(t, xk_mib(r->now->size).text);
    rate_cell(t, r, r->size);
    rate_cell(t, r, r->swept);
    xk_table_cell(t, xk_mib(r->now->ballooned).text);
    rate_cell(t, r, r->ballooned);
    xk_table_cell(t, xk_mib(r->now->entries).text);
    rate_cell(t, r, r->entries);
    xk_table_cell(t, xk_mib(r->now->cache).text);
    rate_cell(t, r, r->cache);
}

static int print_rates(const struct xk_sample *before,
                       const struct xk_sample *now, FILE *out)
{
    struct xk_rate *rates;
    struct xk_table t;
    size_t i;
    int rc;

    rc = xk_rates(before->answer ? before : NULL, now, &rates);
    if (rc)
        return rc;
    xk_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
    for (i = 0; i < now->count; i++)
        rate_row(&t, &rates[i]);
    rc = xk_table_print(&t, out);
    xk_table_dispose(&t);
    free(rates);
    if (!rc)
        fprintf(out, "\nHost: %s MiB free. All in MiB, and MiB a second.\n",
                xk_mib(now->host_free).text);
    return rc;
}

static int draw(FILE *out, const struct xk_window *window, char *why,
                size_t size, void *arg)
{
    struct xk_sample now;
    struct top *t = arg;
    int rc;

    (void)window;
    rc = take_sample(t, &now, why, size);
    if (rc)
        return rc;
    rc = print_rates(&t->before, &now, out);
    if (rc)
        snprintf(why, size, "out of memory");
    xk_sample_dispose(&t->before);
    t->before = now;
    return rc;
}

/* --- as JSON ------------------------------------------------------------- */

static void add_u64(struct json_object *obj, const char *key, uint64_t value)
{
    json_object_object_add(obj, key, json_object_new_int64((int64_t)value));
}

static void add_rate(struct json_object *obj, const char *key,
                     const struct xk_rate *r, int64_t rate)
{
    json_object_object_add(obj, key,
                           r->known ? json_object_new_int64(rate) : NULL);
}

static struct json_object *rate_json(const struct xk_rate *r)
{
    struct json_object *obj = json_object_new_object();

    add_u64(obj, "domid", r->now->domid);
    json_object_object_add(obj, "name", json_object_new_string(r->now->name));
    add_u64(obj, "size_kib", r->now->size);
    add_u64(obj, "swept_kib", r->now->swept);
    add_u64(obj, "ballooned_kib", r->now->ballooned);
    add_u64(obj, "pod_entries_kib", r->now->entries);
    add_u64(obj, "pod_cache_kib", r->now->cache);
    add_rate(obj, "size_kib_per_s", r, r->size);
    add_rate(obj, "swept_kib_per_s", r, r->swept);
    add_rate(obj, "ballooned_kib_per_s", r, r->ballooned);
    add_rate(obj, "pod_entries_kib_per_s", r, r->entries);
    add_rate(obj, "pod_cache_kib_per_s", r, r->cache);
    return obj;
}

static int json_rates(const struct xk_sample *before,
                      const struct xk_sample *now)
{
    struct json_object *obj, *list;
    struct xk_rate *rates;
    size_t i;
    int rc;

    rc = xk_rates(before, now, &rates);
    if (rc)
        return rc;
    obj = json_object_new_object();
    list = json_object_new_array();
    for (i = 0; i < now->count; i++)
        json_object_array_add(list, rate_json(&rates[i]));
    add_u64(obj, "interval_us", now->at_us - before->at_us);
    add_u64(obj, "host_free_kib", now->host_free);
    json_object_object_add(obj, "domains", list);
    xk_command_json(obj);
    json_object_put(obj);
    free(rates);
    return 0;
}

/* --- the command --------------------------------------------------------- */

static int compare(struct top *t)
{
    static const struct timespec second = { .tv_sec = XK_LIVE_SECONDS };
    struct xk_sample now = { .answer = NULL };
    char why[XK_WHY_MAX] = "out of memory";
    int rc;

    rc = take_sample(t, &t->before, why, sizeof(why));
    if (!rc) {
        (void)nanosleep(&second, NULL);
        rc = take_sample(t, &now, why, sizeof(why));
    }
    if (!rc)
        rc = t->common.json ? json_rates(&t->before, &now)
                            : print_rates(&t->before, &now, stdout);
    if (rc)
        xk_complain(&command, "%s", why);
    xk_sample_dispose(&now);
    return xk_command_code(rc);
}

int memory_top(int argc, char **argv)
{
    struct top t = { .before = { .answer = NULL } };
    struct xk_window window;
    int exit_code;

    exit_code = xk_command_parse(&command, argc, argv, &t.common, NULL);
    if (exit_code == XK_GO_ON)
        exit_code = !t.common.json && xk_window_get(&window)
                        ? xk_live(&command, draw, &t) : compare(&t);
    xk_sample_dispose(&t.before);
    return xk_command_finish(&command, exit_code);
}
