/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Return addresses on a stack, see stack.h.
 */
#include "stack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The longest call through memory: prefix, opcode, two bytes, address. */
#define CALL_BYTES 7u

static bool in_text(uint64_t va)
{
    return va >= XK_KERNEL_MAP + XK_PAGE_SIZE && va < XK_MODULES_END;
}

/* Does a call instruction end at `va`? */
static bool after_call(struct xk_mem *mem, uint64_t va)
{
    uint8_t code[CALL_BYTES];
    size_t len;

    if (xk_mem_read(mem, va - CALL_BYTES, code, sizeof(code)))
        return false;
    if (code[CALL_BYTES - 5] == 0xe8)
        return true;
    /* 0xff /2: through a register or memory, of 2, 3, 6 or 7 bytes. */
    for (len = 2; len <= CALL_BYTES; len++)
        if (code[CALL_BYTES - len] == 0xff &&
            (code[CALL_BYTES - len + 1] >> 3 & 7) == 2)
            return true;
    return false;
}

static void add(struct xk_trace *t, const struct xk_symbols *s, uint64_t va)
{
    char name[XK_SYMBOL_NAME], line[XK_SYMBOL_NAME + 8];
    uint64_t offset, size;
    struct xk_frame f;

    if (t->count == XK_OOPS_FRAMES ||
        xk_symbols_at(s, va, name, &offset, &size))
        return;
    snprintf(line, sizeof(line), "%s+0x0", name);
    if (!xk_oops_frame(&f, line) || xk_oops_generic(f.function) ||
        (t->count && !strcmp(t->frame[t->count - 1].function, f.function)))
        return;
    t->frame[t->count++] = f;
}

int xk_stack_read(struct xk_trace *t, const struct xk_kernel *k,
                  const struct xk_symbols *s, const struct xk_vcpu *v)
{
    struct xk_mem mem;
    uint64_t at, end, word;
    int rc;

    memset(t, 0, sizeof(*t));
    if (!v->valid || !in_text(v->rip))
        return -ENOENT;
    rc = xk_kernel_mem(k, &mem);
    if (rc)
        return rc;
    add(t, s, v->rip);
    at = v->rsp & ~7ull;
    end = at + XK_STACK_BYTES;
    /* Ends at the first page that is not there: the stack's guard. */
    for (; at < end && !xk_mem_u64(&mem, at, &word); at += sizeof(word))
        if (in_text(word) && after_call(&mem, word))
            add(t, s, word - 1);
    xk_mem_dispose(&mem);
    return 0;
}
