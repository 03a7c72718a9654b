/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file of the kdump format with its pages compressed in another way, for
 * tools that do not know the one it has. All else stays as it is.
 */
#ifndef XK_CRASHD_RECODE_H
#define XK_CRASHD_RECODE_H

#include <stdint.h>

#include "compress.h"
#include "image_kdump.h"
#include "unseal.h"

/*
 * From `size` bytes of `source` to `fd`, an empty file; `source` is read by
 * one thread, pages are compressed by as many as there are processors. It is
 * not trusted. -EINVAL: no such file, or a page in it that cannot be read.
 */
int xk_recode(const struct xk_source *source, uint64_t size,
              enum xk_compression kind, int fd,
              xk_unseal_progress_fn *progress, void *arg);

#endif /* XK_CRASHD_RECODE_H */
