/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The FIFO that holds xl, see fifo.h.
 */
#include "fifo.h"

#include <unistd.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

/* Reads away what xl writes, a little at a time. */
static void drain(struct xk_guest *g)
{
    static char away[65536];
    unsigned int turns;
    ssize_t n;

    for (turns = 0; g->fifo >= 0 && turns < 16; turns++) {
        n = read(g->fifo, away, sizeof(away));
        if (n <= 0)
            return;
        if (!g->xl_dumps)
            xk_info("%s: let go: xl goes on as its on_crash says", g->name);
        g->xl_dumps = true;
    }
}

static void on_fifo(evutil_socket_t fd, short what, void *arg)
{
    struct xk_guest *g = arg;

    (void)fd, (void)what;
    /* Until it is settled nothing is read: that holds xl, and the guest. */
    if (g->state == XK_GUEST_SETTLED)
        drain(g);
    else
        (void)event_del(g->fifo_event);
}

void xk_fifo_take(struct xk_guest *g, int fd)
{
    g->fifo = fd;
    g->fifo_event = event_new(g->cd->loop.base, fd, EV_READ | EV_PERSIST,
                              on_fifo, g);
}

void xk_fifo_release(struct xk_guest *g)
{
    g->released = true;
    if (g->fifo_event)
        (void)event_add(g->fifo_event, NULL);
    drain(g);
}

void xk_fifo_close(struct xk_guest *g)
{
    if (g->fifo_event)
        event_free(g->fifo_event);
    g->fifo_event = NULL;
    xk_close(&g->fifo);
}
