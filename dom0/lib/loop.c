/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event loop and signals, see loop.h. No daemon logic.
 */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <xenkeep/log.h>

static void on_end(evutil_socket_t sig, short what, void *arg)
{
    (void)what;
    xk_info("signal %d: ending", (int)sig);
    xk_loop_stop(arg);
}

static void on_hup(evutil_socket_t sig, short what, void *arg)
{
    (void)sig, (void)what, (void)arg;
    xk_info("SIGHUP ignored: the configuration is read at start only");
}

static struct event *on_signal(struct xk_loop *loop, int sig,
                               event_callback_fn fn)
{
    struct event *ev = evsignal_new(loop->base, sig, fn, loop);

    if (ev && event_add(ev, NULL)) {
        event_free(ev);
        ev = NULL;
    }
    return ev;
}

int xk_loop_init(struct xk_loop *loop)
{
    memset(loop, 0, sizeof(*loop));
    loop->base = event_base_new();
    if (!loop->base)
        return -ENOMEM;
    (void)signal(SIGPIPE, SIG_IGN);
    loop->term = on_signal(loop, SIGTERM, on_end);
    loop->intr = on_signal(loop, SIGINT, on_end);
    loop->hup = on_signal(loop, SIGHUP, on_hup);
    return loop->term && loop->intr && loop->hup ? 0 : -ENOMEM;
}

static void drop(struct event **ev)
{
    if (*ev)
        event_free(*ev);
    *ev = NULL;
}

void xk_loop_dispose(struct xk_loop *loop)
{
    drop(&loop->term);
    drop(&loop->intr);
    drop(&loop->hup);
    if (loop->base)
        event_base_free(loop->base);
    loop->base = NULL;
}

int xk_loop_run(struct xk_loop *loop)
{
    return event_base_dispatch(loop->base) < 0 ? -EIO : 0;
}

void xk_loop_stop(struct xk_loop *loop)
{
    (void)event_base_loopbreak(loop->base);
}
