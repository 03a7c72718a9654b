/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kdump-compressed format, version 6, as makedumpfile writes it: blocks
 * of a page; header, sub-header with notes, two bitmaps (pages that exist,
 * pages that are here), descriptors of the pages that are here, page data.
 *
 * It is written as a stream, data first: the room for what stands before it
 * is known from the number of pages, and what is not used of it is a hole.
 */
#ifndef XK_CRASHD_KDUMP_H
#define XK_CRASHD_KDUMP_H

#include <stdint.h>

#define XK_KDUMP_SIGNATURE "KDUMP   "
#define XK_KDUMP_VERSION 6
#define XK_KDUMP_INCOMPLETE 0x8u    /* of status: it was cut */

/* Fields that nobody reads are left out of the names. */
struct xk_kdump_header {
    char signature[8];
    int32_t version;
    char utsname[6][65];    /* sysname nodename release version machine … */
    uint8_t pad[6];
    uint64_t seconds, microseconds;     /* when it was made */
    uint32_t status;        /* kind of compression, XK_KDUMP_INCOMPLETE */
    uint32_t block_size;
    uint32_t sub_size;      /* blocks */
    uint32_t bitmap_blocks; /* both bitmaps */
    uint32_t max_mapnr;     /* pages; the sub-header has all 64 bits */
    uint32_t total_ram_blocks;
    uint32_t device_blocks;
    uint32_t written_blocks;
    uint32_t current_cpu;
    uint32_t nr_cpus;
};

_Static_assert(sizeof(struct xk_kdump_header) == 464, "disk_dump_header");

/* Bits of level: what was left out. */
#define XK_KDUMP_NO_ZERO 1u
#define XK_KDUMP_NO_CACHE 2u
#define XK_KDUMP_NO_PRIVATE_CACHE 4u
#define XK_KDUMP_NO_USER 8u
#define XK_KDUMP_NO_FREE 16u

struct xk_kdump_sub_header {
    uint64_t phys_base;
    uint32_t level;
    uint32_t split;
    uint64_t start_pfn, end_pfn;        /* of a part; not used */
    uint64_t offset_vmcoreinfo, size_vmcoreinfo;
    uint64_t offset_note, size_note;
    uint64_t offset_eraseinfo, size_eraseinfo;
    uint64_t start_pfn_64, end_pfn_64;
    uint64_t max_mapnr_64;
};

_Static_assert(sizeof(struct xk_kdump_sub_header) == 104, "kdump_sub_header");

struct xk_kdump_page {
    uint64_t offset;        /* in the file */
    uint32_t size;          /* bytes there */
    uint32_t flags;         /* enum xk_compression */
    uint64_t page_flags;    /* 0 */
};

_Static_assert(sizeof(struct xk_kdump_page) == 24, "page_desc");

/*
 * Pages above all that the kernel has descriptors for (Xen's special pages:
 * the rings of console and xenstore): a tool takes the kernel's end for the
 * bitmaps' end, so they are in a table of their own at the end of the data,
 * which a note of this name tells of.
 */
#define XK_KDUMP_EXTRA_NAME "XENKEEP"
#define XK_KDUMP_EXTRA_TYPE 1u

struct xk_kdump_extra {
    uint64_t offset, count;     /* of struct xk_kdump_extra_page */
};

struct xk_kdump_extra_page {
    uint64_t pfn;
    struct xk_kdump_page page;
};

#endif /* XK_CRASHD_KDUMP_H */
