/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes of a 9P2000.L message, little endian: read from a private copy of
 * what the guest sent, written into a buffer for its answer. Both go on after
 * an overrun, with zeroes, and remember it: who reads or writes a message
 * looks at `bad` once, at the end.
 */
#ifndef XK_FILED_P9_MSG_H
#define XK_FILED_P9_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* size[4] type[1] tag[2] */
#define P9_HEADER 7u
/* Before the data of Rread and Rreaddir, and of Twrite. */
#define P9_READ_HEAD (P9_HEADER + 4u)
#define P9_WRITE_HEAD (P9_HEADER + 16u)
/* A string of a message, bytes, at most: a link's target. */
#define P9_STRING_MAX 4095u

struct p9_in {
    const uint8_t *at, *end;
    bool bad;
};

struct p9_out {
    uint8_t *at, *end;
    bool bad;
};

uint8_t p9_u8(struct p9_in *in);
uint16_t p9_u16(struct p9_in *in);
uint32_t p9_u32(struct p9_in *in);
uint64_t p9_u64(struct p9_in *in);
/*
 * A string, with a NUL of our own behind it. One that is longer than
 * `size` - 1 or holds a NUL is bad.
 */
void p9_string(struct p9_in *in, char *buf, size_t size);
/* The next n bytes where they are; NULL: there are not so many. */
const uint8_t *p9_bytes(struct p9_in *in, size_t n);

void p9_put_u8(struct p9_out *out, uint8_t v);
void p9_put_u16(struct p9_out *out, uint16_t v);
void p9_put_u32(struct p9_out *out, uint32_t v);
void p9_put_u64(struct p9_out *out, uint64_t v);
void p9_put_string(struct p9_out *out, const char *s, size_t n);

#endif /* XK_FILED_P9_MSG_H */
