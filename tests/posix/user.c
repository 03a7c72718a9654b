/* SPDX-License-Identifier: GPL-2.0-only */
/* Other users. Only the effective ids change: root can come back. */
#include "px.h"

#include <grp.h>

static void must(int rc)
{
    if (rc) {
        perror("xk-posix: cannot change the user");
        _exit(3);
    }
}

void px_root(void)
{
    must(seteuid(0));
    must(setegid(0));
    must(setgroups(0, NULL));
}

void px_become(uid_t uid, gid_t gid)
{
    gid_t more = PX_GROUP;

    px_root();
    must(setgroups(uid == PX_MEMBER, &more));
    must(setegid(gid));
    must(seteuid(uid));
}
