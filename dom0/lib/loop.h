/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop of a daemon: libevent with the signals every daemon treats
 * alike. SIGTERM and SIGINT end the loop, SIGPIPE is ignored, SIGHUP is
 * reported and ignored.
 */
#ifndef XK_LIB_LOOP_H
#define XK_LIB_LOOP_H

#include <event2/event.h>

struct xk_loop {
    struct event_base *base;
    struct event *term, *intr, *hup;
};

int xk_loop_init(struct xk_loop *loop);
void xk_loop_dispose(struct xk_loop *loop);

/* Runs until a signal or xk_loop_stop() ends it. 0 or -errno. */
int xk_loop_run(struct xk_loop *loop);
void xk_loop_stop(struct xk_loop *loop);

#endif /* XK_LIB_LOOP_H */
