/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forms of a sealed dump, see lens.h.
 */
#include "lens.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int say(char *why, int rc, const char *what)
{
    if (rc)
        snprintf(why, XK_UNSEAL_WHY, "%s: %s", what, strerror(-rc));
    return rc;
}

int xk_lens_open(struct xk_lens *lens, struct xk_unseal *u,
                 xk_unseal_progress_fn *progress, void *arg, char *why)
{
    *lens = (struct xk_lens){ .u = u };
    return xk_view_open(&lens->view, u, progress, arg, why);
}

void xk_lens_close(struct xk_lens *lens)
{
    xk_elf_close(lens->elf);
    xk_image_close(lens->img);
    free(lens->kernel);
    xk_view_close(lens->view);
    *lens = (struct xk_lens){ .u = NULL };
}

static int read_view(void *ctx, uint64_t offset, void *buf, size_t len)
{
    return xk_view_read(ctx, offset, buf, len);
}

struct xk_source xk_lens_source(struct xk_lens *lens)
{
    return (struct xk_source){ read_view, lens->view };
}

static int find_kernel(struct xk_lens *lens)
{
    struct xk_kernel *kernel = calloc(1, sizeof(*kernel));
    int rc;

    if (!kernel)
        return -ENOMEM;
    rc = xk_image_kdump_kernel(lens->img, kernel);
    if (rc < 0) {
        free(kernel);
        return 0;
    }
    lens->kernel = kernel;
    lens->whole = !rc;
    return 0;
}

int xk_lens_image(struct xk_lens *lens, char *why)
{
    const struct xk_source source = xk_lens_source(lens);
    int rc;

    if (lens->img)
        return 0;
    rc = say(why, xk_image_open_kdump(&lens->img, &source),
             "its content is no dump that can be read");
    return rc ? rc : say(why, find_kernel(lens), "its kernel");
}

int xk_lens_elf(struct xk_lens *lens, char *why)
{
    int rc;

    if (lens->elf)
        return 0;
    rc = xk_lens_image(lens, why);
    return rc ? rc : say(why, xk_elf_open(&lens->elf, lens->img,
                                          lens->kernel), "ELF");
}
