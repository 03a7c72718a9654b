/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading kallsyms, see symbols.h.
 *
 * A name is a length and as many bytes; each byte stands for a token, a piece
 * of text. The first letter of the text is the symbol's kind.
 */
#include "symbols.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

/* Bytes that a name takes, at most: two of length, 511 of tokens are seen. */
#define NAME_BYTES 1024u
#define TOKENS_MAX (64u * 1024)
#define NAMES_MAX (24u << 20)
#define CHUNK (64u * 1024)
/* A return address further from a name is not of it. */
#define FAR (1u << 20)

static int read_tokens(struct xk_symbols *s, const struct xk_vmcoreinfo *vi,
                       struct xk_mem *mem)
{
    uint64_t table, index;
    size_t i;

    if (xk_vmcoreinfo_symbol(vi, "kallsyms_token_table", &table) ||
        xk_vmcoreinfo_symbol(vi, "kallsyms_token_index", &index) ||
        xk_mem_read(mem, index, s->token, sizeof(s->token)))
        return -ENOENT;
    for (i = 0; i < XK_ARRAY_SIZE(s->token); i++)
        s->tokens_size = xk_max_size(s->tokens_size, s->token[i]);
    s->tokens_size += 64;       /* the last is no longer */
    if (s->tokens_size > TOKENS_MAX + 64)
        return -ENOENT;
    s->tokens = calloc(1, s->tokens_size + 1);
    if (!s->tokens)
        return -ENOMEM;
    return xk_mem_read(mem, table, s->tokens, s->tokens_size) ? -ENOENT : 0;
}

/* Bytes of a name's length and what it says; false: it is not all there. */
static bool name_at(const uint8_t *names, size_t size, size_t at,
                    size_t *head_r, size_t *len_r)
{
    if (at >= size)
        return false;
    *head_r = 1;
    *len_r = names[at];
    /* Since 6.2 a length above 127 takes two bytes. */
    if (names[at] & 0x80 && at + 1 < size) {
        *head_r = 2;
        *len_r = (names[at] & 0x7fu) | (size_t)names[at + 1] << 7;
    }
    return *len_r && *len_r < NAME_BYTES && at + *head_r + *len_r <= size;
}

/* All names, whose end only they themselves tell. */
static int read_names(struct xk_symbols *s, struct xk_mem *mem, uint64_t va,
                      size_t count)
{
    size_t at = 0, head, len, i;
    uint8_t *more;

    for (i = 0; i < count; i++) {
        while (at + NAME_BYTES > s->names_size) {
            if (s->names_size + CHUNK > NAMES_MAX)
                return -ENOENT;
            more = realloc(s->names, s->names_size + CHUNK);
            if (!more)
                return -ENOMEM;
            s->names = more;
            if (xk_mem_read(mem, va + s->names_size,
                            s->names + s->names_size, CHUNK))
                return -ENOENT;
            s->names_size += CHUNK;
        }
        if (!name_at(s->names, s->names_size, at, &head, &len))
            return -ENOENT;
        s->symbol[i].name = (uint32_t)at;
        at += head + len;
    }
    return 0;
}

static int by_address(const void *a, const void *b)
{
    const struct xk_symbol *x = a, *y = b;

    return x->address < y->address ? -1 : x->address > y->address;
}

/*
 * Offsets from a base. With any that is negative, those that are not are
 * addresses themselves (of per-processor data), and the others count down.
 */
static int read_addresses(struct xk_symbols *s, const struct xk_vmcoreinfo *vi,
                          struct xk_mem *mem)
{
    uint64_t offsets, base_at, base;
    bool down = false;
    int32_t *offset;
    size_t i;
    int rc = 0;

    if (xk_vmcoreinfo_symbol(vi, "kallsyms_offsets", &offsets) ||
        xk_vmcoreinfo_symbol(vi, "kallsyms_relative_base", &base_at) ||
        xk_mem_u64(mem, base_at, &base))
        return -ENOENT;
    offset = calloc(s->count, sizeof(*offset));
    if (!offset)
        return -ENOMEM;
    if (xk_mem_read(mem, offsets, offset, s->count * sizeof(*offset)))
        rc = -ENOENT;
    for (i = 0; i < s->count; i++)
        down |= offset[i] < 0;
    for (i = 0; i < s->count; i++) {
        if (!down)
            s->symbol[i].address = base + (uint32_t)offset[i];
        else if (offset[i] < 0)
            s->symbol[i].address = base - 1 - (uint64_t)(int64_t)offset[i];
        else
            s->symbol[i].address = (uint32_t)offset[i];
    }
    free(offset);
    qsort(s->symbol, s->count, sizeof(*s->symbol), by_address);
    return rc;
}

static int load(struct xk_symbols *s, const struct xk_vmcoreinfo *vi,
                struct xk_mem *mem)
{
    uint64_t names, count_at;
    uint32_t count;
    int rc;

    if (xk_vmcoreinfo_symbol(vi, "kallsyms_names", &names) ||
        xk_vmcoreinfo_symbol(vi, "kallsyms_num_syms", &count_at) ||
        xk_mem_u32(mem, count_at, &count) || !count || count > XK_SYMBOLS_MAX)
        return -ENOENT;
    s->symbol = calloc(count, sizeof(*s->symbol));
    if (!s->symbol)
        return -ENOMEM;
    s->count = count;
    rc = read_tokens(s, vi, mem);
    if (!rc)
        rc = read_names(s, mem, names, count);
    return rc ? rc : read_addresses(s, vi, mem);
}

int xk_symbols_load(struct xk_symbols *s, const struct xk_kernel *k)
{
    struct xk_mem mem;
    int rc;

    memset(s, 0, sizeof(*s));
    rc = xk_kernel_mem(k, &mem);
    if (rc)
        return rc;
    rc = load(s, &k->vi, &mem);
    xk_mem_dispose(&mem);
    if (rc)
        xk_symbols_dispose(s);
    return rc;
}

void xk_symbols_dispose(struct xk_symbols *s)
{
    free(s->symbol);
    free(s->names);
    free(s->tokens);
    memset(s, 0, sizeof(*s));
}

/* The text of a name, without its kind. */
static void expand(const struct xk_symbols *s, uint32_t at,
                   char name[XK_SYMBOL_NAME])
{
    size_t head = 0, len = 0, used = 0, i, t;
    bool kind = true;

    (void)name_at(s->names, s->names_size, at, &head, &len);
    for (i = 0; i < len; i++) {
        t = s->token[s->names[at + head + i]];
        for (; t < s->tokens_size && s->tokens[t]; t++) {
            if (!kind && used < XK_SYMBOL_NAME - 1)
                name[used++] = s->tokens[t] >= '!' && s->tokens[t] <= '~'
                                   ? s->tokens[t] : '?';
            kind = false;
        }
    }
    name[used] = '\0';
}

int xk_symbols_find(const struct xk_symbols *s, const char *name,
                    uint64_t *address_r)
{
    char found[XK_SYMBOL_NAME];
    size_t i;

    for (i = 0; i < s->count; i++) {
        expand(s, s->symbol[i].name, found);
        if (!strcmp(found, name)) {
            *address_r = s->symbol[i].address;
            return 0;
        }
    }
    return -ENOENT;
}

int xk_symbols_at(const struct xk_symbols *s, uint64_t address,
                  char name[XK_SYMBOL_NAME], uint64_t *offset_r,
                  uint64_t *size_r)
{
    size_t low = 0, high = s->count, mid, next;

    while (low < high) {
        mid = (low + high) / 2;
        if (s->symbol[mid].address <= address)
            low = mid + 1;
        else
            high = mid;
    }
    if (!low || address - s->symbol[low - 1].address >= FAR)
        return -ENOENT;
    next = low;
    /* Of several names for one address, the first in the kernel's order. */
    for (low--; low && s->symbol[low - 1].address == s->symbol[low].address;
         low--)
        ;
    expand(s, s->symbol[low].name, name);
    *offset_r = address - s->symbol[low].address;
    *size_r = next < s->count
                  ? s->symbol[next].address - s->symbol[low].address : FAR;
    return 0;
}
