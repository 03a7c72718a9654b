/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory drain: leave a guest without populate-on-demand memory, so that a
 * device can be assigned to it, and leave it alone from then on.
 */
#include <stdio.h>

#include <xenkeep/log.h>

#include "command.h"
#include "fields.h"
#include "memory.h"
#include "units.h"

struct answer {
    const char *name;
    bool drained;
    uint64_t filled;
};

static const struct xk_field fields[] = {
    { "name", XK_FIELD_TEXT, offsetof(struct answer, name) },
    { "drained", XK_FIELD_BOOL, offsetof(struct answer, drained) },
    { "filled_kib", XK_FIELD_COUNT, offsetof(struct answer, filled) },
};

static bool set_end(const struct xk_command *cmd, void *own,
                    const char *value)
{
    bool *end = own;

    (void)cmd, (void)value;
    *end = true;
    return true;
}

static const struct xk_option options[] = {
    { "end", NULL, "go on with it as before", set_end },
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-memory drain",
    .page = "xl-memory",
    .synopsis = "DOMAIN [--end] [--json]",
    .about = "Fill what is populate-on-demand in the guest DOMAIN, and leave "
             "its memory alone\nuntil --end: for xl pci-attach.",
    .daemon = "memoryd",
    .needs_domain = true,
    .options = options,
};

static int show(struct json_object *result)
{
    struct answer a;
    const char *bad;
    char safe[1032];

    bad = xk_fields_read(result, fields, sizeof(fields) / sizeof(fields[0]),
                         &a);
    if (bad)
        return xk_command_lacks(&command, bad);
    xk_log_safe(safe, sizeof(safe), a.name);
    if (a.drained)
        printf("%s is drained, %s MiB were filled; it is left alone until "
               "xl-memory drain --end.\n", safe, xk_mib(a.filled).text);
    else
        printf("%s is no longer left alone.\n", safe);
    return XK_EXIT_DONE;
}

int memory_drain(int argc, char **argv)
{
    struct xk_common common = { .domain = NULL };
    struct json_object *result = NULL, *params;
    bool end = false;
    int exit_code;

    exit_code = xk_command_parse(&command, argc, argv, &common, &end);
    if (exit_code != XK_GO_ON)
        return xk_command_finish(&command, exit_code);
    params = json_object_new_object();
    json_object_object_add(params, "domain",
                           json_object_new_string(common.domain));
    if (end)
        json_object_object_add(params, "end", json_object_new_boolean(true));
    exit_code = xk_command_call(&command, "drain", params, &result);
    if (!exit_code && common.json)
        xk_command_json(result);
    else if (!exit_code)
        exit_code = show(result);
    json_object_put(result);
    return xk_command_finish(&command, exit_code);
}
