/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that survives the process: one MAP_SHARED region at an address that
 * a forked child inherits, so plain pointers work in both. Allocation is by
 * powers of two and never fails short of the region's end, which aborts.
 */
#ifndef XK_FAKE_ARENA_H
#define XK_FAKE_ARENA_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct fk_free;

struct fk_arena {
    char *next, *end;
    struct fk_free *free[48];
    pthread_mutex_t mutex;
};

/* A new region; the root object of `size` bytes is at its start. */
void *fk_arena_new(size_t size, size_t arena_offset);
void fk_arena_delete(void *root);

/* Zeroed. The size is needed to free. */
void *fk_alloc(size_t size);
void fk_free(void *p, size_t size);
char *fk_strdup(const char *s);
void fk_strfree(char *s);

/* Recursive, shared by all processes; survives an owner that died. */
void fk_lock(void);
void fk_unlock(void);

/* First in, first out, of numbers. */
struct fk_fifo {
    uint32_t *v;
    uint32_t cap, head;
    uint64_t len;
};

void fk_fifo_push(struct fk_fifo *q, uint32_t value);
uint32_t fk_fifo_pop(struct fk_fifo *q); /* not when empty */
uint32_t fk_fifo_at(const struct fk_fifo *q, uint64_t i);
void fk_fifo_dispose(struct fk_fifo *q);

#endif /* XK_FAKE_ARENA_H */
