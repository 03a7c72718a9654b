// SPDX-License-Identifier: GPL-2.0-only
/* A printk ring buffer of which any part is the input's. */
#include "klog.h"
#include "patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    static struct xk_kernel kernel;
    struct xk_klog log;
    size_t i;

    if (!kernel.img) {
        patch_once();
        FUZZ_CHECK(!xk_kernel_find(&kernel, &patch_corpse.img, CORPSE_NOTE));
    }
    patch_apply(&in, CORPSE_LOG, 4);
    if (!xk_klog_read(&log, &kernel)) {
        FUZZ_CHECK(log.size < XK_KLOG_MAX && !log.text[log.size]);
        for (i = 0; i < log.size; i++)
            FUZZ_CHECK(log.text[i] == '\n' || log.text[i] == '\t' ||
                       (log.text[i] >= ' ' && log.text[i] <= '~'));
        xk_klog_dispose(&log);
    }
    patch_undo();
    return 0;
}
