/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-crash dump: of a guest that stands still, or of one that runs.
 */
#include <stdio.h>

#include "crash.h"
#include "units.h"

struct own {
    bool live;
};

static bool set_live(const struct xk_command *cmd, void *own,
                     const char *value)
{
    (void)cmd, (void)value;
    ((struct own *)own)->live = true;
    return true;
}

static const struct xk_option options[] = {
    { "live", NULL, "of a guest that runs, without stopping it", set_live },
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-crash",
    .synopsis = "dump DOMAIN [--live] [--json]",
    .about = "Dump the guest DOMAIN now, sealed as any other dump. With "
             "--live it runs on:\neach page is whole, but pages are not of "
             "the same moment.",
    .daemon = "crashd",
    .needs_domain = true,
    .options = options,
};

int crash_dump(int argc, char **argv)
{
    struct json_object *record = NULL, *params;
    struct xk_common common = { .domain = NULL };
    struct own own = { .live = false };
    int code;

    code = xk_command_parse(&command, argc, argv, &common, &own);
    if (code != XK_GO_ON)
        return xk_command_finish(&command, code);
    params = json_object_new_object();
    json_object_object_add(params, "domain",
                           json_object_new_string(common.domain));
    json_object_object_add(params, "live", json_object_new_boolean(own.live));
    code = xk_command_call(&command, "dump", params, &record);
    if (!code && common.json)
        xk_command_json(record);
    else if (!code)
        printf("%s: %s MiB in %s\n", crash_text_of(record, "id").text,
               xk_mib(crash_number_of(record, "bytes") / 1024).text,
               xk_duration(crash_number_of(record, "duration_us")).text);
    json_object_put(record);
    return xk_command_finish(&command, code);
}
