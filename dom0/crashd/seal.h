/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes a sealed dump (seal_format.h), in one pass: what is written is
 * written once, from the first byte to the last, so that a pipe will do.
 * Holds a chunk of memory for each class, whatever the size of the dump.
 */
#ifndef XK_CRASHD_SEAL_H
#define XK_CRASHD_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "class.h"
#include "seal_keys.h"

struct xk_seal;

struct xk_seal_plan {
    uint8_t domain[16];         /* uuid of the guest */
    uint64_t time;              /* seconds since 1970 */
    uint32_t classes;           /* that may come */
    uint32_t plain;             /* of these, those that anybody may read */
    struct xk_audience audiences[XK_AUDIENCES];
    size_t audience_count;
    const struct xk_signer *signer;
};

/*
 * Takes all of `data`, or -errno, which ends the dump. It is called for the
 * header once, then for each frame once, then for the footer.
 */
typedef int xk_seal_write_fn(void *ctx, const void *data, size_t len);

/* Writes the header. -EINVAL: a class that is neither plain nor anybody's. */
int xk_seal_new(struct xk_seal **seal_r, const struct xk_seal_plan *plan,
                xk_seal_write_fn *write, void *ctx);
void xk_seal_free(struct xk_seal *seal);

/* The random id of the dump. */
const uint8_t *xk_seal_id(const struct xk_seal *seal);

/*
 * The `extent` of a sink (sink.h); `seal` is its ctx. Extents of a class must
 * not overlap. -EPERM: nobody could ever read this class.
 */
int xk_seal_extent(void *seal, enum xk_class cls, uint64_t offset,
                   const void *data, size_t len);

/* The last chunks and the footer: the dump is whole. */
int xk_seal_end(struct xk_seal *seal);

/* What each class takes in the file so far, bytes. */
uint64_t xk_seal_class_bytes(const struct xk_seal *seal, enum xk_class cls);

#endif /* XK_CRASHD_SEAL_H */
