/* SPDX-License-Identifier: GPL-2.0-only */
/* What messages of 9P have in common, see p9_call.h. */
#include "p9_call.h"

#include <errno.h>
#include <sys/stat.h>

int p9_whole(const struct p9_call *c)
{
    return c->in.bad ? -EINVAL : 0;
}

int p9_fid_of(struct p9_call *c, struct p9_fid **f_r)
{
    *f_r = p9_fid_find(&c->p9->fids, p9_u32(&c->in));
    return *f_r ? 0 : -EBADF;
}

int p9_node_of(struct p9_call *c, struct p9_fid **f_r)
{
    int rc = p9_fid_of(c, f_r);

    return !rc && (*f_r)->kind != P9_NODE ? -EBADF : rc;
}

void p9_put_qid(struct p9_call *c, const struct ops_attr *a)
{
    uint32_t type = a->mode & S_IFMT;

    p9_put_u8(&c->out, type == S_IFDIR ? P9_QID_DIR :
                       type == S_IFLNK ? P9_QID_LINK : 0);
    p9_put_u32(&c->out, (uint32_t)(a->mtime.tv_sec ^ a->mtime.tv_nsec ^
                                   (int64_t)(a->size << 8)));
    p9_put_u64(&c->out, a->ino);
}

int p9_made(struct p9_call *c, int rc, const struct ops_entry *entry)
{
    if (rc)
        return rc;
    p9_put_qid(c, &entry->attr);
    ops_forget(c->ops, entry->node, 1);
    return 0;
}

struct ops_cred p9_cred_of(const struct p9_fid *f, uint32_t gid)
{
    return (struct ops_cred){ .uid = f->cred.uid, .gid = gid };
}

uint32_t p9_bounded(const struct p9_call *c, uint32_t count)
{
    uint32_t room = (uint32_t)(c->out.end - c->out.at);

    room = room > 4 ? room - 4 : 0;
    return count < room ? count : room;
}
