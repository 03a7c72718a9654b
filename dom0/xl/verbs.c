/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What commands with verbs have in common, see verbs.h.
 */
#include "verbs.h"

#include <stdio.h>
#include <string.h>

void xk_verbs_help(const struct xk_verb *verbs)
{
    const struct xk_verb *v;

    puts("\nVerbs, each with its own --help:");
    for (v = verbs; v->name; v++)
        printf("  %-15s %s\n", v->name, v->help);
}

int xk_verbs_run(const struct xk_verb *verbs,
                 int (*otherwise)(int argc, char **argv), int argc,
                 char **argv)
{
    const struct xk_verb *v;

    for (v = verbs; argc > 1 && v->name; v++)
        if (!strcmp(argv[1], v->name))
            return v->run(argc - 1, argv + 1);
    return otherwise(argc, argv);
}

int xk_verb_ask(const struct xk_command *cmd, const char *method,
                int (*show)(struct json_object *result), int argc,
                char **argv)
{
    struct xk_common common = { .domain = NULL };
    struct json_object *result = NULL, *params;
    int exit_code;

    exit_code = xk_command_parse(cmd, argc, argv, &common, NULL);
    if (exit_code != XK_GO_ON)
        return xk_command_finish(cmd, exit_code);
    params = json_object_new_object();
    if (common.domain)
        json_object_object_add(params, "domain",
                               json_object_new_string(common.domain));
    exit_code = xk_command_call(cmd, method, params, &result);
    if (!exit_code && common.json)
        xk_command_json(result);
    else if (!exit_code)
        exit_code = show(result);
    json_object_put(result);
    return xk_command_finish(cmd, exit_code);
}

int xk_verb_table(const struct xk_command *cmd, const struct xk_table *table)
{
    if (!xk_table_print(table, stdout))
        return XK_EXIT_DONE;
    xk_complain(cmd, "out of memory");
    return XK_EXIT_FAILED;
}
