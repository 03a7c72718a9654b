/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking for secrets, see secrets.h.
 *
 * An AES key schedule (FIPS 197) is a row of 32-bit words in which every word
 * is the exclusive or of the one Nk before it and the one before it, the
 * latter going through the S-box at every Nk-th (and for 256 bits at every
 * fourth) word. A key that begins near the end of a page is found by as many
 * words as the page has, if they are enough.
 */
#include "secrets.h"

#include <stdint.h>
#include <string.h>

#include "hv.h"

#define WORDS (XK_PAGE_SIZE / 4)
/* Words that must follow from others, so that it is no accident. */
#define ENOUGH 8u

static uint8_t sbox[256];

static uint8_t times(uint8_t a, uint8_t b)
{
    uint8_t p = 0;

    for (; b; b >>= 1) {
        if (b & 1)
            p ^= a;
        a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0));
    }
    return p;
}

/* The S-box from its definition: the inverse in GF(2^8), then a rotation. */
__attribute__((constructor)) static void make_sbox(void)
{
    unsigned int i, j;
    uint8_t inverse;

    for (i = 0; i < 256; i++) {
        inverse = 0;
        for (j = 1; i && j < 256; j++)
            if (times((uint8_t)i, (uint8_t)j) == 1)
                inverse = (uint8_t)j;
        sbox[i] = 0x63;
        for (j = 0; j < 5; j++)
            sbox[i] ^= (uint8_t)(inverse << j | inverse >> (8 - j));
    }
}

/* Words are as bytes lie in memory: the first byte is the lowest. */
static uint32_t substitute(uint32_t w)
{
    return sbox[w & 0xff] | (uint32_t)sbox[w >> 8 & 0xff] << 8 |
           (uint32_t)sbox[w >> 16 & 0xff] << 16 | (uint32_t)sbox[w >> 24]
                                                      << 24;
}

static uint32_t rotate(uint32_t w)
{
    return w >> 8 | w << 24;
}

/* Is w[at] where a schedule of a key of `nk` words begins? */
static bool is_schedule(const uint32_t *w, unsigned int at, unsigned int nk)
{
    unsigned int all = 4 * (nk + 7), i;     /* Nr is Nk + 6 */
    uint32_t t;
    uint8_t rcon = 1;

    for (i = nk; i < all && at + i < WORDS; i++) {
        t = w[at + i - 1];
        if (i % nk == 0) {
            t = substitute(rotate(t)) ^ rcon;
            rcon = times(rcon, 2);
        } else if (nk > 6 && i % nk == 4) {
            t = substitute(t);
        }
        if (w[at + i] != (w[at + i - nk] ^ t))
            return false;
    }
    return i >= nk + ENOUGH;
}

static bool has_schedule(const uint32_t *w)
{
    static const unsigned int sizes[] = { 4, 6, 8 };
    unsigned int at, s, nk;

    for (at = 0; at + 4 + ENOUGH <= WORDS; at++) {
        for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            nk = sizes[s];
            if (at + nk + ENOUGH > WORDS ||
                w[at + nk] != (w[at] ^ substitute(rotate(w[at + nk - 1])) ^
                               1))
                continue;
            if (is_schedule(w, at, nk))
                return true;
        }
    }
    return false;
}

/* What follows the line is base64: the words alone are in programs too. */
static bool is_key(const char *line, const char *stop)
{
    static const char end[] = "PRIVATE KEY-----\n";
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
        "pqrstuvwxyz0123456789+/=";
    size_t near = stop - line < 32 ? (size_t)(stop - line) : 32, i;
    const char *p = memmem(line, near, end, sizeof(end) - 1);

    if (!p || stop - p < (long)sizeof(end) + 16)
        return false;
    for (i = 0, p += sizeof(end) - 1; i < 16; i++)
        if (!p[i] || !strchr(base64, p[i]))
            return false;
    return true;
}

static bool has_private_key(const char *page)
{
    static const char begin[] = "-----BEGIN ";
    const char *p = page, *stop = page + XK_PAGE_SIZE;

    while ((p = memmem(p, (size_t)(stop - p), begin, sizeof(begin) - 1))) {
        p += sizeof(begin) - 1;
        if (is_key(p, stop))
            return true;
    }
    return false;
}

enum xk_secret xk_secrets_in(const void *page)
{
    if (has_schedule(page))
        return XK_SECRET_AES;
    if (has_private_key(page))
        return XK_SECRET_PRIVATE_KEY;
    return XK_SECRET_NONE;
}

const char *xk_secret_name(enum xk_secret secret)
{
    static const char *const names[] = { "none", "aes-key", "private-key" };

    return names[secret];
}
