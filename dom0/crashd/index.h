/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where each page of a dump went, two bytes a page, and what stands at the
 * start of the file because of it. Blocks are those of pages.h.
 */
#ifndef XK_CRASHD_INDEX_H
#define XK_CRASHD_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "class.h"
#include "notes.h"
#include "pages.h"
#include "sink.h"

/*
 * A page: 0 does not exist; XK_INDEX_OUT exists and is not here; else its
 * class and its size less one. One of a page's size is not compressed.
 */
#define XK_INDEX_OUT 0xf000u
#define XK_INDEX_PAGE(cls, size) \
    ((uint16_t)((unsigned int)(cls) << 12 | ((unsigned int)(size) - 1)))
#define XK_INDEX_CLASS(page) ((page) >> 12)
#define XK_INDEX_SIZE(page) (((page) & 0xfffu) + 1)

struct xk_index_block {
    uint64_t base[XK_CLASSES];  /* where the data of a class begins */
    uint16_t page[XK_PAGES_BLOCK];
};

struct xk_index {
    uint64_t limit;             /* pages from here on are extra */
    uint64_t max_pfn;           /* last page below that may exist, plus 1 */
    uint64_t pages_max;         /* pages that may exist */
    struct xk_index_block **block;
    uint64_t block_count;       /* beyond max_pfn are those of extra pages */
    uint64_t present, stored;   /* pages */
    uint64_t zero;              /* where the one zero page is, */
    uint32_t zero_size;         /* and its bytes */
    uint64_t notes_size;
    uint64_t end;               /* of the data so far */
};

/* What the head says besides. */
struct xk_index_facts {
    const struct xk_kernel *kernel;     /* may be NULL */
    struct xk_notes *notes;     /* the word on extra pages is filled in */
    uint32_t vcpus;
    uint32_t store;             /* classes */
    uint32_t compression;
    uint64_t seconds;
};

/*
 * `limit` is a multiple of XK_PAGES_BLOCK, or UINT64_MAX. Sets index->end to
 * where data begins. -ENOMEM.
 */
int xk_index_init(struct xk_index *index, struct xk_image *img,
                  const struct xk_notes *notes, uint64_t limit);
void xk_index_dispose(struct xk_index *index);

/* Takes over `block` (malloc'd), which is that of page `pfn`. */
void xk_index_put(struct xk_index *index, uint64_t pfn,
                  struct xk_index_block *block);

/*
 * Headers, notes, bitmaps and descriptors, as extents of class index; those
 * of extra pages go to the end of the data, first.
 */
int xk_index_write(struct xk_index *index, const struct xk_index_facts *facts,
                   const struct xk_sink *sink);

#endif /* XK_CRASHD_INDEX_H */
