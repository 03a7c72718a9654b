/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A play with filed: the real daemon in a process of its own, with real
 * servers in their sandboxes, and a guest's front-end here, which follows
 * proto/xkfs.h and nothing else of the daemon.
 */
#ifndef XK_COMPONENT_FILES_PLAY_H
#define XK_COMPONENT_FILES_PLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <xenkeep/proto/xkfs.h>

#include "fake.h"
#include "wire_ring.h"

#define FILES_QUEUES 2u         /* data queues */
#define FILES_ORDER 1u
#define FILES_POOL 512u         /* pages */
#define FILES_WAIT_MS 20000u

struct files_guest {
    uint16_t domid;
    xk_files_front_ring_t ring[FILES_QUEUES + 1];
    uint32_t port[FILES_QUEUES + 1];
    uint32_t refs[64];
    uint32_t nr_refs;
    uint8_t *pool;
    uint32_t pool_refs[FILES_POOL];
    uint64_t id;                /* of the last request */
    struct xk_xkfs_hello hello;
    bool granted;
};

struct settings;

struct files_play {
    char dir[32];               /* run/, shares/, state/, data/, outside */
    pid_t filed;
    struct files_guest guest;
    /* Changes filed's settings before it starts; NULL: they are usual. */
    void (*tune)(struct settings *s);
};

/* The stand-in with a guest, and directories; skips the test (exit 77) when
 * this machine does not let us make sandboxes. */
void files_play_init(struct files_play *p);
void files_play_fini(struct files_play *p);
/* Another guest, without a front-end so far. */
void files_play_guest(const char *name, struct files_guest *g);
/* What is kept for the guest before filed starts: the items of its file. */
void files_play_keep(struct files_play *p, const char *items);
void files_play_keep_for(struct files_play *p, const char *name,
                         const char *items);
void files_play_up(struct files_play *p);
/* SIGKILL to filed; its servers go with it, and are gone. */
void files_play_kill(struct files_play *p);
/* The process of the guest's server, or 0. */
pid_t files_play_server(struct files_play *p);
/* Waits until it runs no more. */
void files_play_until_gone(pid_t pid);
/* Drops what dead servers held of the stand-in, as the kernel does. None may
 * be alive: each is process 1 of its own namespace. */
void files_play_reap(struct files_play *p);

/* The handshake, and HELLO. 0 or -ETIMEDOUT; -ECONNREFUSED: broken. */
int files_connect(struct files_guest *g);
/* An index out of bounds: the device is lost. */
void files_break(struct files_guest *g);
/* The same after the death of a server. */
int files_connect_after(struct files_play *p);
/* Without HELLO. */
int files_connect_silently(struct files_play *p);
/* The rings are given up, as by a front-end that starts over. */
void files_disconnect(struct files_guest *g);
unsigned int files_backend_state(const struct files_guest *g);

/* Sends; the id is filled in unless F_AGAIN is set. */
void files_send(struct files_guest *g, unsigned int queue,
                struct xk_xkfs_req *req);
/* The next response of a queue. 0, -ETIMEDOUT. */
int files_recv(struct files_guest *g, unsigned int queue,
               struct xk_xkfs_rsp *rsp, unsigned int ms);
/* Both; the response's status, or -ETIMEDOUT. */
int files_call(struct files_guest *g, unsigned int queue,
               struct xk_xkfs_req *req, struct xk_xkfs_rsp *rsp);

/* The same with two pieces of `in`, of which the first is the name; `b` may
 * be NULL. Room for the answer unless the request says how much. */
int files_ask(struct files_guest *g, struct xk_xkfs_req *req, const void *a,
              size_t a_len, const void *b, size_t b_len,
              struct xk_xkfs_rsp *rsp);

/* Requests with their strings at the start of the pool and room for the
 * answer behind; 0 or the status. */
#define FILES_IN 0u
#define FILES_OUT 131072u
int files_named(struct files_guest *g, uint16_t op, uint64_t node,
                const char *name, struct xk_xkfs_req *more,
                struct xk_xkfs_rsp *rsp);
int files_lookup(struct files_guest *g, uint64_t dir, const char *name,
                 struct xk_xkfs_entry *entry_r);
int files_open(struct files_guest *g, uint64_t node, int flags,
               uint64_t *fh_r);
int files_create(struct files_guest *g, uint64_t dir, const char *name,
                 int flags, uint32_t mode, struct xk_xkfs_entry *entry_r,
                 uint64_t *fh_r);
/* Bytes, or the status. */
long files_write(struct files_guest *g, uint64_t fh, uint64_t off,
                 const void *data, uint32_t len);
long files_read(struct files_guest *g, uint64_t fh, uint64_t off, void *data,
                uint32_t len);
int files_simple(struct files_guest *g, uint16_t op, uint64_t node,
                 uint64_t fh, uint64_t arg);

/* A call of a command: the result as text is not looked at. 0 or the code of
 * the error. */
int files_control(struct files_play *p, const char *method,
                  const char *params);

#endif /* XK_COMPONENT_FILES_PLAY_H */
