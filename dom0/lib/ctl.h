/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket of a daemon: xenkeep/control.h's protocol, server side.
 * A connection has one call at a time; what it sends meanwhile waits in its
 * socket. Only uid 0 and the uid that started the daemon are served.
 */
#ifndef XK_LIB_CTL_H
#define XK_LIB_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>
#include <json-c/json.h>

#include "metrics.h"

/* Connections at once; one more is closed. */
#define XK_CTL_CONNS 32

struct xk_ctl;
struct xk_ctl_call;

/* Answers now, or keeps `call` and answers later. `params` is never NULL. */
typedef void xk_ctl_fn(struct xk_ctl_call *call, struct json_object *params,
                       void *arg);

struct xk_ctl_method {
    const char *name;
    xk_ctl_fn *fn;
};

/* `methods` ends with a NULL name and must outlive the socket. */
int xk_ctl_open(struct xk_ctl **ctl_r, struct event_base *base,
                const char *path, const struct xk_ctl_method *methods,
                void *arg);
void xk_ctl_close(struct xk_ctl *ctl);

/* Ends the call; takes over `result`. */
void xk_ctl_reply(struct xk_ctl_call *call, struct json_object *result);
/* Ends the call with an error: a code of control.h and one clear line. */
void xk_ctl_fail(struct xk_ctl_call *call, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Tells how far it is; dropped while the peer does not read. */
void xk_ctl_progress(struct xk_ctl_call *call, const char *phase,
                     uint64_t done, uint64_t total);

/* Ends the call as the methods "version" and "metrics" of every daemon do. */
void xk_ctl_reply_version(struct xk_ctl_call *call, const char *name);
void xk_ctl_reply_metrics(struct xk_ctl_call *call,
                          const struct xk_metric *metrics, size_t count,
                          const void *base);

/* A string among the parameters, without NUL in it and not owned; NULL: no
 * such. */
const char *xk_ctl_text(struct json_object *params, const char *key);

/*
 * gone(arg) is called when the peer closes before the call has ended; the
 * call must still be ended, to no effect.
 */
void xk_ctl_on_gone(struct xk_ctl_call *call, void (*gone)(void *arg),
                    void *arg);

/* One line of the protocol, taken apart. Pure; fuzzed. */
struct xk_ctl_request {
    struct json_object *root;   /* owns the rest; put by _dispose */
    const char *method;
    struct json_object *params; /* an object; NULL when absent */
    int64_t id;
    bool has_id;
};

/* 0, or a code of control.h. _dispose in both cases. */
int xk_ctl_parse(const char *line, size_t len, struct xk_ctl_request *req);
void xk_ctl_request_dispose(struct xk_ctl_request *req);

#endif /* XK_LIB_CTL_H */
