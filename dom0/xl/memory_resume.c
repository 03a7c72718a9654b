/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory resume: have a guest that the guard stopped lent memory, so that
 * it runs again.
 */
#include <stdio.h>

#include <xenkeep/log.h>

#include "command.h"
#include "fields.h"
#include "memory.h"
#include "units.h"
#include "verbs.h"

struct answer {
    const char *name;
    uint64_t lent;
};

static const struct xk_field fields[] = {
    { "name", XK_FIELD_TEXT, offsetof(struct answer, name) },
    { "lent_kib", XK_FIELD_COUNT, offsetof(struct answer, lent) },
};

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-memory resume",
    .page = "xl-memory",
    .synopsis = "DOMAIN [--json]",
    .about = "Let the guest DOMAIN run again, which was stopped because no "
             "pages were\nleft for its memory: lend it some of the host's.",
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
    printf("%s runs again; it was lent %s MiB.\n",
           xk_log_safe(safe, sizeof(safe), a.name), xk_mib(a.lent).text);
    return XK_EXIT_DONE;
}

int memory_resume(int argc, char **argv)
{
    return xk_verb_ask(&command, "resume", show, argc, argv);
}
