/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of the file protocol whose acts are the input's bytes: it writes
 * slots and indices into real rings, anything into the pool, and has the
 * server's queues look. Between a worker and the queue there is no thread: the
 * acts of an input come in one order.
 */
#ifndef XK_TESTS_FUZZ_XKFS_PLAY_H
#define XK_TESTS_FUZZ_XKFS_PLAY_H

#include <stddef.h>
#include <stdint.h>

#include "fuzz.h"

/* All that the guest shares with the server: rings, then the pool. What lies
 * behind it cannot be touched. */
struct xkfs_memory {
    uint8_t *at;
    size_t size;
};

/* Made once. */
struct xkfs_memory xkfs_memory(void);

/* Plays the input to its end. */
void xkfs_play(struct fuzz_input *in);

#endif /* XK_TESTS_FUZZ_XKFS_PLAY_H */
