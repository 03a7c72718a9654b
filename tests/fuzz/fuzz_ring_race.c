// SPDX-License-Identifier: GPL-2.0-only
/*
 * The balloon ring against an end that writes during our calls too: a second
 * thread keeps flipping indices and slots. What it hits is left to chance, so
 * a finding may not come again with the same input.
 */
#include <pthread.h>
#include <stdbool.h>

#include "ring_play.h"

static struct xk_balloon_ring *page;
static bool running;

static void flip(volatile uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static void *hostile(void *arg)
{
    uint32_t random = 1, i;
    volatile uint8_t *bytes = (void *)page;

    (void)arg;
    while (__atomic_load_n(&running, __ATOMIC_RELAXED)) {
        for (i = 0; i < 64; i++) {
            random = random * 1664525u + 1013904223u;
            bytes[random >> 20] ^= (uint8_t)(random >> 8);
        }
        flip(&page->guest_prod.value, random >> 27);
        flip(&page->guest_cons.value, random >> 30);
        flip(&page->dom0_prod.value, random >> 27);
        flip(&page->dom0_cons.value, random >> 30);
    }
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    pthread_t thread;

    if (!page)
        page = aligned_alloc(4096, sizeof(*page));
    if (!page)
        abort();
    memset(page, 0, sizeof(*page));
    __atomic_store_n(&running, true, __ATOMIC_RELAXED);
    if (pthread_create(&thread, NULL, hostile, NULL))
        abort();
    ring_play(page, fuzz_byte(&in) & 1 ? XK_RING_GUEST : XK_RING_DOM0, &in);
    __atomic_store_n(&running, false, __ATOMIC_RELAXED);
    (void)pthread_join(thread, NULL);
    return 0;
}
