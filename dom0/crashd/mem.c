/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cached reading by physical and virtual address, see mem.h.
 */
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#define TABLE_SHIFT 9u
#define TABLE_MASK 511u

int xk_mem_init(struct xk_mem *mem, struct xk_image *img,
                const struct xk_paging *paging)
{
    memset(mem, 0, sizeof(*mem));
    memset(mem->pfn, 0xff, sizeof(mem->pfn));
    mem->img = img;
    if (paging)
        mem->paging = *paging;
    mem->pages = aligned_alloc(XK_PAGE_SIZE, XK_MEM_SLOTS * XK_PAGE_SIZE);
    return mem->pages ? 0 : -ENOMEM;
}

void xk_mem_dispose(struct xk_mem *mem)
{
    free(mem->pages);
    mem->pages = NULL;
}

const void *xk_mem_page(struct xk_mem *mem, uint64_t pfn)
{
    /* Tables that one walk needs are often neighbours; spread them. */
    size_t slot = (pfn ^ pfn >> 6) % XK_MEM_SLOTS;
    uint8_t *page = mem->pages + slot * XK_PAGE_SIZE;
    uint8_t state;

    if (mem->pfn[slot] == pfn && pfn != UINT64_MAX)
        return page;
    mem->pfn[slot] = UINT64_MAX;
    if (pfn >= mem->img->max_pfn ||
        mem->img->read(mem->img, &pfn, 1, page, &state) ||
        state == XK_PAGE_ABSENT)
        return NULL;
    mem->pfn[slot] = pfn;
    return page;
}

bool xk_mem_frame(struct xk_image *img, const struct xk_paging *paging,
                  uint64_t entry, uint64_t *pfn_r)
{
    uint64_t frame = (entry & XK_PTE_FRAME & ~paging->ignore) >>
                     XK_PAGE_SHIFT;

    if (img->pfn_of)
        return img->pfn_of(img, frame, pfn_r);
    *pfn_r = frame;
    return frame < img->max_pfn;
}

static bool canonical(uint64_t va, unsigned int levels)
{
    unsigned int unused = 64 - (XK_PAGE_SHIFT + levels * TABLE_SHIFT);

    return (uint64_t)((int64_t)(va << unused) >> unused) == va;
}

int xk_mem_translate(struct xk_mem *mem, uint64_t va, struct xk_mapping *m)
{
    uint64_t pfn = mem->paging.root, entry, size;
    unsigned int level, shift;
    const uint64_t *table;

    m->flags = XK_PTE_USER | XK_PTE_WRITE;
    if (!mem->paging.levels || !canonical(va, mem->paging.levels))
        return -EFAULT;
    for (level = mem->paging.levels; level; level--) {
        shift = XK_PAGE_SHIFT + (level - 1) * TABLE_SHIFT;
        table = xk_mem_page(mem, pfn);
        if (!table)
            return -EFAULT;
        entry = table[va >> shift & TABLE_MASK];
        if (!(entry & XK_PTE_PRESENT) ||
            !xk_mem_frame(mem->img, &mem->paging, entry, &pfn))
            return -EFAULT;
        m->flags &= entry;
        if (level == 1 || (level <= 3 && entry & XK_PTE_LARGE)) {
            size = 1ull << shift;
            /* Low bits of a large page's frame are attributes (PAT). */
            pfn &= ~((size >> XK_PAGE_SHIFT) - 1);
            m->phys = (pfn << XK_PAGE_SHIFT) + (va & (size - 1));
            m->left = size - (va & (size - 1));
            return 0;
        }
        if (entry & XK_PTE_LARGE)
            return -EFAULT;
    }
    return -EFAULT;
}

int xk_mem_phys(struct xk_mem *mem, uint64_t phys, void *dst, size_t len)
{
    const uint8_t *page;
    size_t at, n;

    for (; len; len -= n, phys += n, dst = (uint8_t *)dst + n) {
        page = xk_mem_page(mem, phys >> XK_PAGE_SHIFT);
        if (!page)
            return -EFAULT;
        at = phys & (XK_PAGE_SIZE - 1);
        n = xk_min_size(len, XK_PAGE_SIZE - at);
        memcpy(dst, page + at, n);
    }
    return 0;
}

int xk_mem_read(struct xk_mem *mem, uint64_t va, void *dst, size_t len)
{
    struct xk_mapping m;
    size_t n;
    int rc;

    for (; len; len -= n, va += n, dst = (uint8_t *)dst + n) {
        rc = xk_mem_translate(mem, va, &m);
        if (rc)
            return rc;
        n = (size_t)xk_min_u64(len, m.left);
        rc = xk_mem_phys(mem, m.phys, dst, n);
        if (rc)
            return rc;
    }
    return 0;
}

int xk_mem_u64(struct xk_mem *mem, uint64_t va, uint64_t *v_r)
{
    return xk_mem_read(mem, va, v_r, sizeof(*v_r));
}

int xk_mem_u32(struct xk_mem *mem, uint64_t va, uint32_t *v_r)
{
    return xk_mem_read(mem, va, v_r, sizeof(*v_r));
}
