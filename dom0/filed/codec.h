/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file protocol of proto/xkfs.h, from a request to its response. It knows
 * the pool and the operations, and nothing of rings. Everything of a request
 * is hostile: names and structures are copied out of the pool once, lengths
 * and places are checked against the pool before they are used.
 */
#ifndef XK_FILED_CODEC_H
#define XK_FILED_CODEC_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xenkeep/proto/xkfs.h>

#include "audit.h"
#include "ops.h"
#include "remember.h"
#include "stats.h"

/* Requests that may break the protocol before the device is lost. */
#define CODEC_FAULTS 64u

/* Features that are served. */
#define CODEC_FEATURES (XK_XKFS_FEAT_LOCKS | XK_XKFS_FEAT_XATTR | \
                        XK_XKFS_FEAT_ACL | XK_XKFS_FEAT_RESTORE)

struct codec_wait;

struct codec {
    struct ops *ops;
    uint8_t *pool;              /* shared with the guest */
    size_t pool_size;
    uint64_t epoch;
    struct memory memory;
    struct stats *stats;        /* SHARES_MAX of them */
    struct audit *audit;
    atomic_bool greeted;        /* HELLO was answered */
    atomic_uint faults;
    pthread_mutex_t lock;       /* of what follows */
    struct codec_wait *waits;   /* SETLK and NOTIFY without their answer */
    uint32_t nr_waits;
    struct codec_event *events; /* to be told by a NOTIFY, oldest first */
    uint32_t nr_events;
    /* Sends a response that comes later, on the control queue. */
    void (*send)(void *arg, const struct xk_xkfs_rsp *rsp);
    void *arg;
};

enum codec_result {
    CODEC_DONE,         /* the response is complete */
    CODEC_LATER,        /* codec->send() will answer it */
    CODEC_WORKER,       /* would wait: do it once more with `wait` */
};

/* The rest is set before. */
void codec_init(struct codec *codec, struct remember *remember);
void codec_dispose(struct codec *codec);

/*
 * `untrusted` is a private copy of the slot. `control`: it came on the control
 * queue. `wait` false: CODEC_WORKER when it would have to wait.
 */
enum codec_result codec_do(struct codec *codec,
                           const struct xk_xkfs_req *untrusted, bool control,
                           bool wait, struct xk_xkfs_rsp *rsp);

/* Locks that could not be had before are tried again; to be called when one
 * was released, and now and then because of dom0's. True: some still wait. */
bool codec_retry(struct codec *codec);

/* Tells the guest of something: answers a NOTIFY, or the next. */
void codec_tell(struct codec *codec, uint32_t kind, uint32_t share_id);

/* The guest broke the protocol too often. */
bool codec_broken(struct codec *codec);

#endif /* XK_FILED_CODEC_H */
