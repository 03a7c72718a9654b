// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero scanning at the speed of memory. Must never read outside of what it
 * was given, and never write. Two lines are looked at first, because memory
 * in use most often shows it there; prefetching reaches over the end of each
 * 4 KiB page, where the processor's own prefetcher stops.
 */
#include <stdint.h>

#include <xenkeep/zero.h>

#define LINE 64u

/* How far ahead of the scan memory is asked for, bytes; measured. */
#define AHEAD 2048u

typedef uint64_t __attribute__((may_alias)) word_t;

static bool line_zero(const void *p)
{
    const word_t *w = p;

    return !(w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]);
}

static bool usable(const void *p, size_t n)
{
    return n && n % LINE == 0 && (uintptr_t)p % LINE == 0;
}

bool xk_zero_plain(const void *p, size_t n)
{
    const char *at = p;

    if (!usable(p, n))
        return false;
    for (; n; n -= LINE, at += LINE) {
        if (!line_zero(at))
            return false;
    }
    return true;
}

#ifdef __x86_64__

#include <immintrin.h>

/* Four lines a turn; the last turns do not ask for what is not ours. */
bool xk_zero_sse2(const void *start, size_t n)
{
    const char *p = start, *end = p + n;
    const __m128i *v;
    __m128i sum;
    int i;

    if (!usable(p, n))
        return false;
    for (; (size_t)(end - p) >= 4 * LINE; p += 4 * LINE) {
        if ((size_t)(end - p) > AHEAD + 4 * LINE) {
            for (i = 0; i < 4; i++)
                _mm_prefetch(p + AHEAD + (size_t)i * LINE, _MM_HINT_T0);
        }
        v = (const __m128i *)(const void *)p;
        sum = _mm_or_si128(v[0], v[1]);
        for (i = 2; i < 16; i++)
            sum = _mm_or_si128(sum, v[i]);
        sum = _mm_cmpeq_epi8(sum, _mm_setzero_si128());
        if (_mm_movemask_epi8(sum) != 0xffff)
            return false;
    }
    return p == end || xk_zero_plain(p, (size_t)(end - p));
}

__attribute__((target("avx2")))
static bool zero_avx2(const void *start, size_t n)
{
    const char *p = start, *end = p + n;
    const __m256i *v;
    __m256i a, b;
    int i;

    for (; (size_t)(end - p) >= 4 * LINE; p += 4 * LINE) {
        if ((size_t)(end - p) > AHEAD + 4 * LINE) {
            for (i = 0; i < 4; i++)
                _mm_prefetch(p + AHEAD + (size_t)i * LINE, _MM_HINT_T0);
        }
        v = (const __m256i *)(const void *)p;
        a = _mm256_or_si256(_mm256_or_si256(v[0], v[1]),
                            _mm256_or_si256(v[2], v[3]));
        b = _mm256_or_si256(_mm256_or_si256(v[4], v[5]),
                            _mm256_or_si256(v[6], v[7]));
        a = _mm256_or_si256(a, b);
        if (!_mm256_testz_si256(a, a))
            return false;
    }
    return p == end || xk_zero_plain(p, (size_t)(end - p));
}

bool xk_zero(const void *p, size_t n)
{
    const char *at = p;

    if (!usable(p, n))
        return false;
    if (!line_zero(at) || !line_zero(at + n - LINE))
        return false;
    if (__builtin_cpu_supports("avx2"))
        return zero_avx2(at, n);
    return xk_zero_sse2(at, n);
}

const char *xk_zero_variant(void)
{
    return __builtin_cpu_supports("avx2") ? "avx2" : "sse2";
}

#else /* every other processor */

bool xk_zero(const void *p, size_t n)
{
    const char *at = p;

    if (!usable(p, n) || !line_zero(at + n - LINE))
        return false;
    return xk_zero_plain(p, n);
}

const char *xk_zero_variant(void)
{
    return "plain";
}

#endif
