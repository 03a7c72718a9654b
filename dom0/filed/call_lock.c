/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks of the file protocol. See call.h.
 */
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <xenkeep/util.h>

static const int lock_types[] = {
    [XK_XKFS_RDLCK] = F_RDLCK, [XK_XKFS_WRLCK] = F_WRLCK,
    [XK_XKFS_UNLCK] = F_UNLCK,
};

static const enum ops_lock_kind lock_kinds[] = {
    [XK_XKFS_LOCK_POSIX] = OPS_LOCK_POSIX, [XK_XKFS_LOCK_OFD] = OPS_LOCK_OFD,
    [XK_XKFS_LOCK_FLOCK] = OPS_LOCK_FLOCK,
};

static int read_lock(struct call *c, struct ops_lock *lock)
{
    struct xk_xkfs_lock wire;

    memcpy(&wire, c->in, sizeof(wire));
    if (wire.kind >= XK_ARRAY_SIZE(lock_kinds) ||
        wire.type >= XK_ARRAY_SIZE(lock_types))
        return -EINVAL;
    *lock = (struct ops_lock){
        .kind = lock_kinds[wire.kind], .type = lock_types[wire.type],
        .start = wire.start, .end = wire.end, .owner = wire.owner,
        .pid = wire.pid,
    };
    return 0;
}

static uint8_t wire_type(int type)
{
    return type == F_RDLCK ? XK_XKFS_RDLCK
           : type == F_WRLCK ? XK_XKFS_WRLCK : XK_XKFS_UNLCK;
}

int call_getlk(struct call *c)
{
    struct xk_xkfs_lock wire = { 0 };
    struct ops_lock lock;
    int rc = read_lock(c, &lock);

    if (!rc)
        rc = ops_getlk(c->ops, c->req->fh, &lock);
    if (rc)
        return rc;
    wire.start = lock.start;
    wire.end = lock.end;
    wire.kind = c->in[offsetof(struct xk_xkfs_lock, kind)];
    wire.type = wire_type(lock.type);
    return call_put(c, &wire, sizeof(wire));
}

int call_setlk(struct call *c)
{
    struct ops_lock lock;
    int rc = read_lock(c, &lock);

    if (!rc)
        rc = ops_setlk(c->ops, c->req->fh, &lock);
    if (!rc && lock.type == F_UNLCK)
        (void)codec_retry(c->codec);
    if (rc == -EAGAIN && (c->req->flags & XK_XKFS_F_WAIT) &&
        lock.type != F_UNLCK)
        rc = wait_add(c, &lock);
    return rc;
}

static bool lock_due(struct codec *codec, struct codec_wait *w, void *arg)
{
    (void)arg;
    if (w->notify)
        return false;
    w->status = ops_setlk(codec->ops, w->req.fh, &w->lock);
    return w->status != -EAGAIN;
}

bool codec_retry(struct codec *codec)
{
    struct codec_wait *done, *w;

    pthread_mutex_lock(&codec->lock);
    done = wait_take(codec, lock_due, NULL);
    for (w = codec->waits; w && w->notify; w = w->next)
        ;
    pthread_mutex_unlock(&codec->lock);
    wait_answer_all(codec, done);
    return w != NULL;
}

static bool interrupt_due(struct codec *codec, struct codec_wait *w, void *arg)
{
    (void)codec;
    w->status = -EINTR;
    return !w->notify && w->req.id == *(const uint64_t *)arg;
}

int call_interrupt(struct call *c)
{
    struct codec *codec = c->codec;
    struct codec_wait *done;
    uint64_t id = c->req->arg[0];

    pthread_mutex_lock(&codec->lock);
    done = wait_take(codec, interrupt_due, &id);
    pthread_mutex_unlock(&codec->lock);
    wait_answer_all(codec, done);
    return 0;
}
