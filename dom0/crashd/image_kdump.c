/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the kdump format, see image_kdump.h.
 *
 * The descriptor of a page is found by counting the pages before it: one sum
 * is kept for each block of the bitmap, the rest is counted when it is read.
 */
#include "image_kdump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#include "compress.h"
#include "kdump.h"
#include "notes.h"

#define BLOCK XK_PAGE_SIZE
/* Pages that one block of a bitmap speaks of. */
#define BLOCK_PAGES (8ull * BLOCK)
/* Headers that claim more are not believed. */
#define NOTES_MAX (16u << 20)
#define EXTRA_MAX 65536u

struct image_kdump {
    struct xk_image img;
    struct xk_source source;
    struct xk_kdump_header head;
    struct xk_kdump_sub_header sub;
    uint64_t bitmap;            /* where that of pages that are here is */
    uint64_t pages;             /* where descriptors are */
    uint64_t *before;           /* pages here before each bitmap block */
    uint8_t *notes;
    struct xk_kdump_extra_page *extra;  /* rising */
    size_t extra_count;
    struct xk_kdump_extra where;
    int rc;
};

static struct image_kdump *kdump_of(struct xk_image *img)
{
    return XK_CONTAINER_OF(img, struct image_kdump, img);
}

static int source_read(const struct image_kdump *k, uint64_t offset,
                       void *buf, size_t len)
{
    return k->source.read(k->source.ctx, offset, buf, len);
}

static unsigned int bits_in(const uint8_t *bytes, size_t count)
{
    unsigned int n = 0;
    uint64_t word;
    size_t i;

    for (i = 0; i + 8 <= count; i += 8) {
        memcpy(&word, bytes + i, 8);
        n += (unsigned int)__builtin_popcountll(word);
    }
    for (; i < count; i++)
        n += (unsigned int)__builtin_popcount(bytes[i]);
    return n;
}

/* A page by its descriptor. */
static int read_data(const struct image_kdump *k,
                     const struct xk_kdump_page *desc, void *page)
{
    uint8_t room[XK_PAGE_SIZE];
    int rc;

    if (!desc->size || desc->size > XK_PAGE_SIZE)
        return -EINVAL;
    rc = source_read(k, desc->offset, room, desc->size);
    return rc ? rc : xk_decompress((enum xk_compression)desc->flags, page,
                                   room, desc->size);
}

static const struct xk_kdump_extra_page *find_extra(
    const struct image_kdump *k, uint64_t pfn)
{
    size_t low = 0, high = k->extra_count, mid;

    while (low < high) {
        mid = (low + high) / 2;
        if (k->extra[mid].pfn < pfn)
            low = mid + 1;
        else
            high = mid;
    }
    return low < k->extra_count && k->extra[low].pfn == pfn ? &k->extra[low]
                                                            : NULL;
}

/* `map` is the bitmap's block that has the page. */
static int read_page(const struct image_kdump *k, uint64_t pfn,
                     const uint8_t *map, void *page, uint8_t *state)
{
    uint64_t bit = pfn % BLOCK_PAGES, rank;
    struct xk_kdump_page desc;
    int rc;

    if (!(map[bit / 8] >> bit % 8 & 1))
        return 0;
    rank = k->before[pfn / BLOCK_PAGES] + bits_in(map, bit / 8) +
           (unsigned int)__builtin_popcount(map[bit / 8] &
                                            ((1u << bit % 8) - 1));
    rc = source_read(k, k->pages + rank * sizeof(desc), &desc, sizeof(desc));
    if (!rc)
        rc = read_data(k, &desc, page);
    if (!rc)
        *state = XK_PAGE_RAM;
    return rc;
}

static int kdump_read(struct xk_image *img, const uint64_t *pfns,
                      size_t count, void *buf, uint8_t *state)
{
    const struct xk_kdump_extra_page *extra;
    struct image_kdump *k = kdump_of(img);
    uint64_t have = UINT64_MAX;
    uint8_t map[BLOCK], *page;
    int rc = 0;
    size_t i;

    for (i = 0; !rc && i < count; i++) {
        page = (uint8_t *)buf + i * XK_PAGE_SIZE;
        state[i] = XK_PAGE_ABSENT;
        memset(page, 0, XK_PAGE_SIZE);
        if (pfns[i] >= k->sub.max_mapnr_64) {
            extra = find_extra(k, pfns[i]);
            rc = extra ? read_data(k, &extra->page, page) : 0;
            state[i] = extra && !rc ? XK_PAGE_RAM : XK_PAGE_ABSENT;
            continue;
        }
        if (have != pfns[i] / BLOCK_PAGES) {
            have = pfns[i] / BLOCK_PAGES;
            rc = source_read(k, k->bitmap + have * BLOCK, map, BLOCK);
        }
        if (!rc)
            rc = read_page(k, pfns[i], map, page, &state[i]);
    }
    return rc;
}

/* The first bit at or after `at` that is `set`; BLOCK_PAGES: none. */
static uint64_t next_bit(const uint8_t *map, uint64_t at, bool set)
{
    const uint8_t dull = set ? 0 : 0xff;

    while (at < BLOCK_PAGES && (map[at / 8] >> at % 8 & 1) != set)
        at += at % 8 || map[at / 8] != dull ? 1 : 8;
    return at;
}

/* Runs of pages within a block of the bitmap, then the extra pages. */
static bool kdump_next(struct xk_image *img, uint64_t from, uint64_t *first_r,
                       uint64_t *end_r)
{
    struct image_kdump *k = kdump_of(img);
    uint64_t max = k->sub.max_mapnr_64, block, bit;
    uint8_t map[BLOCK];
    size_t i;

    for (; from < max; from = (block + 1) * BLOCK_PAGES) {
        block = from / BLOCK_PAGES;
        if (k->before[block] == k->before[block + 1] ||
            source_read(k, k->bitmap + block * BLOCK, map, BLOCK))
            continue;
        bit = next_bit(map, from % BLOCK_PAGES, true);
        *first_r = block * BLOCK_PAGES + bit;
        if (bit == BLOCK_PAGES || *first_r >= max)
            continue;
        *end_r = xk_min_u64(max, block * BLOCK_PAGES +
                                 next_bit(map, bit, false));
        return true;
    }
    for (i = 0; i < k->extra_count; i++) {
        if (k->extra[i].pfn < from)
            continue;
        *first_r = k->extra[i].pfn;
        *end_r = *first_r + 1;
        return true;
    }
    return false;
}

static void kdump_close(struct xk_image *img)
{
    struct image_kdump *k = kdump_of(img);

    free(k->before);
    free(k->notes);
    free(k->extra);
    free(img->vcpus);
    free(k);
}

static int read_heads(struct image_kdump *k)
{
    int rc;

    rc = source_read(k, 0, &k->head, sizeof(k->head));
    if (!rc)
        rc = source_read(k, BLOCK, &k->sub, sizeof(k->sub));
    if (rc)
        return rc;
    if (memcmp(k->head.signature, XK_KDUMP_SIGNATURE,
               sizeof(k->head.signature)) ||
        k->head.version != XK_KDUMP_VERSION || k->head.block_size != BLOCK ||
        k->sub.max_mapnr_64 > XK_IMAGE_PFNS || k->head.bitmap_blocks % 2 ||
        k->head.bitmap_blocks / 2ull * BLOCK_PAGES < k->sub.max_mapnr_64 ||
        k->sub.size_note > NOTES_MAX)
        return -EINVAL;
    k->bitmap = (1 + (uint64_t)k->head.sub_size + k->head.bitmap_blocks / 2) *
                BLOCK;
    k->pages = k->bitmap + k->head.bitmap_blocks / 2ull * BLOCK;
    return 0;
}

static int count_pages(struct image_kdump *k)
{
    uint64_t blocks = (k->sub.max_mapnr_64 + BLOCK_PAGES - 1) / BLOCK_PAGES;
    uint8_t map[BLOCK];
    uint64_t i;
    int rc = 0;

    k->before = calloc(blocks + 1, sizeof(*k->before));
    if (!k->before)
        return -ENOMEM;
    for (i = 0; !rc && i < blocks; i++) {
        rc = source_read(k, k->bitmap + i * BLOCK, map, BLOCK);
        k->before[i + 1] = k->before[i] + bits_in(map, BLOCK);
    }
    return rc;
}

static void take_note(void *arg, const char *name, uint32_t type,
                      const void *desc, size_t size)
{
    struct image_kdump *k = arg;
    struct xk_vcpu *more;

    if (!strcmp(name, XK_KDUMP_EXTRA_NAME) && type == XK_KDUMP_EXTRA_TYPE &&
        size == sizeof(k->where))
        memcpy(&k->where, desc, size);
    if (strcmp(name, "CORE") || type != 1 ||
        k->img.vcpu_count == XK_IMAGE_VCPUS)
        return;
    more = reallocarray(k->img.vcpus, k->img.vcpu_count + 1, sizeof(*more));
    if (!more) {
        k->rc = -ENOMEM;
        return;
    }
    k->img.vcpus = more;
    if (!xk_notes_vcpu(&more[k->img.vcpu_count], desc, size))
        k->img.vcpu_count++;
}

static int read_extra(struct image_kdump *k)
{
    size_t i;
    int rc;

    if (!k->where.count)
        return 0;
    if (k->where.count > EXTRA_MAX)
        return -EINVAL;
    k->extra = calloc(k->where.count, sizeof(*k->extra));
    if (!k->extra)
        return -ENOMEM;
    rc = source_read(k, k->where.offset, k->extra,
                     k->where.count * sizeof(*k->extra));
    if (rc)
        return rc;
    for (i = 0; i < k->where.count; i++)
        if (k->extra[i].pfn < k->sub.max_mapnr_64 ||
            k->extra[i].pfn >= XK_IMAGE_PFNS ||
            (i && k->extra[i].pfn <= k->extra[i - 1].pfn))
            return -EINVAL;
    k->extra_count = k->where.count;
    k->img.max_pfn = k->extra[i - 1].pfn + 1;
    return 0;
}

static int read_notes(struct image_kdump *k)
{
    int rc;

    k->notes = malloc(k->sub.size_note + 1);
    if (!k->notes)
        return -ENOMEM;
    rc = source_read(k, k->sub.offset_note, k->notes, k->sub.size_note);
    if (rc)
        return rc;
    xk_notes_each(k->notes, k->sub.size_note, take_note, k);
    return k->rc ? k->rc : read_extra(k);
}

int xk_image_open_kdump(struct xk_image **img_r,
                        const struct xk_source *source)
{
    struct image_kdump *k = calloc(1, sizeof(*k));
    int rc;

    if (!k)
        return -ENOMEM;
    k->source = *source;
    k->img = (struct xk_image){ .type = XK_GUEST_PVH, .read = kdump_read,
                                .next = kdump_next, .close = kdump_close };
    rc = read_heads(k);
    k->img.max_pfn = k->sub.max_mapnr_64;
    if (!rc)
        rc = count_pages(k);
    if (!rc)
        rc = read_notes(k);
    if (rc)
        kdump_close(&k->img);
    else
        *img_r = &k->img;
    return rc;
}

struct found {
    struct xk_vmcoreinfo *vi;
    int rc;
};

static void take_vmcoreinfo(void *arg, const char *name, uint32_t type,
                            const void *desc, size_t size)
{
    struct found *f = arg;

    (void)type;
    if (f->rc && !strcmp(name, "VMCOREINFO"))
        f->rc = xk_vmcoreinfo_parse(f->vi, desc, size) ? -ENOENT : 0;
}

int xk_image_kdump_vmcoreinfo(struct xk_image *img, struct xk_vmcoreinfo *vi)
{
    struct image_kdump *k = kdump_of(img);
    struct found f = { vi, -ENOENT };

    xk_notes_each(k->notes, k->sub.size_note, take_vmcoreinfo, &f);
    vi->pfn = UINT64_MAX;
    return f.rc;
}

int xk_image_kdump_kernel(struct xk_image *img, struct xk_kernel *kernel)
{
    const struct image_kdump *k = kdump_of(img);

    memset(kernel, 0, sizeof(*kernel));
    if (xk_image_kdump_vmcoreinfo(img, &kernel->vi))
        return -ENOENT;
    if (!xk_kernel_check(kernel, img))
        return 0;
    memset(&kernel->paging, 0, sizeof(kernel->paging));
    kernel->img = img;
    kernel->phys_base = k->sub.phys_base;
    kernel->page_offset = 0;
    return 1;
}

uint64_t xk_image_kdump_seconds(struct xk_image *img)
{
    return kdump_of(img)->head.seconds;
}
