/* SPDX-License-Identifier: GPL-2.0-only */
/* 9P2000.L from the client's side, written by the protocol alone. */
#ifndef XK_COMPONENT_P9_CLIENT_H
#define XK_COMPONENT_P9_CLIENT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "p9_msg.h"

#define P9_CLIENT_TAG 77u

/*
 * A message into `buf`, its size. Fields by letters: b, w, d, q numbers of 1,
 * 2, 4, 8 bytes; s a string; n a string with its length (a size_t) before it;
 * z bytes with their length (a count of 4 bytes before them).
 */
size_t p9_client_build(uint8_t *buf, size_t room, uint8_t type,
                       const char *fields, va_list ap);

/* The answer to a message of that type: 0, or -errno. `in` stands behind its
 * header then. */
int p9_client_answer(uint8_t type, const uint8_t *answer, size_t n,
                     struct p9_in *in);

#endif /* XK_COMPONENT_P9_CLIENT_H */
