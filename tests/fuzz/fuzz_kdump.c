// SPDX-License-Identifier: GPL-2.0-only
/* A dump of any bytes, read as an image. */
#include <errno.h>

#include "fuzz.h"
#include "image_kdump.h"

static int source_read(void *ctx, uint64_t offset, void *buf, size_t len)
{
    const struct fuzz_input *in = ctx;

    if (offset > in->left || len > in->left - offset)
        return -EIO;
    memcpy(buf, in->at + offset, len);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(4096) uint8_t page[XK_PAGE_SIZE];
    struct fuzz_input in = { data, size };
    const struct xk_source source = { source_read, &in };
    struct xk_vmcoreinfo vi;
    struct xk_image *img;
    uint64_t pfn, first, end, from = 0;
    uint8_t state;
    int i;

    if (xk_image_open_kdump(&img, &source))
        return 0;
    for (i = 0; i < 8 && xk_image_next(img, from, &first, &end); i++) {
        FUZZ_CHECK(first < end && first >= from);
        for (pfn = first; pfn < end && pfn < first + 8; pfn++)
            (void)img->read(img, &pfn, 1, page, &state);
        from = end;
    }
    (void)xk_image_kdump_vmcoreinfo(img, &vi);
    xk_image_close(img);
    return 0;
}
