// SPDX-License-Identifier: GPL-2.0-only
/* The balloon ring against an end that writes anything between our calls. */
#include "ring_play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct xk_balloon_ring *page;

    page = aligned_alloc(4096, sizeof(*page));
    if (!page)
        abort();
    memset(page, 0, sizeof(*page));
    ring_play(page, fuzz_byte(&in) & 1 ? XK_RING_GUEST : XK_RING_DOM0, &in);
    free(page);
    return 0;
}
