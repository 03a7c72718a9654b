/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's memory by physical and by virtual address, through a small cache
 * of pages. One for each thread. All that is read is the guest's and hostile;
 * a walk touches at most five tables.
 */
#ifndef XK_CRASHD_MEM_H
#define XK_CRASHD_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image.h"

/* Slots of the cache; a page has one place. */
#define XK_MEM_SLOTS 64u

/* Bits of a page table's entry (x86-64), and the frame in it. */
#define XK_PTE_PRESENT (1ull << 0)
#define XK_PTE_WRITE (1ull << 1)
#define XK_PTE_USER (1ull << 2)
#define XK_PTE_LARGE (1ull << 7)
#define XK_PTE_FRAME 0x000ffffffffff000ull

struct xk_paging {
    uint64_t root;          /* pfn of the top table */
    unsigned int levels;    /* 4 or 5 */
    uint64_t ignore;        /* address bits that mean encryption (sme_mask) */
};

struct xk_mem {
    struct xk_image *img;
    struct xk_paging paging;
    uint8_t *pages;         /* XK_MEM_SLOTS of them */
    uint64_t pfn[XK_MEM_SLOTS];     /* UINT64_MAX: empty */
};

/* What a virtual address means. */
struct xk_mapping {
    uint64_t phys;          /* of the address itself */
    uint64_t left;          /* bytes from it to the end of its page */
    uint64_t flags;         /* all levels': USER and WRITE only if in all */
};

/* `paging` may be NULL: then there are no virtual addresses. */
int xk_mem_init(struct xk_mem *mem, struct xk_image *img,
                const struct xk_paging *paging);
void xk_mem_dispose(struct xk_mem *mem);

/* A page, until the next call; NULL: absent, or it cannot be read. */
const void *xk_mem_page(struct xk_mem *mem, uint64_t pfn);

/* The pfn that an entry of a page table names; false: not the guest's. */
bool xk_mem_frame(struct xk_image *img, const struct xk_paging *paging,
                  uint64_t entry, uint64_t *pfn_r);

/* -EFAULT: not mapped, or not to be read. */
int xk_mem_translate(struct xk_mem *mem, uint64_t va, struct xk_mapping *m);
int xk_mem_phys(struct xk_mem *mem, uint64_t phys, void *dst, size_t len);
int xk_mem_read(struct xk_mem *mem, uint64_t va, void *dst, size_t len);
int xk_mem_u64(struct xk_mem *mem, uint64_t va, uint64_t *v_r);
int xk_mem_u32(struct xk_mem *mem, uint64_t va, uint32_t *v_r);

#endif /* XK_CRASHD_MEM_H */
