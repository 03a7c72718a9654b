// SPDX-License-Identifier: GPL-2.0-only
/* A table of symbols, and type information behind it, of any bytes. */
#include "btf.h"
#include "patch.h"
#include "symbols.h"

static void ask(const struct xk_symbols *s)
{
    uint64_t address, offset, size;
    char name[XK_SYMBOL_NAME];
    unsigned int i;

    (void)xk_symbols_find(s, "bar.isra.0", &address);
    for (i = 0; i < 16; i++)
        if (!xk_symbols_at(s, CORPSE_IMAGE + i * 0x90, name, &offset, &size))
            FUZZ_CHECK(strlen(name) < sizeof(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    static struct xk_kernel kernel;
    struct xk_symbols s;
    struct xk_btf btf;
    uint32_t v;

    if (!kernel.img) {
        patch_once();
        FUZZ_CHECK(!xk_kernel_find(&kernel, &patch_corpse.img, CORPSE_NOTE));
    }
    patch_apply(&in, CORPSE_SYMBOLS, 9);
    if (!xk_symbols_load(&s, &kernel)) {
        ask(&s);
        if (!xk_btf_load(&btf, &kernel, &s)) {
            (void)xk_btf_enum(&btf, "pageflags", "PG_reserved", &v);
            xk_btf_dispose(&btf);
        }
        xk_symbols_dispose(&s);
    }
    patch_undo();
    return 0;
}
