/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two sources, one class, see classify.h.
 */
#include "classify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#include "btf.h"
#include "symbols.h"

/* Address spaces that are looked for; a guest with more has the rest taken
 * for what descriptors alone say, which is then not enough. */
#define ROOTS_MAX (1u << 20)

#define SEEN_KINDS 16

/* [use][seen]; what is not here is unknown. */
static const uint8_t table[][SEEN_KINDS] = {
    /* Memory that held the kernel's start is mapped at its old place too. */
    [XK_USE_FREE] = { [0] = XK_CLASS_FREE, [XK_SEEN_DATA] = XK_CLASS_FREE },
    [XK_USE_SLAB] = {
        [0] = XK_CLASS_KERNEL, [XK_SEEN_DATA] = XK_CLASS_KERNEL,
    },
    [XK_USE_RESERVED] = {
        [0] = XK_CLASS_KERNEL,
        [XK_SEEN_TABLE] = XK_CLASS_TABLE,
        [XK_SEEN_TABLE | XK_SEEN_DATA] = XK_CLASS_TABLE,
        [XK_SEEN_CONST] = XK_CLASS_TEXT,
        [XK_SEEN_DATA] = XK_CLASS_KERNEL,
    },
    [XK_USE_PLAIN] = {
        [XK_SEEN_TABLE] = XK_CLASS_TABLE,
        [XK_SEEN_TABLE | XK_SEEN_DATA] = XK_CLASS_TABLE,
        [XK_SEEN_CONST] = XK_CLASS_TEXT,
        [XK_SEEN_DATA] = XK_CLASS_KERNEL,
    },
};

enum xk_class xk_classify(enum xk_page_use use, unsigned int seen)
{
    uint8_t cls = XK_CLASS_INDEX;

    /* Private whatever the tables say. */
    if (use == XK_USE_CACHE)
        return XK_CLASS_CACHE;
    if (use == XK_USE_ANON)
        return XK_CLASS_USER;
    if ((unsigned int)use < XK_ARRAY_SIZE(table) && seen < SEEN_KINDS)
        cls = table[use][seen];
    return cls == XK_CLASS_INDEX ? XK_CLASS_UNKNOWN : (enum xk_class)cls;
}

struct roots {
    uint64_t *pfns;
    size_t count;
    const uint64_t *own;        /* the kernel's top table */
    unsigned int direct;        /* its entry for the direct map */
};

static int add_root(struct roots *r, uint64_t pfn)
{
    uint64_t *more;

    if (r->count == ROOTS_MAX)
        return 0;
    if (!(r->count & (r->count + 1))) {
        more = reallocarray(r->pfns, 2 * (r->count + 1), sizeof(*more));
        if (!more)
            return -ENOMEM;
        r->pfns = more;
    }
    r->pfns[r->count++] = pfn;
    return 0;
}

static uint64_t frame_of(uint64_t entry)
{
    return entry & XK_PTE_PRESENT ? entry & XK_PTE_FRAME : 0;
}

/*
 * A top table of a process shares the kernel's entries: the last, where the
 * kernel is, and that of the direct map. Nothing else looks like this.
 */
static bool is_root(const struct roots *r, const uint64_t *page)
{
    return frame_of(page[511]) == frame_of(r->own[511]) &&
           frame_of(page[r->direct]) == frame_of(r->own[r->direct]);
}

/* Top tables are plain pages: no list of the guest's is gone through. */
static int find_roots(struct xk_classifier *c, const struct xk_kernel *k,
                      struct xk_mem *mem, struct roots *r)
{
    uint64_t first, end, from = 0, block, i;
    uint8_t use[XK_PAGES_BLOCK];
    const uint64_t *page;
    int rc = 0;

    while (!rc && xk_image_next(k->img, from, &first, &end)) {
        block = first & ~(uint64_t)(XK_PAGES_BLOCK - 1);
        xk_pages_block(&c->pages, mem, block, use);
        for (i = first; !rc && i < end && i < block + XK_PAGES_BLOCK; i++) {
            if (use[i - block] != XK_USE_PLAIN)
                continue;
            page = xk_mem_page(mem, i);
            if (page && is_root(r, page))
                rc = add_root(r, i);
        }
        from = i;
    }
    return rc;
}

static int walk(struct xk_classifier *c, const struct xk_kernel *k)
{
    struct roots r = { 0 };
    uint64_t own[512];
    struct xk_mem mem;
    const void *page;
    int rc;

    rc = xk_kernel_mem(k, &mem);
    if (rc)
        return rc;
    page = xk_mem_page(&mem, k->paging.root);
    if (page && c->pages.usable && k->page_offset) {
        memcpy(own, page, sizeof(own));
        r.own = own;
        r.direct = k->page_offset >> (12 + 9 * (k->paging.levels - 1)) & 511;
        rc = find_roots(c, k, &mem, &r);
    }
    xk_mem_dispose(&mem);
    if (!rc)
        rc = xk_tables_walk(&c->tables, k, &c->pages, r.pfns, r.count);
    free(r.pfns);
    return rc;
}

/* Which flag says "reserved" is not in VMCOREINFO, but in the kernel's types.
 * Without it such pages count as plain. */
static int read_reserved(struct xk_classifier *c, const struct xk_kernel *k)
{
    struct xk_symbols symbols;
    struct xk_btf btf;
    uint32_t bit;
    int rc;

    rc = xk_symbols_load(&symbols, k);
    if (rc)
        return rc == -ENOMEM ? rc : 0;
    rc = xk_btf_load(&btf, k, &symbols);
    if (!rc && !xk_btf_enum(&btf, "pageflags", "PG_reserved", &bit))
        xk_pages_set_reserved(&c->pages, bit);
    if (!rc)
        xk_btf_dispose(&btf);
    xk_symbols_dispose(&symbols);
    return rc == -ENOMEM ? rc : 0;
}

int xk_classifier_init(struct xk_classifier *c, const struct xk_kernel *k)
{
    int rc;

    memset(c, 0, sizeof(*c));
    if (!k)
        return 0;
    rc = xk_pages_init(&c->pages, k);
    if (!rc)
        rc = read_reserved(c, k);
    return rc == -ENOMEM ? rc : walk(c, k);
}

void xk_classifier_dispose(struct xk_classifier *c)
{
    xk_tables_dispose(&c->tables);
}

void xk_classifier_block(const struct xk_classifier *c, struct xk_mem *mem,
                         uint64_t block, uint8_t cls[XK_PAGES_BLOCK])
{
    uint8_t use[XK_PAGES_BLOCK];
    size_t i;

    if (!c->pages.usable || !c->tables.trusted) {
        memset(cls, XK_CLASS_UNKNOWN, XK_PAGES_BLOCK);
        return;
    }
    xk_pages_block(&c->pages, mem, block, use);
    for (i = 0; i < XK_PAGES_BLOCK; i++)
        cls[i] = (uint8_t)xk_classify(use[i],
                                      xk_tables_seen(&c->tables, block + i));
}
