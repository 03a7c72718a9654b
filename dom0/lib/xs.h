/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Typed xenstore. Every value is held against the schema before it is
 * believed: a node that is not in the schema is a programming error
 * (-ENOENT from the checker is returned as -EPROTO), a value that does not fit
 * is -EINVAL. Paths are absolute and at most XK_XS_PATH_MAX bytes.
 */
#ifndef XK_LIB_XS_H
#define XK_LIB_XS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

/* XENSTORE_ABS_PATH_MAX of xs_wire.h is 3072; ours are short. */
#define XK_XS_PATH_MAX 256

struct xk_xs;

/* Called from the loop; `path` is where the change was, `arg` the caller's. */
typedef void xk_watch_fn(const char *path, void *arg);

/* Embedded by its owner; zero it, or xk_xs_watch it, before xk_xs_unwatch. */
struct xk_watch {
    char path[XK_XS_PATH_MAX];
    char token[24];
    xk_watch_fn *fn;
    void *arg;
    uint64_t number;
    bool active;
};

/* `base` may be NULL for a program without a loop: then without watches. */
int xk_xs_open(struct xk_xs **xs_r, struct event_base *base);
void xk_xs_close(struct xk_xs *xs);

/*
 * The callback fires once soon after (as xenstore does), then at each change
 * at or below `path`. Special paths are @introduceDomain, @releaseDomain.
 */
int xk_xs_watch(struct xk_xs *xs, struct xk_watch *watch, const char *path,
                xk_watch_fn *fn, void *arg);
void xk_xs_unwatch(struct xk_xs *xs, struct xk_watch *watch);

/* -ENOENT: no such node. -E2BIG: longer than size - 1. -EINVAL: malformed. */
int xk_xs_read(struct xk_xs *xs, const char *path, char *buf, size_t size);
int xk_xs_read_u64(struct xk_xs *xs, const char *path, uint64_t *value_r);
bool xk_xs_exists(struct xk_xs *xs, const char *path);

int xk_xs_write(struct xk_xs *xs, const char *path, const char *value);
int xk_xs_write_u64(struct xk_xs *xs, const char *path, uint64_t value);

/* Makes a directory owned by `owner`, which `reader` may read. */
int xk_xs_mkdir(struct xk_xs *xs, const char *path, unsigned int owner,
                unsigned int reader);
/* Removing what is not there is no error. */
int xk_xs_rm(struct xk_xs *xs, const char *path);

#endif /* XK_LIB_XS_H */
