/* SPDX-License-Identifier: GPL-2.0-only */
/* The fids of a session, see p9_fid.h. */
#include "p9_fid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

void p9_fids_init(struct p9_fids *fids, struct ops *ops)
{
    *fids = (struct p9_fids){ .ops = ops };
}

struct p9_fid *p9_fid_find(struct p9_fids *fids, uint32_t fid)
{
    struct table_link *link;
    struct p9_fid *f;

    for (link = table_first(&fids->table, table_hash_u64(fid)); link;
         link = table_next(link)) {
        f = XK_CONTAINER_OF(link, struct p9_fid, link);
        if (f->fid == fid)
            return f;
    }
    return NULL;
}

/* The place where it was found. */
static int set_place(struct p9_fids *fids, struct p9_fid *f, uint64_t dir,
                     const char *name)
{
    char *copy = NULL;
    int rc;

    if (dir) {
        copy = strdup(name);
        if (!copy)
            return -ENOMEM;
        rc = ops_hold(fids->ops, dir);
        if (rc) {
            free(copy);
            return rc;
        }
    }
    if (f->dir)
        ops_forget(fids->ops, f->dir, 1);
    free(f->name);
    f->dir = dir;
    f->name = copy;
    return 0;
}

int p9_fid_new(struct p9_fids *fids, uint32_t fid, uint64_t node,
               uint64_t dir, const char *name, const struct ops_cred *cred,
               struct p9_fid **fid_r)
{
    struct p9_fid *f;
    int rc;

    if (fid == P9_NO_FID || p9_fid_find(fids, fid))
        return -EINVAL;
    if (fids->table.count >= P9_FIDS_MAX)
        return -ENFILE;
    f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->fid = fid;
    f->cred = *cred;
    rc = set_place(fids, f, dir, name);
    if (!rc)
        rc = table_put(&fids->table, &f->link, table_hash_u64(fid));
    if (rc) {
        if (f->dir)
            ops_forget(fids->ops, f->dir, 1);
        free(f->name);
        free(f);
        return rc;
    }
    f->node = node;
    *fid_r = f;
    return 0;
}

int p9_fid_move(struct p9_fids *fids, struct p9_fid *f, uint64_t node,
                uint64_t dir, const char *name)
{
    int rc = set_place(fids, f, dir, name);

    if (rc)
        return rc;
    ops_forget(fids->ops, f->node, 1);
    f->node = node;
    return 0;
}

int p9_fid_room(struct p9_fids *fids, struct p9_fid *f, size_t n)
{
    if (n > P9_XATTR_MAX || n > P9_XATTR_BYTES_MAX - fids->value_bytes)
        return -ENOSPC;
    f->value = malloc(n ? n : 1);
    if (!f->value)
        return -ENOMEM;
    f->value_room = n;
    fids->value_bytes += n;
    return 0;
}

static void fid_free(struct p9_fids *fids, struct p9_fid *f)
{
    if (f->fh)
        (void)ops_release(fids->ops, f->fh);
    ops_forget(fids->ops, f->node, 1);
    if (f->dir)
        ops_forget(fids->ops, f->dir, 1);
    if (f->value)
        fids->value_bytes -= f->value_room;
    free(f->value);
    free(f->attr);
    free(f->name);
    free(f);
}

void p9_fid_drop(struct p9_fids *fids, struct p9_fid *f)
{
    table_remove(&fids->table, &f->link);
    fid_free(fids, f);
}

static void drop_one(struct table_link *link, void *arg)
{
    p9_fid_drop(arg, XK_CONTAINER_OF(link, struct p9_fid, link));
}

void p9_fids_dispose(struct p9_fids *fids)
{
    table_each(&fids->table, drop_one, fids);
    table_dispose(&fids->table);
}
