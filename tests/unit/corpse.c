// SPDX-License-Identifier: GPL-2.0-only
/* The dead guest of corpse.h. */
#include "corpse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#define P 1ull
#define RW 3ull
#define U 4ull
#define LARGE 0x80ull

_Static_assert(sizeof(struct corpse_desc) == 64, "struct page");

void *corpse_page(struct corpse *c, uint64_t pfn)
{
    return c->mem + pfn * XK_PAGE_SIZE;
}

void *corpse_at(struct corpse *c, uint64_t va)
{
    return c->mem + (va - XK_KERNEL_MAP);
}

uint64_t *corpse_entry(struct corpse *c, uint64_t table, unsigned int i)
{
    return (uint64_t *)corpse_page(c, table) + i;
}

struct corpse_desc *corpse_desc(struct corpse *c, uint64_t pfn)
{
    return (struct corpse_desc *)corpse_page(c, CORPSE_DESCRIPTORS) + pfn;
}

static int corpse_read(struct xk_image *img, const uint64_t *pfns,
                       size_t count, void *buf, uint8_t *state)
{
    struct corpse *c = (struct corpse *)(void *)img;
    size_t i;

    for (i = 0; i < count; i++) {
        state[i] = pfns[i] < CORPSE_PAGES ? XK_PAGE_RAM : XK_PAGE_ABSENT;
        if (state[i] == XK_PAGE_RAM)
            memcpy((uint8_t *)buf + i * XK_PAGE_SIZE,
                   corpse_page(c, pfns[i]), XK_PAGE_SIZE);
        else
            memset((uint8_t *)buf + i * XK_PAGE_SIZE, 0, XK_PAGE_SIZE);
    }
    return 0;
}

static void corpse_close(struct xk_image *img)
{
    (void)img;
}

/* Links a chain of tables for `va` and maps `count` small pages there. */
static void map(struct corpse *c, uint64_t root, uint64_t va, uint64_t tables,
                uint64_t pfn, unsigned int count, uint64_t flags)
{
    unsigned int i;

    *corpse_entry(c, root, va >> 39 & 511) = tables << 12 | RW | U;
    *corpse_entry(c, tables, va >> 30 & 511) = (tables + 1) << 12 | RW | U;
    *corpse_entry(c, tables + 1, va >> 21 & 511) =
        (tables + 2) << 12 | RW | U;
    for (i = 0; i < count; i++)
        *corpse_entry(c, tables + 2, (va >> 12 & 511) + i) =
            (pfn + i) << 12 | flags;
}

static void make_tables(struct corpse *c)
{
    uint64_t direct = CORPSE_ROOT + 4;
    unsigned int i;

    map(c, CORPSE_ROOT, CORPSE_IMAGE, CORPSE_ROOT + 1, CORPSE_TEXT, 256, P);
    map(c, CORPSE_ROOT, CORPSE_IMAGE + (256 << 12), CORPSE_ROOT + 1,
        CORPSE_DATA, 256, RW);
    *corpse_entry(c, CORPSE_ROOT, CORPSE_DIRECT >> 39 & 511) =
        direct << 12 | RW;
    *corpse_entry(c, direct, 0) = (direct + 1) << 12 | RW;
    for (i = 0; i < CORPSE_PAGES / 512; i++)
        *corpse_entry(c, direct + 1, i) = (uint64_t)i << 21 | RW | LARGE;
    map(c, CORPSE_ROOT, CORPSE_VMEMMAP, CORPSE_ROOT + 6, CORPSE_DESCRIPTORS,
        64, RW);
    map(c, CORPSE_ROOT, CORPSE_VMALLOC, CORPSE_ROOT + 9, CORPSE_STACK, 4, RW);
    memcpy(corpse_entry(c, CORPSE_PROCESS, 256),
           corpse_entry(c, CORPSE_ROOT, 256), XK_PAGE_SIZE / 2);
    map(c, CORPSE_PROCESS, 0x400000, CORPSE_PROCESS + 1, CORPSE_USER, 16,
        RW | U);
    for (i = 0; i < 2; i++)
        *corpse_entry(c, CORPSE_PROCESS + 3, 100 + i) =
            (uint64_t)(CORPSE_CACHE + i) << 12 | P | U;
}

/* Flags as VMCOREINFO below has them. */
#define LRU (1ull << 4)
#define SLAB (1ull << 9)
#define HEAD (1ull << 16)

static void describe(struct corpse *c, unsigned int pfn, unsigned int count,
                     uint64_t flags, uint64_t mapping, uint32_t refcount)
{
    unsigned int i;

    for (i = 0; i < count; i++)
        *corpse_desc(c, pfn + i) = (struct corpse_desc){
            .flags = flags, .mapping = mapping, .refcount = refcount,
            .mapcount = UINT32_MAX };
}

static void make_descriptors(struct corpse *c)
{
    unsigned int i;

    describe(c, 0, CORPSE_PAGES, 0, 0, 1);
    describe(c, CORPSE_USER, 16, LRU, 0xffff888000001001, 2);
    describe(c, CORPSE_SLAB, 8, 0, 0, 0);
    for (i = 0; i < 8; i++)
        corpse_desc(c, CORPSE_SLAB + i)->head =
            (CORPSE_VMEMMAP + (CORPSE_SLAB + i / 4 * 4ull) * 64) | 1;
    describe(c, CORPSE_SLAB, 1, SLAB | HEAD, 0, 1);
    describe(c, CORPSE_SLAB + 4, 1, SLAB | HEAD, 0, 1);
    describe(c, CORPSE_CACHE, 8, LRU, 0xffff888000002000, 2);
    describe(c, CORPSE_FREE, 512, 0, 0, 0);
    corpse_desc(c, CORPSE_FREE)->mapcount = 0xffffff7f;
    corpse_desc(c, CORPSE_FREE)->private = 9;
    *(uint64_t *)corpse_page(c, CORPSE_SECTIONS) =
        CORPSE_DIRECT + (CORPSE_SECTIONS + 1) * 4096ull;
    *(uint64_t *)corpse_page(c, CORPSE_SECTIONS + 1) = CORPSE_VMEMMAP | 3;
}

void corpse_info(struct corpse *c, const char *fmt, ...)
{
    size_t used = strlen(c->info);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(c->info + used, sizeof(c->info) - used, fmt, ap);
    va_end(ap);
}

void corpse_note(struct corpse *c, uint64_t pfn)
{
    const uint32_t head[3] = { 11, (uint32_t)strlen(c->info), 0 };
    uint8_t *page = corpse_page(c, pfn);

    memset(page, 0, XK_PAGE_SIZE);
    memcpy(page, head, sizeof(head));
    memcpy(page + sizeof(head), "VMCOREINFO", 11);
    memcpy(page + 24, c->info, strlen(c->info));
}

static void make_info(struct corpse *c)
{
    static const char *const lines[] = {
        "OSRELEASE=" CORPSE_RELEASE,
        "BUILD-ID=00112233445566778899aabbccddeeff",
        "PAGESIZE=4096", "OFFSET(uts_namespace.name)=0",
        "SIZE(mem_section)=16", "OFFSET(mem_section.section_mem_map)=0",
        "NUMBER(SECTION_SIZE_BITS)=24", "SIZE(page)=64",
        "OFFSET(page.flags)=0", "OFFSET(page.compound_head)=8",
        "OFFSET(page.lru)=16", "OFFSET(page.mapping)=24",
        "OFFSET(page.private)=40", "OFFSET(page._mapcount)=48",
        "OFFSET(page._refcount)=52", "NUMBER(PG_lru)=4",
        "NUMBER(PG_slab)=9", "NUMBER(PG_swapcache)=10",
        "NUMBER(PG_head_mask)=65536",
        "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129", "NUMBER(phys_base)=0",
        "NUMBER(pgtable_l5_enabled)=0", "KERNELOFFSET=0",
    };
    const uint64_t data = CORPSE_IMAGE + (256 << 12);
    size_t i;

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        corpse_info(c, "%s\n", lines[i]);
    corpse_info(c, "SYMBOL(_stext)=%llx\nSYMBOL(init_uts_ns)=%llx\n"
                "SYMBOL(mem_section)=%llx\nSYMBOL(init_top_pgt)=%llx\n",
                (unsigned long long)CORPSE_IMAGE, (unsigned long long)data,
                (unsigned long long)data + 1024,
                (unsigned long long)XK_KERNEL_MAP + CORPSE_ROOT * 4096ull);
    strcpy(corpse_at(c, data), "Linux");
    strcpy((char *)corpse_at(c, data) + 65, "corpse");
    strcpy((char *)corpse_at(c, data) + 2 * 65, CORPSE_RELEASE);
    strcpy((char *)corpse_at(c, data) + 3 * 65, "#1 test");
    strcpy((char *)corpse_at(c, data) + 4 * 65, "x86_64");
    *(uint64_t *)corpse_at(c, data + 1024) =
        CORPSE_DIRECT + CORPSE_SECTIONS * 4096ull;
    corpse_note(c, CORPSE_NOTE);
}

/* So that no page that matters is zero, and each is another. */
static void fill(struct corpse *c)
{
    uint64_t pfn;
    size_t i;

    for (pfn = CORPSE_TEXT; pfn < CORPSE_PAGES; pfn++) {
        if (pfn >= CORPSE_DESCRIPTORS && pfn < CORPSE_USER)
            continue;
        for (i = 0; i < 64; i++)
            ((uint8_t *)corpse_page(c, pfn))[2048 + i] =
                (uint8_t)(pfn * 31 + pfn / 256 + i);
    }
}

void corpse_make(struct corpse *c)
{
    memset(c, 0, sizeof(*c));
    c->mem = aligned_alloc(XK_PAGE_SIZE, CORPSE_PAGES * XK_PAGE_SIZE);
    if (!c->mem)
        abort();
    memset(c->mem, 0, CORPSE_PAGES * XK_PAGE_SIZE);
    fill(c);
    make_tables(c);
    make_descriptors(c);
    make_info(c);
    c->vcpu = (struct xk_vcpu){ .valid = true, .rip = CORPSE_IMAGE,
                                .cr3 = CORPSE_PROCESS << 12 };
    c->img = (struct xk_image){
        .type = XK_GUEST_PVH, .max_pfn = CORPSE_PAGES, .vcpus = &c->vcpu,
        .vcpu_count = 1, .read = corpse_read, .close = corpse_close };
}

void corpse_dispose(struct corpse *c)
{
    free(c->mem);
    c->mem = NULL;
}
