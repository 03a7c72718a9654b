/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory hypercalls, with their extents, limits and half-done ends. The
 * caller holds the lock; each call leaves its line in the trace. They return
 * what Xen returns: extents done, 0, or -errno.
 */
#ifndef XK_FAKE_MEMOP_H
#define XK_FAKE_MEMOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fk_map;

long fk_memop_decrease(uint16_t caller, uint16_t id, const uint64_t *gfns,
                       size_t count, unsigned int order);
long fk_memop_populate(uint16_t caller, uint16_t id, const uint64_t *gfns,
                       size_t count, unsigned int order, bool pod);
long fk_memop_set_target(uint16_t id, uint64_t target);
long fk_memop_get_target(uint16_t id, uint64_t *tot, uint64_t *cache,
                         uint64_t *entries);

/* A foreign map: errs[i] is 0 or -errno. NULL: errno. */
struct fk_map *fk_memop_map(uint16_t id, const uint64_t *gfns, size_t count,
                            int prot, int *errs);

/* Accesses by the guest; how many worked. */
long fk_memop_touch(uint16_t id, const uint64_t *gfns, size_t count);

#endif /* XK_FAKE_MEMOP_H */
