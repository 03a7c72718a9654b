/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a holder of a key sees of a sealed dump: a file of the kdump format,
 * complete in itself. Pages that are sealed for others are in it as pages
 * that were left out, which every reader of the format understands.
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

#endif /* XK_CRASHD_VIEW_H */
