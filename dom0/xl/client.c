/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The client side of the control protocol (xenkeep/control.h). The daemon is
 * not trusted further than it must be: lines are bounded, what is not an
 * answer is refused, and no text of it reaches the terminal unescaped.
 */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xenkeep/log.h>

/* One request a connection, so one id is enough. */
#define REQUEST_ID 1

/* Deepest answer of the protocol is 4; json-c's own default is 32. */
#define JSON_DEPTH 16

static const struct {
    int error;
    const char *why;
} open_errors[] = {
    { ENOENT,       "is not running, or not installed here" },
    { ENOTDIR,      "is not running, or not installed here" },
    { ECONNREFUSED, "is not running" },
    { EACCES,       "may only be asked by root" },
    { EPERM,        "may only be asked by root" },
    { EAGAIN,       "is too busy to answer" },
};

static int __attribute__((format(printf, 3, 4)))
client_fail(struct xk_client *c, int rc, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(c->why, sizeof(c->why), fmt, args);
    va_end(args);
    return rc;
}

void xk_client_init(struct xk_client *c, const char *daemon)
{
    c->daemon = daemon;
    c->fd = -1;
    c->sigfd = -1;
    c->used = 0;
    c->line = 0;
    c->why[0] = '\0';
}

void xk_client_dispose(struct xk_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    if (c->sigfd >= 0)
        close(c->sigfd);
    c->fd = -1;
    c->sigfd = -1;
}

static int client_connect_error(struct xk_client *c, int error,
                                const char *path)
{
    const char *why = "cannot be reached";
    size_t i;

    for (i = 0; i < sizeof(open_errors) / sizeof(open_errors[0]); i++) {
        if (open_errors[i].error == error)
            why = open_errors[i].why;
    }
    return client_fail(c, -error, "xenkeep-%s %s (%s: %s)", c->daemon, why,
                       path, strerror(error));
}

static int client_connect(struct xk_client *c)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    const char *dir = getenv("XENKEEP_RUN_DIR");
    int r;

    if (!dir || !*dir)
        dir = XK_CONTROL_DIR;
    r = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s.sock", dir,
                 c->daemon);
    if (r < 0 || (size_t)r >= sizeof(addr.sun_path))
        return client_fail(c, -ENAMETOOLONG, "XENKEEP_RUN_DIR is too long: "
                           "a socket's path has at most %zu bytes",
                           sizeof(addr.sun_path) - 1);

    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return client_fail(c, -errno, "cannot make a socket: %s",
                           strerror(errno));
    r = connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr));
    if (r < 0)
        return client_connect_error(c, errno, addr.sun_path);
    return 0;
}

/*
 * Signals that would end the process arrive on a descriptor instead, so that
 * the terminal is left clean. What the caller ignores (nohup) stays ignored.
 */
static int client_catch_signals(struct xk_client *c)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction act;
    sigset_t set;
    size_t i;

    sigemptyset(&set);
    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (!sigaction(signals[i], NULL, &act) && act.sa_handler != SIG_IGN)
            sigaddset(&set, signals[i]);
    }
    c->sigfd = signalfd(-1, &set, SFD_CLOEXEC);
    if (c->sigfd < 0)
        return client_fail(c, -errno, "cannot watch for signals: %s",
                           strerror(errno));
    sigprocmask(SIG_BLOCK, &set, NULL);
    return 0;
}

int xk_client_open(struct xk_client *c)
{
    int rc;

    rc = client_connect(c);
    if (rc)
        return rc;
    return client_catch_signals(c);
}

static int client_died(struct xk_client *c)
{
    return client_fail(c, -ECONNRESET, "xenkeep-%s closed the connection "
                       "before it answered; what was done stays done",
                       c->daemon);
}

static int client_send(struct xk_client *c, const char *text, size_t len)
{
    ssize_t r;

    while (len) {
        r = send(c->fd, text, len, MSG_NOSIGNAL);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return client_died(c);
        text += r;
        len -= (size_t)r;
    }
    return 0;
}

/* The daemon's bytes are awaited together with the user's Ctrl-C. */
static int client_wait(struct xk_client *c)
{
    struct pollfd fds[] = {
        { .fd = c->fd, .events = POLLIN },
        { .fd = c->sigfd, .events = POLLIN },
    };
    int r;

    do {
        r = poll(fds, 2, -1);
    } while (r < 0 && errno == EINTR);
    if (r < 0)
        return client_fail(c, -errno, "cannot wait for xenkeep-%s: %s",
                           c->daemon, strerror(errno));
    if (fds[1].revents)
        return client_fail(c, -EINTR, "interrupted; what was done stays done");
    return 0;
}

static int client_receive(struct xk_client *c)
{
    ssize_t r;
    int rc;

    if (c->used == sizeof(c->buf))
        return client_fail(c, -EMSGSIZE, "xenkeep-%s sent a line of more than "
                           "%d bytes", c->daemon, XK_CONTROL_LINE);
    rc = client_wait(c);
    if (rc)
        return rc;
    r = recv(c->fd, c->buf + c->used, sizeof(c->buf) - c->used, 0);
    if (r < 0 && errno == EINTR)
        return 0;
    if (r <= 0)
        return client_died(c);
    c->used += (size_t)r;
    return 0;
}

/* The next line, without its newline; it stays valid until the next call. */
static int client_line(struct xk_client *c, const char **line_r, size_t *len_r)
{
    char *end;
    int rc;

    c->used -= c->line;
    memmove(c->buf, c->buf + c->line, c->used);
    c->line = 0;
    while (!(end = memchr(c->buf, '\n', c->used))) {
        rc = client_receive(c);
        if (rc)
            return rc;
    }
    c->line = (size_t)(end - c->buf) + 1;
    *line_r = c->buf;
    *len_r = c->line - 1;
    return 0;
}

/* A whole JSON object and nothing behind it, or NULL. */
static struct json_object *client_parse(const char *line, size_t len)
{
    struct json_object *obj = NULL;
    struct json_tokener *tok;

    tok = json_tokener_new_ex(JSON_DEPTH);
    if (!tok)
        return NULL;
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    if (len)
        obj = json_tokener_parse_ex(tok, line, (int)len);
    if (json_tokener_get_error(tok) != json_tokener_success ||
        (size_t)tok->char_offset != len ||
        !json_object_is_type(obj, json_type_object)) {
        json_object_put(obj);
        obj = NULL;
    }
    json_tokener_free(tok);
    return obj;
}

static bool client_text(struct json_object *obj, const char *name,
                        const char **text_r)
{
    struct json_object *v;

    if (!json_object_object_get_ex(obj, name, &v) ||
        !json_object_is_type(v, json_type_string))
        return false;
    *text_r = json_object_get_string(v);
    return true;
}

static bool client_number(struct json_object *obj, const char *name,
                          int64_t *value_r)
{
    struct json_object *v;

    if (!json_object_object_get_ex(obj, name, &v) ||
        !json_object_is_type(v, json_type_int))
        return false;
    *value_r = json_object_get_int64(v);
    return true;
}

/* Progress that makes no sense is no reason to give up the work. */
static void client_progress(struct json_object *msg, xk_client_progress_fn *fn,
                            void *arg)
{
    struct json_object *params;
    const char *phase;
    int64_t id, done, total;

    if (!fn || !json_object_object_get_ex(msg, "params", &params) ||
        !client_number(params, "id", &id) || id != REQUEST_ID ||
        !client_text(params, "phase", &phase) ||
        !client_number(params, "done", &done) || done < 0 ||
        !client_number(params, "total", &total) || total < 0)
        return;
    fn(arg, phase, (uint64_t)done, (uint64_t)total);
}

static int client_garbage(struct xk_client *c)
{
    return client_fail(c, -EPROTO, "xenkeep-%s sent what is not an answer; "
                       "is it of this version?", c->daemon);
}

static int client_error(struct xk_client *c, struct json_object *error)
{
    const char *message;
    int64_t code;

    if (!client_number(error, "code", &code) ||
        !client_text(error, "message", &message))
        return client_garbage(c);
    xk_log_safe(c->why, sizeof(c->why), message);
    return code == XK_RPC_PARAMS ? -EINVAL : -EREMOTEIO;
}

/* An error that the daemon cannot tie to a request carries no id. */
static int client_answer(struct xk_client *c, struct json_object *msg,
                         struct json_object **result_r)
{
    struct json_object *v;
    int64_t id;

    if (json_object_object_get_ex(msg, "error", &v))
        return client_error(c, v);
    if (!client_number(msg, "id", &id) || id != REQUEST_ID ||
        !json_object_object_get_ex(msg, "result", &v) ||
        !json_object_is_type(v, json_type_object))
        return client_garbage(c);
    *result_r = json_object_get(v);
    return 0;
}

/* Lines until one is the answer; notifications of other kinds are skipped. */
static int client_await(struct xk_client *c, xk_client_progress_fn *fn,
                        void *arg, struct json_object **result_r)
{
    struct json_object *msg = NULL;
    const char *line, *method;
    size_t len;
    int rc;

    for (;;) {
        rc = client_line(c, &line, &len);
        if (rc)
            return rc;
        msg = client_parse(line, len);
        if (!msg)
            return client_garbage(c);
        if (!client_text(msg, "method", &method))
            break;
        if (!strcmp(method, "progress"))
            client_progress(msg, fn, arg);
        json_object_put(msg);
    }
    rc = client_answer(c, msg, result_r);
    json_object_put(msg);
    return rc;
}

int xk_client_call(struct xk_client *c, const char *method,
                   struct json_object *params, xk_client_progress_fn *fn,
                   void *arg, struct json_object **result_r)
{
    struct json_object *request = json_object_new_object();
    char *text = NULL;
    int len, rc;

    json_object_object_add(request, "jsonrpc", json_object_new_string("2.0"));
    json_object_object_add(request, "id", json_object_new_int(REQUEST_ID));
    json_object_object_add(request, "method", json_object_new_string(method));
    json_object_object_add(request, "params", params);
    len = asprintf(&text, "%s\n", json_object_to_json_string_ext(
                   request, JSON_C_TO_STRING_PLAIN));
    json_object_put(request);
    if (len < 0)
        return client_fail(c, -ENOMEM, "out of memory");

    rc = client_send(c, text, (size_t)len);
    if (!rc)
        rc = client_await(c, fn, arg, result_r);
    free(text);
    return rc;
}
