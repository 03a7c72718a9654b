/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The threads that wait for disks, so that queues need not. Jobs of one key
 * (a node) are done by one worker, in their order.
 */
#ifndef XK_FILED_WORKERS_H
#define XK_FILED_WORKERS_H

#include <stdint.h>

struct workers;

struct workers_job {
    struct workers_job *next;
    void (*run)(struct workers_job *job);       /* frees it */
};

int workers_open(struct workers **workers_r, unsigned int count);
void workers_add(struct workers *workers, uint64_t key,
                 struct workers_job *job);

#endif /* XK_FILED_WORKERS_H */
