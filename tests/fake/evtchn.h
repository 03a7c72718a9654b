/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event channels between guests and dom0.
 */
#ifndef XK_FAKE_EVTCHN_H
#define XK_FAKE_EVTCHN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct xenevtchn_handle;

struct fk_port {
    struct fk_port *next;
    uint16_t domid;
    uint32_t port;
    struct fk_port *peer;               /* NULL: unbound */
    struct xenevtchn_handle *handle;    /* of a port of dom0 */
    bool pending, masked;
    uint64_t since;                     /* order of the events */
};

struct fk_evtchn {
    struct fk_port *ports;
    struct xenevtchn_handle *handles;
    uint64_t events;
};

void fk_evtchn_domain_gone(uint16_t id);
void fk_evtchn_reap(pid_t pid);

#endif /* XK_FAKE_EVTCHN_H */
