/* SPDX-License-Identifier: GPL-2.0-only */
/* Walking from fid to fid, and letting them go. */
#include "p9_call.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define WALK_MAX 16u

struct walk {
    struct ops_entry at;        /* held */
    uint64_t dir;               /* where it was found; held; 0: none */
    char name[OPS_NAME_MAX + 1];
};

/* ".." stays in the share: its root is its own parent. */
static int step_up(struct p9_call *c, struct walk *w, struct ops_entry *next)
{
    int rc = ops_parent(c->ops, w->at.node, next);

    if (rc)
        return rc;
    if (next->node == OPS_ROOT) {
        ops_forget(c->ops, next->node, 1);
        *next = w->at;
        return ops_hold(c->ops, next->node);
    }
    w->name[0] = '\0';
    return 0;
}

static int step(struct p9_call *c, struct walk *w, const char *name)
{
    struct ops_entry next;
    int rc;

    if (!S_ISDIR(w->at.attr.mode))
        return -ENOTDIR;
    if (!strcmp(name, "..")) {
        rc = step_up(c, w, &next);
        if (rc)
            return rc;
        if (w->dir)
            ops_forget(c->ops, w->dir, 1);
        ops_forget(c->ops, w->at.node, 1);
        w->dir = 0;
    } else {
        rc = ops_lookup(c->ops, w->at.node, name, &next);
        if (rc)
            return rc;
        if (w->dir)
            ops_forget(c->ops, w->dir, 1);
        w->dir = w->at.node;    /* with its reference */
        memcpy(w->name, name, strlen(name) + 1);
    }
    w->at = next;
    p9_put_qid(c, &next.attr);
    return 0;
}

static int walk_begin(struct p9_call *c, const struct p9_fid *f, struct walk *w)
{
    int rc = ops_getattr(c->ops, f->node, f->fh, &w->at.attr);

    w->at.node = f->node;
    w->dir = 0;
    if (!rc)
        rc = ops_hold(c->ops, f->node);
    if (!rc && f->dir && !ops_hold(c->ops, f->dir)) {
        w->dir = f->dir;
        memcpy(w->name, f->name, strlen(f->name) + 1);
    }
    return rc;
}

static void walk_end(struct p9_call *c, struct walk *w)
{
    if (w->dir)
        ops_forget(c->ops, w->dir, 1);
    ops_forget(c->ops, w->at.node, 1);
}

static int walk_take(struct p9_call *c, struct p9_fid *f, uint32_t new_fid,
                     struct walk *w)
{
    struct p9_fids *fids = &c->p9->fids;
    struct p9_fid *made_fid;
    int rc = ops_hold(c->ops, w->at.node);      /* the fid's own */

    if (rc)
        return rc;
    if (new_fid == f->fid)
        rc = f->fh ? -EBUSY : p9_fid_move(fids, f, w->at.node, w->dir,
                                          w->name);
    else
        rc = p9_fid_new(fids, new_fid, w->at.node, w->dir, w->name, &f->cred,
                        &made_fid);
    if (rc)
        ops_forget(c->ops, w->at.node, 1);
    return rc;
}

int p9_do_walk(struct p9_call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct p9_fid *f;
    struct walk w;
    uint8_t *count;
    uint16_t names, n;
    uint32_t new_fid;
    int rc = p9_node_of(c, &f);

    new_fid = p9_u32(&c->in);
    names = p9_u16(&c->in);
    if (rc)
        return rc;
    if (names > WALK_MAX || p9_whole(c))
        return -EINVAL;
    rc = walk_begin(c, f, &w);
    if (rc)
        return rc;
    count = c->out.at;
    p9_put_u16(&c->out, 0);
    for (n = 0; !rc && n < names; n++) {
        p9_string(&c->in, name, sizeof(name));
        rc = p9_whole(c) ? -ENAMETOOLONG : step(c, &w, name);
    }
    /* As far as it went is an answer too, but makes no fid. */
    if (rc && n > 1) {
        n--;
        rc = 0;
    } else if (!rc) {
        rc = walk_take(c, f, new_fid, &w);
    }
    walk_end(c, &w);
    if (!rc) {
        count[0] = (uint8_t)n;
        count[1] = 0;
    }
    return rc;
}

int p9_do_clunk(struct p9_call *c)
{
    struct p9_fid *f;
    int rc = p9_fid_of(c, &f);

    if (rc)
        return rc;
    if (f->kind == P9_XATTR_WRITE) {
        if (f->value_len != f->value_room)
            rc = -EIO;          /* it was not written whole */
        else if (!f->value_len)
            rc = ops_removexattr(c->ops, f->node, f->attr);
        else
            rc = ops_setxattr(c->ops, f->node, f->attr, f->value,
                              f->value_len, f->flags);
    }
    p9_fid_drop(&c->p9->fids, f);
    return rc;
}
