/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lock file of a daemon, see lock.h. flock() ends with the process,
 * whatever ended it.
 */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <xenkeep/util.h>

int xk_lock(const char *path, int *fd_r)
{
    xk_cleanup_fd int fd = -1;

    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB))
        return -errno;
    *fd_r = xk_steal_fd(&fd);
    return 0;
}
