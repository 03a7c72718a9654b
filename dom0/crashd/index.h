/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where each page of a dump went, two bytes a page, and what stands at the
 * start of the file because of it. Blocks are those of pages.h. What grows with
 * the number of pages is written on the way, so that a few blocks are all that
 * is kept of a guest of any size.
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

struct xk_index_outs;

struct xk_index {
    uint64_t limit;             /* pages from here on are extra */
    uint64_t max_pfn;           /* last page below that may exist, plus 1 */
    uint64_t pages_max;         /* pages that may exist */
    struct xk_index_block **block;  /* that were put and not yet told */
    uint64_t block_count;       /* beyond max_pfn are those of extra pages */
    uint64_t present, stored;   /* pages */
    uint64_t zero;              /* where the one zero page is, */
    uint32_t zero_size;         /* and its bytes */
    uint64_t notes_size;
    uint64_t end;               /* of the data so far */
    uint32_t compression;
    uint64_t bitmap;            /* where the first one is */
    uint64_t told;              /* blocks below are written */
    struct xk_index_outs *outs;
};

/* What the head says besides. */
struct xk_index_facts {
    const struct xk_kernel *kernel;     /* may be NULL */
    struct xk_notes *notes;     /* the word on extra pages is filled in */
    uint32_t vcpus;
    uint32_t store;             /* classes */
    uint64_t seconds;
};

/*
 * `limit` is a multiple of XK_PAGES_BLOCK, or UINT64_MAX. Sets index->end to
 * where data begins. -ENOMEM.
 */
int xk_index_init(struct xk_index *index, struct xk_image *img,
                  const struct xk_notes *notes, uint64_t limit);
/* Before the first page; the sink must stay. */
void xk_index_start(struct xk_index *index, const struct xk_sink *sink,
                    uint32_t compression);
void xk_index_dispose(struct xk_index *index);

/* Takes over `block` (malloc'd), which is that of page `pfn`. */
void xk_index_put(struct xk_index *index, uint64_t pfn,
                  struct xk_index_block *block);

/*
 * All blocks below page `pfn` were put that ever will be: writes what there is
 * to say of them, as extents of class index, and frees them.
 */
int xk_index_tell(struct xk_index *index, uint64_t pfn);

/*
 * The rest: headers and notes; descriptors of extra pages go to the end of
 * the data, first.
 */
int xk_index_write(struct xk_index *index, const struct xk_index_facts *facts,
                   const struct xk_sink *sink);

#endif /* XK_CRASHD_INDEX_H */
