/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sealed dump as its reader's key shows it, in the forms that tools want:
 * the kdump file, the memory image in it, its kernel, an ELF core. Each is
 * made when it is first asked for; nothing is written anywhere.
 */
#ifndef XK_CRASHD_LENS_H
#define XK_CRASHD_LENS_H

#include "core_elf.h"
#include "image_kdump.h"
#include "view.h"

struct xk_lens {
    struct xk_unseal *u;
    struct xk_view *view;
    struct xk_image *img;
    struct xk_kernel *kernel;   /* NULL: none is known */
    bool whole;                 /* its pages can be read, not only its name */
    struct xk_elf *elf;
};

/* `u` stays the caller's, until after the close; 0 or -errno with `why` (of
 * XK_UNSEAL_WHY bytes), as all here. */
int xk_lens_open(struct xk_lens *lens, struct xk_unseal *u,
                 xk_unseal_progress_fn *progress, void *arg, char *why);
void xk_lens_close(struct xk_lens *lens);

/* The kdump file's bytes. */
struct xk_source xk_lens_source(struct xk_lens *lens);

/* Makes img and kernel, then elf. */
int xk_lens_image(struct xk_lens *lens, char *why);
int xk_lens_elf(struct xk_lens *lens, char *why);

#endif /* XK_CRASHD_LENS_H */
