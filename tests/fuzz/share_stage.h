/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small share, the same for each input, with the real operations on it; and
 * beside it what must not be touched.
 */
#ifndef XK_TESTS_FUZZ_SHARE_STAGE_H
#define XK_TESTS_FUZZ_SHARE_STAGE_H

#include "ops.h"

/* The id of the share, whose name is "s". In it: f, d/, d/g, l (a link to the
 * outside). */
#define SHARE_STAGE_ID 1u

/* Makes it anew. */
void share_stage_prepare(void);
struct ops *share_stage_open(void);
/* What lies beside it is as it was. */
void share_stage_check(void);

#endif /* XK_TESTS_FUZZ_SHARE_STAGE_H */
