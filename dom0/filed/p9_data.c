/* SPDX-License-Identifier: GPL-2.0-only */
/* Data of files and directories, and locks on it. */
#include "p9_call.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

/* ---- data ---- */

static int read_value(struct p9_call *c, const struct p9_fid *f, uint64_t off,
                      uint32_t count)
{
    size_t left = off < f->value_len ? f->value_len - (size_t)off : 0;
    size_t n = count < left ? count : left;

    p9_put_u32(&c->out, (uint32_t)n);
    if (n)
        memcpy(c->out.at, f->value + off, n);
    c->out.at += n;
    return 0;
}

int p9_do_read(struct p9_call *c)
{
    uint32_t count;
    struct p9_fid *f;
    uint64_t off;
    ssize_t n;
    int rc = p9_fid_of(c, &f);

    off = p9_u64(&c->in);
    count = p9_bounded(c, p9_u32(&c->in));
    if (!rc)
        rc = p9_whole(c);
    if (rc)
        return rc;
    if (f->kind == P9_XATTR_READ)
        return read_value(c, f, off, count);
    if (!f->fh)
        return -EBADF;
    n = ops_read(c->ops, f->fh, off, c->out.at + 4, count, true);
    if (n < 0)
        return (int)n;
    p9_put_u32(&c->out, (uint32_t)n);
    c->out.at += n;
    return 0;
}

static int write_value(struct p9_fid *f, uint64_t off, const uint8_t *data,
                       uint32_t count)
{
    /* In order, as Linux writes them. */
    if (off != f->value_len || count > f->value_room - f->value_len)
        return -EINVAL;
    memcpy(f->value + off, data, count);
    f->value_len += count;
    return 0;
}

int p9_do_write(struct p9_call *c)
{
    const uint8_t *data;
    struct p9_fid *f;
    uint32_t count;
    uint64_t off;
    ssize_t n;
    int rc = p9_fid_of(c, &f);

    off = p9_u64(&c->in);
    count = p9_u32(&c->in);
    data = p9_bytes(&c->in, count);
    if (!rc)
        rc = p9_whole(c);
    if (rc)
        return rc;
    if (f->kind == P9_XATTR_WRITE) {
        n = write_value(f, off, data, count);
        if (!n)
            n = (ssize_t)count;
    } else if (!f->fh) {
        n = -EBADF;
    } else {
        n = ops_write(c->ops, f->fh, off, data, count, f->append, NULL);
    }
    if (n < 0)
        return (int)n;
    p9_put_u32(&c->out, (uint32_t)n);
    return 0;
}

int p9_do_fsync(struct p9_call *c)
{
    struct p9_fid *f;
    uint32_t datasync = 0;
    int rc = p9_node_of(c, &f);

    /* Older clients do not say. */
    if (c->in.at < c->in.end)
        datasync = p9_u32(&c->in);
    if (!rc && !f->fh)
        rc = -EBADF;
    return rc ? rc : ops_fsync(c->ops, f->fh, datasync);
}

static bool put_dirent(void *arg, const struct ops_dirent *d)
{
    struct p9_call *c = arg;
    size_t n = strlen(d->name);

    if ((size_t)(c->out.end - c->out.at) < P9_QID_SIZE + 8 + 1 + 2 + n)
        return false;
    p9_put_u8(&c->out, d->type == DT_DIR ? P9_QID_DIR :
                       d->type == DT_LNK ? P9_QID_LINK : 0);
    p9_put_u32(&c->out, 0);
    p9_put_u64(&c->out, d->ino);
    p9_put_u64(&c->out, d->next);
    p9_put_u8(&c->out, d->type);
    p9_put_string(&c->out, d->name, n);
    return true;
}

int p9_do_readdir(struct p9_call *c)
{
    struct p9_fid *f;
    uint32_t count;
    uint64_t off;
    uint8_t *head, *end = c->out.end;
    int rc = p9_node_of(c, &f);

    off = p9_u64(&c->in);
    count = p9_bounded(c, p9_u32(&c->in));
    if (!rc)
        rc = p9_whole(c);
    if (!rc && !f->fh)
        rc = -EBADF;
    if (rc)
        return rc;
    head = c->out.at;
    p9_put_u32(&c->out, 0);
    c->out.end = c->out.at + count;
    rc = ops_readdir(c->ops, f->fh, off, false, put_dirent, c);
    count = (uint32_t)(c->out.at - head) - 4;
    c->out.end = end;
    c->out.at = head;
    p9_put_u32(&c->out, count);
    c->out.at += count;
    return rc;
}

/* ---- locks ---- */

enum { LOCK_DONE, LOCK_BLOCKED, LOCK_ERROR };

/* Who has a lock: a process of a client, by names that the guest chose. */
static uint64_t owner_of(const char *client, uint32_t process)
{
    return table_hash(client, strlen(client), process);
}

static int get_lock(struct p9_call *c, struct ops_lock *lock, char *client,
                    size_t size, bool with_flags)
{
    uint64_t length;

    lock->kind = OPS_LOCK_POSIX;
    lock->type = p9_u8(&c->in);
    if (with_flags)
        (void)p9_u32(&c->in);   /* who would wait asks again */
    lock->start = p9_u64(&c->in);
    length = p9_u64(&c->in);
    lock->pid = p9_u32(&c->in);
    p9_string(&c->in, client, size);
    lock->owner = owner_of(client, lock->pid);
    lock->end = length ? lock->start + length - 1 : UINT64_MAX;
    if (p9_whole(c) || lock->type > F_UNLCK || lock->end < lock->start)
        return -EINVAL;
    return 0;
}

int p9_do_lock(struct p9_call *c)
{
    char client[OPS_NAME_MAX + 1];
    struct ops_lock lock;
    struct p9_fid *f;
    int rc = p9_node_of(c, &f), rc2;

    rc2 = get_lock(c, &lock, client, sizeof(client), true);
    if (rc || rc2)
        return rc ? rc : rc2;
    if (!f->fh)
        return -EBADF;
    rc = ops_setlk(c->ops, f->fh, &lock);
    if (rc && rc != -EAGAIN)
        return rc;
    p9_put_u8(&c->out, rc ? LOCK_BLOCKED : LOCK_DONE);
    return 0;
}

int p9_do_getlock(struct p9_call *c)
{
    char client[OPS_NAME_MAX + 1];
    struct ops_lock lock;
    struct p9_fid *f;
    uint64_t length;
    int rc = p9_node_of(c, &f), rc2;

    rc2 = get_lock(c, &lock, client, sizeof(client), false);
    if (rc || rc2)
        return rc ? rc : rc2;
    if (!f->fh)
        return -EBADF;
    rc = ops_getlk(c->ops, f->fh, &lock);
    if (rc)
        return rc;
    length = lock.end == UINT64_MAX ? 0 : lock.end - lock.start + 1;
    p9_put_u8(&c->out, (uint8_t)lock.type);
    p9_put_u64(&c->out, lock.start);
    p9_put_u64(&c->out, length);
    p9_put_u32(&c->out, lock.pid);
    p9_put_string(&c->out, client, strlen(client));
    return 0;
}
