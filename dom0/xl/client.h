/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One connection to a daemon's control socket, for one request. Nothing here
 * prints: a failure leaves its one clear line in `why`, without a newline and
 * safe for a terminal.
 */
#ifndef XK_XL_CLIENT_H
#define XK_XL_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include <xenkeep/control.h>

struct xk_client {
    const char *daemon;         /* "memoryd" */
    int fd;
    int sigfd;                  /* Ctrl-C and its kin, once connected */
    size_t used;                /* bytes in buf */
    size_t line;                /* of these, the line handed out last */
    char why[768];              /* XK_WHY_MAX of command.h */
    char buf[XK_CONTROL_LINE];
};

/* How far the daemon is; all numbers are as the daemon gave them. */
typedef void xk_client_progress_fn(void *arg, const char *phase,
                                   uint64_t done, uint64_t total);

/* Makes the other two safe to call, dispose more than once. */
void xk_client_init(struct xk_client *c, const char *daemon);
void xk_client_dispose(struct xk_client *c);

/* Connect; from here on Ctrl-C ends xk_client_call instead of the process. */
int xk_client_open(struct xk_client *c);

/*
 * Send one request and wait for its result, an object that the caller puts.
 * Takes `params` over. -EINVAL is the daemon's "this request cannot be
 * meant"; every other error is a failure.
 */
int xk_client_call(struct xk_client *c, const char *method,
                   struct json_object *params, xk_client_progress_fn *fn,
                   void *arg, struct json_object **result_r);

#endif /* XK_XL_CLIENT_H */
