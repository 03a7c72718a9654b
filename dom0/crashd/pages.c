/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors of pages, see pages.h.
 */
#include "pages.h"

#include <errno.h>
#include <string.h>

#include <xenkeep/util.h>

/* Of x86-64, where VMCOREINFO does not say (sparsemem.h). */
#define SECTION_BITS 27
/* Low bits of section_mem_map are flags; descriptors are 64 bytes. */
#define SECTION_FLAGS 0x3full
#define SECTION_PRESENT 3ull    /* there, and with descriptors */
#define ORDER_MAX 10u
#define ANON 1ull               /* low bits of page.mapping */
#define MAPPING_BITS 3ull
#define TAIL 1ull               /* low bit of page.compound_head */

static int bit_of(const struct xk_kernel *k, const char *name)
{
    int64_t v;

    return !xk_vmcoreinfo_number(&k->vi, name, &v) && v >= 0 && v < 64
               ? (int)v : -1;
}

static uint32_t type_of(const struct xk_kernel *k, const char *name)
{
    int64_t v;

    return xk_vmcoreinfo_number(&k->vi, name, &v) ? 0 : (uint32_t)v;
}

static int head_bit(const struct xk_kernel *k)
{
    int64_t v;

    if (xk_vmcoreinfo_number(&k->vi, "PG_head_mask", &v) || v <= 0)
        return -1;
    return __builtin_ctzll((uint64_t)v);
}

/* Every field lies within a descriptor. */
static int read_shape(struct xk_pages *p, const struct xk_kernel *k)
{
    const struct {
        const char *name;
        uint32_t *to;
        uint32_t size;
    } fields[] = {
        { "page.flags", &p->flags, 8 }, { "page._refcount", &p->refcount, 4 },
        { "page.mapping", &p->mapping, 8 }, { "page.lru", &p->lru, 8 },
        { "page._mapcount", &p->mapcount, 4 },
        { "page.private", &p->order, 8 },
        { "page.compound_head", &p->head, 8 },
    };
    size_t i;

    if (xk_vmcoreinfo_size(&k->vi, "page", &p->size) || p->size < 32 ||
        p->size > XK_PAGES_SIZE_MAX || p->size % 8)
        return -ENOENT;
    for (i = 0; i < XK_ARRAY_SIZE(fields); i++)
        if (xk_vmcoreinfo_offset(&k->vi, fields[i].name, fields[i].to) ||
            *fields[i].to + fields[i].size > p->size)
            return -ENOENT;
    if (xk_vmcoreinfo_offset(&k->vi, "page.compound_dtor", &p->dtor) ||
        p->dtor >= p->size)
        p->huge_dtor = -1;
    else
        p->huge_dtor = bit_of(k, "HUGETLB_PAGE_DTOR");
    return 0;
}

/* VA of descriptor 0, were the section's array that long; 0: none there. */
static uint64_t section_map(const struct xk_pages *p, struct xk_mem *mem,
                            uint64_t pfn)
{
    uint64_t nr = pfn >> (p->section_bits - XK_PAGE_SHIFT);
    uint64_t per_root = XK_PAGE_SIZE / p->section_size, root, map;

    if (xk_mem_u64(mem, p->sections + nr / per_root * 8, &root) || !root ||
        xk_mem_u64(mem, root + nr % per_root * p->section_size +
                        p->map_offset, &map) ||
        (map & SECTION_PRESENT) != SECTION_PRESENT)
        return 0;
    return map & ~SECTION_FLAGS;
}

static bool sections_at(struct xk_pages *p, struct xk_mem *mem, uint64_t va)
{
    struct xk_mapping m;
    uint64_t map;

    p->sections = va;
    map = section_map(p, mem, 0);
    return map && !xk_mem_translate(mem, map, &m);
}

static void find_end(struct xk_pages *p, struct xk_mem *mem)
{
    uint64_t step = 1ull << (p->section_bits - XK_PAGE_SHIFT), pfn;

    for (pfn = 0; pfn < mem->img->max_pfn; pfn += step)
        if (section_map(p, mem, pfn))
            p->end_pfn = pfn + step;
}

static int read_sections(struct xk_pages *p, const struct xk_kernel *k)
{
    uint64_t symbol, pointer;
    struct xk_mem mem;
    int64_t bits;
    bool found;

    if (xk_vmcoreinfo_symbol(&k->vi, "mem_section", &symbol) ||
        xk_vmcoreinfo_size(&k->vi, "mem_section", &p->section_size) ||
        xk_vmcoreinfo_offset(&k->vi, "mem_section.section_mem_map",
                             &p->map_offset) ||
        !p->section_size || p->section_size > XK_PAGE_SIZE ||
        p->map_offset + 8 > p->section_size)
        return -ENOENT;
    p->section_bits = SECTION_BITS;
    if (!xk_vmcoreinfo_number(&k->vi, "SECTION_SIZE_BITS", &bits)) {
        if (bits < 24 || bits > 40)
            return -ENOENT;
        p->section_bits = (uint32_t)bits;
    }
    if (xk_kernel_mem(k, &mem))
        return -ENOMEM;
    /* A pointer to the array since 4.15, the array itself before. */
    found = (!xk_mem_u64(&mem, symbol, &pointer) &&
             sections_at(p, &mem, pointer)) || sections_at(p, &mem, symbol);
    if (found)
        find_end(p, &mem);
    xk_mem_dispose(&mem);
    return found ? 0 : -ENOENT;
}

int xk_pages_init(struct xk_pages *p, const struct xk_kernel *k)
{
    int rc;

    memset(p, 0, sizeof(*p));
    p->reserved_bit = -1;
    rc = read_shape(p, k);
    if (!rc)
        rc = read_sections(p, k);
    if (rc)
        return rc;
    p->slab_bit = bit_of(k, "PG_slab");
    p->lru_bit = bit_of(k, "PG_lru");
    p->swapcache_bit = bit_of(k, "PG_swapcache");
    p->head_bit = head_bit(k);
    p->buddy = type_of(k, "PAGE_BUDDY_MAPCOUNT_VALUE");
    p->slab_type = type_of(k, "PAGE_SLAB_MAPCOUNT_VALUE");
    p->huge_type = type_of(k, "PAGE_HUGETLB_MAPCOUNT_VALUE");
    if (p->lru_bit < 0 || !p->buddy || (p->slab_bit < 0 && !p->slab_type))
        return -ENOENT;
    p->usable = true;
    return 0;
}

void xk_pages_set_reserved(struct xk_pages *p, unsigned int bit)
{
    p->reserved_bit = bit < 64 ? (int)bit : -1;
}

static uint64_t u64_at(const uint8_t *desc, uint32_t offset)
{
    uint64_t v;

    memcpy(&v, desc + offset, sizeof(v));
    return v;
}

static uint32_t u32_at(const uint8_t *desc, uint32_t offset)
{
    uint32_t v;

    memcpy(&v, desc + offset, sizeof(v));
    return v;
}

static bool has(uint64_t flags, int bit)
{
    return bit >= 0 && flags >> bit & 1;
}

/* Types were single cleared bits; since 6.11 the top byte is the type. */
static bool is_type(uint32_t found, uint32_t type)
{
    if (!type)
        return false;
    return type >> 24 == 0xff ? found == type : found >> 24 == type >> 24;
}

/* Of a head or a single page; `next` is the descriptor after it, or NULL. */
static uint8_t use_of(const struct xk_pages *p, const uint8_t *desc,
                      const uint8_t *next)
{
    uint64_t flags = u64_at(desc, p->flags);
    uint64_t mapping = u64_at(desc, p->mapping);
    uint32_t type = u32_at(desc, p->mapcount);
    int32_t count = (int32_t)u32_at(desc, p->refcount);
    bool head = has(flags, p->head_bit);

    if (has(flags, p->slab_bit) || is_type(type, p->slab_type))
        return XK_USE_SLAB;
    if (is_type(type, p->huge_type) ||
        (head && next && p->huge_dtor >= 0 && next[p->dtor] == p->huge_dtor))
        return XK_USE_ANON;
    if (mapping & ANON)
        return XK_USE_ANON;
    if (mapping)
        return !(mapping & MAPPING_BITS) && (has(flags, p->lru_bit) ||
                                             has(flags, p->swapcache_bit))
                   ? XK_USE_CACHE : XK_USE_UNKNOWN;
    if (has(flags, p->lru_bit))
        return XK_USE_UNKNOWN;
    if (has(flags, p->reserved_bit))
        return XK_USE_RESERVED;
    if (count <= 0)
        return XK_USE_UNKNOWN;      /* on a processor's list: stale data */
    return head ? XK_USE_SLAB : XK_USE_PLAIN;
}

/* Of a tail: what its head is, which may be in another block. */
static uint8_t use_of_tail(const struct xk_pages *p, struct xk_mem *mem,
                           const uint8_t *all, uint64_t first, uint64_t head)
{
    uint8_t desc[2 * XK_PAGES_SIZE_MAX];
    uint64_t at = head - first;

    if (at % p->size)
        return XK_USE_UNKNOWN;
    if (head >= first && at / p->size < XK_PAGES_BLOCK - 1)
        return u64_at(all + at, p->head) & TAIL
                   ? XK_USE_UNKNOWN
                   : use_of(p, all + at, all + at + p->size);
    if (xk_mem_read(mem, head, desc, 2 * p->size) ||
        u64_at(desc, p->head) & TAIL)
        return XK_USE_UNKNOWN;
    return use_of(p, desc, desc + p->size);
}

/* A free block's length, when page `i` is the first of one; 0: it is not. */
static size_t free_block(const struct xk_pages *p, const uint8_t *desc,
                         size_t i)
{
    uint64_t order;

    if (!is_type(u32_at(desc, p->mapcount), p->buddy))
        return 0;
    order = u64_at(desc, p->order);
    return order <= ORDER_MAX && !(i & ((1u << order) - 1)) ? 1u << order : 0;
}

void xk_pages_block(const struct xk_pages *p, struct xk_mem *mem,
                    uint64_t block, uint8_t use[XK_PAGES_BLOCK])
{
    uint8_t all[XK_PAGES_BLOCK * XK_PAGES_SIZE_MAX];
    uint64_t map, first, head;
    const uint8_t *desc;
    size_t i, n;

    memset(use, XK_USE_UNKNOWN, XK_PAGES_BLOCK);
    map = p->usable ? section_map(p, mem, block) : 0;
    first = map + block * p->size;
    if (!map || xk_mem_read(mem, first, all, XK_PAGES_BLOCK * p->size))
        return;
    for (i = 0; i < XK_PAGES_BLOCK; i++) {
        desc = all + i * p->size;
        n = free_block(p, desc, i);
        if (n) {
            memset(use + i, XK_USE_FREE, n);
            i += n - 1;
            continue;
        }
        head = u64_at(desc, p->head);
        use[i] = head & TAIL
                     ? use_of_tail(p, mem, all, first, head & ~TAIL)
                     : use_of(p, desc, i + 1 < XK_PAGES_BLOCK
                                           ? desc + p->size : NULL);
    }
}

void xk_pages_range(const struct xk_pages *p, struct xk_mem *mem,
                    uint64_t *first_r, uint64_t *end_r)
{
    uint64_t step = 1ull << (p->section_bits - XK_PAGE_SHIFT), pfn, map;
    uint64_t first = UINT64_MAX, end = 0;

    for (pfn = 0; pfn < p->end_pfn; pfn += step) {
        map = section_map(p, mem, pfn);
        if (!map)
            continue;
        first = xk_min_u64(first, map + pfn * p->size);
        end = xk_max_u64(end, map + (pfn + step) * p->size);
    }
    *first_r = first < end ? first : 0;
    *end_r = first < end ? end : 0;
}
