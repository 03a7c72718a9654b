/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of a 9P server, see p9_server.h: map, shut in, serve. */
#include "p9_server.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xen/io/9pfs.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "link.h"
#include "p9.h"
#include "shut_in.h"

#define RW (PROT_READ | PROT_WRITE)
/* A message is at most half of the smallest ring, so that two fit. */
#define MSIZE_MAX (P9_RING_REFS * 4096u / 4)
/* While the share drains, its users are counted so often. */
#define DRAIN_MS 100

struct channel {
    struct p9_ring ring;
    uint32_t port;
    uint8_t answer[MSIZE_MAX];
    uint32_t pending;           /* bytes of an answer that found no room */
};

struct server {
    const struct p9_plan *plan;
    int link;
    xenevtchn_handle *xce;      /* restricted to the guest */
    struct channel channel[P9_RINGS];
    struct ops *ops;
    struct p9 p9;
    uint32_t share_id;          /* 0: it was not told yet */
    bool going, draining;
    uint8_t msg[MSIZE_MAX];
};

static void say(struct server *s, enum link_type type, const char *why)
{
    struct link_msg msg = { .type = type, .id = s->share_id };

    if (why)
        snprintf(msg.why, sizeof(msg.why), "%s", why);
    (void)link_send(s->link, &msg, -1);
}

static int lib_errno(void)
{
    return errno ? -errno : -EIO;
}

/* ---- before it is shut in ---- */

/* The order and the references of a ring stand in its first page: each is
 * read once. */
static int map_ring(xengnttab_handle *xgt, const struct p9_plan *plan,
                    uint32_t index, struct p9_ring *ring)
{
    uint32_t refs[P9_RING_REFS], ref = plan->refs[index], order, i;
    volatile struct xen_9pfs_data_intf *intf;
    void *page, *data;

    errno = 0;
    page = xengnttab_map_domain_grant_refs(xgt, 1, plan->domid, &ref, RW);
    if (!page)
        return lib_errno();
    intf = page;
    order = intf->ring_order;
    if (!order || order > P9_RING_ORDER_MAX)
        return -EPROTO;
    for (i = 0; i < 1u << order; i++)
        refs[i] = intf->ref[i];
    data = xengnttab_map_domain_grant_refs(xgt, 1u << order, plan->domid,
                                           refs, RW);
    return data ? p9_ring_init(ring, page, data, order) : lib_errno();
}

static int map_rings(struct server *s)
{
    xengnttab_handle *xgt;
    uint32_t i;
    int rc = 0;

    errno = 0;
    xgt = xengnttab_open(NULL, 0);
    if (!xgt)
        return lib_errno();
    for (i = 0; !rc && i < s->plan->rings; i++)
        rc = map_ring(xgt, s->plan, i, &s->channel[i].ring);
    xengnttab_close(xgt);
    return rc;
}

static int bind_ports(struct server *s)
{
    uint32_t i;
    int port;

    errno = 0;
    s->xce = xenevtchn_open(NULL, 0);
    if (!s->xce || xenevtchn_restrict(s->xce, (domid_t)s->plan->domid))
        return lib_errno();
    for (i = 0; i < s->plan->rings; i++) {
        port = xenevtchn_bind_interdomain(s->xce, s->plan->domid,
                                          s->plan->ports[i]);
        if (port <= 0)
            return lib_errno();
        s->channel[i].port = (uint32_t)port;
    }
    return 0;
}

/* ---- the rings ---- */

static _Noreturn void broken(struct server *s, const char *why)
{
    say(s, LINK_BROKEN, why);
    _exit(EXIT_FAILURE);
}

/* False: there is no room for it yet. */
static bool put_answer(struct server *s, struct channel *ch)
{
    int rc = p9_ring_put(&ch->ring, ch->answer, ch->pending);

    if (rc == -EPROTO)
        broken(s, "a ring's index is out of bounds");
    if (!rc)
        ch->pending = 0;
    return !rc;
}

/* True: something has moved, and the guest must be told. */
static bool serve_one(struct server *s, struct channel *ch)
{
    bool moved = false;
    long n;

    if (ch->pending) {
        moved = put_answer(s, ch);
        if (!moved)
            return false;
    }
    n = p9_ring_get(&ch->ring, s->msg, s->p9.msize_max);
    if (n > 0)
        n = p9_do(&s->p9, s->msg, (size_t)n, ch->answer);
    if (n < 0)
        broken(s, "a message that is none");
    if (!n)
        return moved;
    ch->pending = (uint32_t)n;
    (void)put_answer(s, ch);
    return true;
}

/* One message of each in turn, until there is none. */
static void serve_all(struct server *s)
{
    bool more;
    uint32_t i;

    do {
        more = false;
        for (i = 0; i < s->plan->rings; i++)
            if (serve_one(s, &s->channel[i])) {
                more = true;
                (void)xenevtchn_notify(s->xce, s->channel[i].port);
            }
    } while (more);
}

static void on_event(struct server *s)
{
    int port = xenevtchn_pending(s->xce);

    /* Unmasked before it is looked at: what comes later is an event again. */
    if (port > 0)
        (void)xenevtchn_unmask(s->xce, (uint32_t)port);
    if (s->going)
        serve_all(s);
}

/* ---- the parent's words ---- */

static void take_back(struct server *s)
{
    (void)ops_share_revoke(s->ops, s->share_id);
    s->draining = false;
    say(s, LINK_GONE, NULL);
}

static void on_add(struct server *s, const struct link_msg *msg, int fd)
{
    int rc;

    if (s->share_id) {
        xk_close(&fd);
        return;
    }
    rc = ops_share_add(s->ops, msg->id, &msg->share, fd);
    if (rc)
        xk_warn("share %s cannot be opened: %s", s->plan->share,
                strerror(-rc));
    s->share_id = msg->id;
}

static void on_set(struct server *s, const struct link_msg *msg, int fd)
{
    (void)fd;
    (void)ops_share_set(s->ops, msg->id, &msg->share);
}

static void on_drain(struct server *s, const struct link_msg *msg, int fd)
{
    (void)fd;
    s->draining = !ops_share_drain(s->ops, msg->id);
}

static void on_revoke(struct server *s, const struct link_msg *msg, int fd)
{
    (void)msg, (void)fd;
    take_back(s);
}

static void on_go(struct server *s, const struct link_msg *msg, int fd)
{
    (void)msg, (void)fd;
    s->going = true;
    serve_all(s);
}

static void (*const handlers[])(struct server *s, const struct link_msg *msg,
                                int fd) = {
    [LINK_ADD] = on_add, [LINK_SET] = on_set, [LINK_DRAIN] = on_drain,
    [LINK_REVOKE] = on_revoke, [LINK_GO] = on_go,
};

/* False: the parent is gone. */
static bool on_parent(struct server *s)
{
    struct link_msg msg;
    int fd, rc = link_recv(s->link, &msg, &fd);

    if (rc <= 0)
        return rc == -EAGAIN;
    if (msg.type != LINK_ADD)
        xk_close(&fd);
    if (msg.type < XK_ARRAY_SIZE(handlers) && handlers[msg.type])
        handlers[msg.type](s, &msg, fd);
    else
        xk_close(&fd);
    return true;
}

static void loop(struct server *s)
{
    struct pollfd fds[] = {
        { .fd = s->link, .events = POLLIN },
        { .fd = xenevtchn_fd(s->xce), .events = POLLIN },
    };

    for (;;) {
        if (s->draining && !ops_share_users(s->ops, s->share_id))
            take_back(s);
        if (poll(fds, 2, s->draining ? DRAIN_MS : -1) < 0)
            continue;
        if (fds[1].revents)
            on_event(s);
        if (fds[0].revents && !on_parent(s))
            return;
    }
}

static int serve(struct server *s, const char **what_r)
{
    struct ops_config config = {
        .limits = s->plan->limits, .epoch = 1, .fd_dir = -1,
    };
    uint32_t i, msize = MSIZE_MAX;
    int rc;

    *what_r = "mapping its rings";
    rc = map_rings(s);
    if (rc)
        return rc;
    *what_r = "its event channels";
    rc = bind_ports(s);
    if (rc)
        return rc;
    *what_r = "shutting itself in";
    rc = shut_in(s->plan->uid, &config, &s->ops);
    if (rc)
        return rc;
    for (i = 0; i < s->plan->rings; i++)
        if (msize > s->channel[i].ring.size / 2)
            msize = s->channel[i].ring.size / 2;
    p9_init(&s->p9, s->ops, s->plan->share, msize);
    say(s, LINK_UP, NULL);
    loop(s);
    return 0;
}

void p9_server_run(const void *plan, int link)
{
    static struct server server;
    const char *what;
    int rc;

    server.plan = plan;
    server.link = link;
    rc = serve(&server, &what);
    if (rc)
        xk_warn("domain %u: its 9P server fails at %s: %s",
                server.plan->domid, what, strerror(-rc));
    _exit(rc ? EXIT_FAILURE : EXIT_SUCCESS);
}
