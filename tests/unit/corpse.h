/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small dead guest, built by hand: 16 MiB with a kernel's page tables, page
 * descriptors and VMCOREINFO, but for the kernel. What crashd's reading half
 * is tested and fuzzed on.
 */
#ifndef XK_TESTS_CORPSE_H
#define XK_TESTS_CORPSE_H

#include <stdbool.h>
#include <stdint.h>

#include "image.h"

#define CORPSE_PAGES 4096u
#define CORPSE_DIRECT 0xffff888000000000ull
#define CORPSE_VMEMMAP 0xffffea0000000000ull
#define CORPSE_VMALLOC 0xffffc90000000000ull
#define CORPSE_IMAGE 0xffffffff80200000ull  /* of page CORPSE_TEXT */
#define CORPSE_RELEASE "6.1.0-test"

/* Pages, by number. */
enum {
    CORPSE_ROOT = 16,           /* the kernel's top table; more follow */
    CORPSE_SECTIONS = 30,
    CORPSE_PROCESS = 40,        /* a process's top table; more follow */
    CORPSE_TEXT = 512,          /* 256 pages, read only */
    CORPSE_DATA = 768,          /* 256 pages */
    CORPSE_DESCRIPTORS = 1024,  /* 64 pages */
    CORPSE_USER = 2000,         /* 16 pages, mapped by the process */
    CORPSE_STACK = 2100,        /* 4 pages, in vmalloc's range */
    CORPSE_SLAB = 2200,         /* 8 pages in two blocks */
    CORPSE_CACHE = 2300,        /* 8 pages, the first two mapped */
    CORPSE_FREE = 2560,         /* 512 pages, in one block */
    CORPSE_NOTE = 3000,
    CORPSE_PLAIN = 3100         /* 4 pages of which nothing is known */
};

struct corpse {
    struct xk_image img;
    uint8_t *mem;
    struct xk_vcpu vcpu;
    char info[4096];            /* text of VMCOREINFO, as it is written */
};

/* Makes it, whole and consistent. */
void corpse_make(struct corpse *c);
void corpse_dispose(struct corpse *c);

void *corpse_page(struct corpse *c, uint64_t pfn);
/* Of the kernel's image: where the byte of an address is. */
void *corpse_at(struct corpse *c, uint64_t va);
uint64_t *corpse_entry(struct corpse *c, uint64_t table, unsigned int i);

/* A page's descriptor. */
struct corpse_desc {
    uint64_t flags, head, lru, mapping, index, private;
    uint32_t mapcount, refcount;
    uint64_t unused;
};

struct corpse_desc *corpse_desc(struct corpse *c, uint64_t pfn);

/* Writes c->info into its note again; after a change. */
void corpse_note(struct corpse *c, uint64_t pfn);
/* Adds a line to it: a printf format. */
void corpse_info(struct corpse *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Where more of a kernel is, pages of its data and text. */
enum {
    CORPSE_LOG = CORPSE_DATA + 4,       /* 4 pages: ring, descs, infos, text */
    CORPSE_SYMBOLS = CORPSE_TEXT + 16,  /* 4 pages */
    CORPSE_TYPES = CORPSE_TEXT + 24     /* 1 page */
};

#define CORPSE_LOG_RECORDS 8u

/* Gives it a log of three records, the last one wrapped to the ring's start;
 * a table of symbols; type information. VMCOREINFO tells of them. */
void corpse_log(struct corpse *c);
void corpse_symbols(struct corpse *c);
void corpse_types(struct corpse *c);

#endif /* XK_TESTS_CORPSE_H */
