// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers and sizes, held against the C library's reader; and the escaping
 * of log lines.
 */
#include <errno.h>

#include <xenkeep/log.h>
#include <xenkeep/parse.h>

#include "fuzz.h"

static void check_number(const char *s)
{
    uint64_t v = 0, same = 0;
    char *end = NULL, text[24];
    uint32_t small;
    int rc;

    rc = xk_parse_u64(s, 0, UINT64_MAX, &v);
    FUZZ_CHECK(!rc || rc == -EINVAL || rc == -ERANGE);
    FUZZ_CHECK(xk_parse_u32(s, 0, UINT32_MAX, &small) ==
               (!rc && v > UINT32_MAX ? -ERANGE : rc));
    errno = 0;
    same = strtoull(s, &end, s[0] && s[1] == 'x' ? 16 : 10);
    if (rc == -ERANGE)
        FUZZ_CHECK(errno == ERANGE);
    if (rc)
        return;
    FUZZ_CHECK(!errno && !*end && same == v);
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
    FUZZ_CHECK(!xk_parse_u64(text, v, v, &same) && same == v);
}

static void check_size(const char *s)
{
    char text[32], shown[XK_FORMAT_KIB_MAX];
    uint64_t kib = 0, same = 0;
    int rc;

    rc = xk_parse_size_kib(s, &kib);
    FUZZ_CHECK(!rc || rc == -EINVAL || rc == -ERANGE);
    if (rc)
        return;
    (void)snprintf(text, sizeof(text), "%lluk", (unsigned long long)kib);
    FUZZ_CHECK(!xk_parse_size_kib(text, &same) && same == kib);
    FUZZ_CHECK(strlen(xk_format_kib(shown, sizeof(shown), kib)) + 1 <
               sizeof(shown));
}

static void check_safe(const char *s, size_t n)
{
    char *dst = malloc(n + 1);
    size_t i;

    if (!dst)
        abort();
    xk_log_safe(dst, n + 1, s);
    FUZZ_CHECK(strlen(dst) <= n);
    for (i = 0; dst[i]; i++)
        FUZZ_CHECK(dst[i] >= ' ' && dst[i] <= '~');
    free(dst);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    uint8_t room = fuzz_byte(&in);
    char *s = fuzz_string(&in);
    bool b;

    check_number(s);
    check_size(s);
    check_safe(s, room);
    (void)xk_parse_bool(s, &b);
    free(s);
    return 0;
}
