/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every fuzz target shares: its entry point, a cursor on the input, and
 * a check that ends the run when it does not hold.
 */
#ifndef XK_TESTS_FUZZ_H
#define XK_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(cond) \
    do { \
        if (!(cond)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
            abort(); \
        } \
    } while (0)

struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

/* Takes up to `n` bytes; what the input does not have is zero. */
static inline void fuzz_take(struct fuzz_input *in, void *dst, size_t n)
{
    size_t have = n < in->left ? n : in->left;

    memset(dst, 0, n);
    memcpy(dst, in->at, have);
    in->at += have;
    in->left -= have;
}

static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
    uint8_t b;

    fuzz_take(in, &b, 1);
    return b;
}

/*
 * Takes the bytes up to the next zero byte, or all, as a string of its own
 * allocation, so that one byte too many read is seen. The caller frees it.
 */
static inline char *fuzz_string(struct fuzz_input *in)
{
    size_t len = in->left ? strnlen((const char *)in->at, in->left) : 0;
    char *s = malloc(len + 1);

    if (!s)
        abort();
    fuzz_take(in, s, len);
    s[len] = '\0';
    if (in->left)
        (void)fuzz_byte(in);
    return s;
}

#endif /* XK_TESTS_FUZZ_H */
