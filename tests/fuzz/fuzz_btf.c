// SPDX-License-Identifier: GPL-2.0-only
/* Type information of any bytes. */
#include "btf.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    struct xk_btf btf;
    uint32_t v;

    FUZZ_CHECK(copy);
    memcpy(copy, data, size);
    if (xk_btf_parse(&btf, copy, size))
        return 0;
    (void)xk_btf_enum(&btf, "pageflags", "PG_reserved", &v);
    (void)xk_btf_offset(&btf, "task_struct", "comm", &v);
    xk_btf_dispose(&btf);
    return 0;
}
