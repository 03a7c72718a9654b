// SPDX-License-Identifier: GPL-2.0-only
/*
 * The zero test, page by page over memory that no cache holds, beside a plain
 * loop of 64-bit words and beside reading the same memory as fast as this CPU
 * can (eight streams of vector loads, or-ed together). Prints "ours GB/s",
 * "plain GB/s", "bandwidth GB/s", a line each, for each of RUNS rounds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <immintrin.h>

#include <xenkeep/util.h>
#include <xenkeep/zero.h>

#define BYTES (512u << 20)
#define PAGE 4096u
#define RUNS 9

static volatile uint64_t sink;

static void ours(const char *mem)
{
    uint64_t zero = 0;
    size_t at;

    for (at = 0; at < BYTES; at += PAGE)
        zero += xk_zero(mem + at, PAGE);
    sink = zero;
}

/* One word at a time, as the obvious loop does it; kept from being made into
 * vector code, which would be another program. */
__attribute__((optimize("no-tree-vectorize")))
static void plain(const char *mem)
{
    uint64_t zero = 0;
    size_t at, i;

    for (at = 0; at < BYTES; at += PAGE) {
        const uint64_t *p = (const void *)(mem + at);

        for (i = 0; i < PAGE / sizeof(*p) && !p[i]; i++)
            ;
        zero += i == PAGE / sizeof(*p);
    }
    sink = zero;
}

__attribute__((target("avx2")))
static void read_avx2(const char *mem)
{
    __m256i any = _mm256_setzero_si256();
    size_t at;
    int i;

    for (at = 0; at < BYTES; at += 256)
        for (i = 0; i < 8; i++)
            any = _mm256_or_si256(any, _mm256_load_si256(
                (const __m256i *)(const void *)(mem + at + 32 * i)));
    sink = (uint64_t)_mm256_extract_epi64(any, 0);
}

static void read_sse2(const char *mem)
{
    __m128i any = _mm_setzero_si128();
    size_t at;
    int i;

    for (at = 0; at < BYTES; at += 128)
        for (i = 0; i < 8; i++)
            any = _mm_or_si128(any, _mm_load_si128(
                (const __m128i *)(const void *)(mem + at + 16 * i)));
    sink = (uint64_t)_mm_cvtsi128_si64(any);
}

static void bandwidth(const char *mem)
{
    (__builtin_cpu_supports("avx2") ? read_avx2 : read_sse2)(mem);
}

static void run(const char *name, void (*fn)(const char *mem),
                const char *mem)
{
    uint64_t start = xk_now_us(), us;

    fn(mem);
    us = xk_now_us() - start;
    printf("%s %.2f\n", name, (double)BYTES / 1000.0 / (double)us);
}

int main(void)
{
    char *mem = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int i;

    if (mem == MAP_FAILED)
        return 1;
    (void)madvise(mem, BYTES, MADV_HUGEPAGE);
    memset(mem, 0, BYTES);
    for (i = 0; i < RUNS; i++) {
        run("ours", ours, mem);
        run("plain", plain, mem);
        run("bandwidth", bandwidth, mem);
    }
    return 0;
}
