/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's memory: frames in blocks of 2 MiB, free or not, with their
 * contents in one sparse file, so that a frame nobody wrote costs nothing
 * and a mapping of a frame is a mapping of the file.
 *
 * A frame is "dirty" when it may hold something: it was written or somebody
 * may write it. Only then its contents are looked at.
 */
#ifndef XK_FAKE_HOST_H
#define XK_FAKE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "fake.h"

#define FK_NO_MFN UINT32_MAX
/* Frame numbers leave room for a type in 32 bits. */
#define FK_MFN_BITS 29

struct fk_detail;

struct fk_block {
    uint32_t prev, next;            /* in its free list */
    uint16_t nfree, ndirty, nrefs, nspecial;
    struct fk_detail *detail;       /* NULL: all frames are alike */
};

struct fk_host {
    int fd;
    uint8_t *ram;
    uint32_t nr_frames;             /* of the heap */
    uint32_t nr_blocks, fresh;      /* blocks from `fresh` on: never used */
    struct fk_block *blocks;
    uint32_t whole, part;           /* heads of the free lists */
    uint64_t nr_whole;              /* listed, without the fresh ones */
    uint64_t free_pages, total_pages;
    uint32_t own_next;              /* Xen's own frames, above the heap */
    struct fk_fifo own_free;
    struct fk_fifo taken0, taken9;  /* by fake_host_take() */
};

int fk_host_init(struct fk_host *h, const struct fake_host *host);
void fk_host_dispose(struct fk_host *h);

/* Orders 0 to 9; a larger one is never free here. FK_NO_MFN: none. */
uint32_t fk_host_alloc(unsigned int order);
void fk_host_free(uint32_t mfn, unsigned int order);

/* Xen's own frames (grant tables): no owner, in no p2m. */
uint32_t fk_host_own_alloc(void);
void fk_host_own_free(uint32_t mfn);

void *fk_frame(uint32_t mfn);
void fk_frame_dirty(uint32_t mfn);
bool fk_frame_is_dirty(uint32_t mfn);
bool fk_frame_is_zero(uint32_t mfn);
void fk_frames_clear(uint32_t mfn, uint32_t count);
/* The 2 MiB that begin here will be written: cheaper than a fault a page. */
void fk_frames_expect(uint32_t mfn);
/* Gives clean frames back to the system: reading them had cost memory. */
void fk_frames_forget(uint32_t mfn, size_t count);

/* References besides the one for being allocated. */
unsigned int fk_frame_refs(uint32_t mfn);
void fk_frame_ref(uint32_t mfn);
unsigned int fk_frame_unref(uint32_t mfn); /* what is left */

void fk_frame_set_special(uint32_t mfn, bool on);
bool fk_frame_special(uint32_t mfn);

/* Out of every p2m, alive by references only. */
void fk_frame_set_orphan(uint32_t mfn, bool on);
bool fk_frame_orphan(uint32_t mfn);

/* No frame of the 2 MiB from mfn on has a reference or is special. */
bool fk_block_plain(uint32_t mfn);
/* None of them is dirty. */
bool fk_block_clean(uint32_t mfn);

#endif /* XK_FAKE_HOST_H */
