/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compression of single pages, as the kdump format has it. One for each
 * thread.
 */
#ifndef XK_CRASHD_COMPRESS_H
#define XK_CRASHD_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

/* Values are those of the format's headers and page descriptors. */
enum xk_compression {
    XK_COMPRESS_NONE = 0,
    XK_COMPRESS_ZLIB = 0x1,
    XK_COMPRESS_LZO = 0x2,
    XK_COMPRESS_ZSTD = 0x20,
};

struct xk_compressor {
    enum xk_compression kind;
    void *state;
};

/* -ENOMEM, -EINVAL: an unknown kind. */
int xk_compressor_init(struct xk_compressor *c, enum xk_compression kind);
void xk_compressor_dispose(struct xk_compressor *c);

/*
 * Bytes written to `dst` (a page), less than a page; 0: the page does not
 * become smaller and is to be stored as it is.
 */
size_t xk_compress(struct xk_compressor *c, void *dst, const void *page);

/*
 * To one page. `kind` is the page's own. -EINVAL: what is there is not one
 * page compressed in this way.
 */
int xk_decompress(enum xk_compression kind, void *page,
                  const void *untrusted, size_t len);

#endif /* XK_CRASHD_COMPRESS_H */
