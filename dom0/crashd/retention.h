/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much is kept. Of dumps of one guest with the same stop code only the
 * first and the last stay whole, between them records; then the oldest go,
 * beyond the limits. Instances that share a uuid or a name are one guest.
 */
#ifndef XK_CRASHD_RETENTION_H
#define XK_CRASHD_RETENTION_H

#include <stdint.h>
#include <time.h>

/* What is kept, at most; see policy.h. */
struct xk_retention {
    uint32_t dumps;             /* of one guest */
    uint64_t bytes;             /* of all */
    uint32_t days;
    uint64_t free_bytes;
};

/* What goes, and why, for the log. */
typedef void xk_retain_fn(const char *id, const char *why);

/*
 * The newest dump of a guest stays, whatever its size, unless it is too old.
 * -errno: some of it may be done.
 */
int xk_retain(const char *store, const struct xk_retention *limits,
              time_t now, xk_retain_fn *removed);

#endif /* XK_CRASHD_RETENTION_H */
