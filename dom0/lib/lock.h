/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One daemon of a kind: a lock file that is held while the process lives.
 */
#ifndef XK_LIB_LOCK_H
#define XK_LIB_LOCK_H

/* -EWOULDBLOCK: another process holds it. The descriptor keeps the lock. */
int xk_lock(const char *path, int *fd_r);

#endif /* XK_LIB_LOCK_H */
