/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The phases of filed's life, see filed.h.
 */
#include "filed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "control.h"
#include "guest.h"
#include "lock.h"
#include "sandbox.h"

/* A number in 24 bits, above which numbers of nodes begin. */
#define EPOCH_MASK UINT64_C(0xffffff)

void filed_init(struct filed *fd)
{
    memset(fd, 0, sizeof(*fd));
    fd->lock_fd = fd->epoch_fd = -1;
    snprintf(fd->run_dir, sizeof(fd->run_dir), "%s", XK_CONTROL_DIR);
    snprintf(fd->share_dir, sizeof(fd->share_dir), "%s", FILED_SHARE_DIR);
    snprintf(fd->state_dir, sizeof(fd->state_dir), "%s", FILED_STATE_DIR);
    settings_default(&fd->settings);
}

static int say(const char *what, int rc)
{
    if (rc)
        xk_err("%s: %s", what, strerror(-rc));
    return rc;
}

/* With the directory above it, if that is not there. */
static int make_dir(const char *path, mode_t mode)
{
    char above[256], *slash;

    snprintf(above, sizeof(above), "%s", path);
    slash = strrchr(above, '/');
    if (slash && slash != above) {
        *slash = '\0';
        (void)mkdir(above, 0755);   /* others have theirs beside it */
    }
    return mkdir(path, mode) && errno != EEXIST ? say(path, -errno) : 0;
}

static int open_files(struct filed *fd)
{
    char path[256];
    int rc = make_dir(fd->run_dir, 0755);

    if (!rc)
        rc = make_dir(fd->share_dir, 0755);
    if (!rc)
        rc = make_dir(fd->state_dir, 0700);
    if (rc)
        return rc;
    snprintf(path, sizeof(path), "%s/filed.lock", fd->run_dir);
    rc = xk_lock(path, &fd->lock_fd);
    if (rc == -EWOULDBLOCK) {
        xk_err("another xenkeep-filed is running: %s is locked", path);
        return rc;
    }
    if (rc)
        return say(path, rc);
    snprintf(path, sizeof(path), "%s/filed.epoch", fd->run_dir);
    fd->epoch_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd->epoch_fd < 0)
        return say(path, -errno);
    snprintf(path, sizeof(path), "%s/filed.sock", fd->run_dir);
    return say(path, xk_ctl_open(&fd->ctl, fd->loop.base, path,
                                 control_methods, fd));
}

uint64_t filed_epoch(struct filed *fd)
{
    uint64_t epoch = 0;

    /* A lost file begins anew: guests of before are gone with /run. */
    if (pread(fd->epoch_fd, &epoch, sizeof(epoch), 0) != sizeof(epoch))
        epoch = 0;
    epoch = (epoch + 1) & EPOCH_MASK;
    epoch = epoch ? epoch : 1;
    if (pwrite(fd->epoch_fd, &epoch, sizeof(epoch), 0) != sizeof(epoch))
        xk_warn("filed.epoch cannot be written: %s", strerror(errno));
    return epoch;
}

int filed_open(struct filed *fd)
{
    int rc;

    rc = say("its descriptors", sandbox_note_fds());
    if (!rc)
        rc = say("event loop", xk_loop_init(&fd->loop));
    if (!rc)
        rc = open_files(fd);
    if (!rc)
        rc = say("hypervisor (is this dom0, and are you root?)",
                 xk_hv_open(&fd->hv));
    if (!rc)
        rc = say("xenstore", xk_xs_open(&fd->xs, fd->loop.base));
    return rc;
}

int filed_start(struct filed *fd)
{
    return say("watching domains", guests_start(fd));
}

void filed_dispose(struct filed *fd)
{
    guests_dispose(fd);
    xk_ctl_close(fd->ctl);
    xk_xs_close(fd->xs);
    xk_hv_close(fd->hv);
    xk_close(&fd->epoch_fd);
    xk_close(&fd->lock_fd);
    xk_loop_dispose(&fd->loop);
}
