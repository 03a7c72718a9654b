/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a guest, whatever is behind it: a domain that is held
 * (image_domain.c) or a file (image_file.c). Everything read through it is
 * the guest's and hostile.
 *
 * pfn: guest page frame number, pages of 4 KiB; of a PVH or HVM guest a gfn.
 */
#ifndef XK_CRASHD_IMAGE_H
#define XK_CRASHD_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv.h"

/* What a page is, before anything is known of what it holds. */
enum xk_page_state {
    XK_PAGE_ABSENT,     /* no memory: a hole, or ballooned out */
    XK_PAGE_ZERO,       /* populate-on-demand: reads as zeroes, not touched */
    XK_PAGE_RAM
};

/* One virtual processor, as it stood when the guest was held. */
struct xk_vcpu {
    bool valid;
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    uint64_t cr0, cr3, cr4, efer;   /* cr3 of a PV guest: a pfn << 12 too */
    uint64_t fs_base, gs_base, gs_shadow;
    uint64_t idt_base, gdt_base;
    uint16_t cs, ss, ds, es, fs, gs;
};

/* More are refused: HVM_MAX_VCPUS is 128, a PV guest's rarely more. */
#define XK_IMAGE_VCPUS 512

/* Embedded by an implementation. */
struct xk_image {
    enum xk_guest_type type;
    uint64_t max_pfn;           /* exclusive; at most XK_IMAGE_PFNS */
    struct xk_vcpu *vcpus;
    size_t vcpu_count;

    /*
     * Copies `count` pages to `buf` (count * XK_PAGE_SIZE, page aligned),
     * and says of each in `state` what it is; what is not RAM reads as
     * zeroes. Any pfn may be asked for; one beyond max_pfn is absent. Called
     * by several threads at once. 0 or -errno (then nothing is told).
     */
    int (*read)(struct xk_image *img, const uint64_t *pfns, size_t count,
                void *buf, uint8_t *state);

    /*
     * The first pages at or after `from` that may be anything but absent:
     * [*first_r, *end_r). False: there are none. NULL: any page may.
     */
    bool (*next)(struct xk_image *img, uint64_t from, uint64_t *first_r,
                 uint64_t *end_r);

    /*
     * Of a PV guest: the pfn of a machine frame that its page tables name.
     * False: not the guest's. NULL: frames are pfns.
     */
    bool (*pfn_of)(struct xk_image *img, uint64_t mfn, uint64_t *pfn_r);

    /* Frees the image and all that is behind it. */
    void (*close)(struct xk_image *img);
};

/* 16 TiB, the most that Xen gives a guest. */
#define XK_IMAGE_PFNS (1ull << 32)

/* As `next`, also of an image that has none. */
bool xk_image_next(struct xk_image *img, uint64_t from, uint64_t *first_r,
                   uint64_t *end_r);

/*
 * Copies bytes of guest physical memory, of any alignment. -EFAULT: a part of
 * it is absent (what could be read is not told).
 */
int xk_image_read_phys(struct xk_image *img, uint64_t phys, void *dst,
                       size_t len);

/* Frees it; NULL is allowed. */
void xk_image_close(struct xk_image *img);

/*
 * A flat file: the byte at offset N is physical address N. `PATH.about`
 * beside it says what a flat file cannot, one fact a line:
 *
 *     type pvh|hvm|pv
 *     ram FIRST END            pages that exist; hexadecimal, END exclusive
 *     pod FIRST END            pages that were never populated
 *     vcpu rip=HEX rsp=HEX …   names as in struct xk_vcpu
 *
 * Without it every page of the file is RAM and there is no vcpu. -EINVAL: a
 * line that is not understood; `why` (of at least 128 bytes) names it.
 */
int xk_image_open_file(struct xk_image **img_r, const char *path, char *why,
                       size_t why_size);

#endif /* XK_CRASHD_IMAGE_H */
