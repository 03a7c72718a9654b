/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The back-end device of a guest: its nodes in xenstore and their state
 * machine. Everything the front-end wrote is hostile; the worst that it can
 * do is to break this device.
 */
#ifndef XK_FILED_DEVICE_H
#define XK_FILED_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include <xenkeep/log.h>

#include "plan.h"
#include "xs.h"

struct guest;
struct lent;

enum device_state {
    DEVICE_ABSENT,      /* no front-end has shown up */
    DEVICE_CONNECTING,
    DEVICE_STARTING,    /* its server maps the rings */
    DEVICE_CONNECTED,
    DEVICE_BROKEN       /* the front-end broke the protocol */
};

/* Connections a front-end may make in ten seconds; more wait. */
#define DEVICE_CONNECTS 200u

struct device {
    struct guest *guest;
    enum device_state state;
    bool created;
    char fe_path[XK_XS_PATH_MAX];
    char be_path[XK_XS_PATH_MAX];
    struct xk_watch fe_state;
    struct xk_ratelimit connects;   /* bounds state flapping */
    struct xk_ratelimit complaints; /* bounds log lines */
    struct event *retry;            /* when flapping has cooled down */
};

void device_init(struct device *dev, struct guest *guest);
/* Writes the nodes of both ends and watches the front-end. */
void device_create(struct device *dev);
/* Writes the nodes again if somebody has removed those of the front-end. */
void device_check(struct device *dev);
/* The guest is gone: removes the back-end's nodes. */
void device_remove(struct device *dev);
/* Tells the front-end that nobody serves it; the nodes stay. */
void device_dispose(struct device *dev);

/* The nodes of one share, as it is now. */
void device_share(struct device *dev, const struct lent *lent);

/* "absent", "connecting", "connected", "broken". */
const char *device_state_name(const struct device *dev);

/* The server is ready; it is gone, unasked; the front-end broke the rules. */
void device_up(struct device *dev);
void device_lost(struct device *dev);
void device_break(struct device *dev, const char *reason);

#endif /* XK_FILED_DEVICE_H */
