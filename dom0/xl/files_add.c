/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-files add: lend something to a guest.
 */
#include <stdio.h>
#include <stdlib.h>

#include <xenkeep/log.h>

#include "fields.h"
#include "files.h"

struct answer {
    const char *domain, *name, *type, *mode, *state;
};

#define FIELD(field) \
    { #field, XK_FIELD_TEXT, offsetof(struct answer, field) }

static const struct xk_field fields[] = {
    FIELD(domain), FIELD(name), FIELD(type), FIELD(mode), FIELD(state),
};

static const struct xk_option options[] = {
    { "name", "NAME", "what the guest calls it; default: the path's last part",
      files_set_name },
    { "read-only", NULL, "nothing of it can be changed", files_set_ro },
    { "type", "TYPE", "dir, file or volume; default: as it is",
      files_set_type },
    FILES_SETTINGS,
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-files add",
    .page = "xl-files",
    .synopsis = "DOMAIN PATH [options] [--json]",
    .about = "Lend PATH of dom0 to the guest DOMAIN, now and whenever it "
             "boots. DOMAIN\nneed not run.",
    .daemon = "filed",
    .needs_domain = true,
    .operand = "path",
    .options = options,
};

static int show(struct json_object *result)
{
    char domain[1032], name[1032];
    struct answer a;
    const char *bad;

    bad = xk_fields_read(result, fields, sizeof(fields) / sizeof(fields[0]),
                         &a);
    if (bad)
        return xk_command_lacks(&command, bad);
    printf("%s has the %s \"%s\" (%s), %s.\n",
           xk_log_safe(domain, sizeof(domain), a.domain),
           a.type, xk_log_safe(name, sizeof(name), a.name), a.mode, a.state);
    return XK_EXIT_DONE;
}

int files_add(int argc, char **argv)
{
    struct files_settings settings = { .items = NULL };
    struct xk_common common = { .domain = NULL };
    struct json_object *result = NULL, *params;
    char *text;
    int exit_code;

    exit_code = xk_command_parse(&command, argc, argv, &common, &settings);
    if (exit_code != XK_GO_ON)
        goto out;
    text = files_text(&settings, common.operand);
    params = json_object_new_object();
    json_object_object_add(params, "domain",
                           json_object_new_string(common.domain));
    json_object_object_add(params, "share",
                           json_object_new_string(text ? text : ""));
    free(text);
    exit_code = xk_command_call(&command, "add", params, &result);
    if (!exit_code && common.json)
        xk_command_json(result);
    else if (!exit_code)
        exit_code = show(result);
out:
    json_object_put(result);
    json_object_put(settings.items);
    return xk_command_finish(&command, exit_code);
}
