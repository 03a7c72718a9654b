/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Type information of the kernel in its own memory (BTF): numbers of enums
 * and offsets of members, without a debug package.
 */
#ifndef XK_CRASHD_BTF_H
#define XK_CRASHD_BTF_H

#include <stddef.h>
#include <stdint.h>

#include "kernel.h"
#include "symbols.h"

#define XK_BTF_MAX (16u << 20)      /* bytes; a distribution's is 5 MiB */

struct xk_btf {
    uint8_t *data;
    size_t size;
    const char *strings;
    size_t strings_size;
    uint32_t *type;             /* where each type is, by its number */
    size_t count;
};

/* -ENOENT: the kernel has none, or it makes no sense; -ENOMEM. */
int xk_btf_load(struct xk_btf *btf, const struct xk_kernel *kernel,
                const struct xk_symbols *symbols);
/* The same of bytes at hand, which it takes over (malloc'd). */
int xk_btf_parse(struct xk_btf *btf, uint8_t *untrusted, size_t size);
void xk_btf_dispose(struct xk_btf *btf);

/* The value of a name of an enum; -ENOENT. */
int xk_btf_enum(const struct xk_btf *btf, const char *type, const char *name,
                uint32_t *value_r);

/* Where a member is, bytes; also one in a struct or union without a name. */
int xk_btf_offset(const struct xk_btf *btf, const char *type,
                  const char *member, uint32_t *offset_r);

#endif /* XK_CRASHD_BTF_H */
