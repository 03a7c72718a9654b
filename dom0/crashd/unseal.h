/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads a sealed dump (seal_format.h). Opening one looks at all frames and at
 * the signature over them, so that whatever is read afterwards is what the
 * host wrote; not one byte is given out before its chunk's tag was checked.
 *
 * Every failure leaves one clause in `why` that names the place, such as
 * "chunk 17 of class user, at byte 1234567: it was changed".
 */
#ifndef XK_CRASHD_UNSEAL_H
#define XK_CRASHD_UNSEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "class.h"
#include "seal_keys.h"
#include "sink.h"

#define XK_UNSEAL_WHY 256

struct xk_unseal;

struct xk_unseal_key {
    const struct xk_private *key;       /* NULL: only what is plain */
    const uint8_t *host;                /* XK_PUBLIC_SIZE bytes: it must be
                                         * signed by this one; NULL: by any */
    bool look_only;             /* nothing is to be read: then memory does not
                                 * grow with the dump */
};

/*
 * `fd` is read with pread() and stays the caller's. -EBADMSG: no dump, or
 * damaged, or swapped. -ENOKEY: no envelope is for the key. -EKEYREJECTED:
 * another host signed it. A torn dump opens, see xk_unseal_torn().
 */
int xk_unseal_open(struct xk_unseal **u_r, int fd,
                   const struct xk_unseal_key *key, char *why);
void xk_unseal_close(struct xk_unseal *u);

/* Is the end missing? Then where the last whole chunk ends, in the file. */
bool xk_unseal_torn(const struct xk_unseal *u, uint64_t *good_r);

const struct seal_core *xk_unseal_core(const struct xk_unseal *u);
/* The classes that can be read; those of the core but not of these are
 * sealed for others. */
uint32_t xk_unseal_classes(const struct xk_unseal *u);
/* Size of the content. */
uint64_t xk_unseal_size(const struct xk_unseal *u);
/* What the class takes in the file, bytes. */
uint64_t xk_unseal_class_bytes(const struct xk_unseal *u, enum xk_class cls);

typedef void xk_unseal_progress_fn(void *arg, uint64_t done, uint64_t total);

/*
 * Gives what can be read to the sink, in the order it was written: the same
 * calls but for how extents were cut. `sink` NULL: only checks every chunk.
 * Of a torn dump: up to the last whole chunk.
 */
int xk_unseal_walk(struct xk_unseal *u, const struct xk_sink *sink,
                   xk_unseal_progress_fn *progress, void *arg, char *why);

/* Bytes of the content at any offset; what no extent covers, or one of
 * another's class, reads as zeroes. */
int xk_unseal_read(struct xk_unseal *u, uint64_t offset, void *buf,
                   size_t len, char *why);

/*
 * Makes the envelopes anew, for these audiences, and nothing else: the other
 * slot is written and synced, then this one is wiped. -EACCES: the key opens
 * less than the whole, what it lacks would be lost for all. `fd` is open for
 * writing.
 */
int xk_unseal_rewrap(struct xk_unseal *u, int fd,
                     const struct xk_audience *audiences, size_t count,
                     char *why);

#endif /* XK_CRASHD_UNSEAL_H */
