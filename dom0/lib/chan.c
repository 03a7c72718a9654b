/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Granted pages and event channels, see chan.h. It never looks inside a page.
 */
#include "chan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include <xenkeep/util.h>

/* Highest port of the FIFO event channel ABI (xen/event_channel.h). */
#define PORT_MAX 131072u

struct xk_chans {
    xenevtchn_handle *xce;
    xengnttab_handle *xgt;
    struct event_base *base;
    struct event *readable;
    struct xk_chan **by_port;   /* ports are small and dense */
    uint32_t nr_ports;
};

static int lib_errno(void)
{
    return errno ? -errno : -EIO;
}

static struct xk_chan *find(struct xk_chans *chans, uint32_t port)
{
    return port < chans->nr_ports ? chans->by_port[port] : NULL;
}

static int remember(struct xk_chans *chans, struct xk_chan *chan)
{
    struct xk_chan **grown;
    uint32_t nr;

    if (chan->port >= PORT_MAX)
        return -ERANGE;
    if (chan->port >= chans->nr_ports) {
        nr = chan->port + 32;
        grown = realloc(chans->by_port, nr * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        memset(grown + chans->nr_ports, 0,
               (nr - chans->nr_ports) * sizeof(*grown));
        chans->by_port = grown;
        chans->nr_ports = nr;
    }
    chans->by_port[chan->port] = chan;
    return 0;
}

static void on_unmask(evutil_socket_t fd, short what, void *arg)
{
    struct xk_chan *chan = arg;

    (void)fd, (void)what;
    (void)xenevtchn_unmask(chan->chans->xce, chan->port);
}

/* Unmask at once, or when the period is over if the guest storms. */
static void rearm(struct xk_chan *chan)
{
    uint64_t now = xk_now_ms();
    struct timeval later = { .tv_usec = XK_CHAN_PERIOD_MS * 1000 };

    if (now - chan->period_start_ms >= XK_CHAN_PERIOD_MS) {
        chan->period_start_ms = now;
        chan->events = 0;
    }
    if (++chan->events < XK_CHAN_BURST) {
        (void)xenevtchn_unmask(chan->chans->xce, chan->port);
    } else {
        chan->storms++;
        (void)evtimer_add(chan->unmask, &later);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct xk_chans *chans = arg;
    struct xk_chan *chan;
    int port;

    (void)fd, (void)what;
    port = xenevtchn_pending(chans->xce);
    if (port < 0)
        return;
    chan = find(chans, (uint32_t)port);
    if (!chan)
        return;
    chan->fn(chan, chan->arg);
    /* The callback may have closed it. */
    if (find(chans, (uint32_t)port) == chan)
        rearm(chan);
}

int xk_chans_open(struct xk_chans **chans_r, struct event_base *base)
{
    struct xk_chans *chans = calloc(1, sizeof(*chans));
    int rc;

    if (!chans)
        return -ENOMEM;
    chans->base = base;
    errno = 0;
    chans->xce = xenevtchn_open(NULL, 0);
    if (!chans->xce) {
        rc = lib_errno();
        goto out;
    }
    chans->xgt = xengnttab_open(NULL, 0);
    if (!chans->xgt) {
        rc = lib_errno();
        goto out;
    }
    chans->readable = event_new(base, xenevtchn_fd(chans->xce),
                                EV_READ | EV_PERSIST, on_readable, chans);
    if (!chans->readable || event_add(chans->readable, NULL)) {
        rc = -ENOMEM;
        goto out;
    }
    rc = 0;
    *chans_r = chans;
    chans = NULL;
out:
    xk_chans_close(chans);
    return rc;
}

void xk_chans_close(struct xk_chans *chans)
{
    if (!chans)
        return;
    if (chans->readable)
        event_free(chans->readable);
    if (chans->xgt)
        xengnttab_close(chans->xgt);
    if (chans->xce)
        xenevtchn_close(chans->xce);
    free(chans->by_port);
    free(chans);
}

int xk_chan_open(struct xk_chans *chans, struct xk_chan *chan,
                 xk_domid_t domid, uint32_t untrusted_gref,
                 uint32_t untrusted_port, xk_chan_fn *fn, void *arg)
{
    int port, rc;

    *chan = (struct xk_chan){
        .chans = chans, .domid = domid, .fn = fn, .arg = arg,
    };
    /* Xen checks that the grant and the port are meant for this domain. */
    errno = 0;
    chan->page = xengnttab_map_grant_ref(chans->xgt, domid, untrusted_gref,
                                         PROT_READ | PROT_WRITE);
    if (!chan->page)
        return lib_errno();
    port = xenevtchn_bind_interdomain(chans->xce, domid, untrusted_port);
    if (port <= 0) {
        rc = lib_errno();
        goto out;
    }
    chan->port = (uint32_t)port;
    chan->unmask = evtimer_new(chans->base, on_unmask, chan);
    rc = chan->unmask ? remember(chans, chan) : -ENOMEM;
out:
    if (rc)
        xk_chan_close(chan);
    return rc;
}

void xk_chan_close(struct xk_chan *chan)
{
    struct xk_chans *chans = chan->chans;

    if (!chans)
        return;
    if (chan->unmask)
        event_free(chan->unmask);
    if (chan->port) {
        if (find(chans, chan->port) == chan)
            chans->by_port[chan->port] = NULL;
        (void)xenevtchn_unbind(chans->xce, chan->port);
    }
    if (chan->page)
        (void)xengnttab_unmap(chans->xgt, chan->page, 1);
    memset(chan, 0, sizeof(*chan));
}

int xk_chan_notify(struct xk_chan *chan)
{
    errno = 0;
    return xenevtchn_notify(chan->chans->xce, chan->port) ? lib_errno() : 0;
}
