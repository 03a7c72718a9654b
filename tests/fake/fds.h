/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors that poll readable while something waits. They are made before
 * any fork, so that the test's process can wake the daemon's.
 */
#ifndef XK_FAKE_FDS_H
#define XK_FAKE_FDS_H

#include <stdbool.h>

int fk_fds_init(void);
/* A free one, or -1. */
int fk_fd_get(void);
void fk_fd_put(int fd);
void fk_fd_set(int fd, bool readable);

#endif /* XK_FAKE_FDS_H */
