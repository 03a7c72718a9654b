/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A queue: the ring, its event channel, and the thread that serves it. The
 * thread does requests itself and hands on only what would wait.
 */
#ifndef XK_FILED_QUEUE_H
#define XK_FILED_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <xenevtchn.h>

#include "codec.h"
#include "wire_ring.h"

struct queue;
struct workers;

struct queue {
    struct codec *codec;
    struct workers *workers;
    bool control;
    uint32_t poll_us;
    xk_files_back_ring_t ring;
    pthread_mutex_t lock;       /* of the responses */
    xenevtchn_handle *xce;      /* restricted to the guest */
    uint32_t port;
    pthread_t thread;
    void (*broken)(void *arg, const char *why);
    void *arg;
};

/* Binds the port on a handle of its own that can reach no other domain. */
int queue_open(struct queue *q, uint32_t domid, uint32_t untrusted_port,
               void *page, size_t size);
int queue_start(struct queue *q);
/* Serves all requests that are there; false: none were, or the ring is
 * nonsense. Its thread does it. */
bool queue_drain(struct queue *q);
/* From any thread. */
void queue_answer(struct queue *q, const struct xk_xkfs_rsp *rsp);

#endif /* XK_FILED_QUEUE_H */
