/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenkeep-dump rewrap: other recipients for a dump that is there. Only its
 * header is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "recipients.h"
#include "seal.h"
#include "tool.h"

static int rewrap(const struct xk_tool *tool, struct xk_unseal *u, int fd,
                  const struct xk_recipients *r)
{
    struct xk_recipient_room room;
    struct xk_seal_plan plan = { .time = 0 };
    char why[XK_UNSEAL_WHY];

    xk_recipients_plan(r, xk_unseal_core(u)->classes, &room, &plan);
    if (plan.plain || xk_unseal_core(u)->classes & ~plan.classes)
        return xk_tool_complain(tool, "%s: these certificates do not cover "
                                "all of the dump: expected one that can be "
                                "used in owner/", tool->keys);
    if (xk_unseal_rewrap(u, fd, plan.audiences, plan.audience_count, why))
        return xk_tool_complain(tool, "%s: %s", tool->file, why);
    return 0;
}

int xk_tool_rewrap(const struct xk_tool *tool)
{
    xk_cleanup_fd int fd = -1;
    struct xk_recipients r;
    struct xk_unseal *u;
    int code;

    if (!tool->key || !tool->keys) {
        (void)xk_tool_complain(tool, "expected --key of one who can read all "
                               "of it now, and --keys of those who shall");
        return XK_TOOL_USAGE;
    }
    code = xk_tool_unseal(tool, O_RDWR, &fd, &u);
    if (code)
        return code;
    xk_recipients_read(&r, tool->keys, time(NULL));
    if (xk_unseal_torn(u, NULL))
        code = xk_tool_complain(tool, "%s: it is torn", tool->file);
    else
        code = rewrap(tool, u, fd, &r);
    xk_recipients_dispose(&r);
    xk_unseal_close(u);
    return code;
}
