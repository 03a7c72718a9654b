/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests that are not to be done twice: making, moving and removing names.
 * What was there is written down before, what came of it after. When such a
 * request is sent again, because a server died, it was done (then its answer
 * is told again), or it was begun: then what is there now, held against what
 * was there before, says whether it happened.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <xenkeep/util.h>

#include "call.h"
#include "fault.h"

/* How an operation is told apart from one that happened already. */
enum kind {
    PLAIN,          /* the answer is all there is to it */
    MAKES,          /* `before`: the inode of that name */
    REMOVES,        /* the same */
    MOVES,          /* the inode of the old name */
    SETS_XATTR,     /* whether it was there */
    REMOVES_XATTR,
    APPENDS,        /* the size */
};

static const enum kind kinds[XK_XKFS_OPS] = {
    [XK_XKFS_CREATE] = MAKES, [XK_XKFS_MKDIR] = MAKES,
    [XK_XKFS_MKNOD] = MAKES, [XK_XKFS_SYMLINK] = MAKES,
    [XK_XKFS_LINK] = MAKES, [XK_XKFS_UNLINK] = REMOVES,
    [XK_XKFS_RMDIR] = REMOVES, [XK_XKFS_RENAME] = MOVES,
    [XK_XKFS_SETXATTR] = SETS_XATTR, [XK_XKFS_RMXATTR] = REMOVES_XATTR,
    [XK_XKFS_WRITE] = APPENDS,
};

/* ---- what is there ---- */

/* The first name, whether or not a second follows. */
static int first_name(struct call *c, char name[XK_XKFS_NAME + 1])
{
    const uint8_t *rest;
    const char *only;
    uint32_t len;
    int rc;

    if (c->req->name_len)
        return call_split(c, name, &rest, &len);
    rc = call_string(c, &only);
    if (!rc && strlen(only) > XK_XKFS_NAME)
        rc = -ENAMETOOLONG;
    if (!rc)
        memcpy(name, only, strlen(only) + 1);
    return rc;
}

static uint64_t inode_of(struct call *c, uint64_t dir, const char *name)
{
    uint64_t ino;

    return ops_peek(c->ops, dir, name, &ino) ? 0 : ino;
}

static uint64_t look(struct call *c)
{
    char name[XK_XKFS_NAME + 1];
    struct ops_attr attr;

    switch (kinds[c->req->op]) {
    case PLAIN:
        return 0;
    case APPENDS:
        return ops_file_attr(c->ops, c->req->fh, &attr) ? 0 : attr.size;
    case SETS_XATTR:
    case REMOVES_XATTR:
        return !first_name(c, name) &&
               ops_getxattr(c->ops, c->req->node, name, NULL, 0) >= 0;
    default:
        return first_name(c, name) ? 0 : inode_of(c, c->req->node, name);
    }
}

/* ---- telling again ---- */

/* The entry of what was made; a file is opened once more. */
static int tell_made(struct call *c, uint64_t ino)
{
    char name[XK_XKFS_NAME + 1];
    struct ops_entry entry;
    int rc = first_name(c, name);

    if (!rc)
        rc = ops_lookup(c->ops, c->req->node, name, &entry);
    if (rc)
        return rc == -ENOENT ? -ESTALE : rc;
    if (ino && entry.attr.ino != ino)
        rc = -ESTALE;       /* somebody else's by now */
    if (!rc && c->req->op == XK_XKFS_CREATE)
        rc = ops_open_node(c->ops, entry.node, (int)c->req->arg[0] & ~O_TRUNC,
                           &c->rsp->value);
    if (rc) {
        ops_forget(c->ops, entry.node, 1);
        return rc;
    }
    return c->req->op == XK_XKFS_CREATE ? call_put_opened(c, &entry)
                                        : call_put_entry(c, &entry);
}

static int tell_again(struct call *c, const struct remember_record *r)
{
    c->rsp->value = r->value;
    c->rsp->value2 = r->value2;
    if (r->status || kinds[c->req->op] != MAKES)
        return r->status;
    return tell_made(c, r->ino);
}

/* ---- going on with what was begun ---- */

static bool moved_already(struct call *c, const struct remember_record *r)
{
    char name[XK_XKFS_NAME + 1];
    const char *to;

    return r->before && !call_two_strings(c, name, &to) &&
           inode_of(c, c->req->node, name) != r->before &&
           inode_of(c, c->req->node2, to) == r->before;
}

static int append_again(struct call *c, const struct remember_record *r)
{
    ssize_t n = ops_write(c->ops, c->req->fh, r->before, c->data,
                          c->req->in_len, false, NULL);

    if (n < 0)
        return (int)n;
    c->rsp->value = (uint64_t)n;
    c->rsp->value2 = r->before;
    return 0;
}

static int go_on(struct call *c, call_fn *fn, const struct remember_record *r)
{
    enum kind kind = kinds[c->req->op];
    int rc;

    if (kind == APPENDS)
        return append_again(c, r);
    if (kind == MOVES && moved_already(c, r))
        return 0;
    rc = fn(c);
    if (kind == MAKES && rc == -EEXIST && !r->before)
        rc = tell_made(c, 0);
    if (kind == MAKES && !rc && !r->before && c->req->op == XK_XKFS_CREATE)
        c->rsp->value2 = 1;
    if ((kind == REMOVES && rc == -ENOENT && r->before) ||
        (kind == SETS_XATTR && rc == -EEXIST && !r->before) ||
        (kind == REMOVES_XATTR && rc == -ENODATA && r->before))
        rc = 0;
    return rc;
}

static uint64_t made_inode(struct call *c, int rc)
{
    return !rc && kinds[c->req->op] == MAKES ? c->made : 0;
}

int again_do(struct call *c, call_fn *fn)
{
    struct memory *m = &c->codec->memory;
    struct remember_record *r = NULL;
    bool begun = false;
    int rc;

    if (c->req->flags & XK_XKFS_F_AGAIN)
        r = memory_find(m, c->req->id, c->req->op);
    if (r && r->state == REMEMBER_DONE)
        return tell_again(c, r);
    begun = r != NULL;
    if (!r)
        r = memory_begin(m, c->req->id, c->req->op, look(c));
    xk_fault("filed_begun");
    rc = begun ? go_on(c, fn, r) : fn(c);
    xk_fault("filed_done");
    if (r)
        memory_done(r, rc, c->rsp->value, c->rsp->value2,
                    made_inode(c, rc));
    xk_fault("filed_remembered");
    return rc;
}
