/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making, moving and removing names. See ops.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "state.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE 2u
#define RENAME_WHITEOUT 4u
#endif

#define RENAME_KNOWN (RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)

/* The pinned directory in which `name` may be made or removed. */
static int dir_for(struct ops *ops, uint64_t id, const char *name,
                   struct node **dir_r, int *fd_r)
{
    struct node *dir;
    int rc = node_get(ops, id, &dir);

    *dir_r = NULL;
    if (rc)
        return rc;
    rc = name ? name_check(name) : 0;
    if (!rc)
        rc = slot_check(dir, true);
    if (!rc && dir->mode != S_IFDIR)
        rc = -ENOTDIR;
    if (!rc && atomic_load(&dir->slot->state) != SLOT_LIVE)
        rc = -ESTALE;
    if (!rc) {
        *fd_r = node_fd(ops, dir);
        rc = *fd_r < 0 ? *fd_r : 0;
    }
    if (rc)
        node_put(ops, dir);
    else
        *dir_r = dir;
    return rc;
}

/* The entry of what has just been made as `name`. */
static int made_entry(struct ops *ops, struct node *dir, const char *name,
                      struct ops_entry *entry_r)
{
    struct node *n;
    int rc = node_find(ops, dir, name, &n);

    if (rc)
        return rc;
    rc = entry_of(ops, n, entry_r);
    node_put(ops, n);
    return rc;
}

/* One file more, of this user. */
static int begin_making(struct slot *slot, const struct ops_cred *cred)
{
    int rc = quota_take(slot, 0, 1);

    if (rc)
        return rc;
    rc = cred_become(slot, cred);
    if (rc)
        quota_settle(slot, 0, 0, -1);
    return rc;
}

/* `rc`: of the making. */
static int end_making(struct slot *slot, int rc)
{
    cred_return();
    if (rc)
        quota_settle(slot, 0, 0, -1);
    return rc;
}

int ops_mkdir(struct ops *ops, uint64_t dir, const char *name, uint32_t mode,
              const struct ops_cred *cred, struct ops_entry *entry_r)
{
    struct node *d;
    int fd, rc = dir_for(ops, dir, name, &d, &fd);

    if (rc)
        return rc;
    rc = begin_making(d->slot, cred);
    if (!rc)
        rc = end_making(d->slot,
                        mkdirat(fd, name, mode & 07777) ? -errno : 0);
    if (!rc)
        rc = made_entry(ops, d, name, entry_r);
    node_put(ops, d);
    return rc;
}

static int type_allowed(const struct slot *slot, uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK:
        return 0;
    case S_IFCHR:
    case S_IFBLK:
        return slot_rule(slot)->devices ? 0 : -EPERM;
    default:
        return -EINVAL;
    }
}

int ops_mknod(struct ops *ops, uint64_t dir, const char *name, uint32_t mode,
              uint32_t major_nr, uint32_t minor_nr,
              const struct ops_cred *cred, struct ops_entry *entry_r)
{
    struct node *d;
    int fd, rc = dir_for(ops, dir, name, &d, &fd);

    if (rc)
        return rc;
    rc = type_allowed(d->slot, mode);
    if (!rc)
        rc = begin_making(d->slot, cred);
    if (!rc)
        rc = end_making(d->slot,
                        mknodat(fd, name, mode & (S_IFMT | 07777),
                                makedev(major_nr, minor_nr)) ? -errno : 0);
    if (!rc)
        rc = made_entry(ops, d, name, entry_r);
    node_put(ops, d);
    return rc;
}

int ops_symlink(struct ops *ops, uint64_t dir, const char *name,
                const char *target, const struct ops_cred *cred,
                struct ops_entry *entry_r)
{
    struct node *d;
    int fd, rc = dir_for(ops, dir, name, &d, &fd);

    if (rc)
        return rc;
    /* Its target is the guest's: dom0 never follows it. */
    rc = begin_making(d->slot, cred);
    if (!rc)
        rc = end_making(d->slot, symlinkat(target, fd, name) ? -errno : 0);
    if (!rc)
        rc = made_entry(ops, d, name, entry_r);
    node_put(ops, d);
    return rc;
}

int ops_link(struct ops *ops, uint64_t dir, const char *name, uint64_t node,
             struct ops_entry *entry_r)
{
    struct node *d, *n = NULL;
    int fd, old, rc = dir_for(ops, dir, name, &d, &fd);

    if (rc)
        return rc;
    rc = node_get(ops, node, &n);
    if (!rc && n->slot != d->slot)
        rc = -EXDEV;
    if (!rc && n->mode == S_IFDIR)
        rc = -EPERM;
    if (!rc) {
        old = node_fd(ops, n);
        rc = old < 0 ? old : quota_take(d->slot, 0, 1);
        if (!rc && linkat(ops->config.fd_dir, fd_name(old).text, fd, name,
                      AT_SYMLINK_FOLLOW)) {
            rc = -errno;
            quota_settle(d->slot, 0, 0, -1);
        }
    }
    if (!rc)
        rc = entry_of(ops, n, entry_r);
    node_put(ops, n);
    node_put(ops, d);
    return rc;
}

static int remove_name(struct ops *ops, uint64_t dir, const char *name,
                       int flags)
{
    struct node *d;
    struct quota_loss loss;
    int fd, rc = dir_for(ops, dir, name, &d, &fd);

    if (rc)
        return rc;
    quota_look(d->slot, fd, name, &loss);
    rc = unlinkat(fd, name, flags) ? -errno : 0;
    if (!rc)
        quota_lost(d->slot, &loss);
    node_put(ops, d);
    return rc;
}

int ops_unlink(struct ops *ops, uint64_t dir, const char *name)
{
    return remove_name(ops, dir, name, 0);
}

int ops_rmdir(struct ops *ops, uint64_t dir, const char *name)
{
    return remove_name(ops, dir, name, AT_REMOVEDIR);
}

/* What has this name now is to be found by it. */
static void note_place(struct ops *ops, struct node *dir, const char *name)
{
    struct node *n;

    if (!node_find(ops, dir, name, &n))
        node_put(ops, n);
}

int ops_rename(struct ops *ops, uint64_t dir, const char *name,
               uint64_t new_dir, const char *new_name, unsigned int flags)
{
    struct quota_loss loss;
    struct node *d, *e = NULL;
    int fd, new_fd, rc = dir_for(ops, dir, name, &d, &fd);

    if (rc)
        return rc;
    rc = dir_for(ops, new_dir, new_name, &e, &new_fd);
    if (!rc && d->slot != e->slot)
        rc = -EXDEV;
    if (!rc && (flags & ~RENAME_KNOWN))
        rc = -EINVAL;
    if (!rc && (flags & RENAME_WHITEOUT) && !slot_rule(d->slot)->devices)
        rc = -EPERM;
    if (!rc)
        quota_look(e->slot, new_fd, new_name, &loss);
    if (!rc && renameat2(fd, name, new_fd, new_name, flags))
        rc = -errno;
    if (!rc) {
        if (!(flags & RENAME_EXCHANGE))
            quota_lost(e->slot, &loss);
        note_place(ops, e, new_name);
        if (flags & RENAME_EXCHANGE)
            note_place(ops, d, name);
    }
    node_put(ops, e);
    node_put(ops, d);
    return rc;
}

/* ---- files, made and opened at once ---- */

#define CREATE_KNOWN (O_ACCMODE | O_TRUNC | O_DSYNC | O_SYNC | O_NOATIME)

/* An open file of the node that is `fd` (taken over), and the entry of it. */
static int made_file(struct ops *ops, struct node *dir, const char *name,
                     int fd, int flags, struct ops_entry *entry_r,
                     uint64_t *fh_r)
{
    struct node *n = NULL;
    int path = openat(ops->config.fd_dir, fd_name(fd).text,
                      O_PATH | O_CLOEXEC), rc;

    rc = path < 0 ? -errno
                  : node_of_fd(ops, dir->slot, name ? dir : NULL, name, path,
                               &n);
    if (!rc)
        rc = entry_of(ops, n, entry_r);
    if (rc) {
        xk_close(&fd);
        file_unreserve(dir->slot);
    } else {
        rc = file_new(ops, n, fd, flags, 0, fh_r);
        if (rc)
            node_forget(ops, n->id, 1);
    }
    node_put(ops, n);
    return rc;
}

static int open_existing(struct ops *ops, struct node *dir, const char *name,
                         int flags, struct ops_entry *entry_r, uint64_t *fh_r)
{
    int rc = made_entry(ops, dir, name, entry_r);

    if (rc)
        return rc;
    rc = ops_open_node(ops, entry_r->node, flags, fh_r);
    if (rc)
        node_forget(ops, entry_r->node, 1);
    return rc;
}

static int create_at(struct ops *ops, struct node *dir, int dir_fd,
                     const char *name, int flags, uint32_t mode,
                     const struct ops_cred *cred, struct ops_entry *entry_r,
                     uint64_t *fh_r)
{
    int fd, rc = file_reserve(ops, dir->slot);

    if (rc)
        return rc;
    rc = begin_making(dir->slot, cred);
    if (rc) {
        file_unreserve(dir->slot);
        return rc;
    }
    flags &= CREATE_KNOWN;
    fd = openat(dir_fd, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW |
                O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode & 07777);
    rc = end_making(dir->slot, fd < 0 ? -errno : 0);
    if (rc) {
        file_unreserve(dir->slot);
        return rc;
    }
    return made_file(ops, dir, name, fd, flags & ~O_TRUNC, entry_r, fh_r);
}

int ops_create(struct ops *ops, uint64_t dir, const char *name, int flags,
               uint32_t mode, const struct ops_cred *cred,
               struct ops_entry *entry_r, uint64_t *fh_r, bool *made_r)
{
    struct node *d;
    int fd, rc = dir_for(ops, dir, name, &d, &fd), tries;

    if (rc)
        return rc;
    /* Somebody may make or remove it between the two: then once more. */
    for (tries = 0; tries < 3; tries++) {
        rc = create_at(ops, d, fd, name, flags, mode, cred, entry_r, fh_r);
        *made_r = !rc;
        if (rc != -EEXIST || (flags & O_EXCL))
            break;
        rc = open_existing(ops, d, name, flags, entry_r, fh_r);
        if (rc != -ENOENT)
            break;
    }
    node_put(ops, d);
    return rc;
}

int ops_tmpfile(struct ops *ops, uint64_t dir, int flags, uint32_t mode,
                const struct ops_cred *cred, struct ops_entry *entry_r,
                uint64_t *fh_r)
{
    struct node *d;
    int dir_fd, fd, rc = dir_for(ops, dir, NULL, &d, &dir_fd);

    if (rc)
        return rc;
    rc = (flags & O_ACCMODE) == O_RDONLY ? -EINVAL
                                         : file_reserve(ops, d->slot);
    if (rc)
        goto out;
    rc = cred_become(d->slot, cred);
    if (!rc) {
        flags &= CREATE_KNOWN & ~O_TRUNC;
        fd = openat(ops->config.fd_dir, fd_name(dir_fd).text,
                    flags | O_TMPFILE | O_CLOEXEC, mode & 07777);
        rc = fd < 0 ? -errno : 0;
        cred_return();
    }
    if (rc)
        file_unreserve(d->slot);
    else
        rc = made_file(ops, d, NULL, fd, flags, entry_r, fh_r);
out:
    node_put(ops, d);
    return rc;
}
