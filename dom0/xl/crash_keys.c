/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-crash keys: the certificates that dumps are sealed for, as crashd reads
 * them now.
 */
#include <stdio.h>

#include "crash.h"
#include "table.h"
#include "verbs.h"

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-crash",
    .synopsis = "keys [--json]",
    .about = "Have crashd read its certificates again, and show for whom "
             "dumps are sealed\nfrom now on, and what is wrong with the "
             "others.",
    .daemon = "crashd",
    .options = options,
};

static const struct xk_column columns[] = {
    { "Audience", XK_LEFT }, { "Name", XK_LEFT }, { "Subject", XK_LEFT },
    { "Until", XK_LEFT }, { "Fingerprint", XK_LEFT }, { "", XK_LEFT },
};

static void add_row(struct xk_table *t, struct json_object *one)
{
    uint64_t until = crash_number_of(one, "not_after");
    struct crash_text print = crash_text_of(one, "fingerprint");

    print.text[16] = '\0';
    xk_table_cell(t, crash_text_of(one, "audience").text);
    xk_table_cell(t, crash_text_of(one, "name").text);
    xk_table_cell(t, crash_text_of(one, "subject").text);
    xk_table_cell(t, until ? crash_time(until).text : "");
    xk_table_cell(t, print.text);
    xk_table_cell(t, crash_text_of(one, "why").text);
}

static int show(struct json_object *result)
{
    struct json_object *list;
    struct xk_table table;
    size_t i, n;
    int code;

    if (!json_object_object_get_ex(result, "recipients", &list) ||
        !json_object_is_type(list, json_type_array))
        return xk_command_lacks(&command, "recipients");
    n = json_object_array_length(list);
    printf("host key %s\n\n", crash_text_of(result, "host").text);
    if (!n) {
        printf("no certificate below %s: what is private is left out\n",
               crash_text_of(result, "folder").text);
        return 0;
    }
    xk_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (i = 0; i < n; i++)
        add_row(&table, json_object_array_get_idx(list, i));
    code = xk_verb_table(&command, &table);
    xk_table_dispose(&table);
    return code;
}

int crash_keys(int argc, char **argv)
{
    struct xk_common common = { .domain = NULL };
    struct json_object *result = NULL;
    int code;

    code = xk_command_parse(&command, argc, argv, &common, NULL);
    if (code != XK_GO_ON)
        return xk_command_finish(&command, code);
    code = xk_command_call(&command, "keys", json_object_new_object(),
                           &result);
    if (!code && common.json)
        xk_command_json(result);
    else if (!code)
        code = show(result);
    json_object_put(result);
    return xk_command_finish(&command, code);
}
