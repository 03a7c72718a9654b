/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading BTF, see btf.h. Layouts are those of include/uapi/linux/btf.h.
 */
#include "btf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#define MAGIC 0xeb9fu
#define TYPES_MAX (1u << 20)
/* Structs within structs without a name, and members looked at in all. */
#define DEPTH 8
#define STEPS 100000u

enum kind {
    KIND_INT = 1, KIND_ARRAY = 3, KIND_STRUCT = 4, KIND_UNION = 5,
    KIND_ENUM = 6, KIND_PROTO = 13, KIND_VAR = 14, KIND_DATASEC = 15,
    KIND_DECL_TAG = 17, KIND_ENUM64 = 19, KINDS
};

struct header {
    uint16_t magic;
    uint8_t version, flags;
    uint32_t head_len, type_off, type_len, string_off, string_len;
};

struct type {
    uint32_t name, info, size;
};

struct member {
    uint32_t name, type, offset;
};

/* What follows a type: so many bytes, and so many for each of its parts. */
static const struct {
    uint8_t once, each;
} tail[KINDS] = {
    [KIND_INT] = { 4, 0 }, [KIND_ARRAY] = { 12, 0 },
    [KIND_STRUCT] = { 0, 12 }, [KIND_UNION] = { 0, 12 },
    [KIND_ENUM] = { 0, 8 }, [KIND_PROTO] = { 0, 8 }, [KIND_VAR] = { 4, 0 },
    [KIND_DATASEC] = { 0, 12 }, [KIND_DECL_TAG] = { 4, 0 },
    [KIND_ENUM64] = { 0, 12 },
};

static unsigned int kind_of(const struct type *t)
{
    return t->info >> 24 & 0x1f;
}

static unsigned int parts_of(const struct type *t)
{
    return t->info & 0xffff;
}

/* Numbers every type; each is within the bytes when this returns 0. */
static int index_types(struct xk_btf *b, size_t from, size_t end)
{
    size_t at, room = 0;
    struct type t;
    uint32_t *more;

    for (at = from; at + sizeof(t) <= end; b->count++) {
        memcpy(&t, b->data + at, sizeof(t));
        if (b->count == TYPES_MAX || kind_of(&t) >= KINDS)
            return -ENOENT;
        if (b->count == room) {
            room = room ? 2 * room : 1024;
            more = reallocarray(b->type, room, sizeof(*more));
            if (!more)
                return -ENOMEM;
            b->type = more;
        }
        b->type[b->count] = (uint32_t)at;
        at += sizeof(t) + tail[kind_of(&t)].once +
              (size_t)parts_of(&t) * tail[kind_of(&t)].each;
    }
    return at == end && b->count ? 0 : -ENOENT;
}

int xk_btf_parse(struct xk_btf *b, uint8_t *untrusted, size_t size)
{
    struct header h;
    int rc;

    memset(b, 0, sizeof(*b));
    b->data = untrusted;
    b->size = size;
    rc = -ENOENT;
    if (size < sizeof(h))
        goto fail;
    memcpy(&h, untrusted, sizeof(h));
    if (h.magic != MAGIC || h.head_len < sizeof(h) || h.head_len > size ||
        h.type_off > size - h.head_len ||
        h.type_len > size - h.head_len - h.type_off ||
        h.string_off > size - h.head_len || !h.string_len ||
        h.string_len > size - h.head_len - h.string_off ||
        untrusted[h.head_len + h.string_off + h.string_len - 1])
        goto fail;
    b->strings = (const char *)untrusted + h.head_len + h.string_off;
    b->strings_size = h.string_len;
    rc = index_types(b, h.head_len + h.type_off,
                     h.head_len + (size_t)h.type_off + h.type_len);
    if (!rc)
        return 0;
fail:
    xk_btf_dispose(b);
    return rc;
}

int xk_btf_load(struct xk_btf *b, const struct xk_kernel *k,
                const struct xk_symbols *symbols)
{
    uint64_t start, stop;
    struct xk_mem mem;
    uint8_t *data;
    int rc;

    memset(b, 0, sizeof(*b));
    if (xk_symbols_find(symbols, "__start_BTF", &start) ||
        xk_symbols_find(symbols, "__stop_BTF", &stop) || stop <= start ||
        stop - start > XK_BTF_MAX)
        return -ENOENT;
    data = malloc(stop - start);
    if (!data)
        return -ENOMEM;
    rc = xk_kernel_mem(k, &mem);
    if (!rc) {
        rc = xk_mem_read(&mem, start, data, stop - start) ? -ENOENT : 0;
        xk_mem_dispose(&mem);
    }
    if (rc) {
        free(data);
        return rc;
    }
    return xk_btf_parse(b, data, stop - start);
}

void xk_btf_dispose(struct xk_btf *b)
{
    free(b->data);
    free(b->type);
    memset(b, 0, sizeof(*b));
}

static bool is_named(const struct xk_btf *b, uint32_t name, const char *text)
{
    return name < b->strings_size && !strcmp(b->strings + name, text);
}

static struct type type_at(const struct xk_btf *b, size_t i)
{
    struct type t;

    memcpy(&t, b->data + b->type[i], sizeof(t));
    return t;
}

/* The parts of a type are within the bytes: index_types() has seen them. */
static const uint8_t *parts_at(const struct xk_btf *b, size_t i)
{
    return b->data + b->type[i] + sizeof(struct type);
}

int xk_btf_enum(const struct xk_btf *b, const char *type, const char *name,
                uint32_t *value_r)
{
    uint32_t part[2];
    struct type t;
    size_t i, p;

    for (i = 0; i < b->count; i++) {
        t = type_at(b, i);
        if (kind_of(&t) != KIND_ENUM || !is_named(b, t.name, type))
            continue;
        for (p = 0; p < parts_of(&t); p++) {
            memcpy(part, parts_at(b, i) + p * sizeof(part), sizeof(part));
            if (is_named(b, part[0], name)) {
                *value_r = part[1];
                return 0;
            }
        }
    }
    return -ENOENT;
}

/* `i` is a type's place; numbers of types begin at 1. */
static int find_member(const struct xk_btf *b, size_t i, const char *name,
                       uint32_t base, int depth, uint32_t *steps,
                       uint32_t *offset_r)
{
    struct type t = type_at(b, i);
    struct member m;
    uint32_t bits;
    size_t p;

    if ((kind_of(&t) != KIND_STRUCT && kind_of(&t) != KIND_UNION) || !depth)
        return -ENOENT;
    for (p = 0; p < parts_of(&t) && *steps; p++, --*steps) {
        memcpy(&m, parts_at(b, i) + p * sizeof(m), sizeof(m));
        /* With the kind flag the top byte is a bit field's width. */
        bits = t.info >> 31 ? m.offset & 0xffffff : m.offset;
        if (is_named(b, m.name, name)) {
            *offset_r = base + bits / 8;
            return 0;
        }
        if (!m.name && m.type && m.type <= b->count &&
            !find_member(b, m.type - 1, name, base + bits / 8, depth - 1,
                         steps, offset_r))
            return 0;
    }
    return -ENOENT;
}

int xk_btf_offset(const struct xk_btf *b, const char *type, const char *member,
                  uint32_t *offset_r)
{
    uint32_t steps = STEPS;
    struct type t;
    size_t i;

    for (i = 0; i < b->count; i++) {
        t = type_at(b, i);
        if (kind_of(&t) == KIND_STRUCT && is_named(b, t.name, type) &&
            !find_member(b, i, member, 0, DEPTH, &steps, offset_r))
            return 0;
    }
    return -ENOENT;
}
