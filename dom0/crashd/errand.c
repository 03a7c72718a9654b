/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the process that keeps root is asked, see errand.h.
 */
#include "errand.h"

#include <errno.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "fifo.h"

static bool namesake(const struct xk_guest *g)
{
    const struct xk_guest *other;

    for (other = g->cd->guests; other; other = other->next)
        if (other != g && !other->gone && !strcmp(other->name, g->name))
            return true;
    return false;
}

static int ask_actor(struct xk_guest *g, enum xk_actor_verb verb)
{
    struct xk_actor_request req = { .verb = verb, .domid = g->info.domid };

    memcpy(req.uuid, g->info.uuid, sizeof(req.uuid));
    strcpy(req.name, g->name);
    return xk_actor_ask(&g->cd->actor, &req);
}

void xk_errands_next(struct xk_crashd *cd)
{
    struct xk_guest *g;
    unsigned int verb;

    for (g = cd->guests; g && !cd->actor_for && cd->actor.fd >= 0;
         g = g->next) {
        if (!g->wanted)
            continue;
        verb = (unsigned int)__builtin_ctz(g->wanted);
        g->wanted &= ~(1u << verb);
        /* The next of its name waits at the same FIFO. */
        if (verb == XK_ACTOR_UNFIFO && namesake(g))
            continue;
        if (!ask_actor(g, (enum xk_actor_verb)verb))
            cd->actor_for = g;
    }
}

static void on_actor(evutil_socket_t fd, short what, void *arg)
{
    struct xk_crashd *cd = arg;
    struct xk_guest *g = cd->actor_for;
    struct xk_actor_reply reply;
    int rc, got = -1;

    (void)fd, (void)what;
    rc = xk_actor_answer(&cd->actor, &reply, &got);
    if (rc == -EAGAIN)
        return;
    if (rc) {
        xk_err("the helper process is gone: guests are not destroyed or "
               "restarted any more");
        (void)event_del(cd->actor_event);
        xk_close(&cd->actor.fd);
        return;
    }
    cd->actor_for = NULL;
    if (g && got >= 0 && g->fifo < 0)
        xk_fifo_take(g, xk_steal_fd(&got));
    xk_close(&got);
    if (g && reply.rc && reply.rc != -EEXIST && reply.rc != -ENOENT &&
        reply.rc != -ESRCH) {
        cd->totals.actions_failed++;
        xk_warn("%s: what should become of it could not be done: %s",
                g->name, reply.rc == -EREMOTEIO ? "xl failed"
                                                : strerror(-reply.rc));
    }
    xk_errands_next(cd);
    xk_guests_reap(cd);
}

void xk_errand(struct xk_guest *g, enum xk_actor_verb verb)
{
    g->wanted |= 1u << verb;
    xk_errands_next(g->cd);
}

int xk_errands_start(struct xk_crashd *cd)
{
    cd->actor_event = event_new(cd->loop.base, cd->actor.fd,
                                EV_READ | EV_PERSIST, on_actor, cd);
    return cd->actor_event ? event_add(cd->actor_event, NULL) : -ENOMEM;
}
