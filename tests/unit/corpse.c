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

    corpse_info(c, "OSRELEASE=%s\n", CORPSE_RELEASE);
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

static uint64_t image_va(uint64_t pfn)
{
    return XK_KERNEL_MAP + pfn * XK_PAGE_SIZE;
}

/* struct prb_desc and struct printk_info, as the lines below have them. */
struct log_desc {
    uint64_t state, begin, next;
};

struct log_info {
    uint64_t seq, ts;
    uint16_t len;
    uint8_t rest[70];
};

static void put_record(struct corpse *c, unsigned int id, uint64_t begin,
                       uint64_t next, uint64_t ts, const char *text)
{
    struct log_desc *desc = corpse_page(c, CORPSE_LOG + 1);
    struct log_info *info = corpse_page(c, CORPSE_LOG + 2);
    char *ring = corpse_page(c, CORPSE_LOG + 3);
    unsigned int i = id % CORPSE_LOG_RECORDS;
    uint64_t at = begin / 4096 == next / 4096 ? begin % 4096 : 0;

    desc[i] = (struct log_desc){ 2ull << 62 | id, begin, next };
    info[i] = (struct log_info){ .seq = id, .ts = ts,
                                 .len = (uint16_t)strlen(text) };
    memcpy(ring + at + 8, text, strlen(text));
}

void corpse_log(struct corpse *c)
{
    static const char *const lines[] = {
        "OFFSET(printk_ringbuffer.desc_ring)=0",
        "OFFSET(printk_ringbuffer.text_data_ring)=48",
        "OFFSET(prb_desc_ring.count_bits)=0", "OFFSET(prb_desc_ring.descs)=8",
        "OFFSET(prb_desc_ring.infos)=16", "OFFSET(prb_desc_ring.head_id)=24",
        "OFFSET(prb_desc_ring.tail_id)=32", "OFFSET(atomic_long_t.counter)=0",
        "OFFSET(prb_data_ring.size_bits)=0", "OFFSET(prb_data_ring.data)=8",
        "SIZE(prb_desc)=24", "OFFSET(prb_desc.state_var)=0",
        "OFFSET(prb_desc.text_blk_lpos)=8",
        "OFFSET(prb_data_blk_lpos.begin)=0",
        "OFFSET(prb_data_blk_lpos.next)=8", "SIZE(printk_info)=88",
        "OFFSET(printk_info.ts_nsec)=8", "OFFSET(printk_info.text_len)=16",
    };
    uint64_t *ring = corpse_page(c, CORPSE_LOG);
    size_t i;

    _Static_assert(sizeof(struct log_info) == 88, "struct printk_info");
    memset(ring, 0, 4 * XK_PAGE_SIZE);
    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        corpse_info(c, "%s\n", lines[i]);
    corpse_info(c, "SYMBOL(prb)=%llx\n",
                (unsigned long long)image_va(CORPSE_LOG));
    corpse_note(c, CORPSE_NOTE);
    ring[0] = image_va(CORPSE_LOG) + 64;
    ring += 8;
    ring[0] = 3;                        /* 8 records */
    ring[1] = image_va(CORPSE_LOG + 1);
    ring[2] = image_va(CORPSE_LOG + 2);
    ring[3] = 2ull << 62 | 102;
    ring[4] = 2ull << 62 | 100;
    ring[6] = 12;                       /* 4096 bytes */
    ring[7] = image_va(CORPSE_LOG + 3);
    put_record(c, 100, 4000, 4032, 1500000000, "first");
    put_record(c, 101, 1, 1, 2000000000, "");
    put_record(c, 102, 4032, 4096 + 40, 2500001000, "second\nline\x1b");
}

void corpse_symbols(struct corpse *c)
{
    static const struct {
        const char *name;       /* with its kind first */
        uint64_t offset;
    } symbols[] = {
        { "T_stext", 0 }, { "Tfoo", 0x100 }, { "Tfoo_alias", 0x100 },
        { "tbar.isra.0", 0x200 }, { "r__start_BTF", 24 * 4096 },
        { "r__stop_BTF", 24 * 4096 + 256 }, { "A__per_cpu", 0x40 },
    };
    const unsigned int count = sizeof(symbols) / sizeof(symbols[0]);
    uint16_t *index = corpse_page(c, CORPSE_SYMBOLS + 1);
    int32_t *offsets = corpse_page(c, CORPSE_SYMBOLS + 2);
    uint8_t *names = corpse_page(c, CORPSE_SYMBOLS + 3);
    char *tokens = corpse_page(c, CORPSE_SYMBOLS);
    unsigned int i, at = 0;

    memset(tokens, 0, 4 * XK_PAGE_SIZE);
    for (i = 0; i < 256; i++) {
        index[i] = (uint16_t)at;
        tokens[at] = (char)i;
        at += i ? 2 : 1;
    }
    for (i = 0, at = 0; i < count; i++) {
        names[at++] = (uint8_t)strlen(symbols[i].name);
        memcpy(names + at, symbols[i].name, strlen(symbols[i].name));
        at += (unsigned int)strlen(symbols[i].name);
        offsets[i] = *symbols[i].name == 'A'
                         ? (int32_t)symbols[i].offset
                         : -1 - (int32_t)symbols[i].offset;
    }
    *(uint32_t *)(void *)(names + 2048) = count;
    *(uint64_t *)(void *)(names + 2056) = CORPSE_IMAGE;
    corpse_info(c, "SYMBOL(kallsyms_token_table)=%llx\n"
                "SYMBOL(kallsyms_token_index)=%llx\n"
                "SYMBOL(kallsyms_offsets)=%llx\nSYMBOL(kallsyms_names)=%llx\n"
                "SYMBOL(kallsyms_num_syms)=%llx\n"
                "SYMBOL(kallsyms_relative_base)=%llx\n",
                (unsigned long long)image_va(CORPSE_SYMBOLS),
                (unsigned long long)image_va(CORPSE_SYMBOLS + 1),
                (unsigned long long)image_va(CORPSE_SYMBOLS + 2),
                (unsigned long long)image_va(CORPSE_SYMBOLS + 3),
                (unsigned long long)image_va(CORPSE_SYMBOLS + 3) + 2048,
                (unsigned long long)image_va(CORPSE_SYMBOLS + 3) + 2056);
    corpse_note(c, CORPSE_NOTE);
}

void corpse_types(struct corpse *c)
{
    static const char strings[] = "\0pageflags\0PG_lru\0PG_reserved\0"
        "task_struct\0pid\0comm";
    const uint32_t types[] = {
        1, 6u << 24 | 2, 4,             /* enum pageflags */
        11, 4, 18, 12,
        0, 4u << 24 | 1, 8,             /* struct without a name */
        46, 0, 32,
        30, 4u << 24 | 2, 64,           /* struct task_struct */
        42, 0, 16 * 8, 0, 2, 32 * 8,
    };
    const uint32_t head[] = {
        0x1eb9f, 24, 0, sizeof(types), sizeof(types), sizeof(strings),
    };
    uint8_t *page = corpse_page(c, CORPSE_TYPES);

    memset(page, 0, XK_PAGE_SIZE);
    memcpy(page, head, sizeof(head));
    memcpy(page + sizeof(head), types, sizeof(types));
    memcpy(page + sizeof(head) + sizeof(types), strings, sizeof(strings));
}
