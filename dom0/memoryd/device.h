/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The back-end of one xk-balloon device: its xenstore nodes, the handshake
 * and the ring. What the messages mean is balloon.c's business.
 */
#ifndef XK_MEMORYD_DEVICE_H
#define XK_MEMORYD_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <xenkeep/log.h>
#include <xenkeep/proto/balloon.h>
#include <xenkeep/ring.h>

#include "chan.h"
#include "xs.h"

#include "balloon.h"

struct domain;

enum device_state {
    DEVICE_ABSENT,      /* no front-end has shown up */
    DEVICE_CONNECTING,
    DEVICE_CONNECTED,
    DEVICE_BROKEN       /* the front-end broke the protocol */
};

/* Connections a front-end may make in a minute; more wait for the next. */
#define DEVICE_CONNECTS 16u

struct device {
    struct domain *dom;
    enum device_state state;
    bool created;
    char fe_path[XK_XS_PATH_MAX];
    char be_path[XK_XS_PATH_MAX];
    struct xk_watch fe_state;
    struct xk_chan chan;
    struct xk_ring ring;
    unsigned int version;       /* of the protocol, as agreed */
    struct balloon balloon;
    struct xk_ratelimit connects;   /* bounds state flapping */
    struct xk_ratelimit complaints; /* bounds log lines */
    struct event *retry;            /* when flapping has cooled down */
};

void device_init(struct device *dev, struct domain *dom);
/* Writes the nodes of both ends and watches the front-end. */
void device_create(struct device *dev);
/* Writes the nodes again if somebody has removed those of the front-end. */
void device_check(struct device *dev);
/* The guest is gone: removes the back-end's nodes. */
void device_remove(struct device *dev);
/* Lets go of the ring and tells the front-end; the nodes stay. */
void device_dispose(struct device *dev);

/* "absent", "connecting", "connected", "broken": control.h's words. */
const char *device_state_name(const struct device *dev);

/* Takes what the front-end has put, without waiting for its event. */
void device_poll(struct device *dev);

/* Sends one message. -ENOTCONN, -ENOSPC; -EPROTO breaks the device. */
int device_send(struct device *dev, const struct xk_balloon_slot *slot);

/* The front-end did what it may not: disconnect, and say so once. */
void device_break(struct device *dev, const char *reason);

#endif /* XK_MEMORYD_DEVICE_H */
