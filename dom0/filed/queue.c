/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Serving a queue, see queue.h. The indices of the ring are read once; a
 * request is copied out of it before it is looked at.
 */
#include "queue.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include <xenkeep/util.h>

#include "workers.h"

/* The control queue looks at locks that wait for dom0 so often. */
#define RETRY_MS 20

struct job {
    struct workers_job job;
    struct queue *queue;
    struct xk_xkfs_req req;
};

static int lib_errno(void)
{
    return errno ? -errno : -EIO;
}

int queue_open(struct queue *q, uint32_t domid, uint32_t untrusted_port,
               void *page, size_t size)
{
    xk_files_sring_t *shared = page;
    int port;

    pthread_mutex_init(&q->lock, NULL);
    BACK_RING_INIT(&q->ring, shared, size);
    errno = 0;
    q->xce = xenevtchn_open(NULL, 0);
    if (!q->xce)
        return lib_errno();
    if (xenevtchn_restrict(q->xce, (domid_t)domid))
        return lib_errno();
    port = xenevtchn_bind_interdomain(q->xce, domid, untrusted_port);
    if (port <= 0)
        return lib_errno();
    q->port = (uint32_t)port;
    return 0;
}

void queue_answer(struct queue *q, const struct xk_xkfs_rsp *rsp)
{
    int notify;

    pthread_mutex_lock(&q->lock);
    *RING_GET_RESPONSE(&q->ring, q->ring.rsp_prod_pvt) = *rsp;
    q->ring.rsp_prod_pvt++;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&q->ring, notify);
    pthread_mutex_unlock(&q->lock);
    if (notify)
        (void)xenevtchn_notify(q->xce, q->port);
}

static void serve(struct queue *q, const struct xk_xkfs_req *req, bool wait);

static void run_job(struct workers_job *job)
{
    struct job *j = XK_CONTAINER_OF(job, struct job, job);

    serve(j->queue, &j->req, true);
    free(j);
}

static void hand_on(struct queue *q, const struct xk_xkfs_req *req)
{
    struct job *j = malloc(sizeof(*j));

    if (!j) {
        serve(q, req, true);
        return;
    }
    j->job.run = run_job;
    j->queue = q;
    j->req = *req;
    workers_add(q->workers, req->fh ? req->fh : req->node, &j->job);
}

static void serve(struct queue *q, const struct xk_xkfs_req *req, bool wait)
{
    struct xk_xkfs_rsp rsp;

    switch (codec_do(q->codec, req, q->control, wait, &rsp)) {
    case CODEC_DONE:
        queue_answer(q, &rsp);
        if (codec_broken(q->codec))
            q->broken(q->arg, "too many malformed requests");
        break;
    case CODEC_WORKER:
        hand_on(q, req);
        break;
    case CODEC_LATER:
        break;
    }
}

/* Responses may be pushed by others meanwhile, so what is free of the ring
 * only grows. */
bool queue_drain(struct queue *q)
{
    struct xk_xkfs_req req;
    RING_IDX prod = *(volatile RING_IDX *)&q->ring.sring->req_prod;
    bool some = false, bad;

    xen_rmb();
    pthread_mutex_lock(&q->lock);
    bad = RING_REQUEST_PROD_OVERFLOW(&q->ring, prod) ||
          prod - q->ring.req_cons > RING_SIZE(&q->ring);
    pthread_mutex_unlock(&q->lock);
    if (bad) {
        q->broken(q->arg, "a ring's index is out of bounds");
        return false;
    }
    while (q->ring.req_cons != prod) {
        RING_COPY_REQUEST(&q->ring, q->ring.req_cons, &req);
        q->ring.req_cons++;
        serve(q, &req, false);
        some = true;
    }
    return some;
}

static bool more(struct queue *q)
{
    return *(volatile RING_IDX *)&q->ring.sring->req_prod !=
           q->ring.req_cons;
}

/* Looks for a while before it costs an event: only if the last requests came
 * that soon. */
static bool look(struct queue *q, uint64_t end)
{
    while (xk_now_us() < end) {
        if (more(q))
            return true;
        __builtin_ia32_pause();
    }
    return false;
}

static bool rearm(struct queue *q)
{
    int again;

    RING_FINAL_CHECK_FOR_REQUESTS(&q->ring, again);
    return again;
}

static void await(struct queue *q, bool locks)
{
    struct pollfd pfd = { .fd = xenevtchn_fd(q->xce), .events = POLLIN };
    int port;

    if (poll(&pfd, 1, locks ? RETRY_MS : -1) <= 0)
        return;
    port = xenevtchn_pending(q->xce);
    if (port > 0)
        (void)xenevtchn_unmask(q->xce, (uint32_t)port);
}

static void *run(void *arg)
{
    struct queue *q = arg;
    uint64_t now, served = 0, until = 0;
    bool locks = false;

    for (;;) {
        if (queue_drain(q)) {
            now = xk_now_us();
            if (now - served < 2u * q->poll_us)
                until = now + q->poll_us;
            served = now;
            continue;
        }
        if (q->control)
            locks = codec_retry(q->codec);
        if (!look(q, until) && !rearm(q))
            await(q, locks);
    }
    return NULL;
}

int queue_start(struct queue *q)
{
    return pthread_create(&q->thread, NULL, run, q) ? -EAGAIN : 0;
}
