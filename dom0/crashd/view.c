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

struct view {
    int fd;
    struct span *spans;
    size_t count, room;
};

static int note_span(struct view *v, uint64_t first, uint64_t end)
{
    struct span *last = v->count ? &v->spans[v->count - 1] : NULL, *more;

    if (last && last->end == first) {
        last->end = end;
        return 0;
    }
    if (v->count == v->room) {
        v->room = v->room ? 2 * v->room : 1024;
        more = realloc(v->spans, v->room * sizeof(*more));
        if (!more)
            return -ENOMEM;
        v->spans = more;
    }
    v->spans[v->count++] = (struct span){ first, end };
    return 0;
}

static int to_view(void *ctx, enum xk_class cls, uint64_t offset,
                   const void *data, size_t len)
{
    struct view *v = ctx;
    size_t done = 0;
    ssize_t n;

    for (; done < len; done += (size_t)n) {
        n = pwrite(v->fd, (const char *)data + done, len - done,
                   (off_t)(offset + done));
        if (n < 0)
            return -errno;
    }
    return cls == XK_CLASS_INDEX ? 0 : note_span(v, offset, offset + len);
}

static int by_first(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* Sorted, and joined over the borders of chunks. */
static void order_spans(struct view *v)
{
    size_t i, n = 0;

    if (!v->count)
        return;
    qsort(v->spans, v->count, sizeof(*v->spans), by_first);
    for (i = 1; i < v->count; i++) {
        if (v->spans[i].first == v->spans[n].end)
            v->spans[n].end = v->spans[i].end;
        else
            v->spans[++n] = v->spans[i];
    }
    v->count = n + 1;
}

static bool can_read(const struct view *v, uint64_t offset, uint32_t len)
{
    size_t low = 0, high = v->count, mid;

    while (low < high) {
        mid = (low + high) / 2;
        if (v->spans[mid].end <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low < v->count && v->spans[low].first <= offset &&
           len <= v->spans[low].end - offset;
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
static int hide(const struct view *v, const struct layout *l, uint8_t *file,
                struct xk_view_stats *stats)
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
            stats->pages++;
        } else {
            bitmap[bit / 8] &= (uint8_t)~(1u << bit % 8);
            stats->hidden++;
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
static int hide_extra(const struct view *v, const struct layout *l,
                      uint8_t *file, struct xk_view_stats *stats)
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
    stats->pages += kept;
    stats->hidden += extra.count - kept;
    extra.count = kept;
    memcpy(note, &extra, sizeof(extra));
    return 0;
}

static int finish(struct view *v, struct xk_view_stats *stats)
{
    struct layout l;
    uint8_t *file;
    int rc;

    rc = read_layout(v->fd, &l);
    if (rc)
        return rc;
    stats->size = l.size;
    order_spans(v);
    file = mmap(NULL, l.size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (file == MAP_FAILED)
        return -errno;
    rc = hide(v, &l, file, stats);
    if (!rc)
        rc = hide_extra(v, &l, file, stats);
    (void)munmap(file, l.size);
    return rc;
}

int xk_view_make(struct xk_unseal *u, int fd, xk_unseal_progress_fn *progress,
                 void *arg, struct xk_view_stats *stats, char *why)
{
    struct view v = { .fd = fd };
    const struct xk_sink sink = { to_view, &v };
    int rc;

    memset(stats, 0, sizeof(*stats));
    rc = xk_unseal_walk(u, &sink, progress, arg, why);
    if (!rc) {
        rc = finish(&v, stats);
        if (rc)
            snprintf(why, XK_UNSEAL_WHY, "%s", rc != -ENODATA
                     ? strerror(-rc) : xk_unseal_torn(u, NULL)
                     ? "it is torn, and what tells where its pages are was "
                       "not written yet"
                     : "there is no kdump index in what this key opens");
    }
    free(v.spans);
    return rc;
}
