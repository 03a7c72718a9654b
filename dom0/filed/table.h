/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hash table of things that embed their link. It grows, never shrinks, and
 * owns nothing but its buckets.
 */
#ifndef XK_FILED_TABLE_H
#define XK_FILED_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_link {
    struct table_link *next;
    uint64_t hash;
};

struct table {
    struct table_link **buckets;
    size_t nr_buckets;          /* a power of two; 0 before the first */
    size_t count;
};

/* A hash of bytes; of a number. */
uint64_t table_hash(const void *bytes, size_t len, uint64_t seed);
uint64_t table_hash_u64(uint64_t n);

/* -ENOMEM: nothing was put. */
int table_put(struct table *t, struct table_link *link, uint64_t hash);
void table_remove(struct table *t, struct table_link *link);
/* The first of this hash, and the next of the same; NULL: none. */
struct table_link *table_first(const struct table *t, uint64_t hash);
struct table_link *table_next(const struct table_link *link);
/* Calls fn for all; it may remove and free the one it is given. */
void table_each(struct table *t, void (*fn)(struct table_link *link,
                                            void *arg), void *arg);
void table_dispose(struct table *t);

#endif /* XK_FILED_TABLE_H */
