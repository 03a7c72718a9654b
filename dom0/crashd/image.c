/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every image shares, see image.h.
 */
#include "image.h"

#include <errno.h>
#include <string.h>

#include <xenkeep/util.h>

bool xk_image_next(struct xk_image *img, uint64_t from, uint64_t *first_r,
                   uint64_t *end_r)
{
    if (from >= img->max_pfn)
        return false;
    if (img->next)
        return img->next(img, from, first_r, end_r);
    *first_r = from;
    *end_r = img->max_pfn;
    return true;
}

int xk_image_read_phys(struct xk_image *img, uint64_t phys, void *dst,
                       size_t len)
{
    _Alignas(XK_PAGE_SIZE) uint8_t page[XK_PAGE_SIZE];
    uint64_t pfn;
    uint8_t state;
    size_t at, n;
    int rc;

    for (; len; len -= n, phys += n, dst = (uint8_t *)dst + n) {
        pfn = phys >> XK_PAGE_SHIFT;
        at = phys & (XK_PAGE_SIZE - 1);
        n = xk_min_size(len, XK_PAGE_SIZE - at);
        rc = img->read(img, &pfn, 1, page, &state);
        if (rc)
            return rc;
        if (state == XK_PAGE_ABSENT)
            return -EFAULT;
        memcpy(dst, page + at, n);
    }
    return 0;
}

void xk_image_close(struct xk_image *img)
{
    if (img)
        img->close(img);
}
