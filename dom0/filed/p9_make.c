/* SPDX-License-Identifier: GPL-2.0-only */
/* Opening, making, renaming and removing. */
#include "p9_call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- opening and making ---- */

/* Data of Rread fills the rest of a message by itself: no unit. */
int p9_do_lopen(struct p9_call *c)
{
    struct ops_attr a;
    struct p9_fid *f;
    uint64_t fh;
    int rc = p9_node_of(c, &f), flags = (int)p9_u32(&c->in);

    if (!rc)
        rc = p9_whole(c);
    if (!rc && f->fh)
        rc = -EBUSY;
    if (!rc)
        rc = ops_open_node(c->ops, f->node, flags & ~O_CREAT, &fh);
    if (rc)
        return rc;
    rc = ops_getattr(c->ops, f->node, fh, &a);
    if (rc) {
        (void)ops_release(c->ops, fh);
        return rc;
    }
    f->fh = fh;
    f->append = flags & O_APPEND;
    p9_put_qid(c, &a);
    p9_put_u32(&c->out, 0);
    return 0;
}

int p9_do_lcreate(struct p9_call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct ops_entry entry;
    struct ops_cred cred;
    struct p9_fid *f;
    uint32_t mode;
    uint64_t fh;
    bool is_new;
    int rc = p9_node_of(c, &f), flags;

    p9_string(&c->in, name, sizeof(name));
    flags = (int)p9_u32(&c->in);
    mode = p9_u32(&c->in);
    if (rc || p9_whole(c))
        return rc ? rc : -EINVAL;
    cred = p9_cred_of(f, p9_u32(&c->in));
    if (p9_whole(c) || f->fh)
        return -EINVAL;
    rc = ops_create(c->ops, f->node, name, flags | O_CREAT, mode, &cred,
                    &entry, &fh, &is_new);
    if (rc)
        return rc;
    rc = p9_fid_move(&c->p9->fids, f, entry.node, f->node, name);
    if (rc) {
        (void)ops_release(c->ops, fh);
        ops_forget(c->ops, entry.node, 1);
        return rc;
    }
    f->fh = fh;
    f->append = flags & O_APPEND;
    p9_put_qid(c, &entry.attr);
    p9_put_u32(&c->out, 0);
    return 0;
}

int p9_do_symlink(struct p9_call *c)
{
    char name[OPS_NAME_MAX + 2], target[P9_STRING_MAX + 1];
    struct ops_entry entry;
    struct ops_cred cred;
    struct p9_fid *f;
    int rc = p9_node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    p9_string(&c->in, target, sizeof(target));
    if (rc)
        return rc;
    cred = p9_cred_of(f, p9_u32(&c->in));
    if (p9_whole(c))
        return -EINVAL;
    rc = ops_symlink(c->ops, f->node, name, target, &cred, &entry);
    return p9_made(c, rc, &entry);
}

int p9_do_mknod(struct p9_call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct ops_entry entry;
    struct ops_cred cred;
    struct p9_fid *f;
    uint32_t mode, major, minor;
    int rc = p9_node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    mode = p9_u32(&c->in);
    major = p9_u32(&c->in);
    minor = p9_u32(&c->in);
    if (rc)
        return rc;
    cred = p9_cred_of(f, p9_u32(&c->in));
    if (p9_whole(c))
        return -EINVAL;
    rc = ops_mknod(c->ops, f->node, name, mode, major, minor, &cred, &entry);
    return p9_made(c, rc, &entry);
}

int p9_do_mkdir(struct p9_call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct ops_entry entry;
    struct ops_cred cred;
    struct p9_fid *f;
    uint32_t mode;
    int rc = p9_node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    mode = p9_u32(&c->in);
    if (rc)
        return rc;
    cred = p9_cred_of(f, p9_u32(&c->in));
    if (p9_whole(c))
        return -EINVAL;
    rc = ops_mkdir(c->ops, f->node, name, mode, &cred, &entry);
    return p9_made(c, rc, &entry);
}

int p9_do_link(struct p9_call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct ops_entry entry;
    struct p9_fid *dir, *f;
    int rc = p9_node_of(c, &dir), rc2 = p9_node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    if (rc || rc2 || p9_whole(c))
        return rc ? rc : rc2 ? rc2 : -EINVAL;
    rc = ops_link(c->ops, dir->node, name, f->node, &entry);
    if (!rc)
        ops_forget(c->ops, entry.node, 1);
    return rc;
}

/* ---- renaming and removing ---- */

int p9_do_renameat(struct p9_call *c)
{
    char from[OPS_NAME_MAX + 2], to[OPS_NAME_MAX + 2];
    struct p9_fid *a, *b;
    int rc = p9_node_of(c, &a), rc2;

    p9_string(&c->in, from, sizeof(from));
    rc2 = p9_node_of(c, &b);
    p9_string(&c->in, to, sizeof(to));
    if (rc || rc2 || p9_whole(c))
        return rc ? rc : rc2 ? rc2 : -EINVAL;
    return ops_rename(c->ops, a->node, from, b->node, to, 0);
}

/* The name under which a fid was found, if that is still its node's. */
static int still_there(struct p9_call *c, const struct p9_fid *f,
                       uint32_t *mode_r)
{
    struct ops_entry entry;
    bool same;
    int rc;

    if (!f->dir || !f->name[0])
        return -EBUSY;
    rc = ops_lookup(c->ops, f->dir, f->name, &entry);
    if (rc)
        return rc;
    same = entry.node == f->node;
    *mode_r = entry.attr.mode;
    ops_forget(c->ops, entry.node, 1);
    return same ? 0 : -ESTALE;
}

int p9_do_rename(struct p9_call *c)
{
    char to[OPS_NAME_MAX + 2];
    struct p9_fid *f, *dir;
    uint32_t mode;
    int rc = p9_node_of(c, &f), rc2 = p9_node_of(c, &dir);

    p9_string(&c->in, to, sizeof(to));
    if (rc || rc2 || p9_whole(c))
        return rc ? rc : rc2 ? rc2 : -EINVAL;
    rc = still_there(c, f, &mode);
    if (!rc)
        rc = ops_rename(c->ops, f->dir, f->name, dir->node, to, 0);
    return rc;
}

int p9_do_unlinkat(struct p9_call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct p9_fid *f;
    uint32_t flags;
    int rc = p9_node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    flags = p9_u32(&c->in);
    if (rc || p9_whole(c))
        return rc ? rc : -EINVAL;
    if (flags & AT_REMOVEDIR)
        return ops_rmdir(c->ops, f->node, name);
    return ops_unlink(c->ops, f->node, name);
}

/* The fid is gone whatever becomes of the name. */
int p9_do_remove(struct p9_call *c)
{
    struct p9_fid *f;
    uint32_t mode;
    int rc = p9_node_of(c, &f);

    if (rc)
        return rc;
    rc = still_there(c, f, &mode);
    if (!rc)
        rc = S_ISDIR(mode) ? ops_rmdir(c->ops, f->dir, f->name)
                           : ops_unlink(c->ops, f->dir, f->name);
    p9_fid_drop(&c->p9->fids, f);
    return rc;
}
