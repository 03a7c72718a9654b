/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory recoalesce: have a guest's shattered 2 MiB ranges made whole, and
 * show what came of it. The work is the daemon's and the guest's.
 */
#include <inttypes.h>
#include <stdio.h>

#include <xenkeep/log.h>

#include "command.h"
#include "fields.h"
#include "memory.h"
#include "units.h"

#define SUPER_KIB 2048u

struct outcome {
    uint64_t domid, ranges, recovered, busy, pinned, refused, skipped,
        duration_us;
    const char *name;
};

#define FIELD(kind, name, member) \
    { name, XK_FIELD_##kind, offsetof(struct outcome, member) }

static const struct xk_field fields[] = {
    FIELD(COUNT, "domid", domid),
    FIELD(TEXT, "name", name),
    FIELD(COUNT, "ranges", ranges),
    FIELD(COUNT, "recovered", recovered),
    FIELD(COUNT, "busy", busy),
    FIELD(COUNT, "pinned", pinned),
    FIELD(COUNT, "refused", refused),
    FIELD(COUNT, "skipped", skipped),
    FIELD(COUNT, "duration_us", duration_us),
};

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-memory",
    .synopsis = "recoalesce DOMAIN [--json]",
    .about = "Make the memory of the guest DOMAIN whole again, in ranges of "
             "2 MiB: after a\nrestore or a migration it is mapped by 4 KiB.",
    .daemon = "memoryd",
    .needs_domain = true,
    .options = options,
};

static void show_row(const char *title, uint64_t ranges, const char *what)
{
    printf("%-10s %8" PRIu64 "  %s\n", title, ranges, what);
}

/* Of what there was to recover and the guest could have moved. */
static void show_share(const struct outcome *o)
{
    uint64_t movable = o->recovered + o->busy + o->refused;

    if (movable)
        printf("\n%" PRIu64 ".%" PRIu64 " %% of what the guest can move is "
               "whole now.\n", o->recovered * 100 / movable,
               o->recovered * 1000 / movable % 10);
}

static int show_outcome(struct json_object *result)
{
    struct outcome o = { .name = NULL };
    const char *bad;
    char name[1032];

    bad = xk_fields_read(result, fields, sizeof(fields) / sizeof(fields[0]),
                         &o);
    if (bad)
        return xk_command_lacks(&command, bad);
    printf("%s (domain %" PRIu64 "): recovered %s MiB in %s\n\n",
           xk_log_safe(name, sizeof(name), o.name), o.domid,
           xk_mib(o.recovered * SUPER_KIB).text,
           xk_duration(o.duration_us).text);
    show_row("ranges", o.ranges, "of 2 MiB looked at");
    show_row("recovered", o.recovered, "one piece now");
    show_row("busy", o.busy, "in use, could not be moved now");
    show_row("pinned", o.pinned, "in use by the guest's kernel, never moved");
    show_row("refused", o.refused, "the host had no 2 MiB in one piece");
    show_row("skipped", o.skipped, "whole already, or part of the balloon");
    show_share(&o);
    return XK_EXIT_DONE;
}

int memory_recoalesce(int argc, char **argv)
{
    struct xk_common common = { .domain = NULL };
    struct json_object *result = NULL, *params;
    int exit_code;

    exit_code = xk_command_parse(&command, argc, argv, &common, NULL);
    if (exit_code != XK_GO_ON)
        goto out;
    params = json_object_new_object();
    json_object_object_add(params, "domain",
                           json_object_new_string(common.domain));
    exit_code = xk_command_call(&command, "recoalesce", params, &result);
    if (exit_code)
        goto out;
    if (common.json)
        xk_command_json(result);
    else
        exit_code = show_outcome(result);

out:
    json_object_put(result);
    return xk_command_finish(&command, exit_code);
}
