/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-crash list: the newest first. crashd answers with so many at a time.
 */
#include <stdio.h>
#include <string.h>

#include "crash.h"
#include "table.h"
#include "units.h"
#include "verbs.h"

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-crash",
    .synopsis = "[list] [DOMAIN] [--json]",
    .about = "Show the deaths that crashd knows, of all guests or of those "
             "with the name\nDOMAIN, the newest first.",
    .more = crash_verbs_help,
    .daemon = "crashd",
    .options = options,
};

static const struct xk_column columns[] = {
    { "ID", XK_LEFT }, { "Guest", XK_LEFT }, { "Reason", XK_LEFT },
    { "Dump", XK_LEFT }, { "MiB", XK_RIGHT }, { "of", XK_RIGHT },
    { "Kernel", XK_LEFT }, { "", XK_LEFT },
};

static void add_row(struct xk_table *t, struct json_object *d)
{
    uint64_t bytes = crash_number_of(d, "bytes");
    const char *title = crash_text_of(d, "title").text[0] ? "title" : "why";

    xk_table_cell(t, crash_text_of(d, "id").text);
    xk_table_cell(t, crash_text_of(d, "guest").text);
    xk_table_cell(t, crash_text_of(d, "reason").text);
    xk_table_cell(t, crash_text_of(d, "outcome").text);
    xk_table_cell(t, bytes ? xk_mib(bytes / 1024).text : "-");
    xk_table_cell(t, xk_mib(crash_number_of(d, "memory_bytes") / 1024).text);
    xk_table_cell(t, crash_text_of(d, "kernel").text);
    xk_table_cell(t, crash_text_of(d, title).text);
}

static int ask(const char *guest, const char *before,
               struct json_object **result_r)
{
    struct json_object *params = json_object_new_object();

    if (guest)
        json_object_object_add(params, "guest",
                               json_object_new_string(guest));
    if (before)
        json_object_object_add(params, "before",
                               json_object_new_string(before));
    return xk_command_call(&command, "list", params, result_r);
}

/* Takes over what an answer has; false: it is not of this protocol. */
static bool take(struct json_object *result, struct json_object *all,
                 bool *more_r, struct crash_text *before)
{
    struct json_object *list, *more;
    size_t i, n;

    if (!json_object_object_get_ex(result, "dumps", &list) ||
        !json_object_is_type(list, json_type_array) ||
        !json_object_object_get_ex(result, "more", &more))
        return false;
    n = json_object_array_length(list);
    for (i = 0; i < n; i++)
        json_object_array_add(all, json_object_get(
                              json_object_array_get_idx(list, i)));
    *more_r = json_object_get_boolean(more) && n;
    if (n)
        *before = crash_text_of(json_object_array_get_idx(list, n - 1), "id");
    return true;
}

static int collect(const char *guest, struct json_object *all)
{
    struct crash_text before = { "" };
    struct json_object *result;
    bool more = true;
    int code = 0;

    while (!code && more) {
        code = ask(guest, before.text[0] ? before.text : NULL, &result);
        if (code)
            break;
        if (!take(result, all, &more, &before))
            code = xk_command_lacks(&command, "dumps");
        json_object_put(result);
    }
    return code;
}

static int show(struct json_object *all)
{
    struct xk_table table;
    size_t i;
    int code;

    if (!json_object_array_length(all)) {
        puts("no guest has died");
        return 0;
    }
    xk_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (i = 0; i < json_object_array_length(all); i++)
        add_row(&table, json_object_array_get_idx(all, i));
    code = xk_verb_table(&command, &table);
    xk_table_dispose(&table);
    return code;
}

int crash_list(int argc, char **argv)
{
    struct json_object *all = json_object_new_array();
    struct xk_common common = { .domain = NULL };
    int code;

    code = xk_command_parse(&command, argc, argv, &common, NULL);
    if (code != XK_GO_ON)
        goto out;
    code = collect(common.domain, all);
    if (!code && common.json)
        xk_command_json(all);
    else if (!code)
        code = show(all);
out:
    json_object_put(all);
    return xk_command_finish(&command, code);
}
