/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory policy: what holds for each guest when the balancer decides, and
 * who said so.
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
    uint64_t interval_ms, reserve;
    struct json_object *domains;
};

struct domain {
    uint64_t domid;
    const char *name, *min_from, *max_from, *weight_from, *pace_from;
    uint64_t size, min, max, weight, pace, overcommit;
};

#define FIELD(kind, type, name, member) \
    { name, XK_FIELD_##kind, offsetof(struct type, member) }

static const struct xk_field answer_fields[] = {
    FIELD(BOOL, answer, "balancer", balancer),
    FIELD(TEXT, answer, "note", note),
    FIELD(COUNT, answer, "interval_ms", interval_ms),
    FIELD(COUNT, answer, "host_reserve_kib", reserve),
    FIELD(ARRAY, answer, "domains", domains),
};

static const struct xk_field domain_fields[] = {
    FIELD(COUNT, domain, "domid", domid),
    FIELD(TEXT, domain, "name", name),
    FIELD(COUNT, domain, "size_kib", size),
    FIELD(COUNT, domain, "min_kib", min),
    FIELD(TEXT, domain, "min_from", min_from),
    FIELD(COUNT, domain, "max_kib", max),
    FIELD(TEXT, domain, "max_from", max_from),
    FIELD(COUNT, domain, "weight", weight),
    FIELD(TEXT, domain, "weight_from", weight_from),
    FIELD(COUNT, domain, "pace_kib", pace),
    FIELD(TEXT, domain, "pace_from", pace_from),
    FIELD(COUNT, domain, "overcommit_kib", overcommit),
};

#define READ(obj, table, out) \
    xk_fields_read(obj, table, sizeof(table) / sizeof((table)[0]), out)

static const struct xk_column columns[] = {
    { "NAME", XK_LEFT },
    { "ID", XK_RIGHT },
    { "SIZE", XK_RIGHT },
    { "MIN", XK_RIGHT },
    { "FROM", XK_LEFT },
    { "MAX", XK_RIGHT },
    { "FROM", XK_LEFT },
    { "WEIGHT", XK_RIGHT },
    { "FROM", XK_LEFT },
    { "PACE", XK_RIGHT },
    { "FROM", XK_LEFT },
    { "OVERCOMMIT", XK_RIGHT },
};

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-memory policy",
    .page = "xl-memory",
    .synopsis = "[DOMAIN] [--json]",
    .about = "Show what holds for each guest when memory is balanced, or for "
             "DOMAIN, and\nwhere it comes from.",
    .daemon = "memoryd",
    .options = options,
};

static void size_and_origin(struct xk_table *t, uint64_t kib,
                            const char *from)
{
    char safe[96];

    xk_table_cell(t, xk_mib(kib).text);
    xk_table_cell(t, xk_log_safe(safe, sizeof(safe), from));
}

static void domain_row(struct xk_table *t, const struct domain *d)
{
    char safe[1032], number[24];

    xk_table_cell(t, xk_log_safe(safe, sizeof(safe), d->name));
    snprintf(number, sizeof(number), "%" PRIu64, d->domid);
    xk_table_cell(t, number);
    xk_table_cell(t, xk_mib(d->size).text);
    size_and_origin(t, d->min, d->min_from);
    size_and_origin(t, d->max, d->max_from);
    snprintf(number, sizeof(number), "%" PRIu64, d->weight);
    xk_table_cell(t, number);
    xk_table_cell(t, xk_log_safe(safe, sizeof(safe), d->weight_from));
    size_and_origin(t, d->pace, d->pace_from);
    xk_table_cell(t, d->overcommit ? xk_mib(d->overcommit).text : "no");
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

static void show_balancer(const struct answer *a)
{
    char safe[512];

    printf("\nReserve of the host: %s MiB. All sizes in MiB, PACE in MiB a "
           "second.\n", xk_mib(a->reserve).text);
    if (*a->note)
        puts(xk_log_safe(safe, sizeof(safe), a->note));
    else if (a->balancer)
        printf("The balancer plans once in %s.\n",
               xk_duration(a->interval_ms * 1000).text);
    else
        puts("The balancer is off.");
}

static int show_policy(struct json_object *result)
{
    struct answer a;
    struct xk_table t;
    const char *bad;
    int exit_code;

    xk_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
    bad = READ(result, answer_fields, &a);
    if (!bad)
        bad = fill_table(a.domains, &t);
    exit_code = bad ? xk_command_lacks(&command, bad)
                    : xk_verb_table(&command, &t);
    if (!exit_code)
        show_balancer(&a);
    xk_table_dispose(&t);
    return exit_code;
}

int memory_policy(int argc, char **argv)
{
    return xk_verb_ask(&command, "policy", show_policy, argc, argv);
}
