/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The path of a share: may it be lent at all, and opening it so that it can
 * be handed to a server.
 */
#ifndef XK_FILED_SHARE_PATH_H
#define XK_FILED_SHARE_PATH_H

#include "share.h"

/*
 * Opens it. The type is found if it was not given. *fd_r, the caller's: a
 * directory or file as a mount of its own, without what is mounted below;
 * a volume for reading (and writing). -EPERM: it is not for lending; -EINVAL,
 * -ENOENT...: `why` has the reason, to go behind the path.
 */
int share_path_open(struct share *share, int *fd_r, char why[SHARE_WHY_MAX]);

/* The share became read-only, or writable: tell its mount, if it can be told
 * now; the server knows by itself. */
void share_path_mode(int fd, const struct share *share);

#endif /* XK_FILED_SHARE_PATH_H */
