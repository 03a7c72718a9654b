/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The threads that write a dump, see dump.h.
 *
 * A thread takes a block of pages, orders those that are wanted by class,
 * reads and compresses them into its own room, and hands them over under the
 * lock: so data of one class is in one piece, and offsets rise.
 */
#include "dump.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>
#include <xenkeep/zero.h>

#include "index.h"
#include "notes.h"
#include "secrets.h"

/* Pages in one read: a MiB, which stays in a processor's cache. */
#define BATCH 256u

struct dump {
    struct xk_image *img;
    const struct xk_kernel *kernel;
    const struct xk_classifier *classifier;
    const struct xk_dump_options *options;
    const struct xk_sink *sink;
    struct xk_dump_stats *stats;
    struct xk_notes notes;
    struct xk_index index;

    pthread_mutex_t lock;       /* of all below, the index and the sink */
    uint64_t next;              /* pfn: where the next block is looked for */
    uint64_t done;              /* pages */
    struct worker *workers;
    unsigned int worker_count;
    int rc;
};

struct worker {
    struct dump *dump;
    uint64_t first;             /* pfn of its block; all ones: none */
    struct xk_mem mem;
    struct xk_compressor compressor;
    uint8_t *in;                /* BATCH pages */
    uint8_t *out;               /* XK_PAGES_BLOCK pages, at most */
    size_t used[XK_CLASSES + 1];    /* of out, where each class begins */
    uint64_t pages[XK_CLASSES];
    uint64_t stored[XK_CLASSES];
    uint64_t secrets;
};

static bool wanted(const struct dump *d, unsigned int cls)
{
    return d->options->store & XK_CLASS_BIT(cls);
}

/* A page that would go out in the clear, but holds a secret. */
static bool betrays(struct worker *w, unsigned int cls, const uint8_t *page)
{
    if (!(w->dump->options->clear & XK_CLASS_BIT(cls)) ||
        xk_secrets_in(page) == XK_SECRET_NONE)
        return false;
    w->secrets++;
    return true;
}

/*
 * One page that was read: what the index says of it. One that betrays a
 * secret becomes unknown, which is the last class: its turn comes again.
 */
static uint16_t put_page(struct worker *w, uint8_t *class_at,
                         const uint8_t *page, uint8_t state, size_t *at)
{
    unsigned int cls = *class_at;
    size_t size;

    if (state == XK_PAGE_ABSENT)
        return 0;
    if (state == XK_PAGE_ZERO || xk_zero(page, XK_PAGE_SIZE)) {
        w->pages[XK_CLASS_ZERO]++;
        if (!wanted(w->dump, XK_CLASS_ZERO))
            return XK_INDEX_OUT;
        w->stored[XK_CLASS_ZERO]++;
        return XK_INDEX_PAGE(XK_CLASS_ZERO, w->dump->index.zero_size);
    }
    if (betrays(w, cls, page)) {
        *class_at = XK_CLASS_UNKNOWN;
        w->pages[XK_CLASS_UNKNOWN] += cls == XK_CLASS_UNKNOWN;
        return XK_INDEX_OUT;
    }
    size = xk_compress(&w->compressor, w->out + *at, page);
    if (!size) {
        size = XK_PAGE_SIZE;
        memcpy(w->out + *at, page, size);
    }
    *at += size;
    w->pages[cls]++;
    w->stored[cls]++;
    return XK_INDEX_PAGE(cls, size);
}

static int put_batch(struct worker *w, struct xk_index_block *b,
                     uint8_t *classes, const uint64_t *pfns, size_t count,
                     size_t *at)
{
    uint8_t state[BATCH];
    size_t i, p;
    int rc;

    rc = w->dump->img->read(w->dump->img, pfns, count, w->in, state);
    for (i = 0; !rc && i < count; i++) {
        p = pfns[i] % XK_PAGES_BLOCK;
        b->page[p] = put_page(w, &classes[p], w->in + i * XK_PAGE_SIZE,
                              state[i], at);
    }
    return rc;
}

/* All pages of one class in a block that begins at `first`. */
static int put_class(struct worker *w, struct xk_index_block *b,
                     unsigned int cls, uint8_t *classes, uint64_t first,
                     size_t *at)
{
    uint64_t pfns[BATCH];
    size_t i, n = 0;
    int rc = 0;

    for (i = 0; !rc && i < XK_PAGES_BLOCK; i++) {
        if (classes[i] != cls)
            continue;
        if (!wanted(w->dump, cls)) {
            b->page[i] = XK_INDEX_OUT;
            w->pages[cls]++;
            continue;
        }
        pfns[n++] = first + i;
        if (n == BATCH) {
            rc = put_batch(w, b, classes, pfns, n, at);
            n = 0;
        }
    }
    return rc || !n ? rc : put_batch(w, b, classes, pfns, n, at);
}

/* Pages of the block that may exist have a class; the rest has none. */
static void classes_of(struct worker *w, uint64_t first, uint8_t *classes)
{
    struct dump *d = w->dump;
    uint8_t all[XK_PAGES_BLOCK];
    uint64_t from = first, start, end;

    if (d->classifier)
        xk_classifier_block(d->classifier, &w->mem, first, all);
    else
        memset(all, XK_CLASS_UNKNOWN, sizeof(all));
    memset(classes, XK_CLASS_INDEX, XK_PAGES_BLOCK);
    while (from < first + XK_PAGES_BLOCK &&
           xk_image_next(d->img, from, &start, &end) &&
           start < first + XK_PAGES_BLOCK) {
        end = xk_min_u64(end, first + XK_PAGES_BLOCK);
        memcpy(classes + (start - first), all + (start - first), end - start);
        from = end;
    }
}

static int make_block(struct worker *w, uint64_t first,
                      struct xk_index_block *b)
{
    uint8_t classes[XK_PAGES_BLOCK];
    unsigned int cls;
    size_t at = 0;
    int rc = 0;

    memset(w->pages, 0, sizeof(w->pages));
    memset(w->stored, 0, sizeof(w->stored));
    w->secrets = 0;
    classes_of(w, first, classes);
    for (cls = XK_CLASS_ZERO; cls < XK_CLASSES; cls++) {
        w->used[cls] = at;
        if (!rc)
            rc = put_class(w, b, cls, classes, first, &at);
    }
    w->used[XK_CLASSES] = at;
    return rc;
}

/* Under the lock: the first page of a block that is still to be put. */
static uint64_t horizon(const struct dump *d)
{
    uint64_t pfn = d->next;
    unsigned int i;

    for (i = 0; i < d->worker_count; i++)
        pfn = xk_min_u64(pfn, d->workers[i].first);
    return pfn;
}

/* Under the lock: hands the block's data over. */
static int hand_over(struct worker *w, uint64_t first,
                     struct xk_index_block *b)
{
    struct dump *d = w->dump;
    unsigned int cls;
    size_t len;
    int rc;

    d->stats->secrets += w->secrets;
    for (cls = XK_CLASS_ZERO; cls < XK_CLASSES; cls++) {
        len = w->used[cls + 1] - w->used[cls];
        b->base[cls] = d->index.end;
        d->stats->pages[cls] += w->pages[cls];
        d->stats->stored[cls] += w->stored[cls];
        d->stats->bytes[cls] += len;
        d->done += w->pages[cls];
        if (!len)
            continue;
        rc = d->sink->extent(d->sink->ctx, (enum xk_class)cls, d->index.end,
                             w->out + w->used[cls], len);
        if (rc)
            return rc;
        d->index.end += len;
    }
    xk_index_put(&d->index, first, b);
    w->first = UINT64_MAX;
    rc = xk_index_tell(&d->index, horizon(d));
    if (rc)
        return rc;
    if (d->options->progress &&
        !d->options->progress(d->options->progress_ctx, d->done,
                              d->index.pages_max))
        return -ECANCELED;
    return 0;
}

/* Under the lock: the next block that may hold pages; false: none. */
static bool take_block(struct worker *w, uint64_t *first_r)
{
    struct dump *d = w->dump;
    uint64_t start, end;

    if (d->rc || !xk_image_next(d->img, d->next, &start, &end))
        return false;
    *first_r = start - start % XK_PAGES_BLOCK;
    d->next = *first_r + XK_PAGES_BLOCK;
    w->first = *first_r;
    return true;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct dump *d = w->dump;
    struct xk_index_block *b;
    uint64_t first;
    int rc;

    pthread_mutex_lock(&d->lock);
    while (take_block(w, &first)) {
        pthread_mutex_unlock(&d->lock);
        b = calloc(1, sizeof(*b));
        rc = b ? make_block(w, first, b) : -ENOMEM;
        pthread_mutex_lock(&d->lock);
        if (!rc && !d->rc)
            rc = hand_over(w, first, b);
        /* It is the index's, once it was handed over. */
        if (w->first != UINT64_MAX)
            free(b);
        w->first = UINT64_MAX;
        if (rc && !d->rc)
            d->rc = rc;
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

static int worker_init(struct worker *w, struct dump *d)
{
    int rc;

    w->dump = d;
    w->first = UINT64_MAX;
    w->in = aligned_alloc(XK_PAGE_SIZE, BATCH * XK_PAGE_SIZE);
    w->out = malloc(XK_PAGES_BLOCK * XK_PAGE_SIZE);
    if (!w->in || !w->out)
        return -ENOMEM;
    rc = xk_mem_init(&w->mem, d->img, d->kernel ? &d->kernel->paging : NULL);
    return rc ? rc : xk_compressor_init(&w->compressor,
                                        d->options->compression);
}

static void worker_dispose(struct worker *w)
{
    if (!w->dump)
        return;
    xk_compressor_dispose(&w->compressor);
    xk_mem_dispose(&w->mem);
    free(w->in);
    free(w->out);
}

/* The first worker is this thread; others help as far as there are threads. */
static int work_all(struct dump *d)
{
    struct worker workers[XK_DUMP_WORKERS] = { 0 };
    unsigned int i, n = d->options->workers, running = 1;
    pthread_t threads[XK_DUMP_WORKERS];
    int rc = 0;

    n = n < 1 ? 1 : n > XK_DUMP_WORKERS ? XK_DUMP_WORKERS : n;
    for (i = 0; !rc && i < n; i++)
        rc = worker_init(&workers[i], d);
    d->workers = workers;
    d->worker_count = n;
    while (!rc && running < n &&
           !pthread_create(&threads[running], NULL, work, &workers[running]))
        running++;
    if (!rc)
        work(&workers[0]);
    for (i = 1; i < running; i++)
        pthread_join(threads[i], NULL);
    for (i = 0; i < n; i++)
        worker_dispose(&workers[i]);
    return rc ? rc : d->rc;
}

/* The one zero page comes first; pages that are zero all point to it. */
static int put_zero(struct dump *d)
{
    static const _Alignas(64) uint8_t zero[XK_PAGE_SIZE];
    uint8_t room[XK_PAGE_SIZE];
    struct xk_compressor c;
    size_t size;
    int rc;

    if (!(d->options->store & XK_CLASS_BIT(XK_CLASS_ZERO)))
        return 0;
    rc = xk_compressor_init(&c, d->options->compression);
    if (rc)
        return rc;
    size = xk_compress(&c, room, zero);
    xk_compressor_dispose(&c);
    d->index.zero = d->index.end;
    d->index.zero_size = size ? (uint32_t)size : XK_PAGE_SIZE;
    d->index.end += d->index.zero_size;
    d->stats->bytes[XK_CLASS_ZERO] = d->index.zero_size;
    return d->sink->extent(d->sink->ctx, XK_CLASS_ZERO, d->index.zero,
                           size ? room : zero, d->index.zero_size);
}

static int put_index(struct dump *d)
{
    const struct xk_index_facts facts = {
        .kernel = d->kernel, .notes = &d->notes,
        .vcpus = (uint32_t)d->img->vcpu_count, .store = d->options->store,
        .seconds = d->options->seconds,
    };

    return xk_index_write(&d->index, &facts, d->sink);
}

int xk_dump_write(struct xk_image *img, const struct xk_kernel *kernel,
                  const struct xk_classifier *classifier,
                  const struct xk_dump_options *options,
                  const struct xk_sink *sink, struct xk_dump_stats *stats)
{
    struct dump d = {
        .img = img, .kernel = kernel, .classifier = kernel ? classifier : NULL,
        .options = options, .sink = sink, .stats = stats,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    uint64_t limit = UINT64_MAX;
    int rc;

    if (d.classifier && d.classifier->pages.usable)
        limit = d.classifier->pages.end_pfn;
    memset(stats, 0, sizeof(*stats));
    rc = xk_notes_make(&d.notes, img, kernel ? &kernel->vi : NULL);
    if (rc)
        return rc;
    rc = xk_index_init(&d.index, img, &d.notes, limit);
    if (!rc) {
        xk_index_start(&d.index, sink, options->compression);
        rc = put_zero(&d);
    }
    if (!rc)
        rc = work_all(&d);
    if (!rc)
        rc = put_index(&d);
    stats->file_size = d.index.end;
    xk_index_dispose(&d.index);
    xk_notes_dispose(&d.notes);
    return rc;
}
