/* SPDX-License-Identifier: GPL-2.0-only */
/* The parent's side of a server, see child.h. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "sandbox.h"

/* All shares of a guest fit into the link: the parent never waits for it. */
#define LINK_BUFFER (SHARES_MAX * 2 * (int)sizeof(struct link_msg))

static _Noreturn void become(const struct sandbox_home *home, child_fn *run,
                             const void *plan, int link)
{
    struct sigaction dfl = { .sa_handler = SIG_DFL };

    (void)sigaction(SIGTERM, &dfl, NULL);
    (void)sigaction(SIGINT, &dfl, NULL);
    (void)sigaction(SIGHUP, &dfl, NULL);
    if (!sandbox_go_home(home) && !sandbox_close_fds(link))
        run(plan, link);
    _exit(EXIT_FAILURE);
}

static int start(struct child *c, const struct sandbox_home *home,
                 child_fn *run, const void *plan)
{
    int link, rc = link_pair(&c->link, &link), size = LINK_BUFFER;

    if (rc)
        return rc;
    (void)setsockopt(c->link, SOL_SOCKET, SO_SNDBUFFORCE, &size,
                     sizeof(size));
    (void)fcntl(c->link, F_SETFL, O_NONBLOCK);
    rc = sandbox_before_fork();
    if (!rc) {
        c->pid = fork();
        if (!c->pid)
            become(home, run, plan, link);
        rc = c->pid < 0 ? -errno : 0;
        sandbox_after_fork();
    }
    xk_close(&link);
    if (rc) {
        c->pid = 0;
        xk_close(&c->link);
    }
    return rc;
}

int child_start(struct child *c, struct event_base *base,
                const struct sandbox_home *home, child_fn *run,
                const void *plan, event_callback_fn heard, void *arg)
{
    int rc;

    *c = (struct child){ .link = -1 };
    rc = start(c, home, run, plan);
    if (rc)
        return rc;
    c->heard = event_new(base, c->link, EV_READ | EV_PERSIST, heard, arg);
    if (c->heard && !event_add(c->heard, NULL))
        return 0;
    (void)child_bury(c);
    return -ENOMEM;
}

int child_tell(struct child *c, const struct link_msg *msg, int fd)
{
    int rc = c->pid ? link_send(c->link, msg, fd) : 0;

    if (rc)
        (void)kill(c->pid, SIGKILL);
    return rc;
}

int child_bury(struct child *c)
{
    int status = 0;

    if (!c->pid)
        return 0;
    if (c->heard)
        event_free(c->heard);
    c->heard = NULL;
    xk_close(&c->link);
    (void)kill(c->pid, SIGKILL);
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    c->pid = 0;
    return status;
}
