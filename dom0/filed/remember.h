/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers to requests that are not to be done twice. They are in memory that
 * outlives the server: what one server began, the next one knows of. A record
 * is written before the work (what was there) and after it (what came of it),
 * so a kill at any instant leaves one of the two.
 */
#ifndef XK_FILED_REMEMBER_H
#define XK_FILED_REMEMBER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <xenkeep/proto/xkfs.h>

/* More than the guest may rely on: those that it has the answer of are among
 * them. */
#define REMEMBER_SLOTS (2u * XK_XKFS_REMEMBERED)

enum remember_state { REMEMBER_FREE, REMEMBER_BEGUN, REMEMBER_DONE };

struct remember_record {
    uint64_t id;            /* of the request */
    uint64_t turn;          /* rising: the oldest goes first */
    uint32_t state;
    uint16_t op;
    uint16_t zero;
    int32_t status;
    uint32_t zero2;
    uint64_t value, value2; /* of the response */
    uint64_t ino;           /* of what was made, or removed; 0: none */
    uint64_t before;        /* what was there when it began */
};

/* In the shared memory; all zero: nothing is remembered. */
struct remember {
    uint64_t turn;
    struct remember_record records[REMEMBER_SLOTS];
};

/* A server's hold of it. */
struct memory {
    pthread_mutex_t lock;
    struct remember *remember;
};

void memory_init(struct memory *m, struct remember *remember);
/* The guest is another, and knows of nothing. */
void memory_clear(struct memory *m);
/* The record of an earlier request with this id, or NULL. */
struct remember_record *memory_find(struct memory *m, uint64_t id,
                                    uint16_t op);
/* A fresh one, in which the oldest answer is forgotten; NULL: all are under
 * way. */
struct remember_record *memory_begin(struct memory *m, uint64_t id,
                                     uint16_t op, uint64_t before);
void memory_done(struct remember_record *r, int status, uint64_t value,
                 uint64_t value2, uint64_t ino);

#endif /* XK_FILED_REMEMBER_H */
