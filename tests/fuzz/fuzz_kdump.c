// SPDX-License-Identifier: GPL-2.0-only
/* A dump of any bytes, read as an image, recompressed, and as ELF. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core_elf.h"
#include "fuzz.h"
#include "image_kdump.h"
#include "recode.h"

static int source_read(void *ctx, uint64_t offset, void *buf, size_t len)
{
    const struct fuzz_input *in = ctx;

    if (offset > in->left || len > in->left - offset)
        return -EIO;
    memcpy(buf, in->at + offset, len);
    return 0;
}

static void recode(const struct xk_source *source, size_t size)
{
    int fd = memfd_create("out", MFD_CLOEXEC);

    FUZZ_CHECK(fd >= 0);
    (void)xk_recode(source, size, XK_COMPRESS_LZO, fd, NULL, NULL);
    close(fd);
}

static void read_elf(struct xk_image *img, const struct xk_kernel *kernel)
{
    static uint8_t buf[3 * XK_PAGE_SIZE];
    struct xk_elf *elf;
    uint64_t size, at;

    if (xk_elf_open(&elf, img, kernel))
        return;
    size = xk_elf_size(elf);
    for (at = 0; at < size && at < 64 * sizeof(buf); at += sizeof(buf) - 77)
        (void)xk_elf_read(elf, at, buf, size - at < sizeof(buf)
                                            ? size - at : sizeof(buf));
    FUZZ_CHECK(xk_elf_read(elf, size, buf, 1));
    xk_elf_close(elf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(4096) uint8_t page[XK_PAGE_SIZE];
    struct fuzz_input in = { data, size };
    const struct xk_source source = { source_read, &in };
    static struct xk_kernel kernel;
    struct xk_image *img;
    uint64_t pfn, first, end, from = 0;
    uint8_t state;
    int i;

    recode(&source, size);
    if (xk_image_open_kdump(&img, &source))
        return 0;
    for (i = 0; i < 8 && xk_image_next(img, from, &first, &end); i++) {
        FUZZ_CHECK(first < end && first >= from);
        for (pfn = first; pfn < end && pfn < first + 8; pfn++)
            (void)img->read(img, &pfn, 1, page, &state);
        from = end;
    }
    read_elf(img, xk_image_kdump_kernel(img, &kernel) < 0 ? NULL : &kernel);
    xk_image_close(img);
    return 0;
}
