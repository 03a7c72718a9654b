/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few things that need root, done by a process of their own: it is forked
 * before crashd gives up its privileges, knows the configuration, and does
 * nothing but these verbs for domains of which crashd names number and uuid.
 *
 *   dump FIFO    a FIFO at the path that xl dumps a guest's core to: xl waits
 *                there, and the guest with it, until somebody reads
 *   destroy      by xl, so that the toolstack knows
 *   restart      destroy, then create from the file of the guest's rule
 *   fallback     likewise, from the rule's other file
 */
#ifndef XK_CRASHD_ACTOR_H
#define XK_CRASHD_ACTOR_H

#include <stdint.h>
#include <sys/types.h>

#include "hv.h"
#include "policy.h"

/* Where xl dumps to: XEN_DUMP_DIR of Debian's Xen. */
#define XK_XEN_DUMP_DIR "/var/lib/xen/dump"

struct xk_actor {
    int fd;                     /* -1: none */
    pid_t pid;
};

enum xk_actor_verb {
    XK_ACTOR_FIFO,              /* answers with its descriptor */
    XK_ACTOR_UNFIFO,
    XK_ACTOR_DESTROY,
    XK_ACTOR_RESTART,
    XK_ACTOR_FALLBACK
};

struct xk_actor_request {
    uint32_t verb;
    uint32_t domid;
    uint8_t uuid[16];
    char name[64];              /* of the guest */
};

struct xk_actor_reply {
    int32_t rc;                 /* 0 or -errno; -EREMOTEIO: xl failed */
};

/*
 * Forks it. `dump_dir` is XK_XEN_DUMP_DIR but in tests; `xl` likewise "xl".
 * As root, with nothing that a guest wrote in memory.
 */
int xk_actor_start(struct xk_actor *actor, const struct xk_policy *policy,
                   const char *dump_dir, const char *xl);
void xk_actor_stop(struct xk_actor *actor);

/* One request at a time: the answer comes on actor->fd. */
int xk_actor_ask(struct xk_actor *actor, const struct xk_actor_request *req);

/* The answer: -EAGAIN while there is none, -EPIPE when the actor is gone.
 * *fd_r: what came with it, or -1. */
int xk_actor_answer(struct xk_actor *actor, struct xk_actor_reply *reply,
                    int *fd_r);

#endif /* XK_CRASHD_ACTOR_H */
