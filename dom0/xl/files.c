/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-files: the verb picks the command; without one it shows the list.
 */
#include "files.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} verbs[] = {
    { "list", files_list, "what is lent to all guests, or to one (default)" },
    { "add", files_add, "lend a directory, a file or a volume to a guest" },
    { "set", files_set, "change the settings of a share" },
    { "revoke", files_revoke, "take a share back" },
    { "stats", files_stats, "what was done on a guest's shares, how fast" },
    { "audit", files_audit, "who touched what, on shares with --audit on" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

void files_verbs_help(void)
{
    size_t i;

    puts("\nVerbs, each with its own --help:");
    for (i = 0; i < VERBS; i++)
        printf("  %-15s %s\n", verbs[i].name, verbs[i].help);
}

int files_ask(const struct xk_command *cmd, const char *method,
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

int main(int argc, char **argv)
{
    size_t i;

    for (i = 0; argc > 1 && i < VERBS; i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(argc - 1, argv + 1);
    return files_list(argc, argv);
}
