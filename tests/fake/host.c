/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's memory, see host.h. Free frames merge into blocks again as
 * they do in a buddy allocator; of free blocks the one freed last goes first.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "state.h"

#define NIL UINT32_MAX
#define SUPER FAKE_SUPER_PAGES
#define OWN_FRAMES 65536u

struct fk_detail {
    uint64_t free[8], dirty[8], special[8], orphan[8];
    uint16_t refs[SUPER];
};

static bool bit(const uint64_t *map, uint32_t i)
{
    return map[i / 64] >> (i % 64) & 1;
}

static void set_bit(uint64_t *map, uint32_t i, bool on)
{
    if (on)
        map[i / 64] |= UINT64_C(1) << (i % 64);
    else
        map[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

static struct fk_block *block_of(uint32_t mfn)
{
    return &fk->host.blocks[mfn / SUPER];
}

static bool in_heap(uint32_t mfn)
{
    return mfn < fk->host.nr_frames;
}

static struct fk_detail *detail_of(struct fk_block *b)
{
    if (!b->detail) {
        b->detail = fk_alloc(sizeof(*b->detail));
        if (b->nfree)
            memset(b->detail->free, 0xff, sizeof(b->detail->free));
        if (b->ndirty)
            memset(b->detail->dirty, 0xff, sizeof(b->detail->dirty));
    }
    return b->detail;
}

/* All frames alike again: back to the short form. */
static void relax(struct fk_block *b)
{
    uint32_t i;

    if (!b->detail || b->nrefs || b->nspecial ||
        (b->nfree && b->nfree != SUPER) || (b->ndirty && b->ndirty != SUPER))
        return;
    for (i = 0; i < 8; i++)
        if (b->detail->orphan[i])
            return;
    fk_free(b->detail, sizeof(*b->detail));
    b->detail = NULL;
}

static uint32_t *list_of(struct fk_block *b)
{
    if (b->nfree == SUPER)
        return &fk->host.whole;
    return b->nfree ? &fk->host.part : NULL;
}

static void unlist(struct fk_block *b)
{
    uint32_t *head = list_of(b);

    if (!head)
        return;
    if (b->prev != NIL)
        fk->host.blocks[b->prev].next = b->next;
    else
        *head = b->next;
    if (b->next != NIL)
        fk->host.blocks[b->next].prev = b->prev;
    if (b->nfree == SUPER)
        fk->host.nr_whole--;
}

static void list(struct fk_block *b)
{
    uint32_t nr = (uint32_t)(b - fk->host.blocks);
    uint32_t *head = list_of(b);

    if (!head)
        return;
    b->prev = NIL;
    b->next = *head;
    if (*head != NIL)
        fk->host.blocks[*head].prev = nr;
    *head = nr;
    if (b->nfree == SUPER)
        fk->host.nr_whole++;
}

/* A block with all frames free, taken out of the lists. */
static struct fk_block *take_whole(void)
{
    struct fk_host *h = &fk->host;
    struct fk_block *b;

    if (h->whole != NIL) {
        b = &h->blocks[h->whole];
        unlist(b);
        return b;
    }
    if (h->fresh == h->nr_blocks)
        return NULL;
    b = &h->blocks[h->fresh++];
    b->nfree = SUPER;
    return b;
}

/* The first free aligned run of 2^order frames in the block, or NIL. */
static uint32_t find_run(const struct fk_block *b, unsigned int order)
{
    uint32_t n = 1u << order, at, i;

    for (at = 0; at < SUPER; at += n) {
        for (i = 0; i < n && bit(b->detail->free, at + i); i++)
            ;
        if (i == n)
            return at;
    }
    return NIL;
}

uint32_t fk_host_alloc(unsigned int order)
{
    struct fk_host *h = &fk->host;
    uint32_t n = 1u << order, nr, at = NIL, i;
    struct fk_block *b = NULL;
    struct fk_detail *d;

    if (order > FAKE_SUPER_ORDER)
        return FK_NO_MFN;
    if (order < FAKE_SUPER_ORDER) {
        for (nr = h->part; nr != NIL; nr = h->blocks[nr].next) {
            at = find_run(&h->blocks[nr], order);
            if (at != NIL) {
                b = &h->blocks[nr];
                unlist(b);
                break;
            }
        }
    }
    if (!b) {
        b = take_whole();
        at = 0;
    }
    if (!b)
        return FK_NO_MFN;
    if (order < FAKE_SUPER_ORDER || b->detail) {
        d = detail_of(b);
        for (i = 0; i < n; i++)
            set_bit(d->free, at + i, false);
    }
    b->nfree = (uint16_t)(b->nfree - n);
    list(b);
    relax(b);
    h->free_pages -= n;
    return (uint32_t)(b - h->blocks) * SUPER + at;
}

void fk_host_free(uint32_t mfn, unsigned int order)
{
    struct fk_block *b = block_of(mfn);
    uint32_t n = 1u << order, i;
    struct fk_detail *d;

    unlist(b);
    if (order < FAKE_SUPER_ORDER || b->detail) {
        d = detail_of(b);
        for (i = 0; i < n; i++) {
            if (bit(d->free, mfn % SUPER + i)) {
                fprintf(stderr, "xkfake: frame %#x freed twice\n", mfn + i);
                abort();
            }
            set_bit(d->free, mfn % SUPER + i, true);
        }
    } else if (b->nfree) {
        fprintf(stderr, "xkfake: block %#x freed twice\n", mfn);
        abort();
    }
    b->nfree = (uint16_t)(b->nfree + n);
    list(b);
    relax(b);
    fk->host.free_pages += n;
}

uint32_t fk_host_own_alloc(void)
{
    struct fk_host *h = &fk->host;

    if (h->own_free.len)
        return fk_fifo_pop(&h->own_free);
    if (h->own_next == OWN_FRAMES)
        return FK_NO_MFN;
    return h->nr_frames + h->own_next++;
}

void fk_host_own_free(uint32_t mfn)
{
    memset(fk_frame(mfn), 0, FAKE_PAGE_SIZE);
    fk_fifo_push(&fk->host.own_free, mfn);
}

void *fk_frame(uint32_t mfn)
{
    return fk->host.ram + (size_t)mfn * FAKE_PAGE_SIZE;
}

static void punch(uint32_t mfn, uint32_t count)
{
    if (madvise(fk_frame(mfn), (size_t)count * FAKE_PAGE_SIZE, MADV_REMOVE))
        memset(fk_frame(mfn), 0, (size_t)count * FAKE_PAGE_SIZE);
}

void fk_frame_dirty(uint32_t mfn)
{
    struct fk_block *b;
    struct fk_detail *d;

    if (!in_heap(mfn))
        return;
    b = block_of(mfn);
    if (b->ndirty == SUPER)
        return;
    d = detail_of(b);
    if (!bit(d->dirty, mfn % SUPER)) {
        set_bit(d->dirty, mfn % SUPER, true);
        b->ndirty++;
    }
}

bool fk_frame_is_dirty(uint32_t mfn)
{
    struct fk_block *b = block_of(mfn);

    if (!b->ndirty || !b->detail)
        return b->ndirty;
    return bit(b->detail->dirty, mfn % SUPER);
}

bool fk_frame_is_zero(uint32_t mfn)
{
    const uint64_t *p = fk_frame(mfn);
    size_t i;

    if (!fk_frame_is_dirty(mfn))
        return true;
    for (i = 0; i < FAKE_PAGE_SIZE / sizeof(*p); i++)
        if (p[i])
            return false;
    return true;
}

void fk_frames_clear(uint32_t mfn, uint32_t count)
{
    struct fk_block *b;
    uint32_t i;

    for (i = 0; i < count; i++) {
        b = block_of(mfn + i);
        if (!b->ndirty)
            continue;
        if ((mfn + i) % SUPER == 0 && count - i >= SUPER) {
            punch(mfn + i, SUPER);
            if (b->detail)
                memset(b->detail->dirty, 0, sizeof(b->detail->dirty));
            b->ndirty = 0;
            relax(b);
            i += SUPER - 1;
        } else if (fk_frame_is_dirty(mfn + i)) {
            punch(mfn + i, 1);
            set_bit(detail_of(b)->dirty, (mfn + i) % SUPER, false);
            b->ndirty--;
        }
    }
}

void fk_frames_expect(uint32_t mfn)
{
    if (mfn % SUPER == 0 && in_heap(mfn))
        (void)madvise(fk_frame(mfn), (size_t)SUPER * FAKE_PAGE_SIZE,
                      MADV_POPULATE_WRITE);
}

static bool is_clean(uint32_t mfn)
{
    return in_heap(mfn) && !fk_frame_is_dirty(mfn);
}

void fk_frames_forget(uint32_t mfn, size_t count)
{
    size_t i, n;

    for (i = 0; i < count; i += n) {
        n = 1;
        if (!is_clean(mfn + (uint32_t)i))
            continue;
        while (i + n < count && is_clean(mfn + (uint32_t)(i + n)))
            n++;
        punch(mfn + (uint32_t)i, (uint32_t)n);
    }
}

unsigned int fk_frame_refs(uint32_t mfn)
{
    struct fk_block *b = block_of(mfn);

    return b->nrefs ? b->detail->refs[mfn % SUPER] : 0;
}

void fk_frame_ref(uint32_t mfn)
{
    struct fk_block *b;

    if (!in_heap(mfn))
        return;
    b = block_of(mfn);
    if (detail_of(b)->refs[mfn % SUPER]++ == 0)
        b->nrefs++;
}

unsigned int fk_frame_unref(uint32_t mfn)
{
    struct fk_block *b;
    unsigned int left;

    if (!in_heap(mfn))
        return 1;
    b = block_of(mfn);
    if (!b->nrefs || !b->detail->refs[mfn % SUPER]) {
        fprintf(stderr, "xkfake: frame %#x has no reference\n", mfn);
        abort();
    }
    left = --b->detail->refs[mfn % SUPER];
    if (!left)
        b->nrefs--;
    return left;
}

void fk_frame_set_special(uint32_t mfn, bool on)
{
    struct fk_block *b = block_of(mfn);
    struct fk_detail *d = detail_of(b);

    if (bit(d->special, mfn % SUPER) == on)
        return;
    set_bit(d->special, mfn % SUPER, on);
    b->nspecial = (uint16_t)(on ? b->nspecial + 1 : b->nspecial - 1);
}

bool fk_frame_special(uint32_t mfn)
{
    struct fk_block *b = block_of(mfn);

    return b->nspecial && bit(b->detail->special, mfn % SUPER);
}

void fk_frame_set_orphan(uint32_t mfn, bool on)
{
    set_bit(detail_of(block_of(mfn))->orphan, mfn % SUPER, on);
}

bool fk_frame_orphan(uint32_t mfn)
{
    struct fk_block *b;

    if (!in_heap(mfn))
        return false;
    b = block_of(mfn);
    return b->detail && bit(b->detail->orphan, mfn % SUPER);
}

bool fk_block_plain(uint32_t mfn)
{
    struct fk_block *b = block_of(mfn);

    return !b->nrefs && !b->nspecial;
}

bool fk_block_clean(uint32_t mfn)
{
    return !block_of(mfn)->ndirty;
}

int fk_host_init(struct fk_host *h, const struct fake_host *host)
{
    uint64_t part = (host->singles + SUPER / 2 - 1) / (SUPER / 2), left, i;
    uint64_t frames = (host->supers + part) * SUPER;
    size_t bytes = (size_t)(frames + OWN_FRAMES) * FAKE_PAGE_SIZE;
    struct fk_block *b;
    struct fk_detail *d;
    uint32_t k;

    if (frames + OWN_FRAMES >= UINT64_C(1) << FK_MFN_BITS)
        return -EINVAL;
    h->fd = memfd_create("xkfake-ram", MFD_CLOEXEC);
    if (h->fd < 0)
        return -errno;
    if (ftruncate(h->fd, (off_t)bytes))
        return -errno;
    h->ram = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_NORESERVE, h->fd, 0);
    if (h->ram == MAP_FAILED) {
        h->ram = NULL;
        return -errno;
    }
    h->nr_frames = (uint32_t)frames;
    h->nr_blocks = (uint32_t)(frames / SUPER);
    h->blocks = fk_alloc(h->nr_blocks * sizeof(*h->blocks));
    h->whole = h->part = NIL;
    h->total_pages = frames;
    h->free_pages = host->supers * SUPER + host->singles;

    /* Singles: every second frame of a block that is otherwise in use. */
    left = host->singles;
    for (i = 0; i < part; i++) {
        b = &h->blocks[h->fresh++];
        d = detail_of(b);
        for (k = 0; k < SUPER && left; k += 2, left--) {
            set_bit(d->free, k, true);
            b->nfree++;
        }
        list(b);
    }
    return 0;
}

void fk_host_dispose(struct fk_host *h)
{
    size_t bytes = (size_t)(h->nr_frames + OWN_FRAMES) * FAKE_PAGE_SIZE;

    if (h->ram)
        munmap(h->ram, bytes);
    if (h->fd >= 0)
        close(h->fd);
    h->ram = NULL;
    h->fd = -1;
}

uint64_t fake_host_free(void)
{
    uint64_t pages;

    fk_lock();
    pages = fk->host.free_pages;
    fk_unlock();
    return pages;
}

uint64_t fake_host_free_supers(void)
{
    uint64_t n;

    fk_lock();
    n = fk->host.nr_whole + fk->host.nr_blocks - fk->host.fresh;
    fk_unlock();
    return n;
}

int fake_host_take(unsigned int order, uint64_t count)
{
    int rc = 0;

    if (order != 0 && order != FAKE_SUPER_ORDER)
        return -EINVAL;
    fk_lock();
    while (count--) {
        uint32_t mfn = fk_host_alloc(order);

        if (mfn == FK_NO_MFN) {
            rc = -ENOMEM;
            break;
        }
        fk_fifo_push(order ? &fk->host.taken9 : &fk->host.taken0, mfn);
    }
    fk_unlock();
    return rc;
}

void fake_host_give(void)
{
    fk_lock();
    while (fk->host.taken9.len)
        fk_host_free(fk_fifo_pop(&fk->host.taken9), FAKE_SUPER_ORDER);
    while (fk->host.taken0.len)
        fk_host_free(fk_fifo_pop(&fk->host.taken0), 0);
    fk_unlock();
}

void fake_host_fragment(uint64_t keep)
{
    struct fk_block *b;

    fk_lock();
    while (fk->host.nr_whole + fk->host.nr_blocks - fk->host.fresh > keep) {
        b = take_whole();
        /* A frame in the middle stays in use for good. */
        set_bit(detail_of(b)->free, SUPER / 2, false);
        b->nfree--;
        fk->host.free_pages--;
        list(b);
    }
    fk_unlock();
}
