// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMCOREINFO that says anything, in a guest that is otherwise whole: a kernel
 * that passes for one must translate its own text.
 */
#include "corpse.h"
#include "fuzz.h"
#include "kernel.h"

static struct corpse corpse;

/* What it says instead of the true text, or after it. */
static void write_note(const uint8_t *data, size_t size)
{
    static char whole[sizeof(corpse.info)];
    size_t at = 0;

    if (!*whole)
        memcpy(whole, corpse.info, sizeof(whole));
    memset(corpse.info, 0, sizeof(corpse.info));
    if (size && data[0] & 1) {
        at = (size_t)data[0] * 8 % strlen(whole);
        memcpy(corpse.info, whole, at);
    }
    size = size > sizeof(corpse.info) - 64 - at ? sizeof(corpse.info) - 64 - at
                                                : size;
    memcpy(corpse.info + at, data, size);
    if (data[0] & 2 && strlen(corpse.info) + strlen(whole) < 4000)
        strcat(corpse.info, whole);
    corpse_note(&corpse, CORPSE_NOTE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct xk_kernel kernel;
    struct xk_mapping m;
    struct xk_mem mem;
    uint64_t text;

    if (!corpse.mem)
        corpse_make(&corpse);
    if (!size)
        return 0;
    write_note(data, size);
    if (xk_vmcoreinfo_at(&corpse.img, CORPSE_NOTE, &kernel.vi) ||
        xk_kernel_check(&kernel, &corpse.img))
        return 0;
    FUZZ_CHECK(!xk_kernel_mem(&kernel, &mem));
    FUZZ_CHECK(!xk_vmcoreinfo_symbol(&kernel.vi, "_stext", &text));
    FUZZ_CHECK(!xk_mem_translate(&mem, text, &m));
    xk_mem_dispose(&mem);
    return 0;
}
