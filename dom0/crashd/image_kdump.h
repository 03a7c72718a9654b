/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An image in a dump of the kdump format (kdump.h), wherever its bytes are:
 * a file, or a sealed container. Pages that were left out are absent. The
 * dump is not trusted: it may be anybody's file.
 */
#ifndef XK_CRASHD_IMAGE_KDUMP_H
#define XK_CRASHD_IMAGE_KDUMP_H

#include <stddef.h>
#include <stdint.h>

#include "image.h"
#include "kernel.h"
#include "vmcoreinfo.h"

/* Where the bytes come from. Called by several threads at once; 0 or -errno.
 * Bytes beyond the end are an error. */
struct xk_source {
    int (*read)(void *ctx, uint64_t offset, void *buf, size_t len);
    void *ctx;
};

/* -EINVAL: not such a dump, or one that makes no sense. */
int xk_image_open_kdump(struct xk_image **img_r,
                        const struct xk_source *source);

/* What its notes say of the kernel. -ENOENT: nothing. */
int xk_image_kdump_vmcoreinfo(struct xk_image *img, struct xk_vmcoreinfo *vi);

/*
 * The kernel that it is of. 1: its pages are not all here, so only what the
 * heads say is known: no paging, no direct map. -ENOENT: none.
 */
int xk_image_kdump_kernel(struct xk_image *img, struct xk_kernel *kernel);

/* When it was made, seconds of the epoch. */
uint64_t xk_image_kdump_seconds(struct xk_image *img);

#endif /* XK_CRASHD_IMAGE_KDUMP_H */
