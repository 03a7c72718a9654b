/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small things every part uses. Header only; no state. Nothing that one part
 * alone needs belongs here.
 */
#ifndef XENKEEP_UTIL_H
#define XENKEEP_UTIL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define XK_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define XK_CONTAINER_OF(ptr, type, member) \
    ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

static inline uint64_t xk_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t xk_max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline size_t xk_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t xk_max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Closes `*fd` unless it is negative; leaves -1 and errno as it was. */
static inline void xk_close(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
    errno = saved;
}

/* For __attribute__((cleanup)): `p` is the address of a malloc'd pointer. */
static inline void xk_free_at(void *p)
{
    free(*(void **)p);
}

/* `xk_cleanup_fd int fd = -1;` and `xk_cleanup_free char *p = NULL;` */
#define xk_cleanup_fd __attribute__((cleanup(xk_close)))
#define xk_cleanup_free __attribute__((cleanup(xk_free_at)))

/* Hands the descriptor over: returns it and leaves -1. */
static inline int xk_steal_fd(int *fd)
{
    int got = *fd;

    *fd = -1;
    return got;
}

/* Hands a malloc'd pointer over: returns it and leaves NULL. */
#define xk_steal_ptr(pp) \
    __extension__ ({ \
        __typeof__(*(pp)) xk_stolen_ = *(pp); \
        *(pp) = NULL; \
        xk_stolen_; \
    })

/* Microseconds of the monotonic clock. */
static inline uint64_t xk_now_us(void)
{
    struct timespec ts = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static inline uint64_t xk_now_ms(void)
{
    return xk_now_us() / 1000u;
}

#endif /* XENKEEP_UTIL_H */
