/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own descriptors of pages (struct page), reached through
 * mem_section with what VMCOREINFO says of their shape.
 */
#ifndef XK_CRASHD_PAGES_H
#define XK_CRASHD_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel.h"

/* What a descriptor says; UNKNOWN where it says nothing that is sure. */
enum xk_page_use {
    XK_USE_UNKNOWN,     /* no descriptor, or one that makes no sense */
    XK_USE_FREE,        /* in the buddy allocator */
    XK_USE_RESERVED,    /* never given to the allocator: the image, boot */
    XK_USE_SLAB,        /* slab, or a large block of the kernel's */
    XK_USE_PLAIN,       /* allocated, by the kernel, no flag says what for */
    XK_USE_CACHE,       /* page cache, shared memory */
    XK_USE_ANON         /* anonymous memory, huge pages of processes */
};

/* Blocks are looked at whole: the largest that the buddy allocator has. */
#define XK_PAGES_BLOCK 1024u
/* Descriptors of other sizes are not believed (it is 64). */
#define XK_PAGES_SIZE_MAX 128u

struct xk_pages {
    bool usable;
    uint64_t sections;          /* VA of the array of arrays, or array */
    bool extreme;               /* two levels */
    uint64_t end_pfn;           /* of the last that has a descriptor, plus 1 */
    uint32_t section_bits;      /* log2 of a section, bytes */
    uint32_t section_size, map_offset;      /* struct mem_section */
    uint32_t size;              /* struct page */
    uint32_t flags, refcount, mapping, lru, mapcount, order, head, dtor;
    int slab_bit, lru_bit, swapcache_bit, reserved_bit, head_bit;
    uint32_t buddy;             /* page_type of a free block's first page */
    uint32_t slab_type;         /* of a slab, since 6.10; 0: a flag tells */
    uint32_t huge_type;         /* of a huge page, since 6.10; 0: the dtor */
    int huge_dtor;              /* -1: not known */
};

/* -ENOENT: VMCOREINFO does not say enough; then nothing is known of a page. */
int xk_pages_init(struct xk_pages *pages, const struct xk_kernel *kernel);

/* The bit of PG_reserved, which only type information tells (btf.h). */
void xk_pages_set_reserved(struct xk_pages *pages, unsigned int bit);

/*
 * The use of each page of a block; `block` is a pfn, a multiple of
 * XK_PAGES_BLOCK.
 */
void xk_pages_block(const struct xk_pages *pages, struct xk_mem *mem,
                    uint64_t block, uint8_t use[XK_PAGES_BLOCK]);

/* Where descriptors are: the least range that covers all; 0, 0: unknown. */
void xk_pages_range(const struct xk_pages *pages, struct xk_mem *mem,
                    uint64_t *first_r, uint64_t *end_r);

#endif /* XK_CRASHD_PAGES_H */
