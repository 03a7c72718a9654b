/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading and writing bytes of 9P, see p9_msg.h. */
#include "p9_msg.h"

#include <endian.h>
#include <string.h>

const uint8_t *p9_bytes(struct p9_in *in, size_t n)
{
    const uint8_t *at = in->at;

    if (n > (size_t)(in->end - in->at)) {
        in->bad = true;
        in->at = in->end;
        return NULL;
    }
    in->at += n;
    return at;
}

static uint64_t number(struct p9_in *in, size_t n)
{
    const uint8_t *at = p9_bytes(in, n);
    uint64_t v = 0;

    if (at)
        memcpy(&v, at, n);
    return le64toh(v);
}

uint8_t p9_u8(struct p9_in *in)
{
    return (uint8_t)number(in, 1);
}

uint16_t p9_u16(struct p9_in *in)
{
    return (uint16_t)number(in, 2);
}

uint32_t p9_u32(struct p9_in *in)
{
    return (uint32_t)number(in, 4);
}

uint64_t p9_u64(struct p9_in *in)
{
    return number(in, 8);
}

void p9_string(struct p9_in *in, char *buf, size_t size)
{
    uint16_t n = p9_u16(in);
    const uint8_t *at = p9_bytes(in, n);

    buf[0] = '\0';
    if (!at)
        return;
    if (n >= size || memchr(at, 0, n)) {
        in->bad = true;
        return;
    }
    memcpy(buf, at, n);
    buf[n] = '\0';
}

static void put(struct p9_out *out, const void *src, size_t n)
{
    if (n > (size_t)(out->end - out->at)) {
        out->bad = true;
        return;
    }
    memcpy(out->at, src, n);
    out->at += n;
}

static void put_number(struct p9_out *out, uint64_t v, size_t n)
{
    v = htole64(v);
    put(out, &v, n);
}

void p9_put_u8(struct p9_out *out, uint8_t v)
{
    put_number(out, v, 1);
}

void p9_put_u16(struct p9_out *out, uint16_t v)
{
    put_number(out, v, 2);
}

void p9_put_u32(struct p9_out *out, uint32_t v)
{
    put_number(out, v, 4);
}

void p9_put_u64(struct p9_out *out, uint64_t v)
{
    put_number(out, v, 8);
}

void p9_put_string(struct p9_out *out, const char *s, size_t n)
{
    p9_put_u16(out, (uint16_t)n);
    put(out, s, n);
}
