/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pool of eventfds, see fds.h. It is made once in the life of the test's
 * process; which of them are in use is state of the stand-in.
 */
#include "fds.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "state.h"

static int fds[FK_NR_FDS];
static bool made;

int fk_fds_init(void)
{
    unsigned int i;
    uint64_t v;

    for (i = 0; i < FK_NR_FDS; i++) {
        if (!made)
            fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (fds[i] < 0)
            return -errno;
        while (read(fds[i], &v, sizeof(v)) == sizeof(v))
            ;
        fk->fd_used[i] = false;
    }
    made = true;
    return 0;
}

int fk_fd_get(void)
{
    unsigned int i;

    for (i = 0; i < FK_NR_FDS; i++) {
        if (!fk->fd_used[i]) {
            fk->fd_used[i] = true;
            return fds[i];
        }
    }
    errno = EMFILE;
    return -1;
}

void fk_fd_set(int fd, bool readable)
{
    uint64_t v = 1;
    ssize_t r;

    if (readable)
        r = write(fd, &v, sizeof(v));
    else
        r = read(fd, &v, sizeof(v));
    (void)r;
}

void fk_fd_put(int fd)
{
    unsigned int i;

    fk_fd_set(fd, false);
    for (i = 0; i < FK_NR_FDS; i++)
        if (fds[i] == fd)
            fk->fd_used[i] = false;
}
