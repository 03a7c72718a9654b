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

struct xk_elf;

/*
 * `kernel` may be NULL: then addresses are physical ones, as they are in the
 * direct map where that is not known. Both stay the caller's until the close.
 * Memory in more pieces than a debugger can bear is joined over small gaps,
 * which read as zeroes. 0, -ENOMEM.
 */
int xk_elf_open(struct xk_elf **elf_r, struct xk_image *img,
                const struct xk_kernel *kernel);
void xk_elf_close(struct xk_elf *elf);
uint64_t xk_elf_size(const struct xk_elf *elf);

/* Any place of it. For one thread at a time. -EIO: beyond the end; an error
 * of the image. */
int xk_elf_read(struct xk_elf *elf, uint64_t offset, void *buf, size_t len);

/*
 * Writes it: extents are of class unknown, and index for the headers, which
 * come first here. Pages that are zero or absent are holes. 0 or -errno.
 */
int xk_elf_write(struct xk_image *img, const struct xk_kernel *kernel,
                 const struct xk_sink *sink);

#endif /* XK_CRASHD_CORE_ELF_H */
