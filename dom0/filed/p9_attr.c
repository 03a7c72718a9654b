/* SPDX-License-Identifier: GPL-2.0-only */
/* Attributes, and extended ones. */
#include "p9_call.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

/* ---- attributes ---- */

#define V9FS_MAGIC 0x01021997u

static void put_time(struct p9_call *c, const struct timespec *t)
{
    p9_put_u64(&c->out, (uint64_t)t->tv_sec);
    p9_put_u64(&c->out, (uint64_t)t->tv_nsec);
}

#define GETATTR_BASIC 0x7ffu
#define GETATTR_BTIME 0x800u

/* A device's number as 9P2000.L has it: Linux's new encoding. */
static uint64_t wire_rdev(const struct ops_attr *a)
{
    uint32_t minor = a->rdev_minor;

    return (minor & 0xff) | (uint64_t)a->rdev_major << 8 |
           (uint64_t)(minor & ~0xffu) << 12;
}

int p9_do_getattr(struct p9_call *c)
{
    struct ops_attr a;
    struct p9_fid *f;
    int rc = p9_node_of(c, &f);

    (void)p9_u64(&c->in);       /* what it asks for: it gets all */
    if (!rc)
        rc = p9_whole(c);
    if (!rc)
        rc = ops_getattr(c->ops, f->node, f->fh, &a);
    if (rc)
        return rc;
    p9_put_u64(&c->out, GETATTR_BASIC | GETATTR_BTIME);
    p9_put_qid(c, &a);
    p9_put_u32(&c->out, a.mode);
    p9_put_u32(&c->out, a.uid);
    p9_put_u32(&c->out, a.gid);
    p9_put_u64(&c->out, a.nlink);
    p9_put_u64(&c->out, wire_rdev(&a));
    p9_put_u64(&c->out, a.size);
    p9_put_u64(&c->out, a.blksize);
    p9_put_u64(&c->out, a.blocks);
    put_time(c, &a.atime);
    put_time(c, &a.mtime);
    put_time(c, &a.ctime);
    put_time(c, &a.btime);
    p9_put_u64(&c->out, 0);     /* generation */
    p9_put_u64(&c->out, a.version);
    return 0;
}

/* Bits of Tsetattr, and what they are here. CTIME comes by itself. */
#define SETATTR_ATIME 0x010u
#define SETATTR_MTIME 0x020u
#define SETATTR_ATIME_SET 0x080u
#define SETATTR_MTIME_SET 0x100u

static uint32_t set_bits(uint32_t wire)
{
    uint32_t valid = wire & (OPS_SET_MODE | OPS_SET_UID | OPS_SET_GID |
                             OPS_SET_SIZE);

    if (wire & SETATTR_ATIME)
        valid |= wire & SETATTR_ATIME_SET ? OPS_SET_ATIME
                                          : OPS_SET_ATIME_NOW;
    if (wire & SETATTR_MTIME)
        valid |= wire & SETATTR_MTIME_SET ? OPS_SET_MTIME
                                          : OPS_SET_MTIME_NOW;
    return valid;
}

static struct timespec get_time(struct p9_call *c)
{
    struct timespec t;

    t.tv_sec = (time_t)p9_u64(&c->in);
    t.tv_nsec = (long)p9_u64(&c->in);
    return t;
}

static bool time_ok(const struct timespec *t)
{
    return t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

int p9_do_setattr(struct p9_call *c)
{
    struct ops_setattr set;
    struct ops_attr a;
    struct p9_fid *f;
    int rc = p9_node_of(c, &f);

    set.valid = set_bits(p9_u32(&c->in));
    set.mode = p9_u32(&c->in);
    set.uid = p9_u32(&c->in);
    set.gid = p9_u32(&c->in);
    set.size = p9_u64(&c->in);
    set.atime = get_time(c);
    set.mtime = get_time(c);
    if (!rc)
        rc = p9_whole(c);
    if (!rc && (!time_ok(&set.atime) || !time_ok(&set.mtime)))
        rc = -EINVAL;
    return rc ? rc : ops_setattr(c->ops, f->node, f->fh, &set, &a);
}

int p9_do_readlink(struct p9_call *c)
{
    char target[PATH_MAX];
    struct p9_fid *f;
    ssize_t n = p9_node_of(c, &f);

    if (!n)
        n = ops_readlink(c->ops, f->node, target, sizeof(target));
    if (n < 0)
        return (int)n;
    p9_put_string(&c->out, target, (size_t)n);
    return 0;
}

int p9_do_statfs(struct p9_call *c)
{
    struct statvfs st;
    struct p9_fid *f;
    uint32_t share;
    int rc = p9_node_of(c, &f);

    if (!rc)
        rc = ops_statfs(c->ops, f->node, &st, &share);
    if (rc)
        return rc;
    p9_put_u32(&c->out, V9FS_MAGIC);
    p9_put_u32(&c->out, (uint32_t)st.f_bsize);
    p9_put_u64(&c->out, st.f_blocks);
    p9_put_u64(&c->out, st.f_bfree);
    p9_put_u64(&c->out, st.f_bavail);
    p9_put_u64(&c->out, st.f_files);
    p9_put_u64(&c->out, st.f_ffree);
    p9_put_u64(&c->out, share);
    p9_put_u32(&c->out, (uint32_t)st.f_namemax);
    return 0;
}

/* ---- extended attributes ---- */

static ssize_t get_value(struct p9_call *c, uint64_t node, const char *name,
                         void *buf, size_t size)
{
    return *name ? ops_getxattr(c->ops, node, name, buf, size)
                 : ops_listxattr(c->ops, node, buf, size);
}

int p9_do_xattrwalk(struct p9_call *c)
{
    char name[XATTR_NAME_MAX + 1];
    struct p9_fid *f, *value = NULL;
    uint32_t new_fid;
    ssize_t n;
    int rc = p9_node_of(c, &f);

    new_fid = p9_u32(&c->in);
    p9_string(&c->in, name, sizeof(name));
    if (rc || p9_whole(c))
        return rc ? rc : -EINVAL;
    n = get_value(c, f->node, name, NULL, 0);
    if (n < 0)
        return (int)n;
    rc = ops_hold(c->ops, f->node);
    if (rc)
        return rc;
    rc = p9_fid_new(&c->p9->fids, new_fid, f->node, 0, NULL, &f->cred,
                    &value);
    if (rc) {
        ops_forget(c->ops, f->node, 1);
        return rc;
    }
    value->kind = P9_XATTR_READ;
    rc = p9_fid_room(&c->p9->fids, value, (size_t)n);
    if (!rc && n) {
        /* Another may have changed it since. */
        n = get_value(c, value->node, name, value->value, (size_t)n);
        rc = n < 0 ? (int)n : 0;
    }
    if (rc) {
        p9_fid_drop(&c->p9->fids, value);
        return rc;
    }
    value->value_len = (size_t)n;
    p9_put_u64(&c->out, (uint64_t)n);
    return 0;
}

int p9_do_xattrcreate(struct p9_call *c)
{
    char name[XATTR_NAME_MAX + 1];
    struct p9_fid *f;
    uint64_t size;
    uint32_t flags;
    int rc = p9_node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    size = p9_u64(&c->in);
    flags = p9_u32(&c->in);
    if (rc || p9_whole(c))
        return rc ? rc : -EINVAL;
    if (f->fh || flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
        return -EINVAL;
    if (size > P9_XATTR_MAX)
        return -E2BIG;
    free(f->attr);
    f->attr = strdup(name);
    if (!f->attr)
        return -ENOMEM;
    rc = p9_fid_room(&c->p9->fids, f, (size_t)size);
    if (rc)
        return rc;
    f->kind = P9_XATTR_WRITE;
    f->flags = (int)flags;
    return 0;
}
