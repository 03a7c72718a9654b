/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory plan: what the balancer would do now, and why. It changes
 * nothing, and works when the balancer is off.
 */
#include <inttypes.h>
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
    bool balancer;
    const char *note;
    uint64_t free, reserve;
    struct json_object *domains;
};

struct domain {
    uint64_t domid;
    const char *name, *reason;
    uint64_t size, target, available, wanted, stall, over;
    bool spoke;
    uint64_t age_ms;
};

#define FIELD(kind, type, name, member) \
    { name, XK_FIELD_##kind, offsetof(struct type, member) }

static const struct xk_field answer_fields[] = {
    FIELD(BOOL, answer, "balancer", balancer),
    FIELD(TEXT, answer, "note", note),
    FIELD(COUNT, answer, "host_free_kib", free),
    FIELD(COUNT, answer, "host_reserve_kib", reserve),
    FIELD(ARRAY, answer, "domains", domains),
};

static const struct xk_field domain_fields[] = {
    FIELD(COUNT, domain, "domid", domid),
    FIELD(TEXT, domain, "name", name),
    FIELD(COUNT, domain, "size_kib", size),
    FIELD(COUNT, domain, "target_kib", target),
    FIELD(TEXT, domain, "reason", reason),
    FIELD(COUNT, domain, "available_kib", available),
    FIELD(COUNT, domain, "wanted_kib", wanted),
    FIELD(COUNT, domain, "stall_permille", stall),
    FIELD(COUNT, domain, "overcommitted_kib", over),
};

/* Only of a guest that has said something. */
static const struct xk_field age_field[] = {
    FIELD(COUNT, domain, "word_age_ms", age_ms),
};

#define READ(obj, table, out) \
    xk_fields_read(obj, table, sizeof(table) / sizeof((table)[0]), out)

static const struct xk_column columns[] = {
    { "NAME", XK_LEFT },
    { "ID", XK_RIGHT },
    { "SIZE", XK_RIGHT },
    { "TARGET", XK_RIGHT },
    { "CHANGE", XK_RIGHT },
    { "OVERCOMMIT", XK_RIGHT },
    { "AVAILABLE", XK_RIGHT },
    { "WANTED", XK_RIGHT },
    { "STALL", XK_RIGHT },
    { "AGE", XK_RIGHT },
    { "REASON", XK_LEFT },
};

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-memory plan",
    .page = "xl-memory",
    .synopsis = "[DOMAIN] [--json]",
    .about = "Show what the balancer would do now with all guests, or with "
             "DOMAIN.\nNothing is changed.",
    .daemon = "memoryd",
    .options = options,
};

static const char *read_domain(struct json_object *obj, struct domain *d)
{
    struct json_object *age = NULL;
    const char *bad;

    if (!json_object_is_type(obj, json_type_object))
        return "domains";
    bad = READ(obj, domain_fields, d);
    if (bad)
        return bad;
    if (!json_object_object_get_ex(obj, "word_age_ms", &age))
        return "word_age_ms";
    d->spoke = age != NULL;
    return age ? READ(obj, age_field, d) : NULL;
}

/* The guest's own word; nothing for one that has not said any. */
static void word_cells(struct xk_table *t, const struct domain *d)
{
    char stall[32];

    snprintf(stall, sizeof(stall), "%" PRIu64 ".%" PRIu64 " %%",
             d->stall / 10, d->stall % 10);
    xk_table_cell(t, d->spoke ? xk_mib(d->available).text : "-");
    xk_table_cell(t, d->spoke ? xk_mib(d->wanted).text : "-");
    xk_table_cell(t, d->spoke ? stall : "-");
    xk_table_cell(t, d->spoke ? xk_duration(d->age_ms * 1000).text : "-");
}

static void domain_row(struct xk_table *t, const struct domain *d)
{
    char safe[1032], id[24];

    snprintf(id, sizeof(id), "%" PRIu64, d->domid);
    xk_table_cell(t, xk_log_safe(safe, sizeof(safe), d->name));
    xk_table_cell(t, id);
    xk_table_cell(t, xk_mib(d->size).text);
    xk_table_cell(t, xk_mib(d->target).text);
    xk_table_cell(t, xk_mib_change((int64_t)d->target -
                                   (int64_t)d->size).text);
    xk_table_cell(t, xk_mib(d->over).text);
    word_cells(t, d);
    xk_table_cell(t, xk_log_safe(safe, sizeof(safe), d->reason));
}

/* NULL, or the field that is not sound. */
static const char *fill_table(struct json_object *domains, struct xk_table *t)
{
    size_t count = (size_t)json_object_array_length(domains);
    struct domain d = { .name = NULL };
    const char *bad;
    size_t i;

    for (i = 0; i < count; i++) {
        bad = read_domain(json_object_array_get_idx(domains, i), &d);
        if (bad)
            return bad;
        domain_row(t, &d);
    }
    return NULL;
}

static int show_plan(struct json_object *result)
{
    struct answer a;
    struct xk_table t;
    const char *bad;
    char safe[512];
    int exit_code = XK_EXIT_DONE;

    xk_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
    bad = READ(result, answer_fields, &a);
    if (!bad)
        bad = fill_table(a.domains, &t);
    if (bad) {
        exit_code = xk_command_lacks(&command, bad);
        goto out;
    }
    exit_code = xk_verb_table(&command, &t);
    if (exit_code)
        goto out;
    printf("\nHost: %s MiB free, %s of them in reserve. All sizes in MiB.\n",
           xk_mib(a.free).text, xk_mib(a.reserve).text);
    if (*a.note)
        puts(xk_log_safe(safe, sizeof(safe), a.note));
    else if (!a.balancer)
        puts("The balancer is off: nothing of this is done.");

out:
    xk_table_dispose(&t);
    return exit_code;
}

int memory_plan(int argc, char **argv)
{
    return xk_verb_ask(&command, "plan", show_plan, argc, argv);
}
