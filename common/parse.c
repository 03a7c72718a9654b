// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strict readers of numbers, sizes and booleans. Must never take a string
 * partly, depend on the locale, or wrap around.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xenkeep/parse.h>
#include <xenkeep/util.h>

/* The value of a digit of any base up to 16, or 16. */
static unsigned int digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned int)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned int)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned int)(c - 'A') + 10;
    return 16;
}

/*
 * Reads digits of `base` up to the first other byte, where `*end_r` points
 * afterwards. All digits are looked at before -ERANGE is returned, so that
 * the caller can tell a large number from no number.
 */
static int scan(const char *s, unsigned int base, uint64_t *v,
                const char **end_r)
{
    uint64_t sum = 0;
    int rc = 0;

    if (digit(*s) >= base || (s[0] == '0' && digit(s[1]) < base))
        return -EINVAL;
    for (; digit(*s) < base; s++) {
        if (__builtin_mul_overflow(sum, base, &sum) ||
            __builtin_add_overflow(sum, digit(*s), &sum))
            rc = -ERANGE;
    }
    *v = sum;
    *end_r = s;
    return rc;
}

int xk_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *v)
{
    const char *end = NULL;
    uint64_t got = 0;
    int rc;

    if (!s)
        return -EINVAL;
    if (s[0] == '0' && s[1] == 'x')
        rc = scan(s + 2, 16, &got, &end);
    else
        rc = scan(s, 10, &got, &end);
    if (rc == -EINVAL || *end)
        return -EINVAL;
    if (rc || got < min || got > max)
        return -ERANGE;
    *v = got;
    return 0;
}

int xk_parse_u32(const char *s, uint32_t min, uint32_t max, uint32_t *v)
{
    uint64_t got;
    int rc;

    rc = xk_parse_u64(s, min, max, &got);
    if (rc)
        return rc;
    *v = (uint32_t)got;
    return 0;
}

int xk_parse_size_kib(const char *s, uint64_t *kib_r)
{
    static const struct {
        char lower, upper;
        unsigned int shift;     /* from the unit to KiB */
    } units[] = {
        { 'k', 'K', 0 },
        { '\0', '\0', 10 },     /* no suffix is MiB, as in xl */
        { 'm', 'M', 10 },
        { 'g', 'G', 20 },
        { 't', 'T', 30 },
    };
    const char *end = NULL;
    uint64_t got = 0;
    size_t i;
    int rc;

    if (!s)
        return -EINVAL;
    rc = scan(s, 10, &got, &end);
    if (rc == -EINVAL || (end[0] && end[1]))
        return -EINVAL;
    if (*end == 'b' || *end == 'B') {
        if (rc)
            return rc;
        if (got % 1024)
            return -EINVAL;
        *kib_r = got / 1024;
        return 0;
    }
    for (i = 0; i < XK_ARRAY_SIZE(units); i++) {
        if (*end != units[i].lower && *end != units[i].upper)
            continue;
        if (rc || got > UINT64_MAX >> units[i].shift)
            return -ERANGE;
        *kib_r = got << units[i].shift;
        return 0;
    }
    return -EINVAL;
}

int xk_parse_bool(const char *s, bool *v)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        { "yes", true }, { "true", true }, { "on", true }, { "1", true },
        { "no", false }, { "false", false }, { "off", false },
        { "0", false },
    };
    size_t i;

    for (i = 0; s && i < XK_ARRAY_SIZE(words); i++) {
        if (!strcmp(s, words[i].word)) {
            *v = words[i].value;
            return 0;
        }
    }
    return -EINVAL;
}

const char *xk_format_kib(char *dst, size_t n, uint64_t kib)
{
    static const char *const units[] = {
        "KiB", "MiB", "GiB", "TiB", "PiB", "EiB",
    };
    unsigned int u = 0, tenths;
    uint64_t rest;

    while (u + 1 < XK_ARRAY_SIZE(units) && kib >> (10 * (u + 1)))
        u++;
    rest = kib & ((UINT64_C(1) << (10 * u)) - 1);
    /* 10 bits are enough for a decimal, and cannot overflow. */
    tenths = u ? (unsigned int)((rest >> (10 * (u - 1))) * 10 / 1024) : 0;
    if (tenths)
        (void)snprintf(dst, n, "%" PRIu64 ".%u %s", kib >> (10 * u), tenths,
                       units[u]);
    else
        (void)snprintf(dst, n, "%" PRIu64 " %s", kib >> (10 * u), units[u]);
    return dst;
}
