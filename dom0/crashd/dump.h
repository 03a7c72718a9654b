/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing a dump: reads an image by several threads, skips what is not
 * wanted, compresses the rest page by page, and hands it to a sink in extents
 * of one class each. The whole is a file of the kdump format (kdump.h).
 */
#ifndef XK_CRASHD_DUMP_H
#define XK_CRASHD_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "classify.h"
#include "compress.h"
#include "image.h"
#include "kernel.h"
#include "sink.h"

#define XK_DUMP_WORKERS 16u

struct xk_dump_options {
    unsigned int workers;       /* threads, 1 to XK_DUMP_WORKERS */
    uint32_t store;             /* XK_CLASS_BIT()s of what is stored */
    uint32_t clear;             /* and of what will not be sealed: a page of
                                   these in which a secret is found counts as
                                   unknown */
    enum xk_compression compression;
    uint64_t seconds;           /* when the guest died (or was looked at) */

    /* May be NULL. In pages; calls never overlap. False: give up. */
    bool (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx;
};

/*
 * Zero pages cost a descriptor each and are best stored: makedumpfile and
 * crash take a page that is not here for one they must not read.
 */
#define XK_DUMP_STORE_ALL ((1u << XK_CLASSES) - 1)
#define XK_DUMP_STORE_DEFAULT \
    (XK_DUMP_STORE_ALL & ~XK_CLASS_BIT(XK_CLASS_FREE))

struct xk_dump_stats {
    uint64_t pages[XK_CLASSES];     /* that exist */
    uint64_t stored[XK_CLASSES];
    uint64_t bytes[XK_CLASSES];     /* of the file */
    uint64_t secrets;               /* pages that were found to hold one */
    uint64_t file_size;             /* holes included */
};

/*
 * `kernel` may be NULL (nothing is known of the guest): then all pages are of
 * class unknown. 0; -ECANCELED: progress() said so; an error of the image or
 * of the sink. Memory: 6 MiB for each worker, and a word for each 4 MiB of the
 * guest.
 */
int xk_dump_write(struct xk_image *img, const struct xk_kernel *kernel,
                  const struct xk_classifier *classifier,
                  const struct xk_dump_options *options,
                  const struct xk_sink *sink, struct xk_dump_stats *stats);

#endif /* XK_CRASHD_DUMP_H */
