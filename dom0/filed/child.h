/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server as its parent has it: a process, and the link to it. It is the
 * first process of a namespace of its own.
 */
#ifndef XK_FILED_CHILD_H
#define XK_FILED_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include <event2/event.h>

#include "link.h"
#include "sandbox.h"

struct child {
    pid_t pid;                  /* 0: none */
    int link;
    struct event *heard;
};

/* What runs in the process; it does not return. */
typedef void child_fn(const void *plan, int link);

/* `home` was made. `heard` is called with `arg` when the server says something,
 * or ends. */
int child_start(struct child *c, struct event_base *base,
                const struct sandbox_home *home, child_fn *run,
                const void *plan, event_callback_fn heard, void *arg);
/* 0, or -errno: one that does not listen is killed, and will be heard of. */
int child_tell(struct child *c, const struct link_msg *msg, int fd);
/* It ended, or is ended now; its status, as of waitpid(). */
int child_bury(struct child *c);

static inline bool child_is_there(const struct child *c)
{
    return c->pid != 0;
}

#endif /* XK_FILED_CHILD_H */
