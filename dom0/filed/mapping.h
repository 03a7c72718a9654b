/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's pages: rings and pool, mapped once, before the server shuts
 * itself in. The grant device is closed then: what is mapped stays, and
 * nothing else can be.
 */
#ifndef XK_FILED_MAPPING_H
#define XK_FILED_MAPPING_H

#include <stddef.h>
#include <stdint.h>

#include "plan.h"

struct mapping {
    void *ring[PLAN_QUEUES];
    size_t ring_size;           /* bytes of each */
    uint8_t *pool;
    size_t pool_size;
};

/* All or nothing; it lives as long as the process. */
int mapping_make(const struct plan *plan, struct mapping *map_r);

#endif /* XK_FILED_MAPPING_H */
