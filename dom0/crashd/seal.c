/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The writer of a sealed dump, see seal.h and seal_format.h.
 */
#include "seal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

/* Extents that one chunk can have: each takes a byte and its description. */
#define EXTENTS_MAX \
    ((XK_SEAL_CHUNK - sizeof(uint32_t)) / (sizeof(struct seal_extent) + 1))

_Static_assert(XK_CLASSES <= XK_SEAL_CLASSES, "classes of the format");

/* The chunk of a class that is being filled. */
struct filling {
    struct xk_gcm *gcm;
    uint64_t number;
    uint64_t end;               /* where the last extent ended */
    uint64_t bytes;             /* in the file so far */
    size_t used;
    uint32_t count;
    uint8_t frame[sizeof(struct seal_frame) + XK_SEAL_CHUNK + XK_TAG_SIZE];
    struct seal_extent extents[EXTENTS_MAX];
};

struct xk_seal {
    struct seal_core core;
    struct xk_seal_bound bound;
    struct xk_seal_keys keys;
    struct xk_hash *root;
    const struct xk_signer *signer;
    xk_seal_write_fn *write;
    void *ctx;
    uint64_t frames, size;
    struct filling *filling[XK_CLASSES];
};

/* Every class must be somebody's. */
static bool plan_sound(const struct xk_seal_plan *plan)
{
    uint32_t readable = plan->plain;
    size_t i;

    for (i = 0; i < plan->audience_count; i++)
        if (plan->audiences[i].count)
            readable |= plan->audiences[i].classes;
    return !(plan->classes & ~readable) && !(plan->plain & ~plan->classes) &&
           !(plan->classes >> XK_CLASSES);
}

static int make_core(struct xk_seal *seal, const struct xk_seal_plan *plan)
{
    struct seal_core *core = &seal->core;
    int rc;

    memcpy(core->magic, XK_SEAL_MAGIC, sizeof(core->magic));
    core->version = 1;
    core->classes = plan->classes;
    core->plain = plan->plain;
    core->time = plan->time;
    memcpy(core->domain, plan->domain, sizeof(core->domain));
    rc = xk_random(core->id, sizeof(core->id));
    if (!rc)
        rc = xk_signer_public(plan->signer, core->host);
    if (!rc)
        rc = xk_seal_keys_make(core, &seal->keys);
    return rc;
}

static int write_header(struct xk_seal *seal, const struct xk_seal_plan *plan)
{
    uint8_t *header = calloc(1, XK_SEAL_HEADER);
    struct xk_hash *hash = NULL;
    int rc;

    rc = header ? xk_hash_new(&hash) : -ENOMEM;
    if (rc)
        goto out;
    memcpy(header, &seal->core, sizeof(seal->core));
    rc = xk_hash_add(hash, header, XK_SEAL_CORE);
    if (!rc)
        rc = xk_hash_get(hash, seal->bound.core_hash);
    if (!rc)
        rc = xk_seal_slot_make(&seal->core, &seal->keys, plan->audiences,
                               plan->audience_count, 1,
                               header + XK_SEAL_CORE);
    if (!rc)
        rc = seal->write(seal->ctx, header, XK_SEAL_HEADER);
out:
    xk_hash_free(hash);
    free(header);
    return rc;
}

static int make_filling(struct xk_seal *seal)
{
    unsigned int cls;
    int rc;

    for (cls = 0; cls < XK_CLASSES; cls++) {
        if (!(seal->keys.have & XK_CLASS_BIT(cls)))
            continue;
        seal->filling[cls] = calloc(1, sizeof(struct filling));
        if (!seal->filling[cls])
            return -ENOMEM;
        rc = xk_gcm_new(&seal->filling[cls]->gcm, seal->keys.key[cls]);
        if (rc)
            return rc;
    }
    return 0;
}

int xk_seal_new(struct xk_seal **seal_r, const struct xk_seal_plan *plan,
                xk_seal_write_fn *write, void *ctx)
{
    struct xk_seal *seal;
    int rc;

    if (!plan_sound(plan))
        return -EINVAL;
    seal = calloc(1, sizeof(*seal));
    if (!seal)
        return -ENOMEM;
    seal->signer = plan->signer;
    seal->write = write;
    seal->ctx = ctx;
    rc = xk_hash_new(&seal->root);
    if (!rc)
        rc = make_core(seal, plan);
    if (!rc)
        rc = make_filling(seal);
    if (!rc)
        rc = write_header(seal, plan);
    /* The contexts have what is still needed. */
    xk_wipe(&seal->keys.key, sizeof(seal->keys.key));
    if (rc) {
        xk_seal_free(seal);
        return rc;
    }
    *seal_r = seal;
    return 0;
}

void xk_seal_free(struct xk_seal *seal)
{
    unsigned int cls;

    if (!seal)
        return;
    for (cls = 0; cls < XK_CLASSES; cls++) {
        if (!seal->filling[cls])
            continue;
        xk_gcm_free(seal->filling[cls]->gcm);
        xk_wipe(seal->filling[cls], sizeof(struct filling));
        free(seal->filling[cls]);
    }
    xk_hash_free(seal->root);
    xk_wipe(seal, sizeof(*seal));
    free(seal);
}

const uint8_t *xk_seal_id(const struct xk_seal *seal)
{
    return seal->core.id;
}

uint64_t xk_seal_class_bytes(const struct xk_seal *seal, enum xk_class cls)
{
    const struct filling *fill = seal->filling[cls];

    return fill ? fill->bytes : 0;
}

/* Where the content is, plain until it is sealed in place. */
static uint8_t *data_of(struct filling *fill)
{
    return fill->frame + sizeof(struct seal_frame);
}

/* The chunk's plaintext, put together in place; its length. */
static size_t chunk_close(struct filling *fill)
{
    size_t table = fill->count * sizeof(struct seal_extent);
    uint8_t *end = data_of(fill) + fill->used;

    memcpy(end, fill->extents, table);
    memcpy(end + table, &fill->count, sizeof(fill->count));
    return fill->used + table + sizeof(fill->count);
}

static int emit(struct xk_seal *seal, enum xk_class cls, bool last)
{
    struct filling *fill = seal->filling[cls];
    struct seal_frame *frame = &seal->bound.frame;
    uint8_t nonce[XK_NONCE_SIZE], *tag;
    size_t len;
    int rc;

    *frame = (struct seal_frame){
        .magic = XK_SEAL_FRAME_MAGIC,
        .cls = (uint8_t)cls,
        .last = last,
        .number = fill->number,
        .first = fill->count ? fill->extents[0].offset : fill->end,
        .end = fill->end,
    };
    len = chunk_close(fill);
    frame->length = (uint32_t)len;
    xk_seal_nonce(frame, nonce);
    memcpy(fill->frame, frame, sizeof(*frame));
    tag = data_of(fill) + len;
    rc = xk_gcm_seal(fill->gcm, nonce, &seal->bound, sizeof(seal->bound),
                     data_of(fill), len, data_of(fill), tag);
    if (!rc)
        rc = xk_hash_add(seal->root, frame, sizeof(*frame));
    if (!rc)
        rc = xk_hash_add(seal->root, tag, XK_TAG_SIZE);
    if (!rc)
        rc = seal->write(seal->ctx, fill->frame,
                         sizeof(*frame) + len + XK_TAG_SIZE);
    fill->number++;
    fill->bytes += sizeof(*frame) + len + XK_TAG_SIZE;
    fill->used = 0;
    fill->count = 0;
    seal->frames++;
    return rc;
}

/* How many more bytes at `offset` this chunk takes. */
static size_t room(const struct filling *fill, bool joins)
{
    size_t taken = fill->used + sizeof(fill->count) +
                   (fill->count + !joins) * sizeof(struct seal_extent);

    if (!joins && fill->count == EXTENTS_MAX)
        return 0;
    return taken < XK_SEAL_CHUNK ? XK_SEAL_CHUNK - taken : 0;
}

static void fill_add(struct filling *fill, uint64_t offset, const void *data,
                     size_t len, bool joins)
{
    if (!joins)
        fill->extents[fill->count++] = (struct seal_extent){
            .offset = offset,
        };
    fill->extents[fill->count - 1].length += (uint32_t)len;
    memcpy(data_of(fill) + fill->used, data, len);
    fill->used += len;
    fill->end = offset + len;
}

int xk_seal_extent(void *seal_ctx, enum xk_class cls, uint64_t offset,
                   const void *data, size_t len)
{
    struct xk_seal *seal = seal_ctx;
    struct filling *fill;
    size_t n;
    bool joins;
    int rc;

    if ((unsigned int)cls >= XK_CLASSES || !seal->filling[cls])
        return -EPERM;
    fill = seal->filling[cls];
    if (offset > INT64_MAX || len > INT64_MAX - offset)
        return -EINVAL;
    /* Page data rises, the index comes from several places at once: frames of
     * a class never reach over each other. */
    if (fill->count && (offset < fill->end || (cls == XK_CLASS_INDEX &&
                                               offset != fill->end))) {
        rc = emit(seal, cls, false);
        if (rc)
            return rc;
    }
    while (len) {
        joins = fill->count && offset == fill->end;
        n = xk_min_size(len, room(fill, joins));
        if (!n) {
            rc = emit(seal, cls, false);
            if (rc)
                return rc;
            continue;
        }
        fill_add(fill, offset, data, n, joins);
        offset += n;
        data = (const uint8_t *)data + n;
        len -= n;
    }
    seal->size = xk_max_u64(seal->size, fill->end);
    return 0;
}

static int write_footer(struct xk_seal *seal)
{
    static const char label[] = "xenkeep-dump-1 footer";
    struct seal_footer footer = { .magic = XK_SEAL_FOOTER_MAGIC };
    uint8_t text[sizeof(label) - 1 + XK_HASH_SIZE + sizeof(footer)];
    uint8_t *at = text;
    int rc;

    footer.frames = seal->frames;
    footer.size = seal->size;
    rc = xk_hash_get(seal->root, footer.root);
    if (rc)
        return rc;
    memcpy(at, label, sizeof(label) - 1);
    at += sizeof(label) - 1;
    memcpy(at, seal->bound.core_hash, XK_HASH_SIZE);
    at += XK_HASH_SIZE;
    memcpy(at, &footer, offsetof(struct seal_footer, signature));
    at += offsetof(struct seal_footer, signature);
    rc = xk_sign(seal->signer, text, (size_t)(at - text), footer.signature);
    if (!rc)
        rc = seal->write(seal->ctx, &footer, sizeof(footer));
    return rc;
}

int xk_seal_end(struct xk_seal *seal)
{
    unsigned int cls;
    int rc = 0;

    for (cls = 0; !rc && cls < XK_CLASSES; cls++) {
        struct filling *fill = seal->filling[cls];

        if (fill && (fill->count || fill->number))
            rc = emit(seal, (enum xk_class)cls, true);
    }
    return rc ? rc : write_footer(seal);
}
