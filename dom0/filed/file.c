/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Open files: reading and writing them. See ops.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "state.h"

/* What a guest may ask for. O_APPEND and O_DIRECT are its own business, and
 * O_CREAT is not for files that are there. */
#define FLAGS_KNOWN (O_ACCMODE | O_TRUNC | O_DSYNC | O_SYNC | O_NOATIME)

static struct file *by_id(struct ops *ops, uint64_t id)
{
    struct table_link *link;
    struct file *f;

    for (link = table_first(&ops->files, table_hash_u64(id)); link;
         link = table_next(link)) {
        f = XK_CONTAINER_OF(link, struct file, by_id);
        if (f->id == id)
            return f;
    }
    return NULL;
}

int file_get(struct ops *ops, uint64_t fh, struct file **file_r)
{
    struct file *f;

    pthread_mutex_lock(&ops->lock);
    f = by_id(ops, fh);
    if (f)
        f->pins++;
    pthread_mutex_unlock(&ops->lock);
    *file_r = f;
    if (!f)
        return -EBADF;
    if (!slot_check(f->node, false))
        return 0;
    file_put(ops, f);
    *file_r = NULL;
    return -ESTALE;
}

static void file_free(struct ops *ops, struct file *f)
{
    struct node *node = f->node;

    xk_close(&f->fd);
    pthread_mutex_destroy(&f->position);
    free(f);
    if (node->slot)
        file_unreserve(node->slot);
    node_put(ops, node);
}

void file_put(struct ops *ops, struct file *file)
{
    bool last;

    if (!file)
        return;
    pthread_mutex_lock(&ops->lock);
    last = !--file->pins && file->released;
    pthread_mutex_unlock(&ops->lock);
    if (last)
        file_free(ops, file);
}

static bool is_full(struct ops *ops)
{
    bool full;

    pthread_mutex_lock(&ops->lock);
    full = ops->files.count >= ops->config.limits.files;
    pthread_mutex_unlock(&ops->lock);
    return full;
}

int file_reserve(struct ops *ops, struct slot *slot)
{
    uint32_t limit = slot_rule(slot)->open_limit;
    unsigned int users;
    bool full;

    if (atomic_load(&slot->state) != SLOT_LIVE)
        return -ESTALE;
    full = is_full(ops);
    users = atomic_fetch_add(&slot->users, 1);
    if (!full && (!limit || users < limit))
        return 0;
    atomic_fetch_sub(&slot->users, 1);
    return full ? -ENFILE : -EMFILE;
}

void file_unreserve(struct slot *slot)
{
    atomic_fetch_sub(&slot->users, 1);
}

/* Takes over `fd` and the caller's reservation, and pins the node itself. */
int file_new(struct ops *ops, struct node *node, int fd, int flags,
             uint64_t id, uint64_t *fh_r)
{
    struct file *f = calloc(1, sizeof(*f));
    int rc = f ? 0 : -ENOMEM;

    if (f) {
        f->fd = fd;
        f->flags = flags;
        f->node = node;
        pthread_mutex_init(&f->position, NULL);
        pthread_mutex_lock(&ops->lock);
        f->id = id ? id : ops->next_id++;
        rc = by_id(ops, f->id) ? -EEXIST
                               : table_put(&ops->files, &f->by_id,
                                           table_hash_u64(f->id));
        if (!rc)
            node->pins++;
        *fh_r = f->id;
        pthread_mutex_unlock(&ops->lock);
    }
    if (!rc)
        return 0;
    xk_close(&fd);
    if (node->slot)
        file_unreserve(node->slot);
    free(f);
    return rc;
}

static int open_at(struct ops *ops, struct node *n, int flags, uint64_t id,
                   uint64_t *fh_r)
{
    int rc = slot_check(n, (flags & O_ACCMODE) != O_RDONLY ||
                           (flags & O_TRUNC)), fd;

    flags &= FLAGS_KNOWN;
    if (rc)
        return rc;
    if (!n->slot)       /* its entries are the shares */
        return is_full(ops) ? -ENFILE
                            : file_new(ops, n, -1, O_RDONLY, id, fh_r);
    rc = file_reserve(ops, n->slot);
    if (rc)
        return rc;
    if (n->slot->type == SHARE_VOLUME) {
        fd = slot_dup(ops, n->slot);
    } else {
        fd = node_fd(ops, n);
        if (fd >= 0)
            fd = fd_reopen(ops, n, fd, flags);
    }
    if (fd < 0) {
        file_unreserve(n->slot);
        return fd;
    }
    return file_new(ops, n, fd, flags, id, fh_r);
}

int ops_open_node(struct ops *ops, uint64_t node, int flags, uint64_t *fh_r)
{
    struct node *n;
    int rc = node_get(ops, node, &n);

    if (rc)
        return rc;
    rc = open_at(ops, n, flags, 0, fh_r);
    node_put(ops, n);
    return rc;
}

int ops_reopen(struct ops *ops, uint64_t node, uint64_t fh, int flags)
{
    struct node *n;
    uint64_t id;
    int rc = fh ? node_get(ops, node, &n) : -EINVAL;

    if (rc)
        return rc;
    /* What it made or emptied then is not to be made or emptied again. */
    rc = open_at(ops, n, flags & ~O_TRUNC, fh, &id);
    node_put(ops, n);
    return rc;
}

int ops_release(struct ops *ops, uint64_t fh)
{
    struct file *f;
    bool last = false;

    pthread_mutex_lock(&ops->lock);
    f = by_id(ops, fh);
    if (f) {
        table_remove(&ops->files, &f->by_id);
        f->released = true;
        last = !f->pins;
    }
    pthread_mutex_unlock(&ops->lock);
    if (last)
        file_free(ops, f);
    return f ? 0 : -EBADF;
}

struct drop {
    struct ops *ops;
    struct slot *slot;
    struct file *last;          /* those that go, by their links */
};

static void drop_one(struct table_link *link, void *arg)
{
    struct file *f = XK_CONTAINER_OF(link, struct file, by_id);
    struct drop *drop = arg;

    if (f->node->slot != drop->slot)
        return;
    table_remove(&drop->ops->files, link);
    f->released = true;
    if (f->pins)
        return;         /* who has it pinned frees it */
    link->next = drop->last ? &drop->last->by_id : NULL;
    drop->last = f;
}

void file_drop_slot(struct ops *ops, struct slot *slot)
{
    struct drop drop = { ops, slot, NULL };
    struct file *f;

    pthread_mutex_lock(&ops->lock);
    table_each(&ops->files, drop_one, &drop);
    pthread_mutex_unlock(&ops->lock);
    while (drop.last) {
        f = drop.last;
        drop.last = f->by_id.next ? XK_CONTAINER_OF(f->by_id.next,
                                                    struct file, by_id)
                                  : NULL;
        file_free(ops, f);
    }
}

/* ---- data ---- */

/* The pinned file, if it may be used so: `mode` O_RDONLY or O_WRONLY. */
static int file_for(struct ops *ops, uint64_t fh, int mode,
                    struct file **file_r)
{
    int rc = file_get(ops, fh, file_r), access;

    if (rc)
        return rc;
    access = (*file_r)->flags & O_ACCMODE;
    if ((*file_r)->node->mode != S_IFREG)
        rc = (*file_r)->node->mode == S_IFDIR ? -EISDIR : -EBADF;
    else if (access != O_RDWR && access != mode)
        rc = -EBADF;
    else
        rc = slot_check((*file_r)->node, mode == O_WRONLY);
    if (rc) {
        file_put(ops, *file_r);
        *file_r = NULL;
    }
    return rc;
}

static bool range_ok(uint64_t off, uint64_t len)
{
    return off <= INT64_MAX && len <= INT64_MAX - off;
}

ssize_t ops_read(struct ops *ops, uint64_t fh, uint64_t off, void *buf,
                 size_t size, bool wait)
{
    struct file *f;
    struct iovec iov;
    size_t done = 0;
    ssize_t n = 0, rc = file_for(ops, fh, O_RDONLY, &f);

    if (rc)
        return rc;
    if (!range_ok(off, size))
        rc = -EINVAL;
    while (!rc && done < size) {
        iov = (struct iovec){ (char *)buf + done, size - done };
        n = preadv2(f->fd, &iov, 1, (off_t)(off + done),
                    wait ? 0 : RWF_NOWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && !wait && errno == EOPNOTSUPP)
            errno = EAGAIN;     /* it cannot tell: let it wait */
        if (n < 0)
            rc = -errno;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    file_put(ops, f);
    return rc ? rc : (ssize_t)done;
}

/* All of it, or what fitted. */
static ssize_t write_at(int fd, const void *buf, size_t size, off_t at,
                        int rwf)
{
    size_t done = 0;
    ssize_t n;
    struct iovec iov;

    while (done < size) {
        iov = (struct iovec){ (char *)(uintptr_t)buf + done, size - done };
        n = pwritev2(fd, &iov, 1, at + (off_t)done, rwf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && !done)
            return -errno;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* RWF_APPEND does not tell where it was: between us nobody else appends. */
static ssize_t append(struct file *f, const void *buf, size_t size,
                      uint64_t *at_r)
{
    struct stat st;
    ssize_t n = write_at(f->fd, buf, size, 0, RWF_APPEND);

    if (n < 0)
        return n;
    if (fstat(f->fd, &st))
        return -errno;
    *at_r = (uint64_t)st.st_size - (uint64_t)n;
    return n;
}

/* A volume has its end where it has it. */
static ssize_t write_volume(struct file *f, const void *buf, size_t size,
                            uint64_t off)
{
    struct ops_attr attr;
    int rc = attr_read(f->node, f->fd, &attr);

    if (rc)
        return rc;
    if (off >= attr.size)
        return -ENOSPC;
    return write_at(f->fd, buf, xk_min_u64(size, attr.size - off), (off_t)off,
                    0);
}

static ssize_t write_file(struct file *f, const void *buf, size_t size,
                          uint64_t *at, bool at_end)
{
    struct quota_change q;
    ssize_t n = quota_begin(&q, f->node->slot, f->fd, size);

    if (n)
        return n;
    if (at_end) {
        pthread_mutex_lock(&f->node->slot->append);
        n = append(f, buf, size, at);
        pthread_mutex_unlock(&f->node->slot->append);
    } else {
        n = write_at(f->fd, buf, size, (off_t)*at, 0);
    }
    quota_end(&q);
    return n;
}

ssize_t ops_write(struct ops *ops, uint64_t fh, uint64_t off,
                  const void *buf, size_t size, bool at_end, uint64_t *at_r)
{
    struct file *f;
    uint64_t at = off;
    ssize_t n = file_for(ops, fh, O_WRONLY, &f);

    if (n)
        return n;
    if (!range_ok(off, size))
        n = -EFBIG;
    else if (f->node->slot->type == SHARE_VOLUME)
        n = at_end ? -ENOSPC : write_volume(f, buf, size, off);
    else
        n = write_file(f, buf, size, &at, at_end);
    if (at_r)
        *at_r = at;
    file_put(ops, f);
    return n;
}

int ops_pace(struct ops *ops, uint64_t fh, uint64_t bytes, bool wait)
{
    struct file *f;
    int rc = file_get(ops, fh, &f);

    if (rc)
        return rc;
    rc = f->node->slot ? quota_pace(f->node->slot, bytes, wait) : 0;
    file_put(ops, f);
    return rc;
}

int ops_fsync(struct ops *ops, uint64_t fh, bool datasync)
{
    struct file *f;
    int rc = file_get(ops, fh, &f);

    if (rc)
        return rc;
    if (f->fd >= 0)
        rc = (datasync ? fdatasync(f->fd) : fsync(f->fd)) ? -errno : 0;
    file_put(ops, f);
    return rc;
}

int ops_fallocate(struct ops *ops, uint64_t fh, int mode, uint64_t off,
                  uint64_t len)
{
    struct quota_change q = { .fd = -1 };
    struct file *f;
    int rc = file_for(ops, fh, O_WRONLY, &f);

    if (rc)
        return rc;
    if (!len || !range_ok(off, len))
        rc = -EINVAL;
    else if (f->node->slot->type == SHARE_VOLUME &&
             mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) &&
             mode != (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE))
        rc = -EOPNOTSUPP;       /* its size is fixed */
    else
        rc = quota_begin(&q, f->node->slot, f->fd,
                         mode & FALLOC_FL_PUNCH_HOLE ? 0 : len);
    if (!rc)
        rc = fallocate(f->fd, mode, (off_t)off, (off_t)len) ? -errno : 0;
    quota_end(&q);
    file_put(ops, f);
    return rc;
}

int ops_lseek(struct ops *ops, uint64_t fh, uint64_t off, int whence,
              uint64_t *off_r)
{
    struct file *f;
    off_t at;
    int rc = file_get(ops, fh, &f);

    if (rc)
        return rc;
    if (f->node->mode != S_IFREG ||
        (whence != SEEK_DATA && whence != SEEK_HOLE) || off > INT64_MAX) {
        rc = -EINVAL;
    } else {
        at = lseek(f->fd, (off_t)off, whence);
        rc = at < 0 ? -errno : 0;
        *off_r = (uint64_t)at;
    }
    file_put(ops, f);
    return rc;
}

int ops_copy(struct ops *ops, uint64_t fh, uint64_t off, uint64_t fh2,
             uint64_t off2, uint64_t len, uint64_t *copied_r)
{
    struct file *from, *to = NULL;
    struct quota_change q;
    off_t in = (off_t)off, out = (off_t)off2;
    ssize_t n;
    int rc = file_for(ops, fh, O_RDONLY, &from);

    if (rc)
        return rc;
    rc = file_for(ops, fh2, O_WRONLY, &to);
    if (!rc && (!range_ok(off, len) || !range_ok(off2, len)))
        rc = -EINVAL;
    if (!rc && from->node->slot != to->node->slot)
        rc = -EXDEV;
    if (!rc && to->node->slot->type == SHARE_VOLUME)
        rc = -EOPNOTSUPP;
    if (!rc)
        rc = quota_begin(&q, to->node->slot, to->fd, len);
    if (!rc) {
        n = copy_file_range(from->fd, &in, to->fd, &out, len, 0);
        rc = n < 0 ? -errno : 0;
        *copied_r = (uint64_t)n;
        quota_end(&q);
    }
    file_put(ops, to);
    file_put(ops, from);
    return rc;
}
