/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a piece of memory all zero? The hot loop of a sweep. It only reads. The
 * memory may be a running guest's: the answer is a hint about a moment that
 * has passed, and whoever acts on it has the hypervisor check again.
 */
#ifndef XENKEEP_ZERO_H
#define XENKEEP_ZERO_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True when all `n` bytes at `p` are zero. `p` is 64-byte aligned and `n` a
 * multiple of 64 above 0; anything else is refused with false.
 */
bool xk_zero(const void *p, size_t n);

/*
 * The same, without a look ahead: by a plain loop of 64-bit words, and by
 * what every x86-64 has. For tests and benchmarks.
 */
bool xk_zero_plain(const void *p, size_t n);
#ifdef __x86_64__
bool xk_zero_sse2(const void *p, size_t n);
#endif

/* The variant xk_zero() uses on this CPU: "avx2", "sse2" or "plain". */
const char *xk_zero_variant(void);

#endif /* XENKEEP_ZERO_H */
