/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The class of every page, by two sources that know nothing of each other:
 * the kernel's descriptors of pages (pages.h) and its page tables (tables.h).
 * Where one of them says nothing, or they do not agree, a page is of class
 * XK_CLASS_UNKNOWN, which is private. Zero pages are the reader's to see.
 *
 *     descriptor    tables say                      class
 *     free          nothing, data                   free
 *     slab          nothing, data                   kernel
 *     reserved      table / constant / data, none   table / text / kernel
 *     plain         table / constant / data         table / text / kernel
 *     cache         anything: it is private         cache
 *     anonymous     anything: it is private         user
 *     any other pair                                unknown
 */
#ifndef XK_CRASHD_CLASSIFY_H
#define XK_CRASHD_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "class.h"
#include "kernel.h"
#include "pages.h"
#include "tables.h"

struct xk_classifier {
    struct xk_pages pages;
    struct xk_tables tables;
};

/*
 * `kernel` NULL or one that tells too little: every page is unknown. Only
 * memory can run out (-ENOMEM).
 */
int xk_classifier_init(struct xk_classifier *c,
                       const struct xk_kernel *kernel);
void xk_classifier_dispose(struct xk_classifier *c);

/* By the two sources, as the table above has it. */
enum xk_class xk_classify(enum xk_page_use use, unsigned int seen);

/*
 * The classes of a block of pages (pages.h). Reads through `mem`, which is
 * the calling thread's own.
 */
void xk_classifier_block(const struct xk_classifier *c, struct xk_mem *mem,
                         uint64_t block, uint8_t cls[XK_PAGES_BLOCK]);

#endif /* XK_CRASHD_CLASSIFY_H */
