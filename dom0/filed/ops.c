/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operation layer as a whole: its shares, and what is asked of a node
 * without opening it. See ops.h.
 */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "handle.h"
#include "state.h"

/* Numbers of one epoch, as bits: ids of two epochs never meet. */
#define EPOCH_SHIFT 40

/* ---- small things ---- */

int name_check(const char *name)
{
    size_t len = strlen(name);

    if (len > OPS_NAME_MAX)
        return -ENAMETOOLONG;
    if (!len || strchr(name, '/') || !strcmp(name, ".") ||
        !strcmp(name, ".."))
        return -EINVAL;
    return 0;
}

struct fd_name fd_name(int fd)
{
    struct fd_name n;

    snprintf(n.text, sizeof(n.text), "%d", fd);
    return n;
}

int fd_reopen(struct ops *ops, const struct node *node, int path_fd,
              int flags)
{
    int fd;

    /* Opening a FIFO or a device could wait, or do what devices do. */
    if (node->mode != S_IFREG && node->mode != S_IFDIR)
        return node->mode == S_IFLNK ? -ELOOP : -ENXIO;
    flags = (flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_CLOEXEC |
            O_NOCTTY | O_NONBLOCK;
    fd = openat(ops->config.fd_dir, fd_name(path_fd).text, flags);
    /* A server of the network may know another owner. */
    if (fd < 0 && errno == EPERM && flags & O_NOATIME)
        fd = openat(ops->config.fd_dir, fd_name(path_fd).text,
                    flags & ~O_NOATIME);
    return fd < 0 ? -errno : fd;
}

const struct rule *slot_rule(const struct slot *slot)
{
    return atomic_load(&slot->rule);
}

struct slot *slot_find(struct ops *ops, uint32_t id)
{
    struct slot *slot;

    pthread_mutex_lock(&ops->lock);
    for (slot = ops->slots; slot && slot->id != id; slot = slot->next)
        ;
    pthread_mutex_unlock(&ops->lock);
    return slot;
}

int slot_dup(struct ops *ops, struct slot *slot)
{
    int fd = -ESTALE;

    pthread_mutex_lock(&ops->lock);
    if (slot->root_fd >= 0) {
        fd = fcntl(slot->root_fd, F_DUPFD_CLOEXEC, 0);
        fd = fd < 0 ? -errno : fd;
    }
    pthread_mutex_unlock(&ops->lock);
    return fd;
}

int slot_check(const struct node *node, bool change)
{
    const struct slot *slot = node->slot;

    if (!slot)
        return change ? -EPERM : 0;
    if (atomic_load(&slot->state) == SLOT_REVOKED)
        return -ESTALE;
    if (!change)
        return 0;
    return slot_rule(slot)->read_only ? -EROFS : 0;
}

int cred_become(const struct slot *slot, const struct ops_cred *cred)
{
    const struct owner *owner = &slot_rule(slot)->owner;
    uint32_t uid, gid;
    int rc = owner_host_uid(owner, cred->uid, &uid);

    if (!rc)
        rc = owner_host_gid(owner, cred->gid, &gid);
    if (rc)
        return rc;
    /* They tell nothing: ask for what holds with an id that is none. */
    (void)setfsgid(gid);
    (void)setfsuid(uid);
    if ((uint32_t)setfsgid((gid_t)-1) != gid ||
        (uint32_t)setfsuid((uid_t)-1) != uid) {
        cred_return();
        return -EPERM;
    }
    return 0;
}

void cred_return(void)
{
    (void)setfsuid(geteuid());
    (void)setfsgid(getegid());
}

/* ---- attributes ---- */

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
        .share = share_bits(slot), .share_id = slot->id,
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

/* ---- shares ---- */

static struct rule *rule_of(const struct share *share)
{
    struct rule *rule = calloc(1, sizeof(*rule));

    if (!rule)
        return NULL;
    rule->read_only = share->read_only;
    rule->set_id = share->set_id;
    rule->devices = share->devices;
    rule->audit = share->audit;
    rule->size_limit = share->size_limit;
    rule->files_limit = share->files_limit;
    rule->rate = share->rate;
    rule->open_limit = share->open_limit;
    rule->owner = share->owner;
    return rule;
}

static void slot_free(struct slot *slot)
{
    struct rule *rule, *before;

    for (rule = atomic_load(&slot->rule); rule; rule = before) {
        before = rule->before;
        free(rule);
    }
    xk_close(&slot->root_fd);
    pthread_mutex_destroy(&slot->append);
    free(slot);
}

static bool name_taken(struct ops *ops, const char *name)
{
    struct slot *s;

    for (s = ops->slots; s; s = s->next)
        if (!strcmp(s->name, name) &&
            atomic_load(&s->state) != SLOT_REVOKED)
            return true;
    return false;
}

int ops_share_add(struct ops *ops, uint32_t id, const struct share *share,
                  int root)
{
    struct slot *slot = calloc(1, sizeof(*slot));
    struct node *node;
    int rc, fd;

    if (!slot) {
        xk_close(&root);
        return -ENOMEM;
    }
    pthread_mutex_init(&slot->append, NULL);
    slot->root_fd = root;
    slot->id = id;
    slot->type = share->type;
    memcpy(slot->name, share->name, sizeof(slot->name));
    atomic_init(&slot->rule, rule_of(share));
    if (!atomic_load(&slot->rule)) {
        slot_free(slot);
        return -ENOMEM;
    }
    handle_tag(ops, slot);
    fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        rc = -errno;
        slot_free(slot);
        return rc;
    }
    rc = !id || slot_find(ops, id) || name_taken(ops, share->name)
             ? -EEXIST : 0;
    if (!rc)
        rc = node_of_fd(ops, slot, NULL, NULL, xk_steal_fd(&fd), &node);
    xk_close(&fd);
    if (rc) {
        slot_free(slot);
        return rc;
    }
    if (slot->type == SHARE_VOLUME)
        node->mode = S_IFREG;
    slot->root = node;
    quota_scan(ops, slot);
    pthread_mutex_lock(&ops->lock);
    slot->next = ops->slots;
    ops->slots = slot;
    pthread_mutex_unlock(&ops->lock);
    node_put(ops, node);
    return 0;
}

int ops_share_set(struct ops *ops, uint32_t id, const struct share *share)
{
    struct slot *slot = slot_find(ops, id);
    struct rule *rule;

    if (!slot)
        return -ENOENT;
    rule = rule_of(share);
    if (!rule)
        return -ENOMEM;
    rule->before = atomic_load(&slot->rule);
    atomic_store(&slot->rule, rule);
    quota_scan(ops, slot);
    return 0;
}

int ops_share_drain(struct ops *ops, uint32_t id)
{
    struct slot *slot = slot_find(ops, id);

    if (!slot)
        return -ENOENT;
    if (atomic_load(&slot->state) == SLOT_LIVE)
        atomic_store(&slot->state, SLOT_DRAINING);
    return 0;
}

int ops_share_revoke(struct ops *ops, uint32_t id)
{
    struct slot *slot = slot_find(ops, id);

    if (!slot)
        return -ENOENT;
    atomic_store(&slot->state, SLOT_REVOKED);
    lock_drop_slot(ops, slot);
    file_drop_slot(ops, slot);
    node_drop_slot(ops, slot);
    pthread_mutex_lock(&ops->lock);
    xk_close(&slot->root_fd);
    pthread_mutex_unlock(&ops->lock);
    return 0;
}

uint32_t ops_share_users(struct ops *ops, uint32_t id)
{
    struct slot *slot = slot_find(ops, id);

    return slot ? atomic_load(&slot->users) : 0;
}

/* ---- nodes ---- */

/* The root of a share by its name, pinned. */
static int find_share(struct ops *ops, const char *name, struct node **node_r)
{
    struct slot *s;
    int rc = -ENOENT;

    pthread_mutex_lock(&ops->lock);
    for (s = ops->slots; s && rc; s = s->next) {
        if (strcmp(s->name, name) ||
            atomic_load(&s->state) == SLOT_REVOKED)
            continue;
        s->root->pins++;
        *node_r = s->root;
        rc = 0;
    }
    pthread_mutex_unlock(&ops->lock);
    return rc;
}

static int lookup(struct ops *ops, struct node *dir, const char *name,
                  struct node **node_r)
{
    int rc = name_check(name);

    if (!rc)
        rc = slot_check(dir, false);
    if (rc)
        return rc;
    if (!dir->slot)
        return find_share(ops, name, node_r);
    if (dir->mode != S_IFDIR)
        return -ENOTDIR;
    return node_find(ops, dir, name, node_r);
}

int ops_lookup(struct ops *ops, uint64_t dir, const char *name,
               struct ops_entry *entry_r)
{
    struct node *d, *n = NULL;
    int rc = node_get(ops, dir, &d);

    if (rc)
        return rc;
    rc = lookup(ops, d, name, &n);
    if (!rc)
        rc = entry_of(ops, n, entry_r);
    node_put(ops, n);
    node_put(ops, d);
    return rc;
}

int ops_peek(struct ops *ops, uint64_t dir, const char *name,
             uint64_t *ino_r)
{
    struct node *d;
    struct stat st;
    int rc = node_get(ops, dir, &d), fd;

    if (rc)
        return rc;
    rc = name_check(name);
    if (!rc)
        rc = slot_check(d, false);
    if (!rc && !d->slot)
        rc = -EPERM;
    fd = rc ? rc : node_fd(ops, d);
    if (fd >= 0)
        rc = fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
    node_put(ops, d);
    if (fd < 0 || rc)
        return fd < 0 ? fd : rc;
    *ino_r = st.st_ino;
    return 0;
}

uint32_t ops_share_of(struct ops *ops, uint64_t node, uint64_t fh,
                      bool *audit_r)
{
    const struct slot *slot = NULL;
    struct file *f = NULL;
    struct node *n = NULL;

    *audit_r = false;
    if (fh && !file_get(ops, fh, &f))
        slot = f->node->slot;
    else if (!fh && !node_get(ops, node, &n))
        slot = n->slot;
    if (slot)
        *audit_r = slot_rule(slot)->audit;
    file_put(ops, f);
    node_put(ops, n);
    return slot ? slot->id : 0;
}

void ops_name(struct ops *ops, uint64_t node, char name[OPS_NAME_MAX + 1])
{
    struct node *n;

    name[0] = '\0';
    if (node_get(ops, node, &n))
        return;
    pthread_mutex_lock(&ops->lock);
    if (n->name)
        memcpy(name, n->name, strlen(n->name) + 1);
    pthread_mutex_unlock(&ops->lock);
    node_put(ops, n);
}

int ops_hold(struct ops *ops, uint64_t node)
{
    struct node *n;
    int rc = node_get(ops, node, &n);

    if (!rc)
        rc = node_refer(ops, n);
    node_put(ops, n);
    return rc;
}

void ops_forget(struct ops *ops, uint64_t node, uint64_t references)
{
    node_forget(ops, node, references);
}

int ops_parent(struct ops *ops, uint64_t dir, struct ops_entry *entry_r)
{
    struct node *d, *up = NULL;
    int rc = node_get(ops, dir, &d);

    if (rc)
        return rc;
    pthread_mutex_lock(&ops->lock);
    up = d->slot && d->slot->root != d ? d->parent : ops->root;
    if (up)
        up->pins++;
    pthread_mutex_unlock(&ops->lock);
    rc = up ? slot_check(d, false) : -ESTALE;
    if (!rc)
        rc = entry_of(ops, up, entry_r);
    node_put(ops, up);
    node_put(ops, d);
    return rc;
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

/* ---- changing attributes ---- */

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

ssize_t ops_readlink(struct ops *ops, uint64_t node, char *buf, size_t size)
{
    struct node *n;
    ssize_t got;
    int rc = node_get(ops, node, &n), fd;

    if (rc)
        return rc;
    rc = slot_check(n, false);
    if (!rc && n->mode != S_IFLNK)
        rc = -EINVAL;
    fd = rc ? rc : node_fd(ops, n);
    if (fd < 0) {
        got = fd;
    } else {
        got = readlinkat(fd, "", buf, size);
        if (got < 0)
            got = -errno;
        else if ((size_t)got == size)
            got = -ERANGE;
    }
    node_put(ops, n);
    return got;
}

static void statfs_root(struct statvfs *st)
{
    memset(st, 0, sizeof(*st));
    st->f_bsize = st->f_frsize = 4096;
    st->f_namemax = OPS_NAME_MAX;
}

int ops_statfs(struct ops *ops, uint64_t node, struct statvfs *st,
               uint32_t *share_id_r)
{
    struct node *n;
    int rc = node_get(ops, node, &n), fd;

    if (rc)
        return rc;
    rc = slot_check(n, false);
    *share_id_r = n->slot ? n->slot->id : 0;
    if (!rc && !n->slot) {
        statfs_root(st);
    } else if (!rc) {
        fd = node_fd(ops, n);
        rc = fd < 0 ? fd : fstatvfs(fd, st) ? -errno : 0;
        if (!rc)
            quota_statfs(n->slot, st);
    }
    node_put(ops, n);
    return rc;
}

int ops_syncfs(struct ops *ops, uint64_t node)
{
    struct node *n;
    int rc = node_get(ops, node, &n), fd, own;

    if (rc)
        return rc;
    rc = slot_check(n, false);
    if (!rc && n->slot) {
        fd = slot_dup(ops, n->slot);
        own = fd < 0 || n->slot->type == SHARE_VOLUME
                  ? fd : fd_reopen(ops, n->slot->root, fd, O_RDONLY);
        rc = own < 0 ? own : syncfs(own) ? -errno : 0;
        if (own != fd)
            xk_close(&own);
        xk_close(&fd);
    }
    node_put(ops, n);
    return rc;
}

uint64_t ops_known(struct ops *ops)
{
    uint64_t count;

    pthread_mutex_lock(&ops->lock);
    count = ops->nodes.count;
    pthread_mutex_unlock(&ops->lock);
    return count;
}

/* ---- the whole ---- */

static int make_root(struct ops *ops)
{
    struct node *n = calloc(1, sizeof(*n));

    if (!n)
        return -ENOMEM;
    n->id = OPS_ROOT;
    n->fd = -1;
    n->mode = S_IFDIR;
    n->refs = 1;
    if (table_put(&ops->nodes, &n->by_id, table_hash_u64(n->id))) {
        free(n);
        return -ENOMEM;
    }
    ops->root = n;
    return 0;
}

int ops_open(struct ops **ops_r, const struct ops_config *config)
{
    struct ops *ops = calloc(1, sizeof(*ops));
    int rc;

    if (!ops)
        return -ENOMEM;
    ops->config = *config;
    ops->next_id = config->epoch << EPOCH_SHIFT | 2;
    pthread_mutex_init(&ops->lock, NULL);
    pthread_mutex_init(&ops->holders_lock, NULL);
    pthread_mutex_init(&ops->seal_lock, NULL);
    rc = make_root(ops);
    if (!rc)
        rc = xk_mac_new(&ops->mac, config->key);
    /* Paths of extended attributes are relative to it. */
    if (!rc && fchdir(config->fd_dir))
        rc = -errno;
    /* Becoming another user keeps what this one may: it is the guest that
     * looks at permissions. Refused without the capability, and then of no
     * consequence but for those. */
    (void)prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
    umask(0);
    if (rc)
        ops_close(ops);
    else
        *ops_r = ops;
    return rc;
}

static void free_link(struct table_link *link, void *arg)
{
    struct node *n = XK_CONTAINER_OF(link, struct node, by_id);

    (void)arg;
    xk_close(&n->fd);
    free(n->name);
    free(n);
}

static void free_alias(struct table_link *link, void *arg)
{
    (void)arg;
    free(XK_CONTAINER_OF(link, struct alias, by_id));
}

void ops_close(struct ops *ops)
{
    struct slot *slot, *next;

    if (!ops)
        return;
    file_drop_slot(ops, NULL);      /* of the root of all */
    for (slot = ops->slots; slot; slot = slot->next) {
        lock_drop_slot(ops, slot);
        file_drop_slot(ops, slot);
    }
    for (slot = ops->slots; slot; slot = next) {
        next = slot->next;
        slot_free(slot);
    }
    table_each(&ops->nodes, free_link, NULL);
    table_each(&ops->aliases, free_alias, NULL);
    table_dispose(&ops->aliases);
    table_dispose(&ops->nodes);
    table_dispose(&ops->identities);
    table_dispose(&ops->files);
    xk_mac_free(ops->mac);
    pthread_mutex_destroy(&ops->seal_lock);
    pthread_mutex_destroy(&ops->holders_lock);
    pthread_mutex_destroy(&ops->lock);
    xk_close(&ops->config.fd_dir);
    free(ops);
}
