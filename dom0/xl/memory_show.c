/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory show: a table of what xenkeep-memoryd knows about the memory of
 * the guests and of the host. It changes nothing.
 */
#include <stdio.h>
#include <string.h>

#include <xenkeep/log.h>

#include "command.h"
#include "fields.h"
#include "memory.h"
#include "table.h"
#include "units.h"
#include "verbs.h"

struct answer {
    struct json_object *host_obj, *domains;
};

struct host {
    uint64_t total, free;
};

struct domain {
    uint64_t domid;
    const char *name, *type, *frontend, *note;
    uint64_t size, target, max, pod_entries, pod_cache, over, swept, ballooned;
    bool busy;
};

#define FIELD(kind, type, name, member) \
    { name, XK_FIELD_##kind, offsetof(struct type, member) }

static const struct xk_field answer_fields[] = {
    FIELD(OBJECT, answer, "host", host_obj),
    FIELD(ARRAY, answer, "domains", domains),
};

static const struct xk_field host_fields[] = {
    FIELD(COUNT, host, "total_kib", total),
    FIELD(COUNT, host, "free_kib", free),
};

static const struct xk_field domain_fields[] = {
    FIELD(COUNT, domain, "domid", domid),
    FIELD(TEXT, domain, "name", name),
    FIELD(TEXT, domain, "type", type),
    FIELD(COUNT, domain, "size_kib", size),
    FIELD(COUNT, domain, "target_kib", target),
    FIELD(COUNT, domain, "max_kib", max),
    FIELD(COUNT, domain, "pod_entries_kib", pod_entries),
    FIELD(COUNT, domain, "pod_cache_kib", pod_cache),
    FIELD(COUNT, domain, "overcommitted_kib", over),
    FIELD(COUNT, domain, "swept_kib", swept),
    FIELD(COUNT, domain, "ballooned_kib", ballooned),
    FIELD(TEXT, domain, "frontend", frontend),
    FIELD(BOOL, domain, "busy", busy),
    FIELD(TEXT, domain, "note", note),
};

#define READ(obj, table, out) \
    xk_fields_read(obj, table, sizeof(table) / sizeof((table)[0]), out)

static const struct xk_column columns[] = {
    { "NAME", XK_LEFT },
    { "ID", XK_RIGHT },
    { "TYPE", XK_LEFT },
    { "SIZE", XK_RIGHT },
    { "TARGET", XK_RIGHT },
    { "MAX", XK_RIGHT },
    { "POD", XK_RIGHT },
    { "CACHE", XK_RIGHT },
    { "OVERCOMMIT", XK_RIGHT },
    { "SWEPT", XK_RIGHT },
    { "BALLOON", XK_RIGHT },
    { "FRONT-END", XK_LEFT },
    { "NOTE", XK_LEFT },
};

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-memory",
    .synopsis = "[show] [DOMAIN] [--json]",
    .about = "Show the memory of all guests, or of the guest DOMAIN (a name "
             "or an id).",
    .more = memory_verbs_help,
    .daemon = "memoryd",
    .options = options,
};

/* The daemon passes on names that guests' owners chose. */
static void safe_cell(struct xk_table *t, const char *text)
{
    char safe[1032];

    xk_table_cell(t, xk_log_safe(safe, sizeof(safe), text));
}

static void note_cell(struct xk_table *t, const struct domain *d)
{
    char note[512];

    snprintf(note, sizeof(note), "%s%s%s", d->busy ? "at work" : "",
             d->busy && *d->note ? "; " : "", d->note);
    safe_cell(t, note);
}

static void domain_row(struct xk_table *t, const struct domain *d)
{
    const uint64_t sizes[] = {
        d->size, d->target, d->max, d->pod_entries, d->pod_cache, d->over,
        d->swept, d->ballooned,
    };
    char id[24];
    size_t i;

    snprintf(id, sizeof(id), "%llu", (unsigned long long)d->domid);
    safe_cell(t, d->name);
    xk_table_cell(t, id);
    safe_cell(t, d->type);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        xk_table_cell(t, xk_mib(sizes[i]).text);
    safe_cell(t, d->frontend);
    note_cell(t, d);
}

/* NULL, or the field that is not sound. */
static const char *fill_table(struct json_object *domains, struct xk_table *t)
{
    size_t count = (size_t)json_object_array_length(domains);
    struct json_object *obj;
    struct domain d;
    const char *bad;
    size_t i;

    for (i = 0; i < count; i++) {
        obj = json_object_array_get_idx(domains, i);
        if (!json_object_is_type(obj, json_type_object))
            return "domains";
        bad = READ(obj, domain_fields, &d);
        if (bad)
            return bad;
        domain_row(t, &d);
    }
    return NULL;
}

static int show_memory(struct json_object *result)
{
    struct answer a;
    struct host h;
    struct xk_table t;
    const char *bad;
    int exit_code;

    xk_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
    bad = READ(result, answer_fields, &a);
    if (!bad)
        bad = READ(a.host_obj, host_fields, &h);
    if (!bad)
        bad = fill_table(a.domains, &t);
    if (bad) {
        exit_code = xk_command_lacks(&command, bad);
        goto out;
    }
    exit_code = xk_verb_table(&command, &t);
    if (exit_code)
        goto out;
    printf("\nHost: %s of %s MiB free. All sizes in MiB.\n",
           xk_mib(h.free).text, xk_mib(h.total).text);
    exit_code = XK_EXIT_DONE;

out:
    xk_table_dispose(&t);
    return exit_code;
}

int memory_show(int argc, char **argv)
{
    return xk_verb_ask(&command, "memory", show_memory, argc, argv);
}
