/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory: the verb picks the command; without one it shows the table.
 */
#include "memory.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} verbs[] = {
    { "show", memory_show, "the table of all guests, or of one (default)" },
    { "map", memory_map, "a picture of one guest's memory" },
    { "top", memory_top, "all guests, and how their memory moves" },
    { "plan", memory_plan, "what the balancer would do now, and why" },
    { "policy", memory_policy, "what holds for each guest, and who said so" },
    { "resume", memory_resume, "lend a guest memory that the guard stopped" },
    { "drain", memory_drain,
      "leave a guest without populate-on-demand, for xl pci-attach" },
    { "recoalesce", memory_recoalesce,
      "make a guest's shattered 2 MiB ranges whole again" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

void memory_verbs_help(void)
{
    size_t i;

    puts("\nVerbs, each with its own --help:");
    for (i = 0; i < VERBS; i++)
        printf("  %-15s %s\n", verbs[i].name, verbs[i].help);
}

static struct json_object *params_of(const struct xk_common *common)
{
    struct json_object *params = json_object_new_object();

    if (common->domain)
        json_object_object_add(params, "domain",
                               json_object_new_string(common->domain));
    return params;
}

int memory_ask(const struct xk_command *cmd, const char *method,
               int (*show)(struct json_object *result), int argc,
               char **argv)
{
    struct xk_common common = { .domain = NULL };
    struct json_object *result = NULL;
    int exit_code;

    exit_code = xk_command_parse(cmd, argc, argv, &common, NULL);
    if (exit_code != XK_GO_ON)
        goto out;
    exit_code = xk_command_call(cmd, method, params_of(&common), &result);
    if (exit_code)
        goto out;
    if (common.json)
        xk_command_json(result);
    else
        exit_code = show(result);

out:
    json_object_put(result);
    return xk_command_finish(cmd, exit_code);
}

int main(int argc, char **argv)
{
    size_t i;

    for (i = 0; argc > 1 && i < VERBS; i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(argc - 1, argv + 1);
    return memory_show(argc, argv);
}
