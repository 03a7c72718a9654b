/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests of the file protocol, see codec.h: a table of operations.
 */
#include "codec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenkeep/util.h>

#include "call.h"

#define CONTROL 0x1u    /* on the control queue only */
#define EITHER 0x2u     /* on any queue */
#define SLOW 0x4u       /* always for a worker */
#define DATA 0x8u       /* `in` or `out` is file data */
#define ONCE 0x10u      /* not to be done twice */

static const struct op {
    call_fn *fn;
    unsigned int flags;
    uint32_t in;                /* at least */
    uint32_t out;               /* at least */
} table[XK_XKFS_OPS] = {
    [XK_XKFS_HELLO] = { call_hello, CONTROL, 0, sizeof(struct xk_xkfs_hello) },
    [XK_XKFS_STATFS] = { call_statfs, 0, 0, sizeof(struct xk_xkfs_statfs) },
    [XK_XKFS_LOOKUP] = { call_lookup, 0, 0, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_FORGET] = { call_forget, EITHER, 0, 0 },
    [XK_XKFS_GETATTR] = { call_getattr, 0, 0, sizeof(struct xk_xkfs_attr) },
    [XK_XKFS_SETATTR] = { call_setattr, 0, sizeof(struct xk_xkfs_setattr),
                          sizeof(struct xk_xkfs_attr) },
    [XK_XKFS_READLINK] = { call_readlink, 0, 0, 0 },
    [XK_XKFS_OPEN] = { call_open, 0, 0, 0 },
    [XK_XKFS_CREATE] = { call_create, ONCE, 1, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_RELEASE] = { call_release, EITHER, 0, 0 },
    [XK_XKFS_READ] = { call_read, DATA, 0, 0 },
    [XK_XKFS_WRITE] = { call_write, DATA, 0, 0 },
    [XK_XKFS_FSYNC] = { call_fsync, SLOW, 0, 0 },
    [XK_XKFS_SYNCFS] = { call_syncfs, SLOW, 0, 0 },
    [XK_XKFS_READDIR] = { call_readdir, DATA, 0, 0 },
    [XK_XKFS_MKDIR] = { call_mkdir, ONCE, 1, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_MKNOD] = { call_mknod, ONCE, 1, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_SYMLINK] = { call_symlink, ONCE, 1,
                          sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_LINK] = { call_link, ONCE, 1, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_UNLINK] = { call_unlink, ONCE, 1, 0 },
    [XK_XKFS_RMDIR] = { call_rmdir, ONCE, 1, 0 },
    [XK_XKFS_RENAME] = { call_rename, ONCE, 2, 0 },
    [XK_XKFS_FALLOCATE] = { call_fallocate, SLOW, 0, 0 },
    [XK_XKFS_LSEEK] = { call_lseek, 0, 0, 0 },
    [XK_XKFS_COPY] = { call_copy, SLOW, 0, 0 },
    [XK_XKFS_GETXATTR] = { call_getxattr, 0, 1, 0 },
    [XK_XKFS_SETXATTR] = { call_setxattr, ONCE, 1, 0 },
    [XK_XKFS_LISTXATTR] = { call_listxattr, 0, 0, 0 },
    [XK_XKFS_RMXATTR] = { call_rmxattr, ONCE, 1, 0 },
    [XK_XKFS_GETLK] = { call_getlk, EITHER, sizeof(struct xk_xkfs_lock),
                        sizeof(struct xk_xkfs_lock) },
    [XK_XKFS_SETLK] = { call_setlk, EITHER, sizeof(struct xk_xkfs_lock), 0 },
    [XK_XKFS_TMPFILE] = { call_tmpfile, 0, 0, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_INTERRUPT] = { call_interrupt, CONTROL, 0, 0 },
    [XK_XKFS_NOTIFY] = { call_notify, CONTROL, 0, 0 },
    [XK_XKFS_RESTORE] = { call_restore, EITHER, 0,
                          sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_REOPEN] = { call_reopen, EITHER, 0, 0 },
};

static bool within(const struct codec *codec, uint32_t off, uint32_t len,
                   uint32_t max)
{
    return len <= max && (uint64_t)off + len <= codec->pool_size;
}

/* Its shape: right queue, and everything it points at within the pool. */
static const struct op *check(const struct codec *codec,
                              const struct xk_xkfs_req *req, bool control)
{
    const struct op *op;
    uint32_t max;

    if (!req->id || req->op >= XK_XKFS_OPS || !table[req->op].fn)
        return NULL;
    op = &table[req->op];
    if (req->op != XK_XKFS_HELLO && !atomic_load(&codec->greeted))
        return NULL;
    if (control != !!(op->flags & CONTROL) && !(op->flags & EITHER))
        return NULL;
    if ((req->flags & XK_XKFS_F_WAIT) && !control)
        return NULL;
    max = op->flags & DATA ? XK_XKFS_IO_MAX : XK_XKFS_MSG_MAX;
    if (!within(codec, req->in_off, req->in_len, max) ||
        !within(codec, req->out_off, req->out_len, max) ||
        req->in_len < op->in || req->out_len < op->out)
        return NULL;
    return op;
}

/* What is a name or a structure comes out of the pool, once. */
static int copy_in(struct call *c, const struct op *op, uint8_t *small,
                   size_t size)
{
    const struct xk_xkfs_req *req = c->req;

    if (op->flags & DATA) {
        c->data = c->codec->pool + req->in_off;
        return 0;
    }
    c->in = req->in_len < size ? small : malloc(req->in_len + 1);
    if (!c->in)
        return -ENOMEM;
    memcpy(c->in, c->codec->pool + req->in_off, req->in_len);
    c->in[req->in_len] = '\0';
    return 0;
}

static bool once(const struct xk_xkfs_req *req, const struct op *op)
{
    return (op->flags & ONCE) || (req->op == XK_XKFS_WRITE &&
                                  (req->flags & XK_XKFS_F_APPEND));
}

/* As the guest calls it: what the request names, or else the node. */
static void write_down(const struct call *c, uint32_t share)
{
    struct timespec ts = { 0 };
    char name[OPS_NAME_MAX + 1] = "";
    struct audit_record r = {
        .share = share, .uid = c->req->uid, .status = c->rsp->status,
        .op = c->req->op, .ino = c->made,
    };

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    r.time_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
    if (c->in && c->req->in_len && (table[c->req->op].flags & ONCE))
        snprintf(name, sizeof(name), "%.*s",
                 (int)(c->req->name_len ? c->req->name_len : c->req->in_len),
                 (const char *)c->in);
    else
        ops_name(c->ops, c->req->node, name);
    snprintf(r.name, sizeof(r.name), "%.*s", (int)sizeof(r.name) - 1, name);
    audit_add(c->codec->audit, &r);
}

static void count(const struct call *c, uint64_t begun)
{
    const struct xk_xkfs_req *req = c->req;
    bool audit;
    uint32_t share = ops_share_of(c->ops, req->node, req->fh, &audit);
    struct stats *stats = &c->codec->stats[share % SHARES_MAX];

    if (!share)
        return;
    if (audit && audit_wants(req->op))
        write_down(c, share);
    stats_count(stats, req->op, xk_now_us() - begun, c->rsp->status);
    if (!c->rsp->status && req->op == XK_XKFS_READ)
        atomic_fetch_add(&stats->read_bytes, c->rsp->out_len);
    if (!c->rsp->status && req->op == XK_XKFS_WRITE)
        atomic_fetch_add(&stats->written_bytes, c->rsp->value);
}

/* The share's rate, before data goes. */
static int pace(const struct call *c)
{
    if (c->req->op == XK_XKFS_READ)
        return ops_pace(c->ops, c->req->fh, c->req->out_len, c->wait);
    if (c->req->op == XK_XKFS_WRITE)
        return ops_pace(c->ops, c->req->fh, c->req->in_len, c->wait);
    return 0;
}

static int carry_out(struct call *c, const struct op *op)
{
    int rc = pace(c);

    if (rc)
        return rc;
    return once(c->req, op) ? again_do(c, op->fn) : op->fn(c);
}

static enum codec_result conclude(struct call *c, const struct op *op, int rc,
                                  uint64_t begun)
{
    struct xk_xkfs_rsp *rsp = c->rsp;

    if (rc == CALL_LATER) {
        if (c->req->op == XK_XKFS_NOTIFY)
            codec_deliver(c->codec);
        return CODEC_LATER;
    }
    if (rc == -EAGAIN && !c->wait && (op->flags & DATA))
        return CODEC_WORKER;
    if (rc == -EPROTO)
        atomic_fetch_add(&c->codec->faults, 1);
    rsp->status = rc;
    if (rc)
        rsp->out_len = 0, rsp->value = rsp->value2 = 0;
    count(c, begun);
    return CODEC_DONE;
}

enum codec_result codec_do(struct codec *codec, const struct xk_xkfs_req *req,
                           bool control, bool wait, struct xk_xkfs_rsp *rsp)
{
    uint8_t small[512];
    struct call c = {
        .codec = codec, .ops = codec->ops, .req = req, .rsp = rsp,
        .wait = wait, .cred = { req->uid, req->gid },
    };
    const struct op *op = check(codec, req, control);
    uint64_t begun = xk_now_us();
    enum codec_result result;
    int rc;

    *rsp = (struct xk_xkfs_rsp){ .id = req->id, .status = -EPROTO };
    if (!op) {
        atomic_fetch_add(&codec->faults, 1);
        return CODEC_DONE;
    }
    if (!wait && (op->flags & SLOW))
        return CODEC_WORKER;
    c.out = codec->pool + req->out_off;
    rc = copy_in(&c, op, small, sizeof(small));
    if (!rc)
        rc = carry_out(&c, op);
    result = conclude(&c, op, rc, begun);
    if (c.in != small)
        free(c.in);
    return result;
}

bool codec_broken(struct codec *codec)
{
    return atomic_load(&codec->faults) >= CODEC_FAULTS;
}

void codec_init(struct codec *codec, struct remember *remember)
{
    memory_init(&codec->memory, remember);
    pthread_mutex_init(&codec->lock, NULL);
}

void codec_dispose(struct codec *codec)
{
    struct codec_wait *w;

    while ((w = codec->waits)) {
        codec->waits = w->next;
        free(w);
    }
    codec_forget_events(codec);
    pthread_mutex_destroy(&codec->lock);
}
