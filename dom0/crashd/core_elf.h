/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ELF core of an image, for gdb, which reads no kdump: segments for the
 * direct map of physical memory, and one for the kernel's image at its own
 * addresses over the same bytes. With KASLR gdb's symbols have to be moved by
 * kernel->offset.
 */
#ifndef XK_CRASHD_CORE_ELF_H
#define XK_CRASHD_CORE_ELF_H

#include "image.h"
#include "kernel.h"
#include "sink.h"

/*
 * Writes it; extents are of class unknown, and index for the headers, which
 * come first here. Pages that are zero or absent are holes. `kernel` may be
 * NULL: then addresses are physical ones. 0 or -errno;
 * -E2BIG: memory in more than 65000 pieces.
 */
int xk_elf_write(struct xk_image *img, const struct xk_kernel *kernel,
                 const struct xk_sink *sink);

#endif /* XK_CRASHD_CORE_ELF_H */
