/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Another compression for a dump, see recode.h. Heads and bitmaps are copied,
 * so the number of descriptors and with it the place of the data are known;
 * then pages go through in batches, shared out to threads.
 */
#include "recode.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenkeep/util.h>
#include <xenkeep/zero.h>

#include "kdump.h"
#include "notes.h"

#define BLOCK XK_PAGE_SIZE
#define BATCH 1024u
#define THREADS_MAX 8u
/* Heads that claim more are not believed. */
#define NOTES_MAX (16u << 20)

struct piece {
    struct xk_kdump_page desc;      /* from, then to */
    bool zero;
    _Alignas(64) uint8_t in[BLOCK];     /* compressed, then the page */
    uint8_t out[BLOCK];
};

/* A thread's share of a batch. */
struct part {
    pthread_t thread;
    struct xk_compressor compressor;
    struct piece *first;
    size_t count;
    int rc;
};

struct recode {
    struct xk_source source;
    uint64_t size;              /* of the source */
    enum xk_compression kind;
    int fd;
    struct xk_kdump_header head;
    struct xk_kdump_sub_header sub;
    uint64_t bitmap, pages, count;  /* second one, descriptors, how many */
    uint64_t end;               /* of the new data so far */
    struct xk_kdump_page zero;
    struct xk_kdump_extra extra;
    uint64_t extra_at;          /* where it is told in the file; 0: nowhere */
    const uint8_t *notes;
    struct piece *piece;        /* BATCH */
    struct part part[THREADS_MAX];
    size_t parts;
    xk_unseal_progress_fn *progress;
    void *arg;
    uint64_t done;
};

static int get(const struct recode *r, uint64_t offset, void *buf, size_t len)
{
    if (offset > r->size || len > r->size - offset)
        return -EINVAL;
    return r->source.read(r->source.ctx, offset, buf, len);
}

static int put(const struct recode *r, uint64_t offset, const void *data,
               size_t len)
{
    ssize_t n;

    for (; len; data = (const char *)data + n, len -= (size_t)n,
                offset += (uint64_t)n) {
        n = pwrite(r->fd, data, len, (off_t)offset);
        if (n < 0)
            return -errno;
    }
    return 0;
}

/* ---- heads -------------------------------------------------------------- */

static int read_heads(struct recode *r)
{
    uint64_t half;
    int rc;

    rc = get(r, 0, &r->head, sizeof(r->head));
    if (!rc)
        rc = get(r, BLOCK, &r->sub, sizeof(r->sub));
    if (rc)
        return rc;
    if (memcmp(r->head.signature, XK_KDUMP_SIGNATURE,
               sizeof(r->head.signature)) || r->head.block_size != BLOCK ||
        r->sub.size_note > NOTES_MAX)
        return -EINVAL;
    half = r->head.bitmap_blocks / 2 * (uint64_t)BLOCK;
    r->bitmap = (1 + (uint64_t)r->head.sub_size) * BLOCK + half;
    r->pages = r->bitmap + half;
    return r->pages <= r->size ? 0 : -EINVAL;
}

/* All before the descriptors; what is zero stays a hole. */
static int copy_heads(struct recode *r)
{
    uint64_t at, word;
    uint8_t *block = r->piece->in;
    size_t i;
    int rc = 0;

    for (at = 0; !rc && at < r->pages; at += BLOCK) {
        rc = get(r, at, block, BLOCK);
        if (!at)
            memcpy(block, &r->head, sizeof(r->head));
        for (i = 0; at >= r->bitmap && i < BLOCK; i += sizeof(word)) {
            memcpy(&word, block + i, sizeof(word));
            r->count += (unsigned int)__builtin_popcountll(word);
        }
        if (!rc && !xk_zero(block, BLOCK))
            rc = put(r, at, block, BLOCK);
    }
    if (!rc && r->count > (r->size - r->pages) / sizeof(struct xk_kdump_page))
        rc = -EINVAL;
    r->end = (r->pages + r->count * sizeof(struct xk_kdump_page) + BLOCK - 1) &
             ~(uint64_t)(BLOCK - 1);
    return rc;
}

static void take_note(void *arg, const char *name, uint32_t type,
                      const void *desc, size_t size)
{
    struct recode *r = arg;

    if (strcmp(name, XK_KDUMP_EXTRA_NAME) || type != XK_KDUMP_EXTRA_TYPE ||
        size != sizeof(r->extra))
        return;
    memcpy(&r->extra, desc, size);
    r->extra_at = r->sub.offset_note +
                  (uint64_t)((const uint8_t *)desc - r->notes);
}

static int find_extra(struct recode *r)
{
    xk_cleanup_free uint8_t *notes = malloc(r->sub.size_note + 1);
    int rc;

    if (!notes)
        return -ENOMEM;
    rc = get(r, r->sub.offset_note, notes, r->sub.size_note);
    if (rc)
        return rc;
    r->notes = notes;
    xk_notes_each(notes, r->sub.size_note, take_note, r);
    r->notes = NULL;
    if (r->extra_at >= r->pages ||
        r->extra.count > r->size / sizeof(struct xk_kdump_extra_page))
        return -EINVAL;
    return 0;
}

/* ---- pages -------------------------------------------------------------- */

static int recode_page(struct xk_compressor *c, struct piece *p)
{
    uint8_t page[BLOCK];
    size_t size;
    int rc;

    rc = xk_decompress((enum xk_compression)p->desc.flags, page, p->in,
                       p->desc.size);
    if (rc)
        return rc;
    p->zero = xk_zero(page, BLOCK);
    if (p->zero)
        return 0;
    size = xk_compress(c, p->out, page);
    if (!size)
        memcpy(p->out, page, BLOCK);
    p->desc.flags = size ? (uint32_t)c->kind : XK_COMPRESS_NONE;
    p->desc.size = size ? (uint32_t)size : BLOCK;
    return 0;
}

static void *work(void *arg)
{
    struct part *part = arg;
    size_t i;

    part->rc = 0;
    for (i = 0; !part->rc && i < part->count; i++)
        part->rc = recode_page(&part->compressor, &part->first[i]);
    return NULL;
}

/* Shares the batch out; what no thread can be had for is done here. */
static int work_all(struct recode *r, size_t count)
{
    size_t each = (count + r->parts - 1) / r->parts, i, from;
    bool started[THREADS_MAX] = { false };
    int rc = 0;

    for (i = 0; i < r->parts; i++) {
        from = xk_min_size(i * each, count);
        r->part[i].first = r->piece + from;
        r->part[i].count = xk_min_size(each, count - from);
        started[i] = i && r->part[i].count &&
                     !pthread_create(&r->part[i].thread, NULL, work,
                                     &r->part[i]);
    }
    for (i = 0; i < r->parts; i++)
        if (!started[i])
            work(&r->part[i]);
    for (i = 0; i < r->parts; i++) {
        if (started[i])
            (void)pthread_join(r->part[i].thread, NULL);
        if (!rc)
            rc = r->part[i].rc;
    }
    return rc;
}

static int read_pieces(struct recode *r, size_t count)
{
    struct piece *p;
    size_t i;
    int rc = 0;

    for (i = 0; !rc && i < count; i++) {
        p = &r->piece[i];
        if (!p->desc.size || p->desc.size > BLOCK)
            return -EINVAL;
        rc = get(r, p->desc.offset, p->in, p->desc.size);
    }
    return rc;
}

/* Data of a batch to the file, and its place into each descriptor. */
static int put_pieces(struct recode *r, size_t count)
{
    struct piece *p;
    size_t i;
    int rc = 0;

    for (i = 0; !rc && i < count; i++) {
        p = &r->piece[i];
        if (p->zero) {
            p->desc = r->zero;
            continue;
        }
        p->desc.offset = r->end;
        rc = put(r, r->end, p->out, p->desc.size);
        r->end += p->desc.size;
    }
    return rc;
}

/* The batch whose descriptors are in r->piece. */
static int recode_batch(struct recode *r, size_t count)
{
    int rc;

    rc = read_pieces(r, count);
    if (!rc)
        rc = work_all(r, count);
    if (!rc)
        rc = put_pieces(r, count);
    r->done += count;
    if (r->progress)
        r->progress(r->arg, r->done, r->count + r->extra.count);
    return rc;
}

/* Zero pages all have this one's data. */
static int put_zero(struct recode *r)
{
    struct piece *p = r->piece;

    memset(p->in, 0, BLOCK);
    r->zero.offset = r->end;
    r->zero.size = (uint32_t)xk_compress(&r->part[0].compressor, p->out,
                                         p->in);
    r->zero.flags = (uint32_t)r->kind;
    if (!r->zero.size) {
        r->zero.size = BLOCK;
        r->zero.flags = XK_COMPRESS_NONE;
        memset(p->out, 0, BLOCK);
    }
    r->end += r->zero.size;
    return put(r, r->zero.offset, p->out, r->zero.size);
}

static int recode_pages(struct recode *r)
{
    struct xk_kdump_page desc[BATCH];
    uint64_t at = r->pages, left = r->count;
    size_t i, n;
    int rc = 0;

    for (; !rc && left; left -= n, at += n * sizeof(*desc)) {
        n = (size_t)xk_min_u64(left, BATCH);
        rc = get(r, at, desc, n * sizeof(*desc));
        for (i = 0; i < n; i++)
            r->piece[i].desc = desc[i];
        if (!rc)
            rc = recode_batch(r, n);
        for (i = 0; i < n; i++)
            desc[i] = r->piece[i].desc;
        if (!rc)
            rc = put(r, at, desc, n * sizeof(*desc));
    }
    return rc;
}

static int recode_extra(struct recode *r)
{
    struct xk_kdump_extra_page *page;
    uint64_t at = r->extra.offset, left = r->extra.count, i, n;
    int rc = 0;

    page = calloc(left ? left : 1, sizeof(*page));
    if (!page)
        return -ENOMEM;
    rc = get(r, at, page, left * sizeof(*page));
    for (at = 0; !rc && at < left; at += n) {
        n = xk_min_u64(left - at, BATCH);
        for (i = 0; i < n; i++)
            r->piece[i].desc = page[at + i].page;
        rc = recode_batch(r, n);
        for (i = 0; i < n; i++)
            page[at + i].page = r->piece[i].desc;
    }
    r->extra.offset = r->end;
    if (!rc)
        rc = put(r, r->end, page, left * sizeof(*page));
    if (!rc)
        rc = put(r, r->extra_at, &r->extra, sizeof(r->extra));
    free(page);
    return rc;
}

/* ---- all ---------------------------------------------------------------- */

static int make_parts(struct recode *r)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int rc = 0;

    r->parts = cpus < 1 ? 1 : xk_min_size((size_t)cpus, THREADS_MAX);
    for (size_t i = 0; !rc && i < r->parts; i++)
        rc = xk_compressor_init(&r->part[i].compressor, r->kind);
    return rc;
}

static int recode_all(struct recode *r)
{
    int rc;

    rc = read_heads(r);
    r->head.status = (r->head.status & XK_KDUMP_INCOMPLETE) |
                     (uint32_t)r->kind;
    if (!rc)
        rc = make_parts(r);
    if (!rc)
        rc = copy_heads(r);
    if (!rc)
        rc = find_extra(r);
    if (!rc)
        rc = put_zero(r);
    if (!rc)
        rc = recode_pages(r);
    if (!rc && r->extra_at)
        rc = recode_extra(r);
    return rc;
}

int xk_recode(const struct xk_source *source, uint64_t size,
              enum xk_compression kind, int fd,
              xk_unseal_progress_fn *progress, void *arg)
{
    struct recode r = {
        .source = *source, .size = size, .kind = kind, .fd = fd,
        .progress = progress, .arg = arg,
        .piece = aligned_alloc(64, BATCH * sizeof(struct piece)),
    };
    size_t i;
    int rc;

    rc = r.piece ? recode_all(&r) : -ENOMEM;
    for (i = 0; i < r.parts; i++)
        xk_compressor_dispose(&r.part[i].compressor);
    free(r.piece);
    return rc;
}
