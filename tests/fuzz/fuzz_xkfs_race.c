// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same, while the guest writes to rings and pool during the server's work:
 * a second thread keeps flipping bytes of both. What it hits is left to
 * chance, so a finding may not come again with the same input.
 */
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "xkfs_play.h"

static bool running;

static void *hostile(void *arg)
{
    struct xkfs_memory m = xkfs_memory();
    volatile uint8_t *bytes = m.at;
    uint32_t random = 1;
    size_t at;

    (void)arg;
    while (__atomic_load_n(&running, __ATOMIC_RELAXED)) {
        random = random * 1664525u + 1013904223u;
        /* Mostly where slots and names are. */
        at = random & 0x80000000u ? (random >> 3) % m.size
                                  : (random >> 8) % 24576u;
        bytes[at] ^= (uint8_t)(random >> 24);
    }
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    pthread_t thread;

    if (geteuid())
        return 0;
    __atomic_store_n(&running, true, __ATOMIC_RELAXED);
    if (pthread_create(&thread, NULL, hostile, NULL))
        abort();
    xkfs_play(&in);
    __atomic_store_n(&running, false, __ATOMIC_RELAXED);
    (void)pthread_join(thread, NULL);
    return 0;
}
