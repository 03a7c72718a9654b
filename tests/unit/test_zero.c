// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero scanning: every variant, every byte position, and not one byte beyond
 * the end (behind it is memory that is not zero, or none at all).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xenkeep/util.h>
#include <xenkeep/zero.h>

#include "unit.h"

#define PAGE 4096u
#define SUPER ((size_t)2 << 20)

static const struct {
    const char *name;
    bool (*fn)(const void *p, size_t n);
} variants[] = {
    { "chosen", xk_zero },
    { "plain", xk_zero_plain },
#ifdef __x86_64__
    { "sse2", xk_zero_sse2 },
#endif
};

static char *memory;

static void setup(void)
{
    /* The last page cannot be read. */
    memory = mmap(NULL, SUPER + PAGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    ck_assert_int_eq(mprotect(memory + SUPER, PAGE, PROT_NONE), 0);
}

static void teardown(void)
{
    (void)munmap(memory, SUPER + PAGE);
}

/* Each byte of sizes up to 2 KiB, ending where memory ends. */
START_TEST(test_each_byte)
{
    bool (*fn)(const void *, size_t) = variants[_i].fn;
    size_t n, at;
    char *p;

    for (n = 64; n <= 2048; n += 64) {
        p = memory + SUPER - n;
        ck_assert(fn(p, n));
        p[-1] = 1;
        ck_assert(fn(p, n));
        p[-1] = 0;
        for (at = 0; at < n; at++) {
            p[at] = (char)(1 << (at % 8));
            if (fn(p, n))
                ck_abort_msg("%s: size %zu, byte %zu", variants[_i].name, n,
                             at);
            p[at] = 0;
        }
    }
}
END_TEST

/* Sizes up to 2 MiB: one byte in each line, at both ends, and beyond. */
START_TEST(test_sizes)
{
    bool (*fn)(const void *, size_t) = variants[_i].fn;
    size_t n, at;
    char *p;

    for (n = PAGE; n <= SUPER; n *= 8) {
        p = memory + SUPER - n;
        ck_assert(fn(p, n));
        for (at = 0; at < n; at += n / 256 + 1) {
            p[at] = -128;
            ck_assert(!fn(p, n));
            p[at] = 0;
        }
        p[n - 1] = 1;
        ck_assert(!fn(p, n));
        ck_assert(fn(p, n - 64));
        p[n - 1] = 0;
        p[64] = 1;
        ck_assert(fn(p, 64));
        ck_assert(!fn(p, 128));
        p[64] = 0;
    }
}
END_TEST

START_TEST(test_refused)
{
    bool (*fn)(const void *, size_t) = variants[_i].fn;

    ck_assert(!fn(memory, 0));
    ck_assert(!fn(memory, 63));
    ck_assert(!fn(memory, 65));
    ck_assert(!fn(memory + 1, 64));
    ck_assert(!fn(memory + 32, 64));
    ck_assert(fn(memory + 64, 64));
}
END_TEST

START_TEST(test_variant)
{
    ck_assert_ptr_nonnull(xk_zero_variant());
}
END_TEST

TCase *tcase_zero(void)
{
    TCase *tc = tcase_create("zero");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, test_each_byte, 0, XK_ARRAY_SIZE(variants));
    tcase_add_loop_test(tc, test_sizes, 0, XK_ARRAY_SIZE(variants));
    tcase_add_loop_test(tc, test_refused, 0, XK_ARRAY_SIZE(variants));
    tcase_add_test(tc, test_variant);
    return tc;
}
