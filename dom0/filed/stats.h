/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was done on a share, counted by its server in memory that the parent
 * reads.
 */
#ifndef XK_FILED_STATS_H
#define XK_FILED_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include <xenkeep/proto/xkfs.h>

/* Latencies by powers of two of a microsecond; the last has all above. */
#define STATS_BUCKETS 24u

struct stats {
    atomic_uint_least64_t share;        /* id; 0: not in use */
    atomic_uint_least64_t ops[XK_XKFS_OPS];
    atomic_uint_least64_t latency[STATS_BUCKETS];
    atomic_uint_least64_t read_bytes, written_bytes;
    atomic_uint_least64_t errors;
    atomic_uint_least64_t refused;      /* by a limit or by policy */
    atomic_uint_least64_t used_bytes, used_files;   /* where limited */
};

/* One operation that took so long, with its result. */
void stats_count(struct stats *stats, unsigned int op, uint64_t us,
                 int status);
/* Is it the share's rules or limits that said no? */
int stats_is_refusal(int status);

#endif /* XK_FILED_STATS_H */
