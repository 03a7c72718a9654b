/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a holder of a key sees of a sealed dump: a file of the kdump format,
 * complete in itself. Pages that are sealed for others are in it as pages
 * that were left out, which every reader of the format understands. It is
 * written as a whole, or read at any place.
 */
#ifndef XK_CRASHD_VIEW_H
#define XK_CRASHD_VIEW_H

#include <stdint.h>

#include "unseal.h"

struct xk_view_stats {
    uint64_t size;              /* of the file, holes included */
    uint64_t pages;             /* that are in it */
    uint64_t hidden;            /* sealed for others */
};

/*
 * Writes the view to `fd`, an empty file or memfd that can be read and
 * written at any place. -ENODATA: the dump's index is not there (it is torn)
 * or cannot be read. `why` has XK_UNSEAL_WHY bytes.
 */
int xk_view_make(struct xk_unseal *u, int fd, xk_unseal_progress_fn *progress,
                 void *arg, struct xk_view_stats *stats, char *why);

struct xk_view;

/*
 * The same without writing it: checks every chunk that the key opens, and
 * keeps what tells where pages are (24 bytes a page), in memory without a
 * name. `u` stays the caller's, until after xk_view_close().
 */
int xk_view_open(struct xk_view **view_r, struct xk_unseal *u,
                 xk_unseal_progress_fn *progress, void *arg, char *why);
void xk_view_close(struct xk_view *view);
const struct xk_view_stats *xk_view_stats(const struct xk_view *view);

/* For one thread at a time. -EIO: beyond the end; an error of the dump. */
int xk_view_read(struct xk_view *view, uint64_t offset, void *buf,
                 size_t len);

#endif /* XK_CRASHD_VIEW_H */
