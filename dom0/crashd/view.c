/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Views of sealed dumps, see view.h. The content was signed by a host, which
 * may be another one's: its numbers are checked before they are used.
 */
#include "view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "kdump.h"

#define BLOCK 4096u

/* Where page data is that can be read; neighbours are one. */
struct span {
    uint64_t first, end;
};

struct spans {
    struct span *span;
    size_t count, room;
};

struct xk_view {
    struct xk_unseal *u;
    int fd;                     /* the view, or only its index */
    bool whole;
    struct spans pages, index;
    struct xk_view_stats stats;
};

static int note_span(struct spans *s, uint64_t first, uint64_t end)
{
    struct span *last = s->count ? &s->span[s->count - 1] : NULL, *more;

    if (last && last->end == first) {
        last->end = end;
        return 0;
    }
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 1024;
        more = realloc(s->span, s->room * sizeof(*more));
        if (!more)
            return -ENOMEM;
        s->span = more;
    }
    s->span[s->count++] = (struct span){ first, end };
    return 0;
}

static int put(int fd, uint64_t offset, const void *data, size_t len)
{
    size_t done = 0;
    ssize_t n;

    for (; done < len; done += (size_t)n) {
        n = pwrite(fd, (const char *)data + done, len - done,
                   (off_t)(offset + done));
        if (n < 0)
            return -errno;
    }
    return 0;
}

static int to_view(void *ctx, enum xk_class cls, uint64_t offset,
                   const void *data, size_t len)
{
    struct xk_view *v = ctx;
    bool index = cls == XK_CLASS_INDEX;
    int rc = 0;

    if (v->whole || index)
        rc = put(v->fd, offset, data, len);
    return rc ? rc : note_span(index ? &v->index : &v->pages, offset,
                               offset + len);
}

static int by_first(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* Sorted, and joined over the borders of chunks. */
static void order_spans(struct spans *s)
{
    size_t i, n = 0;

    if (!s->count)
        return;
    qsort(s->span, s->count, sizeof(*s->span), by_first);
    for (i = 1; i < s->count; i++) {
        if (s->span[i].first == s->span[n].end)
            s->span[n].end = s->span[i].end;
        else
            s->span[++n] = s->span[i];
    }
    s->count = n + 1;
}

/* The first span that ends after `offset`; count: none. */
static size_t span_after(const struct spans *s, uint64_t offset)
{
    size_t low = 0, high = s->count, mid;

    while (low < high) {
        mid = (low + high) / 2;
        if (s->span[mid].end <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool can_read(const struct xk_view *v, uint64_t offset, uint32_t len)
{
    const struct spans *s = &v->pages;
    size_t i = span_after(s, offset);

    return i < s->count && s->span[i].first <= offset &&
           len <= s->span[i].end - offset;
}

/* The parts of the file that say which pages are in it. */
struct layout {
    uint64_t bitmap, bits;      /* of the second one: byte, and how many */
    uint64_t pages;             /* byte of the descriptors */
    uint64_t size;              /* of the file */
};

static int read_layout(int fd, struct layout *l)
{
    struct xk_kdump_header head;
    uint64_t half;
    struct stat st;

    if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
        memcmp(head.signature, XK_KDUMP_SIGNATURE, sizeof(head.signature)) ||
        head.block_size != BLOCK || fstat(fd, &st))
        return -ENODATA;
    half = (uint64_t)head.bitmap_blocks / 2 * BLOCK;
    l->bitmap = (1 + (uint64_t)head.sub_size) * BLOCK + half;
    l->bits = half * 8;
    l->pages = l->bitmap + half;
    l->size = (uint64_t)st.st_size;
    return l->pages <= l->size && l->size >= 2 * BLOCK ? 0 : -ENODATA;
}

/*
 * Takes the pages out of the second bitmap whose data cannot be read, and
 * moves the descriptors of the others up.
 */
static int hide(struct xk_view *v, const struct layout *l, uint8_t *file)
{
    struct xk_kdump_page page;
    uint64_t bit, from = l->pages, to = l->pages;
    uint8_t *bitmap = file + l->bitmap;

    for (bit = 0; bit < l->bits; bit++) {
        if (!(bitmap[bit / 8] >> bit % 8 & 1))
            continue;
        if (from + sizeof(page) > l->size)
            return -ENODATA;
        memcpy(&page, file + from, sizeof(page));
        from += sizeof(page);
        if (can_read(v, page.offset, page.size)) {
            memcpy(file + to, &page, sizeof(page));
            to += sizeof(page);
            v->stats.pages++;
        } else {
            bitmap[bit / 8] &= (uint8_t)~(1u << bit % 8);
            v->stats.hidden++;
        }
    }
    memset(file + to, 0, from - to);
    return 0;
}

/* The note that tells of pages beyond the bitmaps (kdump.h); NULL: none. */
static struct xk_kdump_extra *find_extra(uint8_t *file,
                                         const struct layout *l)
{
    struct xk_kdump_sub_header sub;
    uint32_t head[3];           /* an ELF note's: sizes of name and desc */
    uint64_t at, end, name, desc;

    memcpy(&sub, file + BLOCK, sizeof(sub));
    if (sub.offset_note > l->size || sub.size_note > l->size -
                                                         sub.offset_note)
        return NULL;
    end = sub.offset_note + sub.size_note;
    for (at = sub.offset_note; at + sizeof(head) <= end;
         at = desc + (((uint64_t)head[1] + 3) & ~UINT64_C(3))) {
        memcpy(head, file + at, sizeof(head));
        name = at + sizeof(head);
        desc = name + (((uint64_t)head[0] + 3) & ~UINT64_C(3));
        if (desc + head[1] > end)
            return NULL;
        if (head[0] == sizeof(XK_KDUMP_EXTRA_NAME) &&
            head[1] == sizeof(struct xk_kdump_extra) &&
            head[2] == XK_KDUMP_EXTRA_TYPE &&
            !memcmp(file + name, XK_KDUMP_EXTRA_NAME, head[0]))
            return (struct xk_kdump_extra *)(void *)(file + desc);
    }
    return NULL;
}

/* The same for the pages beyond the bitmaps. */
static int hide_extra(struct xk_view *v, const struct layout *l,
                      uint8_t *file)
{
    struct xk_kdump_extra *note = find_extra(file, l), extra;
    struct xk_kdump_extra_page page;
    uint64_t i, kept = 0;

    if (!note)
        return 0;
    memcpy(&extra, note, sizeof(extra));
    if (extra.offset > l->size ||
        extra.count > (l->size - extra.offset) / sizeof(page))
        return -ENODATA;
    for (i = 0; i < extra.count; i++) {
        memcpy(&page, file + extra.offset + i * sizeof(page), sizeof(page));
        if (can_read(v, page.page.offset, page.page.size))
            memcpy(file + extra.offset + kept++ * sizeof(page), &page,
                   sizeof(page));
    }
    v->stats.pages += kept;
    v->stats.hidden += extra.count - kept;
    extra.count = kept;
    memcpy(note, &extra, sizeof(extra));
    return 0;
}

static int finish(struct xk_view *v)
{
    struct layout l;
    uint8_t *file;
    int rc;

    rc = read_layout(v->fd, &l);
    if (rc)
        return rc;
    v->stats.size = l.size;
    order_spans(&v->pages);
    order_spans(&v->index);
    file = mmap(NULL, l.size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (file == MAP_FAILED)
        return -errno;
    rc = hide(v, &l, file);
    if (!rc)
        rc = hide_extra(v, &l, file);
    (void)munmap(file, l.size);
    return rc;
}

static int make(struct xk_view *v, xk_unseal_progress_fn *progress, void *arg,
                char *why)
{
    const struct xk_sink sink = { to_view, v };
    int rc;

    rc = xk_unseal_walk(v->u, &sink, progress, arg, why);
    if (rc)
        return rc;
    /* What is not written of it is a hole, also at its end. */
    rc = ftruncate(v->fd, (off_t)xk_unseal_size(v->u)) ? -errno : 0;
    if (!rc)
        rc = finish(v);
    if (rc)
        snprintf(why, XK_UNSEAL_WHY, "%s", rc != -ENODATA
                 ? strerror(-rc) : xk_unseal_torn(v->u, NULL)
                 ? "it is torn, and what tells where its pages are was not "
                   "written yet"
                 : "there is no kdump index in what this key opens");
    return rc;
}

int xk_view_make(struct xk_unseal *u, int fd, xk_unseal_progress_fn *progress,
                 void *arg, struct xk_view_stats *stats, char *why)
{
    struct xk_view v = { .u = u, .fd = fd, .whole = true };
    int rc;

    rc = make(&v, progress, arg, why);
    *stats = v.stats;
    free(v.pages.span);
    free(v.index.span);
    return rc;
}

int xk_view_open(struct xk_view **view_r, struct xk_unseal *u,
                 xk_unseal_progress_fn *progress, void *arg, char *why)
{
    struct xk_view *v = calloc(1, sizeof(*v));
    int rc;

    if (!v) {
        snprintf(why, XK_UNSEAL_WHY, "out of memory");
        return -ENOMEM;
    }
    v->u = u;
    v->fd = memfd_create("index", MFD_CLOEXEC);
    rc = v->fd < 0 ? -errno : 0;
    if (rc)
        snprintf(why, XK_UNSEAL_WHY, "memory: %s", strerror(-rc));
    else
        rc = make(v, progress, arg, why);
    if (rc)
        xk_view_close(v);
    else
        *view_r = v;
    return rc;
}

void xk_view_close(struct xk_view *v)
{
    if (!v)
        return;
    xk_close(&v->fd);
    free(v->pages.span);
    free(v->index.span);
    free(v);
}

const struct xk_view_stats *xk_view_stats(const struct xk_view *v)
{
    return &v->stats;
}

int xk_view_read(struct xk_view *v, uint64_t offset, void *buf, size_t len)
{
    const struct spans *s = &v->index;
    uint64_t first, end, to = offset + len;
    char why[XK_UNSEAL_WHY];
    size_t i;
    int rc;

    if (offset > v->stats.size || len > v->stats.size - offset)
        return -EIO;
    i = span_after(s, offset);
    if (i == s->count || s->span[i].first > offset || s->span[i].end < to) {
        rc = xk_unseal_read(v->u, offset, buf, len, why);
        if (rc)
            return rc;
    }
    for (; i < s->count && s->span[i].first < to; i++) {
        first = xk_max_u64(s->span[i].first, offset);
        end = xk_min_u64(s->span[i].end, to);
        if (pread(v->fd, (uint8_t *)buf + (first - offset), end - first,
                  (off_t)first) != (ssize_t)(end - first))
            return -EIO;
    }
    return 0;
}
