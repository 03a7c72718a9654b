// SPDX-License-Identifier: GPL-2.0-only
/* Writing over a dead guest's pages, see patch.h. */
#include "patch.h"

struct corpse patch_corpse;
static uint8_t *whole;
static uint8_t touched[CORPSE_PAGES];

void patch_once(void)
{
    if (whole)
        return;
    corpse_make(&patch_corpse);
    corpse_log(&patch_corpse);
    corpse_symbols(&patch_corpse);
    corpse_types(&patch_corpse);
    whole = malloc(CORPSE_PAGES * XK_PAGE_SIZE);
    FUZZ_CHECK(whole);
    memcpy(whole, patch_corpse.mem, CORPSE_PAGES * XK_PAGE_SIZE);
}

void patch_apply(struct fuzz_input *in, unsigned int first, unsigned int count)
{
    unsigned int page, at, len;
    uint8_t *to;

    while (in->left > 4) {
        page = first + fuzz_byte(in) % count;
        at = (fuzz_byte(in) | (unsigned int)fuzz_byte(in) << 8) % 512 * 8;
        len = fuzz_byte(in) % 64;
        if (at + len > XK_PAGE_SIZE)
            len = XK_PAGE_SIZE - at;
        to = corpse_page(&patch_corpse, page);
        touched[page] = 1;
        fuzz_take(in, to + at, len);
    }
}

void patch_undo(void)
{
    unsigned int i;

    for (i = 0; i < CORPSE_PAGES; i++) {
        if (!touched[i])
            continue;
        memcpy(corpse_page(&patch_corpse, i), whole + i * XK_PAGE_SIZE,
               XK_PAGE_SIZE);
        touched[i] = 0;
    }
}
