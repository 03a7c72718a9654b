/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The head of a dump from the index of its pages, see index.h.
 */
#include "index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#include "kdump.h"
#include "kernel.h"

#define ROOM (64u * 1024)

/* Pieces of the head on their way to the sink. */
struct out {
    const struct xk_sink *sink;
    uint64_t offset;
    size_t used;
    int rc;
    uint8_t room[ROOM];
};

/* What grows with the number of pages is written as pages become known. */
struct xk_index_outs {
    struct out exists, here, pages;
};

static void flush(struct out *o)
{
    if (o->used && !o->rc)
        o->rc = o->sink->extent(o->sink->ctx, XK_CLASS_INDEX, o->offset,
                                o->room, o->used);
    o->offset += o->used;
    o->used = 0;
}

static void put(struct out *o, const void *data, size_t len)
{
    size_t n;

    for (; len; len -= n, data = (const uint8_t *)data + n) {
        n = xk_min_size(len, ROOM - o->used);
        memcpy(o->room + o->used, data, n);
        o->used += n;
        if (o->used == ROOM)
            flush(o);
    }
}

static void seek(struct out *o, uint64_t offset)
{
    flush(o);
    o->offset = offset;
}

static uint64_t blocks_of(uint64_t bytes)
{
    return (bytes + XK_PAGE_SIZE - 1) / XK_PAGE_SIZE;
}

static uint64_t sub_blocks(const struct xk_index *x)
{
    return blocks_of(sizeof(struct xk_kdump_sub_header) + x->notes_size);
}

/* Of one bitmap. */
static uint64_t bitmap_blocks(const struct xk_index *x)
{
    return blocks_of((x->max_pfn + 7) / 8);
}

/* Blocks of pages that are not extra. */
static uint64_t blocks_below(const struct xk_index *x)
{
    return (x->max_pfn + XK_PAGES_BLOCK - 1) / XK_PAGES_BLOCK;
}

static uint64_t pages_at(const struct xk_index *x)
{
    return (1 + sub_blocks(x) + 2 * bitmap_blocks(x)) * XK_PAGE_SIZE;
}

static void begin(struct out *o, const struct xk_sink *sink, uint64_t offset)
{
    o->sink = sink;
    o->offset = offset;
    o->used = 0;
    o->rc = 0;
}

int xk_index_init(struct xk_index *x, struct xk_image *img,
                  const struct xk_notes *notes, uint64_t limit)
{
    uint64_t first, end, from = 0;

    memset(x, 0, sizeof(*x));
    x->limit = limit;
    while (xk_image_next(img, from, &first, &end)) {
        x->pages_max += end - first;
        if (first < limit)
            x->max_pfn = xk_min_u64(end, limit);
        from = end;
    }
    x->block_count = (from + XK_PAGES_BLOCK - 1) / XK_PAGES_BLOCK;
    x->block = calloc(x->block_count ? x->block_count : 1,
                      sizeof(struct xk_index_block *));
    x->outs = calloc(1, sizeof(*x->outs));
    if (!x->block || !x->outs)
        return -ENOMEM;
    x->notes_size = notes->size;
    x->end = blocks_of(pages_at(x) + x->pages_max *
                       sizeof(struct xk_kdump_page)) * XK_PAGE_SIZE;
    return 0;
}

void xk_index_start(struct xk_index *x, const struct xk_sink *sink,
                    uint32_t compression)
{
    x->compression = compression;
    x->bitmap = (1 + sub_blocks(x)) * XK_PAGE_SIZE;
    begin(&x->outs->exists, sink, x->bitmap);
    begin(&x->outs->here, sink, x->bitmap + bitmap_blocks(x) * XK_PAGE_SIZE);
    begin(&x->outs->pages, sink, pages_at(x));
}

void xk_index_dispose(struct xk_index *x)
{
    uint64_t i;

    for (i = 0; x->block && i < x->block_count; i++)
        free(x->block[i]);
    free(x->block);
    free(x->outs);
    x->block = NULL;
    x->outs = NULL;
    x->block_count = 0;
}

void xk_index_put(struct xk_index *x, uint64_t pfn,
                  struct xk_index_block *block)
{
    size_t i;

    x->block[pfn / XK_PAGES_BLOCK] = block;
    for (i = 0; pfn < x->limit && i < XK_PAGES_BLOCK; i++) {
        x->present += !!block->page[i];
        x->stored += block->page[i] && block->page[i] != XK_INDEX_OUT;
    }
}

/* ---- bitmaps and descriptors -------------------------------------------- */

/* Bits of a block; blocks of pages that do not exist leave a hole. */
static void put_bits(struct out *o, uint64_t offset, const uint16_t *page,
                     bool here)
{
    uint8_t bits[XK_PAGES_BLOCK / 8] = { 0 };
    size_t p;

    if (o->offset + o->used != offset)
        seek(o, offset);
    for (p = 0; p < XK_PAGES_BLOCK; p++)
        if (page[p] && !(here && page[p] == XK_INDEX_OUT))
            bits[p / 8] |= (uint8_t)(1u << p % 8);
    put(o, bits, sizeof(bits));
}

/* The descriptor of a page, and on to the next one's; false: not here. */
static bool next_page(const struct xk_index *x, struct xk_index_block *b,
                      size_t p, struct xk_kdump_page *desc)
{
    unsigned int cls = XK_INDEX_CLASS(b->page[p]);

    if (!b->page[p] || b->page[p] == XK_INDEX_OUT)
        return false;
    desc->size = XK_INDEX_SIZE(b->page[p]);
    desc->flags = desc->size == XK_PAGE_SIZE ? 0 : x->compression;
    desc->offset = cls == XK_CLASS_ZERO ? x->zero : b->base[cls];
    b->base[cls] += desc->size;
    return true;
}

static void tell_block(struct xk_index *x, uint64_t i)
{
    struct xk_index_block *b = x->block[i];
    uint64_t at = x->bitmap + i * (XK_PAGES_BLOCK / 8);
    struct xk_kdump_page desc = { 0 };
    size_t p;

    put_bits(&x->outs->exists, at, b->page, false);
    put_bits(&x->outs->here, at + bitmap_blocks(x) * XK_PAGE_SIZE, b->page,
             true);
    for (p = 0; p < XK_PAGES_BLOCK; p++)
        if (next_page(x, b, p, &desc))
            put(&x->outs->pages, &desc, sizeof(desc));
    free(b);
    x->block[i] = NULL;
}

static int told(const struct xk_index *x)
{
    const struct xk_index_outs *o = x->outs;

    return o->exists.rc ? o->exists.rc : o->here.rc ? o->here.rc
                                                    : o->pages.rc;
}

int xk_index_tell(struct xk_index *x, uint64_t pfn)
{
    uint64_t end = xk_min_u64(pfn / XK_PAGES_BLOCK, blocks_below(x));

    for (; x->told < end; x->told++)
        if (x->block[x->told])
            tell_block(x, x->told);
    return told(x);
}

static int tell_rest(struct xk_index *x)
{
    (void)xk_index_tell(x, UINT64_MAX);
    flush(&x->outs->pages);
    flush(&x->outs->exists);
    flush(&x->outs->here);
    return told(x);
}

/* ---- the rest ----------------------------------------------------------- */

static uint32_t level_of(uint32_t store)
{
    static const struct {
        uint32_t cls, level;
    } levels[] = {
        { XK_CLASS_CACHE, XK_KDUMP_NO_CACHE | XK_KDUMP_NO_PRIVATE_CACHE },
        { XK_CLASS_USER, XK_KDUMP_NO_USER },
        { XK_CLASS_FREE, XK_KDUMP_NO_FREE },
    };
    uint32_t level = XK_KDUMP_NO_ZERO;  /* they share one page's data */
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(levels); i++)
        if (!(store & XK_CLASS_BIT(levels[i].cls)))
            level |= levels[i].level;
    return level;
}

static void put_header(struct out *o, const struct xk_index *x,
                       const struct xk_index_facts *f)
{
    struct xk_kdump_header h = {
        .version = XK_KDUMP_VERSION, .seconds = f->seconds,
        .status = x->compression, .block_size = XK_PAGE_SIZE,
        .sub_size = (uint32_t)sub_blocks(x),
        .bitmap_blocks = (uint32_t)(2 * bitmap_blocks(x)),
        .max_mapnr = (uint32_t)xk_min_u64(x->max_pfn, UINT32_MAX),
        .total_ram_blocks = (uint32_t)xk_min_u64(x->present, UINT32_MAX),
        .written_blocks = (uint32_t)xk_min_u64(x->stored, UINT32_MAX),
        .nr_cpus = f->vcpus,
    };

    memcpy(h.signature, XK_KDUMP_SIGNATURE, sizeof(h.signature));
    strcpy(h.utsname[4], "x86_64");
    if (f->kernel) {
        memcpy(h.utsname, &f->kernel->uts, sizeof(f->kernel->uts));
        strcpy(h.utsname[5], "(none)");
    }
    put(o, &h, sizeof(h));
    seek(o, XK_PAGE_SIZE);
}

static void put_sub_header(struct out *o, const struct xk_index *x,
                           const struct xk_index_facts *f)
{
    struct xk_kdump_sub_header s = {
        .phys_base = f->kernel ? f->kernel->phys_base : 0,
        .level = level_of(f->store), .max_mapnr_64 = x->max_pfn,
    };

    if (f->notes->size) {
        s.offset_note = XK_PAGE_SIZE + sizeof(s);
        s.size_note = f->notes->size;
    }
    if (f->notes->vmcoreinfo_size) {
        s.offset_vmcoreinfo = s.offset_note + f->notes->vmcoreinfo;
        s.size_vmcoreinfo = f->notes->vmcoreinfo_size;
    }
    put(o, &s, sizeof(s));
    put(o, f->notes->data, f->notes->size);
    seek(o, (1 + sub_blocks(x)) * XK_PAGE_SIZE);
}

static void put_extra(struct out *o, struct xk_index *x,
                      const struct xk_index_facts *f)
{
    struct xk_kdump_extra extra = { x->end, 0 };
    struct xk_kdump_extra_page e = { 0 };
    struct xk_index_block b;
    uint64_t i;
    size_t p;

    seek(o, x->end);
    for (i = blocks_below(x); i < x->block_count; i++) {
        if (!x->block[i])
            continue;
        b = *x->block[i];
        for (p = 0; p < XK_PAGES_BLOCK; p++) {
            if (!next_page(x, &b, p, &e.page))
                continue;
            e.pfn = i * XK_PAGES_BLOCK + p;
            put(o, &e, sizeof(e));
            extra.count++;
        }
    }
    x->end += extra.count * sizeof(e);
    memcpy(f->notes->data + f->notes->extra, &extra, sizeof(extra));
}

int xk_index_write(struct xk_index *x, const struct xk_index_facts *f,
                   const struct xk_sink *sink)
{
    struct out *o;
    int rc;

    rc = tell_rest(x);
    if (rc)
        return rc;
    o = malloc(sizeof(*o));
    if (!o)
        return -ENOMEM;
    begin(o, sink, x->end);
    put_extra(o, x, f);
    seek(o, 0);
    put_header(o, x, f);
    put_sub_header(o, x, f);
    flush(o);
    rc = o->rc;
    free(o);
    return rc;
}
