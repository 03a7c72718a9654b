/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libxenevtchn for dom0, and the guests' ends. A port of dom0 is masked from
 * the moment its event was read until it is unmasked, and fires once right
 * after it was bound, both as with the real driver.
 */
#include "evtchn.h"

#include <errno.h>
#include <unistd.h>

#include <xenevtchn.h>

#include "fds.h"
#include "state.h"

#define MAX_PORT 4095u /* the two-level ABI of 64-bit guests, less one */

struct xenevtchn_handle {
    struct xenevtchn_handle *next;
    pid_t pid;
    int fd;
    bool restricted;
    uint16_t domid;             /* then, to this one */
};

static struct fk_port *find(uint16_t domid, uint32_t port)
{
    struct fk_port *p;

    for (p = fk->evtchn.ports; p; p = p->next)
        if (p->domid == domid && p->port == port)
            return p;
    return NULL;
}

static struct fk_port *new_port(uint16_t domid)
{
    struct fk_port *p;
    uint32_t nr = 1;

    while (find(domid, nr))
        if (++nr > MAX_PORT)
            return NULL;
    p = fk_alloc(sizeof(*p));
    p->domid = domid;
    p->port = nr;
    p->next = fk->evtchn.ports;
    fk->evtchn.ports = p;
    return p;
}

static bool ready(const struct fk_port *p)
{
    return p->pending && !p->masked;
}

static void update_fd(const struct xenevtchn_handle *xce)
{
    const struct fk_port *p;
    bool any = false;

    for (p = fk->evtchn.ports; p; p = p->next)
        any |= p->handle == xce && ready(p);
    fk_fd_set(xce->fd, any);
}

static void raise_port(struct fk_port *p)
{
    if (!p->pending)
        p->since = ++fk->evtchn.events;
    p->pending = true;
    if (p->handle)
        update_fd(p->handle);
}

static void close_port(struct fk_port *p)
{
    struct fk_port **at;

    /* The other end can be bound again. */
    if (p->peer)
        p->peer->peer = NULL;
    for (at = &fk->evtchn.ports; *at != p; at = &(*at)->next)
        ;
    *at = p->next;
    if (p->handle)
        update_fd(p->handle);
    fk_free(p, sizeof(*p));
}

void fk_evtchn_domain_gone(uint16_t id)
{
    struct fk_port *p, *next;

    for (p = fk->evtchn.ports; p; p = next) {
        next = p->next;
        if (p->domid == id)
            close_port(p);
    }
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger,
                                 unsigned int flags)
{
    xenevtchn_handle *xce = NULL;
    int fd;

    (void)logger, (void)flags;
    fk_lock();
    fd = fk_fd_get();
    if (fd >= 0) {
        xce = fk_alloc(sizeof(*xce));
        xce->pid = getpid();
        xce->fd = fd;
        xce->next = fk->evtchn.handles;
        fk->evtchn.handles = xce;
    }
    fk_leave(0);
    return xce;
}

static void close_handle(xenevtchn_handle *xce)
{
    xenevtchn_handle **at;
    struct fk_port *p, *next;

    for (p = fk->evtchn.ports; p; p = next) {
        next = p->next;
        if (p->handle == xce)
            close_port(p);
    }
    for (at = &fk->evtchn.handles; *at != xce; at = &(*at)->next)
        ;
    *at = xce->next;
    fk_fd_put(xce->fd);
    fk_free(xce, sizeof(*xce));
}

int xenevtchn_close(xenevtchn_handle *xce)
{
    if (!xce)
        return 0;
    fk_lock();
    close_handle(xce);
    fk_unlock();
    return 0;
}

void fk_evtchn_reap(pid_t pid)
{
    xenevtchn_handle *xce, *next;

    for (xce = fk->evtchn.handles; xce; xce = next) {
        next = xce->next;
        if (xce->pid == pid)
            close_handle(xce);
    }
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    return xce->fd;
}

int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
    xce->restricted = true;
    xce->domid = domid;
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce,
                                                     uint32_t domid,
                                                     evtchn_port_t remote_port)
{
    struct fk_port *remote, *local;

    if (!fk_enter(FAKE_CALL_EVTCHN_BIND, NULL))
        return -1;
    if (xce->restricted && xce->domid != domid)
        return fk_leave_rc(-EACCES);
    if (!fk_dom((uint16_t)domid))
        return fk_leave_rc(-ESRCH);
    remote = find((uint16_t)domid, remote_port);
    if (!remote || remote->peer)
        return fk_leave_rc(-EINVAL);
    local = new_port(0);
    if (!local)
        return fk_leave_rc(-ENOSPC);
    local->peer = remote;
    remote->peer = local;
    local->handle = xce;
    raise_port(local);
    return fk_leave_rc(local->port);
}

/* A port of this handle, or NULL with errno. Takes the lock if found. */
static struct fk_port *own_port(xenevtchn_handle *xce, enum fake_call call,
                                evtchn_port_t port)
{
    struct fk_port *p;

    if (call == FAKE_CALL_ANY)
        fk_lock();
    else if (!fk_enter(call, NULL))
        return NULL;
    p = find(0, port);
    if (p && p->handle == xce)
        return p;
    fk_leave_rc(-ENOTCONN);
    return NULL;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    struct fk_port *p = own_port(xce, FAKE_CALL_EVTCHN_NOTIFY, port);

    if (!p)
        return -1;
    if (p->peer)
        raise_port(p->peer);
    return fk_leave_rc(0);
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
    struct fk_port *p, *first = NULL;

    fk_lock();
    for (p = fk->evtchn.ports; p; p = p->next)
        if (p->handle == xce && ready(p) &&
            (!first || p->since < first->since))
            first = p;
    /* The real call would wait. */
    if (!first)
        return fk_leave_rc(-EAGAIN);
    first->pending = false;
    first->masked = true;
    update_fd(xce);
    return fk_leave_rc(first->port);
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    struct fk_port *p = own_port(xce, FAKE_CALL_ANY, port);

    if (!p)
        return -1;
    p->masked = false;
    update_fd(xce);
    return fk_leave_rc(0);
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
    struct fk_port *p = own_port(xce, FAKE_CALL_ANY, port);

    if (!p)
        return -1;
    close_port(p);
    return fk_leave_rc(0);
}

int fake_guest_port_alloc(uint16_t domid)
{
    struct fk_port *p = NULL;
    int rc = -EAGAIN;

    fk_lock();
    if (fk_dom_running(domid)) {
        p = new_port(domid);
        rc = p ? (int)p->port : -ENOSPC;
    }
    fk_unlock();
    return rc;
}

int fake_guest_port_notify(uint16_t domid, uint32_t port)
{
    struct fk_port *p;
    int rc = -EAGAIN;

    fk_lock();
    if (fk_dom_running(domid)) {
        p = find(domid, port);
        rc = p ? 0 : -EINVAL;
        if (p && p->peer)
            raise_port(p->peer);
    }
    fk_unlock();
    return rc;
}

bool fake_guest_port_pending(uint16_t domid, uint32_t port)
{
    struct fk_port *p;
    bool pending = false;

    fk_lock();
    p = find(domid, port);
    if (p) {
        pending = p->pending;
        p->pending = false;
    }
    fk_unlock();
    return pending;
}

int fake_guest_port_close(uint16_t domid, uint32_t port)
{
    struct fk_port *p;

    fk_lock();
    p = find(domid, port);
    if (p)
        close_port(p);
    fk_unlock();
    return p ? 0 : -EINVAL;
}
