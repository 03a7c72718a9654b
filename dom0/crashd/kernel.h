/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Linux kernel of a dead guest, as far as its VMCOREINFO tells: where it
 * is, how its addresses translate, and what it is called.
 */
#ifndef XK_CRASHD_KERNEL_H
#define XK_CRASHD_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "image.h"
#include "mem.h"
#include "vmcoreinfo.h"

/* Where Linux maps itself, and how far that may go (KERNEL_IMAGE_SIZE). */
#define XK_KERNEL_MAP 0xffffffff80000000ull
#define XK_KERNEL_MAP_SIZE (1ull << 30)
/* Modules are between the image and here. */
#define XK_MODULES_END 0xffffffffff000000ull

#define XK_UTS_FIELD 65

/* struct new_utsname, but for the domain. */
struct xk_uts {
    char sysname[XK_UTS_FIELD];
    char nodename[XK_UTS_FIELD];
    char release[XK_UTS_FIELD];
    char version[XK_UTS_FIELD];
    char machine[XK_UTS_FIELD];
};

struct xk_kernel {
    struct xk_image *img;
    struct xk_vmcoreinfo vi;
    struct xk_paging paging;
    uint64_t phys_base;     /* physical = virtual - XK_KERNEL_MAP + this */
    uint64_t offset;        /* of KASLR */
    uint64_t page_offset;   /* of the direct map; 0: not known */
    bool running;           /* a vcpu's tables are this kernel's */
    struct xk_uts uts;
    char build_id[41];      /* hexadecimal; "" before 5.10 */
};

/*
 * Finds the kernel: of all notes in memory the first that holds (its release
 * is at the address it names, its page tables map its own text), one that a
 * vcpu runs on before one that none does. `hint_pfn` is looked at first
 * (UINT64_MAX: no hint). -ENOENT: none.
 */
int xk_kernel_find(struct xk_kernel *kernel, struct xk_image *img,
                   uint64_t hint_pfn);

/* The same for one note that was found: 0 when it holds, -EINVAL. */
int xk_kernel_check(struct xk_kernel *kernel, struct xk_image *img);

/* Reading by this kernel's addresses. */
int xk_kernel_mem(const struct xk_kernel *kernel, struct xk_mem *mem);

/* The release as numbers: 6.1.0-53 is 0x060100. */
uint32_t xk_kernel_version(const struct xk_kernel *kernel);

#endif /* XK_CRASHD_KERNEL_H */
