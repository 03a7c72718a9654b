/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-files set and xl-files revoke: change a share, or take it back.
 */
#include <stdio.h>

#include <xenkeep/log.h>

#include "fields.h"
#include "files.h"

struct answer {
    const char *domain, *name, *state;
};

#define FIELD(field) \
    { #field, XK_FIELD_TEXT, offsetof(struct answer, field) }

static const struct xk_field fields[] = {
    FIELD(domain), FIELD(name), FIELD(state),
};

static bool set_now(const struct xk_command *cmd, void *own, const char *v)
{
    struct files_settings *s = own;

    (void)cmd, (void)v;
    s->now = true;
    return true;
}

static const struct xk_option set_options[] = {
    { "read-only", NULL, "nothing of it can be changed", files_set_ro },
    { "read-write", NULL, "it can be changed", files_set_rw },
    FILES_SETTINGS,
    { .name = NULL },
};

static const struct xk_option revoke_options[] = {
    { "now", NULL, "what is open fails at once; else it goes on until closed",
      set_now },
    { .name = NULL },
};

static const struct xk_command set_command = {
    .name = "xl-files set",
    .page = "xl-files",
    .synopsis = "DOMAIN NAME [options] [--json]",
    .about = "Change the settings of the share NAME of the guest DOMAIN, now "
             "and for good.",
    .daemon = "filed",
    .needs_domain = true,
    .operand = "name",
    .options = set_options,
};

static const struct xk_command revoke_command = {
    .name = "xl-files revoke",
    .page = "xl-files",
    .synopsis = "DOMAIN NAME [--now] [--json]",
    .about = "Take the share NAME back from the guest DOMAIN. The files stay "
             "as they are.",
    .daemon = "filed",
    .needs_domain = true,
    .operand = "name",
    .options = revoke_options,
};

static int show(const struct xk_command *cmd, struct json_object *result)
{
    char domain[1032], name[1032];
    struct answer a;
    const char *bad;

    bad = xk_fields_read(result, fields, sizeof(fields) / sizeof(fields[0]),
                         &a);
    if (bad)
        return xk_command_lacks(cmd, bad);
    printf("%s: \"%s\" is %s.\n",
           xk_log_safe(domain, sizeof(domain), a.domain),
           xk_log_safe(name, sizeof(name), a.name), a.state);
    return XK_EXIT_DONE;
}

static int change(const struct xk_command *cmd, const char *method, int argc,
                  char **argv)
{
    struct files_settings settings = { .items = NULL };
    struct xk_common common = { .domain = NULL };
    struct json_object *result = NULL, *params;
    int exit_code;

    exit_code = xk_command_parse(cmd, argc, argv, &common, &settings);
    if (exit_code != XK_GO_ON)
        goto out;
    if (cmd == &set_command && !settings.items) {
        xk_complain(cmd, "nothing to set: see %s --help", cmd->name);
        exit_code = XK_EXIT_USAGE;
        goto out;
    }
    params = json_object_new_object();
    json_object_object_add(params, "domain",
                           json_object_new_string(common.domain));
    json_object_object_add(params, "name",
                           json_object_new_string(common.operand));
    if (settings.items)
        json_object_object_add(params, "set",
                               json_object_get(settings.items));
    if (settings.now)
        json_object_object_add(params, "now", json_object_new_boolean(true));
    exit_code = xk_command_call(cmd, method, params, &result);
    if (!exit_code && common.json)
        xk_command_json(result);
    else if (!exit_code)
        exit_code = show(cmd, result);
out:
    json_object_put(result);
    json_object_put(settings.items);
    return xk_command_finish(cmd, exit_code);
}

int files_set(int argc, char **argv)
{
    return change(&set_command, "set", argc, argv);
}

int files_revoke(int argc, char **argv)
{
    return change(&revoke_command, "revoke", argc, argv);
}
