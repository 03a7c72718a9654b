/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parent and a server say to each other, over a socket of their own
 * (SOCK_SEQPACKET, so a message is a message). The parent believes nothing
 * that a server says: it may have been taken over by its guest.
 */
#ifndef XK_FILED_LINK_H
#define XK_FILED_LINK_H

#include <stdint.h>

#include "share.h"

enum link_type {
    /* parent to server */
    LINK_ADD = 1,       /* id, share; its descriptor comes along */
    LINK_SET,           /* id, share */
    LINK_DRAIN,         /* id; answered with LINK_GONE when nothing is open */
    LINK_REVOKE,        /* id; answered with LINK_GONE */
    LINK_GO,            /* all shares were told: serve */
    /* server to parent */
    LINK_UP,            /* mapped and shut in */
    LINK_GONE,          /* id */
    LINK_BROKEN,        /* why: the guest broke the protocol */
};

struct link_msg {
    uint32_t type;
    uint32_t id;
    union {
        struct share share;
        char why[80];
    };
};

int link_pair(int *parent_r, int *server_r);
/* `fd` -1: none goes along; the caller keeps its own. */
int link_send(int link, const struct link_msg *msg, int fd);
/* 1: a whole message; *fd_r is the caller's, -1: none came. 0: the other side
 * is gone. -EAGAIN: none is there. -EPROTO: it was no message. */
int link_recv(int link, struct link_msg *msg, int *fd_r);

#endif /* XK_FILED_LINK_H */
