/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What operations need of a request and give to its response, see call.h.
 */
#include "call.h"

#include <errno.h>
#include <string.h>

/* ---- answers ---- */

int call_put(struct call *c, const void *answer, size_t len)
{
    if (len > c->req->out_len)
        return -EPROTO;
    memcpy(c->out, answer, len);
    c->rsp->out_len = (uint32_t)len;
    return 0;
}

static struct xk_xkfs_time wire_time(const struct timespec *t)
{
    return (struct xk_xkfs_time){
        .sec = t->tv_sec, .nsec = (uint32_t)t->tv_nsec,
    };
}

static void wire_attr(const struct ops_attr *a, struct xk_xkfs_attr *w)
{
    *w = (struct xk_xkfs_attr){
        .ino = a->ino, .size = a->size, .blocks = a->blocks,
        .atime = wire_time(&a->atime), .mtime = wire_time(&a->mtime),
        .ctime = wire_time(&a->ctime), .btime = wire_time(&a->btime),
        .mode = a->mode, .nlink = a->nlink, .uid = a->uid, .gid = a->gid,
        .rdev = a->rdev_major << 20 | (a->rdev_minor & 0xfffff),
        .blksize = a->blksize, .share = a->share, .share_id = a->share_id,
        .version = a->version,
    };
}

void call_wire_entry(const struct ops_entry *e, struct xk_xkfs_entry *w)
{
    memset(w, 0, sizeof(*w));
    w->node = e->node;
    w->generation = e->generation;
    w->handle_len = e->handle_len;
    memcpy(w->handle, e->handle, e->handle_len);
    wire_attr(&e->attr, &w->attr);
}

int call_put_attr(struct call *c, const struct ops_attr *attr)
{
    struct xk_xkfs_attr wire;

    wire_attr(attr, &wire);
    return call_put(c, &wire, sizeof(wire));
}

int call_put_entry(struct call *c, const struct ops_entry *entry)
{
    struct xk_xkfs_entry wire;

    c->made = entry->attr.ino;
    call_wire_entry(entry, &wire);
    return call_put(c, &wire, sizeof(wire));
}

/* ---- strings ---- */

/* A single one fills `in`; a NUL in it would hide the rest. */
int call_string(struct call *c, const char **s_r)
{
    *s_r = (const char *)c->in;
    return memchr(c->in, 0, c->req->in_len) ? -EINVAL : 0;
}

/* Two, the first name_len bytes long: that one moves to `buf`. The second is
 * bytes, rest_len of them and a NUL. */
int call_split(struct call *c, char buf[XK_XKFS_NAME + 1],
                 const uint8_t **rest_r, uint32_t *rest_len_r)
{
    uint32_t len = c->req->name_len;

    if (len > c->req->in_len)
        return -EPROTO;
    if (len > XK_XKFS_NAME)
        return -ENAMETOOLONG;
    if (memchr(c->in, 0, len))
        return -EINVAL;
    memcpy(buf, c->in, len);
    buf[len] = '\0';
    *rest_r = c->in + len;
    *rest_len_r = c->req->in_len - len;
    return 0;
}

int call_two_strings(struct call *c, char first[XK_XKFS_NAME + 1],
                       const char **second_r)
{
    const uint8_t *rest;
    uint32_t len;
    int rc = call_split(c, first, &rest, &len);

    if (!rc && memchr(rest, 0, len))
        rc = -EINVAL;
    *second_r = (const char *)rest;
    return rc;
}
