/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process that keeps root, see actor.h. What it is asked is checked as if
 * a guest had asked.
 */
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

struct act {
    const struct xk_policy *policy;
    const char *dump_dir, *xl;
    int fd;
};

/* ---- xl ----------------------------------------------------------------- */

static int run_xl(const struct act *act, const char *verb, const char *what)
{
    pid_t pid = fork();
    int status;

    if (pid < 0)
        return -errno;
    if (!pid) {
        (void)signal(SIGPIPE, SIG_DFL);
        execlp(act->xl, "xl", verb, what, (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        xk_warn("xl %s %s failed", verb, what);
        return -EREMOTEIO;
    }
    return 0;
}

/* Is it that domain, and not another that got its number? */
static int same_domain(const struct xk_actor_request *req)
{
    struct xk_dominfo info;
    struct xk_hv *hv;
    int rc;

    if (!req->domid || req->domid >= XK_DOMID_RESERVED)
        return -EINVAL;
    rc = xk_hv_open(&hv);
    if (rc)
        return rc;
    rc = xk_hv_dominfo(hv, (xk_domid_t)req->domid, &info);
    if (!rc && (memcmp(info.uuid, req->uuid, sizeof(info.uuid)) ||
                !info.shutdown))
        rc = -ESRCH;
    xk_hv_close(hv);
    return rc;
}

static int destroy(const struct act *act, const struct xk_actor_request *req)
{
    char domid[16];
    int rc;

    rc = same_domain(req);
    if (rc)
        return rc;
    snprintf(domid, sizeof(domid), "%u", req->domid);
    return run_xl(act, "destroy", domid);
}

static int restart(const struct act *act, const struct xk_actor_request *req)
{
    const struct xk_rule *rule = xk_policy_rule(act->policy, req->name);
    const char *file;
    int rc;

    file = !rule ? "" : req->verb == XK_ACTOR_FALLBACK ? rule->fallback
                                                       : rule->config;
    if (!file[0])
        return -EINVAL;
    rc = destroy(act, req);
    return rc && rc != -ESRCH ? rc : run_xl(act, "create", file);
}

/* ---- FIFOs -------------------------------------------------------------- */

/* A guest's name as a file's: xl puts it at the end of a path as it is. */
static bool file_name(const char *name)
{
    return name[0] && name[0] != '.' && !strchr(name, '/') &&
           strlen(name) < 64;
}

static int fifo_path(const struct act *act, const char *name, char path[256])
{
    if (!file_name(name))
        return -EINVAL;
    snprintf(path, 256, "%s/%s", act->dump_dir, name);
    return 0;
}

static bool is_fifo(const char *path)
{
    struct stat st;

    return !lstat(path, &st) && S_ISFIFO(st.st_mode);
}

/* A file that is there already, an old core, is not touched: -EEXIST. */
static int make_fifo(const struct act *act, const char *name, int *fd_r)
{
    char path[256];
    int rc;

    rc = fifo_path(act, name, path);
    if (rc)
        return rc;
    if (mkfifo(path, 0600) && (errno != EEXIST || !is_fifo(path)))
        return -errno;
    *fd_r = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    return *fd_r < 0 ? -errno : 0;
}

static int remove_fifo(const struct act *act, const char *name)
{
    char path[256];
    int rc;

    rc = fifo_path(act, name, path);
    if (rc)
        return rc;
    if (!is_fifo(path))
        return -ENOENT;
    return unlink(path) ? -errno : 0;
}

/* ---- requests ----------------------------------------------------------- */

static int act_on(const struct act *act, const struct xk_actor_request *req,
                  int *fd_r)
{
    switch (req->verb) {
    case XK_ACTOR_FIFO:
        return make_fifo(act, req->name, fd_r);
    case XK_ACTOR_UNFIFO:
        return remove_fifo(act, req->name);
    case XK_ACTOR_DESTROY:
        return destroy(act, req);
    case XK_ACTOR_RESTART:
    case XK_ACTOR_FALLBACK:
        return restart(act, req);
    default:
        return -EINVAL;
    }
}

static int send_with_fd(int sock, const struct xk_actor_reply *reply, int fd)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { (void *)(uintptr_t)reply, sizeof(*reply) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    memset(&control, 0, sizeof(control));
    if (fd >= 0) {
        msg.msg_control = control.room;
        msg.msg_controllen = sizeof(control.room);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    }
    return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void serve(struct act *act)
{
    struct xk_actor_request req;
    struct xk_actor_reply reply;
    ssize_t n;
    int fd;

    while ((n = recv(act->fd, &req, sizeof(req), 0)) == sizeof(req)) {
        fd = -1;
        req.name[sizeof(req.name) - 1] = '\0';
        reply.rc = act_on(act, &req, &fd);
        if (send_with_fd(act->fd, &reply, fd))
            break;
        xk_close(&fd);
    }
    _exit(n ? EXIT_FAILURE : EXIT_SUCCESS);
}

int xk_actor_start(struct xk_actor *actor, const struct xk_policy *policy,
                   const char *dump_dir, const char *xl)
{
    struct act act = { policy, dump_dir, xl, -1 };
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return -errno;
    actor->pid = fork();
    if (actor->pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return -errno;
    }
    if (!actor->pid) {
        close(ends[0]);
        act.fd = ends[1];
        /* It ends when crashd does: its end of the socket is closed. A
         * signal for the group is crashd's to answer. */
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGTERM, SIG_IGN);
        (void)prctl(PR_SET_NAME, "crashd-actor");
        serve(&act);
    }
    close(ends[1]);
    actor->fd = ends[0];
    return fcntl(actor->fd, F_SETFL, O_NONBLOCK) ? -errno : 0;
}

void xk_actor_stop(struct xk_actor *actor)
{
    xk_close(&actor->fd);
    if (actor->pid > 0)
        (void)waitpid(actor->pid, NULL, 0);
    actor->pid = 0;
}

int xk_actor_ask(struct xk_actor *actor, const struct xk_actor_request *req)
{
    return send(actor->fd, req, sizeof(*req), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int take_fd(struct msghdr *msg)
{
    struct cmsghdr *head = CMSG_FIRSTHDR(msg);
    int fd = -1;

    if (head && head->cmsg_level == SOL_SOCKET &&
        head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    return fd;
}

int xk_actor_answer(struct xk_actor *actor, struct xk_actor_reply *reply,
                    int *fd_r)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { reply, sizeof(*reply) };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
        .msg_controllen = sizeof(control.room),
    };
    ssize_t n;

    n = recvmsg(actor->fd, &msg, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EAGAIN ? -EAGAIN : -errno;
    *fd_r = take_fd(&msg);
    return n == sizeof(*reply) ? 0 : -EPIPE;
}
