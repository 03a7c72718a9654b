/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of the kernel's addresses out of its own table (kallsyms), so that no
 * debug package is needed. VMCOREINFO says where it is since 6.0.
 */
#ifndef XK_CRASHD_SYMBOLS_H
#define XK_CRASHD_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#include "kernel.h"

#define XK_SYMBOL_NAME 128u     /* longer ones are cut */
#define XK_SYMBOLS_MAX (1u << 20)

struct xk_symbol {
    uint64_t address;
    uint32_t name;              /* where, in names */
};

struct xk_symbols {
    struct xk_symbol *symbol;   /* by rising address */
    size_t count;
    uint8_t *names;             /* compressed, as the kernel has them */
    size_t names_size;
    char *tokens;               /* the words they are made of */
    size_t tokens_size;
    uint16_t token[256];
};

/* -ENOENT: not told, or it makes no sense; -ENOMEM. */
int xk_symbols_load(struct xk_symbols *symbols,
                    const struct xk_kernel *kernel);
void xk_symbols_dispose(struct xk_symbols *symbols);

/* The address of a name; -ENOENT. */
int xk_symbols_find(const struct xk_symbols *symbols, const char *name,
                    uint64_t *address_r);

/*
 * The name at or before an address, up to the next one's: `offset_r` from its
 * start, `size_r` to the next. -ENOENT: none, or 1 MiB away.
 */
int xk_symbols_at(const struct xk_symbols *symbols, uint64_t address,
                  char name[XK_SYMBOL_NAME], uint64_t *offset_r,
                  uint64_t *size_r);

#endif /* XK_CRASHD_SYMBOLS_H */
