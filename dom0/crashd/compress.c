/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages through zstd, zlib and LZO, see compress.h.
 */
#include "compress.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

#include "hv.h"

/* Of each library the fastest that still pays on memory: pages are small, and
 * higher levels gain two or three percent for half of the speed. */
#define ZSTD_LEVEL 1

struct lzo_state {
    lzo_align_t work[LZO1X_1_MEM_COMPRESS / sizeof(lzo_align_t) + 1];
    uint8_t room[XK_PAGE_SIZE + XK_PAGE_SIZE / 16 + 64 + 3];
};

static int init_zstd(struct xk_compressor *c)
{
    ZSTD_CCtx *cctx = ZSTD_createCCtx();

    if (!cctx)
        return -ENOMEM;
    c->state = cctx;
    ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, 1);
    return 0;
}

static int init_zlib(struct xk_compressor *c)
{
    z_stream *z = calloc(1, sizeof(*z));

    c->state = z;
    return z && deflateInit(z, Z_BEST_SPEED) == Z_OK ? 0 : -ENOMEM;
}

static int init_lzo(struct xk_compressor *c)
{
    c->state = lzo_init() == LZO_E_OK ? calloc(1, sizeof(struct lzo_state))
                                      : NULL;
    return c->state ? 0 : -ENOMEM;
}

int xk_compressor_init(struct xk_compressor *c, enum xk_compression kind)
{
    int rc;

    c->kind = kind;
    c->state = NULL;
    switch (kind) {
    case XK_COMPRESS_NONE: rc = 0; break;
    case XK_COMPRESS_ZSTD: rc = init_zstd(c); break;
    case XK_COMPRESS_ZLIB: rc = init_zlib(c); break;
    case XK_COMPRESS_LZO: rc = init_lzo(c); break;
    default: rc = -EINVAL;
    }
    if (rc)
        xk_compressor_dispose(c);
    return rc;
}

void xk_compressor_dispose(struct xk_compressor *c)
{
    if (c->state && c->kind == XK_COMPRESS_ZSTD) {
        ZSTD_freeCCtx(c->state);
    } else if (c->state) {
        if (c->kind == XK_COMPRESS_ZLIB)
            deflateEnd(c->state);
        free(c->state);
    }
    c->state = NULL;
}

static size_t zlib_page(z_stream *z, void *dst, const void *page)
{
    union { const void *from; void *to; } p = { page };

    deflateReset(z);
    z->next_in = p.to;          /* zlib's type lacks a const */
    z->avail_in = XK_PAGE_SIZE;
    z->next_out = dst;
    z->avail_out = XK_PAGE_SIZE - 1;
    return deflate(z, Z_FINISH) == Z_STREAM_END ? z->total_out : 0;
}

static size_t lzo_page(struct lzo_state *s, void *dst, const void *page)
{
    lzo_uint len = sizeof(s->room);

    if (lzo1x_1_compress(page, XK_PAGE_SIZE, s->room, &len, s->work) !=
        LZO_E_OK || len >= XK_PAGE_SIZE)
        return 0;
    memcpy(dst, s->room, len);
    return len;
}

size_t xk_compress(struct xk_compressor *c, void *dst, const void *page)
{
    size_t n = 0;

    if (c->kind == XK_COMPRESS_ZSTD) {
        n = ZSTD_compress2(c->state, dst, XK_PAGE_SIZE - 1, page,
                           XK_PAGE_SIZE);
        n = ZSTD_isError(n) ? 0 : n;
    } else if (c->kind == XK_COMPRESS_ZLIB) {
        n = zlib_page(c->state, dst, page);
    } else if (c->kind == XK_COMPRESS_LZO) {
        n = lzo_page(c->state, dst, page);
    }
    return n;
}

int xk_decompress(enum xk_compression kind, void *page, const void *untrusted,
                  size_t len)
{
    uLongf zlib_len = XK_PAGE_SIZE;
    lzo_uint lzo_len = XK_PAGE_SIZE;
    bool good = false;

    if (kind == XK_COMPRESS_NONE) {
        good = len == XK_PAGE_SIZE;
        if (good)
            memcpy(page, untrusted, len);
    } else if (kind == XK_COMPRESS_ZSTD) {
        good = ZSTD_decompress(page, XK_PAGE_SIZE, untrusted, len) ==
               XK_PAGE_SIZE;
    } else if (kind == XK_COMPRESS_ZLIB) {
        good = uncompress(page, &zlib_len, untrusted, len) == Z_OK &&
               zlib_len == XK_PAGE_SIZE;
    } else if (kind == XK_COMPRESS_LZO) {
        good = lzo1x_decompress_safe(untrusted, len, page, &lzo_len, NULL) ==
               LZO_E_OK && lzo_len == XK_PAGE_SIZE;
    }
    return good ? 0 : -EINVAL;
}
