/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Channels to guests: one granted page and one event channel each, on handles
 * that are opened once (after privileges are dropped they could not be).
 *
 * A guest that fires its event channel without end costs no more than
 * XK_CHAN_BURST callbacks in XK_CHAN_PERIOD_MS: then its port stays masked
 * until the period is over.
 */
#ifndef XK_LIB_CHAN_H
#define XK_LIB_CHAN_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "hv.h"

#define XK_CHAN_BURST 64u
#define XK_CHAN_PERIOD_MS 100u

struct xk_chans;
struct xk_chan;

typedef void xk_chan_fn(struct xk_chan *chan, void *arg);

/* Embedded by its owner. */
struct xk_chan {
    struct xk_chans *chans;
    xk_domid_t domid;
    uint32_t port;          /* local; 0: not connected */
    void *page;             /* the guest's page: hostile, 4096 bytes */
    xk_chan_fn *fn;
    void *arg;
    struct event *unmask;   /* pending while a storm is held off */
    uint64_t period_start_ms;
    uint32_t events;        /* in this period */
    uint64_t storms;        /* periods in which the limit was hit */
};

int xk_chans_open(struct xk_chans **chans_r, struct event_base *base);
void xk_chans_close(struct xk_chans *chans);

/*
 * Maps the page and binds the port. `gref` and `port` are the guest's words.
 * fn is called from the loop for each event. It may close the channel.
 */
int xk_chan_open(struct xk_chans *chans, struct xk_chan *chan,
                 xk_domid_t domid, uint32_t untrusted_gref,
                 uint32_t untrusted_port, xk_chan_fn *fn, void *arg);
void xk_chan_close(struct xk_chan *chan);
int xk_chan_notify(struct xk_chan *chan);

static inline bool xk_chan_is_open(const struct xk_chan *chan)
{
    return chan->page != NULL;
}

#endif /* XK_LIB_CHAN_H */
