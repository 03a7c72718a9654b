/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers, sizes and booleans from text: command lines, configuration and
 * xenstore. Strict: the whole string or nothing. No locale, no errno, no
 * guessing; an out-parameter is untouched unless the call returns 0.
 */
#ifndef XENKEEP_PARSE_H
#define XENKEEP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decimal, or hexadecimal after "0x". -EINVAL: NULL, empty, a sign, a space,
 * a leading zero, any byte after the number. -ERANGE: a number, but not
 * within `min` and `max` (both included) or above 64 bits.
 */
int xk_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *v);
int xk_parse_u32(const char *s, uint32_t min, uint32_t max, uint32_t *v);

/*
 * A memory size as xl reads it, in KiB: a decimal number of MiB, or with a
 * suffix b, k, m, g, t (either case) of bytes, KiB, MiB, GiB, TiB. -EINVAL
 * also for bytes that are no whole KiB and for fractions; -ERANGE when the
 * KiB do not fit in 64 bits.
 */
int xk_parse_size_kib(const char *s, uint64_t *kib_r);

/* yes, true, on, 1 and no, false, off, 0, lower case; else -EINVAL. */
int xk_parse_bool(const char *s, bool *v);

/* Room that every result of xk_format_kib fits in. */
#define XK_FORMAT_KIB_MAX 32

/*
 * "256 MiB", "1.5 GiB": the largest unit that leaves at least 1, one decimal
 * (rounded down) when it is not 0. Returns `dst`, always terminated when `n`
 * is not 0.
 */
const char *xk_format_kib(char *dst, size_t n, uint64_t kib);

#endif /* XENKEEP_PARSE_H */
