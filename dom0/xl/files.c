/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-files: the verb picks the command; without one it shows the list.
 */
#include "files.h"

#include "verbs.h"

static const struct xk_verb verbs[] = {
    { "list", files_list, "what is lent to all guests, or to one (default)" },
    { "add", files_add, "lend a directory, a file or a volume to a guest" },
    { "set", files_set, "change the settings of a share" },
    { "revoke", files_revoke, "take a share back" },
    { "stats", files_stats, "what was done on a guest's shares, how fast" },
    { "audit", files_audit, "who touched what, on shares with --audit on" },
    { .name = NULL },
};

void files_verbs_help(void)
{
    xk_verbs_help(verbs);
}

int main(int argc, char **argv)
{
    return xk_verbs_run(verbs, files_list, argc, argv);
}
