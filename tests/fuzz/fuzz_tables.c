// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables and page descriptors of which any part is the input's. A page
 * that the process's own tables still map for user mode may never come out as
 * one of the kernel's.
 */
#include "classify.h"
#include "patch.h"

static bool is_private(uint8_t cls)
{
    return cls == XK_CLASS_UNKNOWN || cls == XK_CLASS_USER ||
           cls == XK_CLASS_CACHE;
}

/* By the first vcpu's tables, which are walked before anything else. */
static void check_users(struct xk_mem *mem, const uint8_t *cls)
{
    struct xk_mapping m;
    unsigned int i;

    for (i = 0; i < 16; i++) {
        if (xk_mem_translate(mem, 0x400000 + i * 4096ull, &m) ||
            !(m.flags & XK_PTE_USER) || m.phys >> 12 >= CORPSE_PAGES)
            continue;
        FUZZ_CHECK(is_private(cls[m.phys >> 12]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t cls[CORPSE_PAGES];
    struct fuzz_input in = { data, size };
    static struct xk_kernel kernel;
    struct xk_classifier c;
    struct xk_mem mem;
    unsigned int i;

    if (!kernel.img) {
        patch_once();
        FUZZ_CHECK(!xk_kernel_find(&kernel, &patch_corpse.img, CORPSE_NOTE));
    }
    i = fuzz_byte(&in) % 4;
    if (i & 1)
        patch_apply(&in, CORPSE_DESCRIPTORS, 64);
    else
        patch_apply(&in, CORPSE_ROOT, 32);
    FUZZ_CHECK(!xk_classifier_init(&c, &kernel));
    FUZZ_CHECK(!xk_kernel_mem(&kernel, &mem));
    for (i = 0; i < CORPSE_PAGES; i += XK_PAGES_BLOCK)
        xk_classifier_block(&c, &mem, i, cls + i);
    mem.paging.root = CORPSE_PROCESS;
    check_users(&mem, cls);
    xk_mem_dispose(&mem);
    xk_classifier_dispose(&c);
    patch_undo();
    return 0;
}
