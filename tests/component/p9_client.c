/* SPDX-License-Identifier: GPL-2.0-only */
/* See p9_client.h. */
#include "p9_client.h"

#include <check.h>
#include <string.h>

#define RERROR 7u

static void put_bytes(struct p9_out *out, const void *bytes, size_t n)
{
    memcpy(out->at, bytes, n);
    out->at += n;
}

size_t p9_client_build(uint8_t *buf, size_t room, uint8_t type,
                       const char *fields, va_list ap)
{
    struct p9_out out = { .at = buf + P9_HEADER, .end = buf + room };
    struct p9_out head = { .at = buf, .end = buf + P9_HEADER };
    const char *s;
    size_t n;

    for (; *fields; fields++)
        switch (*fields) {
        case 'b':
            p9_put_u8(&out, (uint8_t)va_arg(ap, int));
            break;
        case 'w':
            p9_put_u16(&out, (uint16_t)va_arg(ap, int));
            break;
        case 'd':
            p9_put_u32(&out, va_arg(ap, uint32_t));
            break;
        case 'q':
            p9_put_u64(&out, va_arg(ap, uint64_t));
            break;
        case 's':
            s = va_arg(ap, const char *);
            p9_put_string(&out, s, strlen(s));
            break;
        case 'n':
            n = va_arg(ap, size_t);
            p9_put_string(&out, va_arg(ap, const char *), n);
            break;
        case 'z':
            n = va_arg(ap, uint32_t);
            s = va_arg(ap, const char *);
            p9_put_u32(&out, (uint32_t)n);
            put_bytes(&out, s, n);
            break;
        }
    p9_put_u32(&head, (uint32_t)(out.at - buf));
    p9_put_u8(&head, type);
    p9_put_u16(&head, P9_CLIENT_TAG);
    return (size_t)(out.at - buf);
}

int p9_client_answer(uint8_t type, const uint8_t *answer, size_t n,
                     struct p9_in *in)
{
    uint8_t got;

    *in = (struct p9_in){ .at = answer, .end = answer + n };
    ck_assert_uint_eq(p9_u32(in), n);
    got = p9_u8(in);
    ck_assert_uint_eq(p9_u16(in), P9_CLIENT_TAG);
    if (got == RERROR)
        return -(int)p9_u32(in);
    ck_assert_uint_eq(got, type + 1);
    return 0;
}
