/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the page tables say of each page: a walk of all of them, by half of
 * the address space and user bit. The tables are the guest's: each page is
 * gone through as a table once, and the work of a walk is bounded; where a
 * bound was hit, the walk is not to be trusted.
 */
#ifndef XK_CRASHD_TABLES_H
#define XK_CRASHD_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel.h"
#include "pages.h"

/* What was seen of a page; several may be. */
#define XK_SEEN_USER 1u     /* mapped for user mode */
#define XK_SEEN_TABLE 2u    /* is a page table */
#define XK_SEEN_CONST 4u    /* of the kernel: code, constants, descriptors */
#define XK_SEEN_DATA 8u     /* of the kernel, outside of the direct map */

struct xk_tables {
    uint8_t *seen;          /* two pages a byte; pages come as touched */
    size_t seen_size;
    uint64_t max_pfn;
    uint64_t table_count;   /* tables gone through */
    uint64_t root_count;    /* address spaces */
    bool trusted;           /* no bound was hit, no table unreadable */
};

/*
 * Walks the kernel's tables, those of every vcpu and those of `roots` (pfns
 * of top tables). `pages` tells where descriptors are. 0, -ENOMEM.
 */
int xk_tables_walk(struct xk_tables *tables, const struct xk_kernel *kernel,
                   const struct xk_pages *pages, const uint64_t *roots,
                   size_t root_count);
void xk_tables_dispose(struct xk_tables *tables);

static inline unsigned int xk_tables_seen(const struct xk_tables *tables,
                                          uint64_t pfn)
{
    return pfn < tables->max_pfn
               ? tables->seen[pfn / 2] >> pfn % 2 * 4 & 0xf : 0;
}

#endif /* XK_CRASHD_TABLES_H */
