/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The front-end of a Xen 9pfs device (xen/io/9pfs.h), played over the rings of
 * the stand-in against filed and a real server, as Linux's trans=xen does it.
 */
#ifndef XK_COMPONENT_P9_PLAY_H
#define XK_COMPONENT_P9_PLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/9pfs.h>

#include "files_play.h"
#include "p9_client.h"

#define P9_PLAY_RINGS 2u
#define P9_PLAY_ORDER 3u
/* Bytes of one direction. */
#define P9_PLAY_BYTES (4096u << (P9_PLAY_ORDER - 1))
#define P9_PLAY_MSIZE (P9_PLAY_BYTES / 2)

struct p9_front {
    uint16_t domid;
    char fe[96], be[96];        /* its nodes, and those of the back-end */
    volatile struct xen_9pfs_data_intf *intf[P9_PLAY_RINGS];
    uint8_t *answers[P9_PLAY_RINGS], *requests[P9_PLAY_RINGS];
    uint32_t intf_refs[P9_PLAY_RINGS];
    uint32_t refs[P9_PLAY_RINGS << P9_PLAY_ORDER];
    uint32_t port[P9_PLAY_RINGS];
    bool granted;
    unsigned int ring;          /* that p9_play_call() uses */
    struct p9_in in;            /* of the last answer, behind its header */
    uint8_t answer[P9_PLAY_BYTES];
};

/* Finds the device of a share; waits until filed has made it. */
int p9_play_find(struct p9_front *f, uint16_t domid, const char *share);
/* Rings, anew, and all nodes; 0, -ETIMEDOUT, -ECONNREFUSED. */
int p9_play_connect(struct p9_front *f);
/* Only what comes before: rings and nodes are there, nobody is told. */
void p9_play_offer(struct p9_front *f);
/* Tells, and waits for what becomes of it. */
int p9_play_finish(struct p9_front *f);
void p9_play_write(const struct p9_front *f, const char *key,
                   const char *value);
unsigned int p9_play_state(const struct p9_front *f);
/* Until the back-end is in that state. */
bool p9_play_await(const struct p9_front *f, unsigned int state);

/* Bytes into a ring of requests; the server is told unless `quiet`. */
void p9_play_put(struct p9_front *f, unsigned int ring, const void *bytes,
                 uint32_t n, bool quiet);
/* The next answer of a ring: its size, or -ETIMEDOUT. */
long p9_play_get(struct p9_front *f, unsigned int ring, unsigned int ms);

/* A message and its answer, see p9_client.h. */
int p9_play_call(struct p9_front *f, uint8_t type, const char *fields, ...);
/* Version, and the share attached as fid 0. */
int p9_play_mount(struct p9_front *f, const char *share);

#endif /* XK_COMPONENT_P9_PLAY_H */
