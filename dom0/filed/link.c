/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages between parent and server, see link.h.
 */
#include "link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xenkeep/util.h>

int link_pair(int *parent_r, int *server_r)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
        return -errno;
    *parent_r = fds[0];
    *server_r = fds[1];
    return 0;
}

/* Only what a type has goes over. */
static size_t length(uint32_t type)
{
    if (type == LINK_ADD || type == LINK_SET)
        return sizeof(struct link_msg);
    return offsetof(struct link_msg, why) +
           (type == LINK_BROKEN ? sizeof(((struct link_msg *)0)->why) : 0);
}

int link_send(int link, const struct link_msg *msg, int fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec iov = { (void *)(uintptr_t)msg, length(msg->type) };
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (fd >= 0) {
        mh.msg_control = &control;
        mh.msg_controllen = sizeof(control);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    }
    return sendmsg(link, &mh, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void take_fds(struct msghdr *mh, int *fd_r)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(mh);

    *fd_r = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd_r, CMSG_DATA(c), sizeof(int));
}

int link_recv(int link, struct link_msg *msg, int *fd_r)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec iov = { msg, sizeof(*msg) };
    struct msghdr mh = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof(control),
    };
    ssize_t n;

    *fd_r = -1;
    do
        n = recvmsg(link, &mh, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == ECONNRESET ? 0 : -errno;
    if (!n)
        return 0;
    take_fds(&mh, fd_r);
    if ((size_t)n >= offsetof(struct link_msg, why) &&
        (size_t)n == length(msg->type) && !(mh.msg_flags & MSG_TRUNC)) {
        if (msg->type == LINK_BROKEN)
            msg->why[sizeof(msg->why) - 1] = '\0';
        return 1;
    }
    xk_close(fd_r);
    return -EPROTO;
}
