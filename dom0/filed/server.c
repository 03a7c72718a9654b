/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server's life, see server.h: map, shut in, be told the shares, serve. The
 * first thread listens to the parent; each queue has a thread of its own.
 */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "area.h"
#include "codec.h"
#include "link.h"
#include "mapping.h"
#include "queue.h"
#include "shut_in.h"
#include "workers.h"

#define WORKERS 4u
/* While a share drains, its users are counted so often. */
#define DRAIN_MS 100

struct server {
    const struct plan *plan;
    int link;
    struct mapping map;
    struct ops *ops;
    struct codec codec;
    struct workers *workers;
    struct queue queue[PLAN_QUEUES];
    uint32_t draining[SHARES_MAX];      /* ids; 0: free */
};

static void say(struct server *s, enum link_type type, uint32_t id,
                const char *why)
{
    struct link_msg msg = { .type = type, .id = id };

    if (why)
        snprintf(msg.why, sizeof(msg.why), "%s", why);
    (void)link_send(s->link, &msg, -1);
}

/* From any thread: the device is lost, and this process with it. */
static void on_broken(void *arg, const char *why)
{
    say(arg, LINK_BROKEN, 0, why);
    _exit(EXIT_FAILURE);
}

static void on_late(void *arg, const struct xk_xkfs_rsp *rsp)
{
    struct server *s = arg;

    queue_answer(&s->queue[0], rsp);
}

static int open_queues(struct server *s)
{
    struct queue *q;
    uint32_t i;
    int rc = 0;

    for (i = 0; !rc && i < s->plan->queues; i++) {
        q = &s->queue[i];
        q->codec = &s->codec;
        q->control = !i;
        q->poll_us = s->plan->poll_us;
        q->broken = on_broken;
        q->arg = s;
        rc = queue_open(q, s->plan->domid, s->plan->queue[i].port,
                        s->map.ring[i], s->map.ring_size);
    }
    return rc;
}

static int shut_server_in(struct server *s)
{
    struct ops_config config = {
        .limits = s->plan->limits, .epoch = s->plan->epoch, .fd_dir = -1,
    };

    memcpy(config.key, s->plan->key, sizeof(config.key));
    return shut_in(s->plan->uid, &config, &s->ops);
}

static int go(struct server *s)
{
    uint32_t i;
    int rc = workers_open(&s->workers, WORKERS);

    for (i = 0; !rc && i < s->plan->queues; i++) {
        s->queue[i].workers = s->workers;
        rc = queue_start(&s->queue[i]);
    }
    return rc;
}

/* ---- the parent's words ---- */

static int on_add(struct server *s, const struct link_msg *msg, int fd)
{
    int rc = ops_share_add(s->ops, msg->id, &msg->share, fd);

    if (rc)
        xk_warn("share %u cannot be opened: %s", msg->id, strerror(-rc));
    else
        codec_tell(&s->codec, XK_XKFS_EV_SHARES, msg->id);
    return 0;
}

static int on_set(struct server *s, const struct link_msg *msg, int fd)
{
    (void)fd;
    if (!ops_share_set(s->ops, msg->id, &msg->share))
        codec_tell(&s->codec, XK_XKFS_EV_SHARES, msg->id);
    return 0;
}

static int on_revoke(struct server *s, const struct link_msg *msg, int fd)
{
    (void)fd;
    (void)ops_share_revoke(s->ops, msg->id);
    codec_tell(&s->codec, XK_XKFS_EV_REVOKED, msg->id);
    (void)codec_retry(&s->codec);
    say(s, LINK_GONE, msg->id, NULL);
    return 0;
}

static int on_drain(struct server *s, const struct link_msg *msg, int fd)
{
    size_t i;

    (void)fd;
    if (ops_share_drain(s->ops, msg->id))
        return 0;
    codec_tell(&s->codec, XK_XKFS_EV_REVOKED, msg->id);
    for (i = 0; i < SHARES_MAX && s->draining[i]; i++)
        ;
    if (i < SHARES_MAX)
        s->draining[i] = msg->id;
    return 0;
}

static int on_go(struct server *s, const struct link_msg *msg, int fd)
{
    (void)msg, (void)fd;
    return s->workers ? 0 : go(s);
}

static int (*const handlers[])(struct server *s, const struct link_msg *msg,
                               int fd) = {
    [LINK_ADD] = on_add, [LINK_SET] = on_set, [LINK_DRAIN] = on_drain,
    [LINK_REVOKE] = on_revoke, [LINK_GO] = on_go,
};

/* True: some still have users. */
static bool look_at_drains(struct server *s)
{
    struct link_msg msg = { .type = LINK_REVOKE };
    bool some = false;
    size_t i;

    for (i = 0; i < SHARES_MAX; i++) {
        if (!s->draining[i])
            continue;
        if (ops_share_users(s->ops, s->draining[i])) {
            some = true;
            continue;
        }
        msg.id = s->draining[i];
        s->draining[i] = 0;
        (void)on_revoke(s, &msg, -1);
    }
    return some;
}

static int listen_to_parent(struct server *s)
{
    struct pollfd pfd = { .fd = s->link, .events = POLLIN };
    struct link_msg msg;
    int fd, rc;

    for (;;) {
        rc = poll(&pfd, 1, look_at_drains(s) ? DRAIN_MS : -1);
        if (rc <= 0)
            continue;
        rc = link_recv(s->link, &msg, &fd);
        if (rc <= 0)
            return rc;
        if (msg.type >= XK_ARRAY_SIZE(handlers) || !handlers[msg.type]) {
            xk_close(&fd);
            continue;
        }
        if (msg.type != LINK_ADD)
            xk_close(&fd);
        rc = handlers[msg.type](s, &msg, fd);
        if (rc)
            return rc;
    }
}

static int serve(struct server *s, const char **what_r)
{
    int rc;

    *what_r = "mapping its rings";
    rc = mapping_make(s->plan, &s->map);
    if (rc)
        return rc;
    *what_r = "its event channels";
    rc = open_queues(s);
    if (rc)
        return rc;
    *what_r = "shutting itself in";
    rc = shut_server_in(s);
    if (rc)
        return rc;
    *what_r = "serving";
    s->codec.ops = s->ops;
    s->codec.pool = s->map.pool;
    s->codec.pool_size = s->map.pool_size;
    s->codec.epoch = s->plan->epoch;
    s->codec.send = on_late;
    s->codec.arg = s;
    s->codec.stats = s->plan->area->stats;
    s->codec.audit = &s->plan->area->audit;
    codec_init(&s->codec, &s->plan->area->remember);
    say(s, LINK_UP, 0, NULL);
    return listen_to_parent(s);
}

_Noreturn void server_run(const void *plan, int link)
{
    static struct server server;
    const char *what;
    int rc;

    server.plan = plan;
    server.link = link;
    rc = serve(&server, &what);
    if (rc) {
        xk_warn("domain %u: its server fails at %s: %s",
                server.plan->domid, what, strerror(-rc));
        _exit(EXIT_FAILURE);
    }
    _exit(EXIT_SUCCESS);
}
