/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-files audit: who touched what.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include <xenkeep/log.h>

#include "fields.h"
#include "files.h"
#include "table.h"
#include "verbs.h"

struct record {
    uint64_t uid;
    const char *share, *operation, *name, *result;
};

#define FIELD(kind, field) \
    { #field, XK_FIELD_##kind, offsetof(struct record, field) }

static const struct xk_field fields[] = {
    FIELD(COUNT, uid), FIELD(TEXT, share), FIELD(TEXT, operation),
    FIELD(TEXT, name), FIELD(TEXT, result),
};

static const struct xk_column columns[] = {
    { "TIME", XK_LEFT }, { "SHARE", XK_LEFT }, { "UID", XK_RIGHT },
    { "OPERATION", XK_LEFT }, { "NAME", XK_LEFT }, { "RESULT", XK_LEFT },
};

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-files audit",
    .page = "xl-files",
    .synopsis = "DOMAIN [--json]",
    .about = "Show the last operations of the guest DOMAIN on shares that are "
             "audited. User\nids and names are the guest's.",
    .daemon = "filed",
    .needs_domain = true,
    .options = options,
};

static void cell(struct xk_table *t, const char *text)
{
    char safe[1032];

    xk_table_cell(t, xk_log_safe(safe, sizeof(safe), text));
}

static void time_cell(struct xk_table *t, struct json_object *obj)
{
    struct json_object *v;
    int64_t ns = 0;
    char text[32] = "";
    struct tm tm;
    time_t s;

    if (json_object_object_get_ex(obj, "time_ns", &v))
        ns = json_object_get_int64(v);
    s = (time_t)(ns / 1000000000);
    if (localtime_r(&s, &tm))
        (void)strftime(text, sizeof(text), "%F %T", &tm);
    xk_table_cell(t, text);
}

static const char *fill(struct json_object *list, struct xk_table *t)
{
    size_t count = (size_t)json_object_array_length(list), i;
    struct json_object *obj;
    char number[24];
    struct record r;
    const char *bad;

    for (i = 0; i < count; i++) {
        obj = json_object_array_get_idx(list, i);
        bad = xk_fields_read(obj, fields,
                             sizeof(fields) / sizeof(fields[0]), &r);
        if (bad)
            return bad;
        time_cell(t, obj);
        cell(t, r.share);
        snprintf(number, sizeof(number), "%" PRIu64, r.uid);
        xk_table_cell(t, number);
        cell(t, r.operation);
        cell(t, r.name);
        cell(t, r.result);
    }
    return NULL;
}

static int show(struct json_object *result)
{
    struct json_object *list;
    struct xk_table t;
    const char *bad = "records";
    int exit_code;

    xk_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
    if (json_object_object_get_ex(result, "records", &list) &&
        json_object_is_type(list, json_type_array))
        bad = fill(list, &t);
    exit_code = bad ? xk_command_lacks(&command, bad)
                    : xk_verb_table(&command, &t);
    xk_table_dispose(&t);
    return exit_code;
}

int files_audit(int argc, char **argv)
{
    return xk_verb_ask(&command, "audit", show, argc, argv);
}
