/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A dead guest (tests/unit/corpse.h) with the input's bytes written over some
 * of its pages, and made whole again afterwards.
 */
#ifndef XK_TESTS_FUZZ_PATCH_H
#define XK_TESTS_FUZZ_PATCH_H

#include "corpse.h"
#include "fuzz.h"

extern struct corpse patch_corpse;

/* Makes the guest, once. */
void patch_once(void);
/*
 * Writes runs of the input to the pages [first, first + count): page, offset
 * of eight bytes, length, bytes.
 */
void patch_apply(struct fuzz_input *in, unsigned int first,
                 unsigned int count);
void patch_undo(void);

#endif /* XK_TESTS_FUZZ_PATCH_H */
