/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-files list: what is lent to whom.
 */
#include <stdio.h>

#include <xenkeep/log.h>

#include "fields.h"
#include "files.h"
#include "table.h"
#include "verbs.h"

struct share {
    const char *domain, *name, *type, *mode, *state, *path, *note;
};

#define FIELD(field) \
    { #field, XK_FIELD_TEXT, offsetof(struct share, field) }

static const struct xk_field fields[] = {
    FIELD(domain), FIELD(name), FIELD(type), FIELD(mode), FIELD(state),
    FIELD(path), FIELD(note),
};

static const struct xk_column columns[] = {
    { "DOMAIN", XK_LEFT }, { "NAME", XK_LEFT }, { "TYPE", XK_LEFT },
    { "MODE", XK_LEFT }, { "STATE", XK_LEFT }, { "PATH", XK_LEFT },
};

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-files",
    .synopsis = "[VERB] [DOMAIN] [options] [--json]",
    .about = "Show what is lent to all guests that run, or to the guest "
             "DOMAIN.",
    .more = files_verbs_help,
    .daemon = "filed",
    .options = options,
};

static void cell(struct xk_table *t, const char *text)
{
    char safe[4200];

    xk_table_cell(t, xk_log_safe(safe, sizeof(safe), text));
}

/* NULL, or the field that is not sound. */
static const char *fill(struct json_object *list, struct xk_table *t)
{
    size_t count = (size_t)json_object_array_length(list), i;
    struct json_object *obj;
    const char *bad;
    struct share s;

    for (i = 0; i < count; i++) {
        obj = json_object_array_get_idx(list, i);
        if (!json_object_is_type(obj, json_type_object))
            return "shares";
        bad = xk_fields_read(obj, fields,
                             sizeof(fields) / sizeof(fields[0]), &s);
        if (bad)
            return bad;
        cell(t, s.domain);
        cell(t, s.name);
        cell(t, s.type);
        cell(t, s.mode);
        cell(t, s.state);
        cell(t, s.path);
    }
    return NULL;
}

/* Those that cannot be had, with the reason. */
static void complain(struct json_object *list)
{
    size_t count = (size_t)json_object_array_length(list), i;
    char name[300], note[300];
    struct share s;

    for (i = 0; i < count; i++) {
        if (!xk_fields_read(json_object_array_get_idx(list, i), fields,
                            sizeof(fields) / sizeof(fields[0]), &s) &&
            *s.note)
            printf("%s: %s\n", xk_log_safe(name, sizeof(name), s.name),
                   xk_log_safe(note, sizeof(note), s.note));
    }
}

static int show(struct json_object *result)
{
    struct json_object *list;
    struct xk_table t;
    const char *bad = "shares";
    int exit_code;

    xk_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
    if (json_object_object_get_ex(result, "shares", &list) &&
        json_object_is_type(list, json_type_array))
        bad = fill(list, &t);
    exit_code = bad ? xk_command_lacks(&command, bad)
                    : xk_verb_table(&command, &t);
    if (!exit_code)
        complain(list);
    xk_table_dispose(&t);
    return exit_code;
}

int files_list(int argc, char **argv)
{
    return xk_verb_ask(&command, "list", show, argc, argv);
}
