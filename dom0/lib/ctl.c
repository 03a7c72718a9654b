/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket: accept, check who it is, read lines, call methods,
 * write answers. It knows nothing of what the methods do.
 */
#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

/* Progress waits while this much is unread by the peer, bytes. */
#define BACKLOG 16384

struct conn;

struct xk_ctl_call {
    struct conn *conn;      /* NULL once the peer is gone */
    struct xk_ctl_request req;
    void (*gone)(void *arg);
    void *gone_arg;
};

struct conn {
    struct xk_ctl *ctl;
    struct bufferevent *bev;
    struct xk_ctl_call *call;
    struct conn *next;
};

struct xk_ctl {
    struct event_base *base;
    const struct xk_ctl_method *methods;
    void *arg;
    int fd;
    struct event *readable;
    struct conn *conns;
    unsigned int nr_conns;
    uid_t owner;
    char path[108];
};

static void conn_close(struct conn *conn)
{
    struct xk_ctl_call *call = conn->call;
    struct conn **at;

    for (at = &conn->ctl->conns; *at; at = &(*at)->next) {
        if (*at == conn) {
            *at = conn->next;
            break;
        }
    }
    conn->ctl->nr_conns--;
    bufferevent_free(conn->bev);
    free(conn);
    if (call) {
        call->conn = NULL;
        if (call->gone)
            call->gone(call->gone_arg);
    }
}

static void send_object(struct conn *conn, struct json_object *obj)
{
    size_t len;
    const char *text = json_object_to_json_string_length(
        obj, JSON_C_TO_STRING_PLAIN, &len);

    if (conn && text) {
        (void)bufferevent_write(conn->bev, text, len);
        (void)bufferevent_write(conn->bev, "\n", 1);
    }
    json_object_put(obj);
}

static struct json_object *envelope(void)
{
    struct json_object *obj = json_object_new_object();

    json_object_object_add(obj, "jsonrpc", json_object_new_string("2.0"));
    return obj;
}

static void send_error(struct conn *conn, const struct xk_ctl_request *req,
                       int code, const char *message)
{
    struct json_object *obj = envelope(), *err = json_object_new_object();

    json_object_object_add(obj, "id", req->has_id
                                          ? json_object_new_int64(req->id)
                                          : NULL);
    json_object_object_add(err, "code", json_object_new_int(code));
    json_object_object_add(err, "message", json_object_new_string(message));
    json_object_object_add(obj, "error", err);
    send_object(conn, obj);
}

static void next_line(struct conn *conn);

/* Frees the call and goes on with the connection's next line. */
static void end_call(struct xk_ctl_call *call)
{
    struct conn *conn = call->conn;

    xk_ctl_request_dispose(&call->req);
    free(call);
    if (!conn)
        return;
    conn->call = NULL;
    (void)bufferevent_enable(conn->bev, EV_READ);
    if (evbuffer_get_length(bufferevent_get_input(conn->bev)))
        bufferevent_trigger(conn->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

void xk_ctl_reply(struct xk_ctl_call *call, struct json_object *result)
{
    struct json_object *obj = envelope();

    json_object_object_add(obj, "id", json_object_new_int64(call->req.id));
    json_object_object_add(obj, "result", result);
    send_object(call->conn, obj);
    end_call(call);
}

void xk_ctl_fail(struct xk_ctl_call *call, int code, const char *fmt, ...)
{
    char message[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    if (call->conn)
        send_error(call->conn, &call->req, code, message);
    end_call(call);
}

void xk_ctl_progress(struct xk_ctl_call *call, const char *phase,
                     uint64_t done, uint64_t total)
{
    struct json_object *obj, *p;

    if (!call->conn ||
        evbuffer_get_length(bufferevent_get_output(call->conn->bev)) > BACKLOG)
        return;
    obj = envelope();
    p = json_object_new_object();
    json_object_object_add(p, "id", json_object_new_int64(call->req.id));
    json_object_object_add(p, "phase", json_object_new_string(phase));
    json_object_object_add(p, "done", json_object_new_int64((int64_t)done));
    json_object_object_add(p, "total", json_object_new_int64((int64_t)total));
    json_object_object_add(obj, "method", json_object_new_string("progress"));
    json_object_object_add(obj, "params", p);
    send_object(call->conn, obj);
}

void xk_ctl_on_gone(struct xk_ctl_call *call, void (*gone)(void *arg),
                    void *arg)
{
    call->gone = gone;
    call->gone_arg = arg;
}

static void run_call(struct conn *conn, const char *line, size_t len)
{
    struct xk_ctl *ctl = conn->ctl;
    const struct xk_ctl_method *m;
    struct xk_ctl_request req;
    struct xk_ctl_call *call;
    int code;

    code = xk_ctl_parse(line, len, &req);
    if (code) {
        send_error(conn, &req, code, code == XK_RPC_PARSE
                                         ? "not a JSON object"
                                         : "not a JSON-RPC 2.0 request");
        xk_ctl_request_dispose(&req);
        return;
    }
    for (m = ctl->methods; m->name && strcmp(m->name, req.method); m++)
        ;
    if (!m->name) {
        send_error(conn, &req, XK_RPC_METHOD, "no such method");
        xk_ctl_request_dispose(&req);
        return;
    }
    call = calloc(1, sizeof(*call));
    if (!call) {
        send_error(conn, &req, XK_RPC_FAILED, "out of memory");
        xk_ctl_request_dispose(&req);
        return;
    }
    call->conn = conn;
    call->req = req;
    if (!call->req.params) {
        call->req.params = json_object_new_object();
        json_object_object_add(call->req.root, "params", call->req.params);
    }
    conn->call = call;
    m->fn(call, call->req.params, ctl->arg);
}

static void next_line(struct conn *conn)
{
    struct evbuffer *in = bufferevent_get_input(conn->bev);
    char *line;
    size_t len;

    while (!conn->call) {
        line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
        if (!line)
            break;
        run_call(conn, line, len);
        free(line);
    }
    /* The socket stays readable so that a peer that leaves is seen; what it
     * sends during a call is bounded by the buffer's high watermark. */
    if (evbuffer_get_length(in) >= XK_CONTROL_LINE && !conn->call)
        conn_close(conn);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    next_line(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        conn_close(arg);
}

static bool may_connect(struct xk_ctl *ctl, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
           (peer.uid == 0 || peer.uid == ctl->owner);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct xk_ctl *ctl = arg;
    struct conn *conn;
    int c;

    (void)what;
    c = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (c < 0)
        return;
    conn = ctl->nr_conns < XK_CTL_CONNS && may_connect(ctl, c)
               ? calloc(1, sizeof(*conn)) : NULL;
    if (conn)
        conn->bev = bufferevent_socket_new(ctl->base, c,
                                           BEV_OPT_CLOSE_ON_FREE);
    if (!conn || !conn->bev) {
        free(conn);
        close(c);
        return;
    }
    conn->ctl = ctl;
    conn->next = ctl->conns;
    ctl->conns = conn;
    ctl->nr_conns++;
    bufferevent_setwatermark(conn->bev, EV_READ, 0, XK_CONTROL_LINE);
    bufferevent_setcb(conn->bev, on_read, NULL, on_event, conn);
    (void)bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
}

static int listen_on(struct xk_ctl *ctl)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };

    if (strlen(ctl->path) >= sizeof(sa.sun_path))
        return -ENAMETOOLONG;
    memcpy(sa.sun_path, ctl->path, strlen(ctl->path) + 1);
    ctl->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (ctl->fd < 0)
        return -errno;
    /* The daemon's lock is held: a socket that is there is a dead one's. */
    (void)unlink(ctl->path);
    if (bind(ctl->fd, (struct sockaddr *)&sa, sizeof(sa)) ||
        chmod(ctl->path, 0600) || listen(ctl->fd, 16))
        return -errno;
    return 0;
}

int xk_ctl_open(struct xk_ctl **ctl_r, struct event_base *base,
                const char *path, const struct xk_ctl_method *methods,
                void *arg)
{
    struct xk_ctl *ctl = calloc(1, sizeof(*ctl));
    int rc;

    if (!ctl)
        return -ENOMEM;
    ctl->base = base;
    ctl->methods = methods;
    ctl->arg = arg;
    ctl->fd = -1;
    ctl->owner = geteuid();
    snprintf(ctl->path, sizeof(ctl->path), "%s", path);
    rc = listen_on(ctl);
    if (rc)
        goto out;
    ctl->readable = event_new(base, ctl->fd, EV_READ | EV_PERSIST, on_accept,
                              ctl);
    if (!ctl->readable || event_add(ctl->readable, NULL)) {
        rc = -ENOMEM;
        goto out;
    }
    *ctl_r = ctl;
    ctl = NULL;
out:
    xk_ctl_close(ctl);
    return rc;
}

void xk_ctl_close(struct xk_ctl *ctl)
{
    if (!ctl)
        return;
    while (ctl->conns)
        conn_close(ctl->conns);
    if (ctl->readable)
        event_free(ctl->readable);
    if (ctl->fd >= 0) {
        close(ctl->fd);
        (void)unlink(ctl->path);
    }
    free(ctl);
}
