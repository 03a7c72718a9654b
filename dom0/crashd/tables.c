/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk of all page tables, see tables.h.
 *
 * User halves are walked before the kernel's, so that a table that is in both
 * counts as a user's. The kernel half of all but the kernel's own table is
 * left out: they share it.
 */
#include "tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xenkeep/util.h>

#define ENTRIES 512u
#define HALF 256u
/* Pages that may be marked, as a multiple of all: shared memory is mapped by
 * many, huge pages mark many at once. */
#define MARKS_MAX 64u

struct walk {
    struct xk_tables *tables;
    const struct xk_kernel *kernel;
    const struct xk_paging *paging;
    uint64_t marks;             /* left */
    uint64_t vmemmap, vmemmap_end;
    uint8_t *page[5];           /* one table of each level */
};

static void mark(struct xk_tables *t, uint64_t pfn, unsigned int seen)
{
    t->seen[pfn / 2] |= (uint8_t)(seen << pfn % 2 * 4);
}

static void mark_range(struct walk *w, uint64_t pfn, uint64_t count,
                       unsigned int seen)
{
    uint64_t end;

    if (pfn >= w->tables->max_pfn)
        return;
    end = xk_min_u64(pfn + count, w->tables->max_pfn);
    if (end - pfn > w->marks) {
        w->marks = 0;
        return;
    }
    w->marks -= end - pfn;
    for (; pfn < end; pfn++)
        mark(w->tables, pfn, seen);
}

/* What a page is for that the kernel half maps at `va`. */
static unsigned int kernel_use(const struct walk *w, uint64_t va,
                               uint64_t phys, uint64_t flags)
{
    const struct xk_kernel *k = w->kernel;

    if (k->page_offset && va - k->page_offset == phys)
        return 0;
    if (va >= w->vmemmap && va < w->vmemmap_end)
        return XK_SEEN_CONST;
    if (va >= XK_KERNEL_MAP && va < XK_MODULES_END)
        return flags & XK_PTE_WRITE ? XK_SEEN_DATA : XK_SEEN_CONST;
    return XK_SEEN_DATA;
}

static void leaf(struct walk *w, uint64_t va, uint64_t pfn, uint64_t size,
                 uint64_t flags)
{
    bool user_half = !(va >> 63);
    unsigned int seen;

    pfn &= ~((size >> XK_PAGE_SHIFT) - 1);
    /* Xen runs a PV guest's kernel in user mode: there the half decides. */
    if (w->kernel->img->type == XK_GUEST_PV ? user_half
                                            : !!(flags & XK_PTE_USER))
        seen = XK_SEEN_USER;
    else if (user_half)
        seen = 0;               /* an identity map, to start processors */
    else
        seen = kernel_use(w, va, pfn << XK_PAGE_SHIFT, flags);
    if (seen)
        mark_range(w, pfn, size >> XK_PAGE_SHIFT, seen);
}

static uint64_t entry_va(uint64_t va, unsigned int level, unsigned int i,
                         unsigned int levels)
{
    unsigned int unused = 64 - (12 + levels * 9);

    va |= (uint64_t)i << (12 + (level - 1) * 9);
    return (uint64_t)((int64_t)(va << unused) >> unused);
}

/* Entries [from, end) of the table at `pfn`. At most five levels deep. */
static void walk_table(struct walk *w, uint64_t pfn, unsigned int level,
                       uint64_t va, uint64_t flags, unsigned int from,
                       unsigned int end)
{
    struct xk_image *img = w->kernel->img;
    uint64_t *table = (uint64_t *)(void *)w->page[level - 1];
    uint64_t next, at, all;
    unsigned int i;
    uint8_t state;

    w->tables->table_count++;
    if (img->read(img, &pfn, 1, table, &state) || state != XK_PAGE_RAM) {
        w->tables->trusted = state == XK_PAGE_ZERO && w->tables->trusted;
        return;
    }
    for (i = from; i < end && w->marks; i++) {
        if (!(table[i] & XK_PTE_PRESENT) ||
            !xk_mem_frame(img, w->paging, table[i], &next))
            continue;
        at = entry_va(va, level, i, w->paging->levels);
        all = flags & table[i];
        if (level == 1 || (level <= 3 && table[i] & XK_PTE_LARGE)) {
            leaf(w, at, next, 1ull << (12 + (level - 1) * 9), all);
            continue;
        }
        if (xk_tables_seen(w->tables, next) & XK_SEEN_TABLE)
            continue;
        mark(w->tables, next, XK_SEEN_TABLE);
        walk_table(w, next, level - 1, at, all, 0, ENTRIES);
    }
    if (!w->marks)
        w->tables->trusted = false;
}

static void walk_user(struct walk *w, uint64_t root)
{
    if (root >= w->tables->max_pfn ||
        xk_tables_seen(w->tables, root) & XK_SEEN_TABLE)
        return;
    w->tables->root_count++;
    mark(w->tables, root, XK_SEEN_TABLE);
    walk_table(w, root, w->paging->levels, 0, XK_PTE_USER | XK_PTE_WRITE, 0,
               HALF);
}

static void walk_vcpus(struct walk *w)
{
    struct xk_image *img = w->kernel->img;
    size_t i;

    for (i = 0; i < img->vcpu_count; i++)
        if (img->vcpus[i].valid)
            walk_user(w, (img->vcpus[i].cr3 & XK_PTE_FRAME) >>
                             XK_PAGE_SHIFT);
}

static void walk_kernel(struct walk *w)
{
    uint64_t root = w->paging->root;

    mark(w->tables, root, XK_SEEN_TABLE);
    walk_table(w, root, w->paging->levels, 0, XK_PTE_USER | XK_PTE_WRITE,
               HALF, ENTRIES);
}

static int find_vmemmap(struct walk *w, const struct xk_pages *pages)
{
    struct xk_mem mem;
    int rc;

    if (!pages->usable)
        return 0;
    rc = xk_kernel_mem(w->kernel, &mem);
    if (rc)
        return rc;
    xk_pages_range(pages, &mem, &w->vmemmap, &w->vmemmap_end);
    xk_mem_dispose(&mem);
    return 0;
}

/* Memory that is not touched costs nothing. */
static int map_seen(struct xk_tables *t, uint64_t max_pfn)
{
    memset(t, 0, sizeof(*t));
    t->max_pfn = max_pfn;
    t->seen_size = max_pfn / 2 + 1;
    t->trusted = true;
    t->seen = mmap(NULL, t->seen_size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (t->seen == MAP_FAILED)
        t->seen = NULL;
    return t->seen ? 0 : -ENOMEM;
}

int xk_tables_walk(struct xk_tables *tables, const struct xk_kernel *kernel,
                   const struct xk_pages *pages, const uint64_t *roots,
                   size_t root_count)
{
    struct walk w = { .tables = tables, .kernel = kernel,
                      .paging = &kernel->paging,
                      .marks = kernel->img->max_pfn * MARKS_MAX };
    uint8_t *room;
    size_t i;
    int rc;

    rc = map_seen(tables, kernel->img->max_pfn);
    if (!rc)
        rc = find_vmemmap(&w, pages);
    if (rc)
        return rc;
    room = aligned_alloc(XK_PAGE_SIZE, XK_ARRAY_SIZE(w.page) * XK_PAGE_SIZE);
    if (!room)
        return -ENOMEM;
    for (i = 0; i < XK_ARRAY_SIZE(w.page); i++)
        w.page[i] = room + i * XK_PAGE_SIZE;
    walk_vcpus(&w);
    for (i = 0; i < root_count; i++)
        walk_user(&w, roots[i]);
    walk_kernel(&w);
    free(room);
    return 0;
}

void xk_tables_dispose(struct xk_tables *tables)
{
    if (tables->seen)
        munmap(tables->seen, tables->seen_size);
    tables->seen = NULL;
}
