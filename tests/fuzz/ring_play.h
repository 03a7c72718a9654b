/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of a ring is played by the code under test, the other by the input:
 * it writes what it likes to the page between our calls.
 */
#ifndef XK_TESTS_FUZZ_RING_PLAY_H
#define XK_TESTS_FUZZ_RING_PLAY_H

#include <xenkeep/ring.h>

#include "fuzz.h"

/* Plays the input to its end. `page` is 4096 bytes, in any state. */
void ring_play(struct xk_balloon_ring *page, enum xk_ring_role role,
               struct fuzz_input *in);

#endif /* XK_TESTS_FUZZ_RING_PLAY_H */
