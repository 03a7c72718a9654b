/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hash table, see table.h.
 */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 256u

/* The finaliser of MurmurHash3. */
uint64_t table_hash_u64(uint64_t n)
{
    n = (n ^ n >> 33) * UINT64_C(0xff51afd7ed558ccd);
    n = (n ^ n >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return n ^ n >> 33;
}

/* FNV-1a, then mixed; what is hashed is the host's, not the guest's. */
uint64_t table_hash(const void *bytes, size_t len, uint64_t seed)
{
    const unsigned char *p = bytes;
    uint64_t h = seed ^ UINT64_C(0xcbf29ce484222325);

    while (len--)
        h = (h ^ *p++) * UINT64_C(0x100000001b3);
    return table_hash_u64(h);
}

static struct table_link **bucket(const struct table *t, uint64_t hash)
{
    return &t->buckets[hash & (t->nr_buckets - 1)];
}

static int grow(struct table *t)
{
    struct table bigger = { .nr_buckets = t->nr_buckets ? t->nr_buckets * 2
                                                        : FIRST_BUCKETS };
    struct table_link *link, *next, **at;
    size_t i;

    bigger.buckets = calloc(bigger.nr_buckets, sizeof(struct table_link *));
    if (!bigger.buckets)
        return t->nr_buckets ? 0 : -ENOMEM;     /* fuller, but it works */
    for (i = 0; i < t->nr_buckets; i++) {
        for (link = t->buckets[i]; link; link = next) {
            next = link->next;
            at = bucket(&bigger, link->hash);
            link->next = *at;
            *at = link;
        }
    }
    free(t->buckets);
    t->buckets = bigger.buckets;
    t->nr_buckets = bigger.nr_buckets;
    return 0;
}

int table_put(struct table *t, struct table_link *link, uint64_t hash)
{
    struct table_link **at;
    int rc = t->count >= t->nr_buckets ? grow(t) : 0;

    if (rc)
        return rc;
    at = bucket(t, hash);
    link->hash = hash;
    link->next = *at;
    *at = link;
    t->count++;
    return 0;
}

void table_remove(struct table *t, struct table_link *link)
{
    struct table_link **at;

    for (at = bucket(t, link->hash); *at != link; at = &(*at)->next)
        ;
    *at = link->next;
    t->count--;
}

static struct table_link *same(struct table_link *link, uint64_t hash)
{
    while (link && link->hash != hash)
        link = link->next;
    return link;
}

struct table_link *table_first(const struct table *t, uint64_t hash)
{
    return t->nr_buckets ? same(*bucket(t, hash), hash) : NULL;
}

struct table_link *table_next(const struct table_link *link)
{
    return same(link->next, link->hash);
}

void table_each(struct table *t, void (*fn)(struct table_link *link,
                                            void *arg), void *arg)
{
    struct table_link *link, *next;
    size_t i;

    for (i = 0; i < t->nr_buckets; i++) {
        for (link = t->buckets[i]; link; link = next) {
            next = link->next;
            fn(link, arg);
        }
    }
}

void table_dispose(struct table *t)
{
    free(t->buckets);
    memset(t, 0, sizeof(*t));
}
