/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attributes of nodes, read and changed. See ops.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "handle.h"
#include "ops.h"
#include "state.h"

static struct timespec stamp(const struct statx_timestamp *t)
{
    return (struct timespec){ .tv_sec = t->tv_sec, .tv_nsec = t->tv_nsec };
}

static uint32_t share_bits(const struct slot *slot)
{
    const struct rule *rule = slot_rule(slot);

    return (rule->read_only ? OPS_SHARE_RO : 0) |
           (rule->set_id ? OPS_SHARE_SET_ID : 0) |
           (rule->devices ? OPS_SHARE_DEVICES : 0) |
           (slot->type == SHARE_VOLUME ? OPS_SHARE_VOLUME : 0);
}

static void attr_root(struct ops_attr *attr)
{
    memset(attr, 0, sizeof(*attr));
    attr->ino = OPS_ROOT;
    attr->mode = S_IFDIR | 0555;
    attr->nlink = 2;
    attr->blksize = 4096;
}

/* The size of a block device is where its end is. */
static int attr_device_size(int fd, struct ops_attr *attr)
{
    off_t end = lseek(fd, 0, SEEK_END);

    if (end < 0)
        return -errno;
    attr->size = (uint64_t)end;
    attr->blocks = attr->size / 512;
    return 0;
}

static bool lacks(int fd, const char *name)
{
    return getxattr(fd_name(fd).text, name, NULL, 0) < 0 &&
           (errno == ENODATA || errno == EOPNOTSUPP);
}

/* Few have one, and a guest that has to ask for each asks twice as much. */
static uint32_t acl_bit(int fd, mode_t mode)
{
    if (S_ISLNK(mode))
        return OPS_SHARE_NO_ACL;
    return lacks(fd, "system.posix_acl_access") &&
                   (!S_ISDIR(mode) || lacks(fd, "system.posix_acl_default"))
               ? OPS_SHARE_NO_ACL : 0;
}

int attr_read(const struct node *node, int fd, struct ops_attr *attr)
{
    const struct slot *slot = node->slot;
    struct statx stx;
    int rc = 0;

    if (!slot) {
        attr_root(attr);
        return 0;
    }
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &stx))
        return -errno;
    *attr = (struct ops_attr){
        .ino = stx.stx_ino, .size = stx.stx_size, .blocks = stx.stx_blocks,
        .atime = stamp(&stx.stx_atime), .mtime = stamp(&stx.stx_mtime),
        .ctime = stamp(&stx.stx_ctime), .mode = stx.stx_mode,
        .nlink = stx.stx_nlink, .rdev_major = stx.stx_rdev_major,
        .rdev_minor = stx.stx_rdev_minor, .blksize = stx.stx_blksize,
        .uid = owner_guest_uid(&slot_rule(slot)->owner, stx.stx_uid),
        .gid = owner_guest_gid(&slot_rule(slot)->owner, stx.stx_gid),
        .share = share_bits(slot) | acl_bit(fd, stx.stx_mode),
        .share_id = slot->id,
    };
    if (stx.stx_mask & STATX_BTIME)
        attr->btime = stamp(&stx.stx_btime);
    /* Every change moves it, and time does not go back. */
    attr->version = (uint64_t)stx.stx_ctime.tv_sec * 1000000000u +
                    stx.stx_ctime.tv_nsec;
    if (slot->type == SHARE_VOLUME) {
        if (S_ISBLK(attr->mode))
            rc = attr_device_size(fd, attr);
        attr->mode = (attr->mode & 07777) | S_IFREG;
        attr->rdev_major = attr->rdev_minor = 0;
    }
    return rc;
}

static uint64_t generation(const struct node *node)
{
    return table_hash(node->fh, node->fh_len, (uint64_t)node->fh_type);
}

int entry_of(struct ops *ops, struct node *node, struct ops_entry *entry)
{
    int fd = node->slot ? node_fd(ops, node) : -1;
    int rc = fd < 0 && node->slot ? fd : attr_read(node, fd, &entry->attr);

    if (rc)
        return rc;
    entry->node = node->id;
    entry->generation = generation(node);
    handle_seal(ops, node, entry);
    return node_refer(ops, node);
}

/* A descriptor of the node, for as long as it and the file are pinned. */
static int fd_of(struct ops *ops, struct node *n, uint64_t fh,
                 struct file **file_r)
{
    int rc = slot_check(n, false);

    *file_r = NULL;
    if (rc || !n->slot)
        return rc ? rc : -EPERM;
    if (!fh)
        return node_fd(ops, n);
    rc = file_get(ops, fh, file_r);
    if (rc)
        return rc;
    if ((*file_r)->node == n)
        return (*file_r)->fd;
    file_put(ops, *file_r);
    *file_r = NULL;
    return -EBADF;
}

int ops_getattr(struct ops *ops, uint64_t node, uint64_t fh,
                struct ops_attr *attr_r)
{
    struct file *f = NULL;
    struct node *n;
    int rc = node_get(ops, node, &n), fd;

    if (rc)
        return rc;
    fd = n->slot ? fd_of(ops, n, fh, &f) : -1;
    rc = fd < 0 && n->slot ? fd : attr_read(n, fd, attr_r);
    file_put(ops, f);
    node_put(ops, n);
    return rc;
}

int ops_file_attr(struct ops *ops, uint64_t fh, struct ops_attr *attr_r)
{
    struct file *f;
    int rc = file_get(ops, fh, &f);

    if (rc)
        return rc;
    rc = f->fd < 0 ? -EBADF : attr_read(f->node, f->fd, attr_r);
    file_put(ops, f);
    return rc;
}

/* ---- changing them ---- */

static int set_size(struct ops *ops, struct node *n, int fd, bool is_file,
                    uint64_t size)
{
    struct quota_change q;
    int own, rc;

    if (n->mode != S_IFREG)
        return n->mode == S_IFDIR ? -EISDIR : -EINVAL;
    if (n->slot->type == SHARE_VOLUME)
        return -EPERM;
    if (size > INT64_MAX)
        return -EFBIG;
    rc = quota_begin(&q, n->slot, fd, 0);
    if (rc)
        return rc;
    if (!is_file || ftruncate(fd, (off_t)size)) {
        own = fd_reopen(ops, n, fd, O_WRONLY);
        rc = own < 0 ? own : ftruncate(own, (off_t)size) ? -errno : 0;
        xk_close(&own);
    }
    quota_end(&q);
    return rc;
}

static int set_owner(struct node *n, int fd, const struct ops_setattr *set)
{
    const struct owner *owner = &slot_rule(n->slot)->owner;
    uint32_t uid = UINT32_MAX, gid = UINT32_MAX;
    int rc = 0;

    /* With one owner for all, there is no other to give a file to. */
    if (owner->kind == OWNER_SQUASH)
        return ((set->valid & OPS_SET_UID) && set->uid != owner->guest_uid) ||
                       ((set->valid & OPS_SET_GID) &&
                        set->gid != owner->guest_gid) ? -EPERM : 0;
    if (set->valid & OPS_SET_UID)
        rc = owner_host_uid(owner, set->uid, &uid);
    if (!rc && (set->valid & OPS_SET_GID))
        rc = owner_host_gid(owner, set->gid, &gid);
    if (!rc && fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        rc = -errno;
    return rc == -EOVERFLOW ? -EINVAL : rc;
}

static int set_mode(struct ops *ops, struct node *n, int fd, uint32_t mode)
{
    if (n->mode == S_IFLNK)
        return -EOPNOTSUPP;
    return fchmodat(ops->config.fd_dir, fd_name(fd).text, mode & 07777, 0)
               ? -errno : 0;
}

static struct timespec time_to_set(const struct ops_setattr *set,
                                   uint32_t bit, uint32_t now,
                                   const struct timespec *t)
{
    if (set->valid & now)
        return (struct timespec){ .tv_nsec = UTIME_NOW };
    if (!(set->valid & bit))
        return (struct timespec){ .tv_nsec = UTIME_OMIT };
    return *t;
}

static int set_times(struct ops *ops, struct node *n, int fd,
                     const struct ops_setattr *set)
{
    struct timespec ts[2] = {
        time_to_set(set, OPS_SET_ATIME, OPS_SET_ATIME_NOW, &set->atime),
        time_to_set(set, OPS_SET_MTIME, OPS_SET_MTIME_NOW, &set->mtime),
    };

    if (!utimensat(fd, "", ts, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return 0;
    /* Kernels before 5.8 know no empty path here. */
    if (errno != EINVAL || n->mode == S_IFLNK)
        return -errno;
    return utimensat(ops->config.fd_dir, fd_name(fd).text, ts, 0) ? -errno
                                                                  : 0;
}

/* What a write by somebody without privilege takes away. */
static int kill_priv(struct ops *ops, struct node *n, int fd)
{
    struct stat st;
    mode_t mode;

    if (n->mode != S_IFREG)
        return 0;
    (void)removexattr(fd_name(fd).text, "security.capability");
    if (fstat(fd, &st))
        return -errno;
    mode = st.st_mode & ~(mode_t)S_ISUID;
    if (mode & S_IXGRP)
        mode &= ~(mode_t)S_ISGID;
    return mode == st.st_mode ? 0 : set_mode(ops, n, fd, mode);
}

/* By reading: so the atime moves as the mount has it, and the ctime stays. */
static int touch_access(struct ops *ops, struct node *n, int path_fd)
{
    xk_cleanup_fd int fd = -1;
    char some[4096];
    struct iovec one = { some, 1 };

    if (n->mode == S_IFLNK)
        return readlinkat(path_fd, "", some, sizeof(some)) < 0 ? -errno : 0;
    fd = fd_reopen(ops, n, path_fd, O_RDONLY);
    if (fd < 0)
        return fd;
    if (n->mode == S_IFDIR)
        return syscall(SYS_getdents64, fd, some, sizeof(some)) < 0 ? -errno : 0;
    return preadv2(fd, &one, 1, 0, 0) < 0 ? -errno : 0;
}

static int set_all(struct ops *ops, struct node *n, int fd, bool is_file,
                   const struct ops_setattr *set)
{
    int rc = 0;

    if (set->valid & OPS_SET_SIZE)
        rc = set_size(ops, n, fd, is_file, set->size);
    if (!rc && (set->valid & OPS_SET_KILL_PRIV))
        rc = kill_priv(ops, n, fd);
    if (!rc && (set->valid & (OPS_SET_UID | OPS_SET_GID)))
        rc = set_owner(n, fd, set);
    if (!rc && (set->valid & OPS_SET_MODE))
        rc = set_mode(ops, n, fd, set->mode);
    if (!rc && (set->valid & (OPS_SET_ATIME | OPS_SET_MTIME |
                              OPS_SET_ATIME_NOW | OPS_SET_MTIME_NOW)))
        rc = set_times(ops, n, fd, set);
    if (!rc && (set->valid & OPS_SET_ACCESSED))
        rc = touch_access(ops, n, fd);
    return rc;
}

static bool times_ok(const struct ops_setattr *set)
{
    return set->atime.tv_nsec >= 0 && set->atime.tv_nsec < 1000000000 &&
           set->mtime.tv_nsec >= 0 && set->mtime.tv_nsec < 1000000000;
}

int ops_setattr(struct ops *ops, uint64_t node, uint64_t fh,
                const struct ops_setattr *set, struct ops_attr *attr_r)
{
    struct file *f = NULL;
    struct node *n;
    int rc = node_get(ops, node, &n), fd;

    if (rc)
        return rc;
    rc = slot_check(n, true);
    if (!rc && !times_ok(set))
        rc = -EINVAL;
    if (rc)
        goto out;
    fd = fd_of(ops, n, fh, &f);
    rc = fd < 0 ? fd : set_all(ops, n, fd, f != NULL, set);
    if (!rc)
        rc = attr_read(n, fd, attr_r);
    file_put(ops, f);
out:
    node_put(ops, n);
    return rc;
}
