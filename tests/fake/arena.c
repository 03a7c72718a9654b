/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shared region, see arena.h. Untouched parts of it cost nothing.
 */
#include "arena.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "state.h"

#define ARENA_SIZE ((size_t)4 << 30)
#define MIN_SHIFT 4

struct fk_free {
    struct fk_free *next;
};

static struct fk_arena *arena;

static void die(const char *what)
{
    fprintf(stderr, "xkfake: %s\n", what);
    abort();
}

void *fk_arena_new(size_t size, size_t arena_offset)
{
    pthread_mutexattr_t attr;
    char *root;

    root = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (root == MAP_FAILED)
        return NULL;
    arena = (struct fk_arena *)(root + arena_offset);
    arena->next = root + ((size + 63) & ~(size_t)63);
    arena->end = root + ARENA_SIZE;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&arena->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    return root;
}

void fk_arena_delete(void *root)
{
    arena = NULL;
    munmap(root, ARENA_SIZE);
}

static unsigned int class_of(size_t size)
{
    unsigned int shift = MIN_SHIFT;

    while (((size_t)1 << shift) < size)
        shift++;
    return shift;
}

void *fk_alloc(size_t size)
{
    unsigned int shift = class_of(size);
    size_t room = (size_t)1 << shift;
    struct fk_free *f = arena->free[shift];

    if (f) {
        arena->free[shift] = f->next;
        memset(f, 0, room);
        return f;
    }
    if ((size_t)(arena->end - arena->next) < room)
        die("the shared region is full");
    f = (struct fk_free *)arena->next;
    arena->next += room;
    return f;
}

void fk_free(void *p, size_t size)
{
    unsigned int shift = class_of(size);
    struct fk_free *f = p;

    if (!f)
        return;
    f->next = arena->free[shift];
    arena->free[shift] = f;
}

char *fk_strdup(const char *s)
{
    size_t size = strlen(s) + 1;

    return memcpy(fk_alloc(size), s, size);
}

void fk_strfree(char *s)
{
    if (s)
        fk_free(s, strlen(s) + 1);
}

/* Of this thread: how deep it is in the lock, since when, and in all; once
 * somebody has asked. */
static _Thread_local bool timed;
static _Thread_local unsigned int depth;
static _Thread_local uint64_t since_ns, inside_ns;

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void fk_lock(void)
{
    int r;

    if (!arena)
        die("no fake_init()");
    r = pthread_mutex_lock(&arena->mutex);
    if (r == EOWNERDEAD)
        pthread_mutex_consistent(&arena->mutex);
    else if (r)
        die("lock");
    if (!depth++ && timed)
        since_ns = now_ns();
}

void fk_unlock(void)
{
    if (!--depth && timed)
        inside_ns += now_ns() - since_ns;
    pthread_mutex_unlock(&arena->mutex);
}

uint64_t fake_inside_ns(void)
{
    timed = true;
    return inside_ns;
}

void fk_fifo_push(struct fk_fifo *q, uint32_t value)
{
    uint32_t *v, cap;
    uint64_t i;

    if (q->len == q->cap) {
        cap = q->cap ? q->cap * 2 : 16;
        v = fk_alloc(cap * sizeof(*v));
        for (i = 0; i < q->len; i++)
            v[i] = fk_fifo_at(q, i);
        fk_free(q->v, q->cap * sizeof(*v));
        q->v = v;
        q->cap = cap;
        q->head = 0;
    }
    q->v[(q->head + q->len++) & (q->cap - 1)] = value;
}

uint32_t fk_fifo_pop(struct fk_fifo *q)
{
    uint32_t value = fk_fifo_at(q, 0);

    q->head = (q->head + 1) & (q->cap - 1);
    q->len--;
    return value;
}

uint32_t fk_fifo_at(const struct fk_fifo *q, uint64_t i)
{
    if (i >= q->len)
        die("empty queue");
    return q->v[(q->head + i) & (q->cap - 1)];
}

void fk_fifo_dispose(struct fk_fifo *q)
{
    fk_free(q->v, q->cap * sizeof(*q->v));
    memset(q, 0, sizeof(*q));
}
