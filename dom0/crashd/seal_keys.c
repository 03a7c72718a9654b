/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys of a sealed dump, see seal_keys.h and seal_format.h.
 */
#include "seal_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#define INFO_CLASS "xenkeep-dump-1 class "
#define INFO_COMMIT "xenkeep-dump-1 commit"

#define BIT(cls) (1u << (cls))

/* HKDF with a text and the class's byte as its info. */
static int derive(const uint8_t key[XK_KEY_SIZE], const struct seal_core *core,
                  const char *text, unsigned int cls,
                  uint8_t out[XK_KEY_SIZE])
{
    uint8_t info[32];
    size_t len = strlen(text);

    memcpy(info, text, len);
    info[len] = (uint8_t)cls;
    return xk_hkdf(key, XK_KEY_SIZE, core->id, sizeof(core->id), info,
                   len + 1, out, XK_KEY_SIZE);
}

int xk_seal_keys_make(struct seal_core *core, struct xk_seal_keys *keys)
{
    uint8_t dump_key[XK_KEY_SIZE];
    unsigned int cls;
    int rc;

    memset(keys, 0, sizeof(*keys));
    rc = xk_random(dump_key, sizeof(dump_key));
    for (cls = 0; !rc && cls < XK_SEAL_CLASSES; cls++) {
        if (!(core->classes & BIT(cls)))
            continue;
        rc = derive(dump_key, core, INFO_CLASS, cls, keys->key[cls]);
        if (!rc)
            rc = derive(keys->key[cls], core, INFO_COMMIT, cls,
                        core->commitment[cls]);
        if (core->plain & BIT(cls))
            memcpy(core->key[cls], keys->key[cls], XK_KEY_SIZE);
    }
    xk_wipe(dump_key, sizeof(dump_key));
    keys->have = core->classes;
    return rc;
}

void xk_seal_nonce(const struct seal_frame *frame,
                   uint8_t nonce[XK_NONCE_SIZE])
{
    unsigned int i;

    nonce[0] = frame->cls;
    nonce[1] = nonce[2] = 0;
    for (i = 0; i < 8; i++)
        nonce[3 + i] = (uint8_t)(frame->number >> (56 - 8 * i));
    nonce[11] = frame->last;
}

/* ---- slots and envelopes ------------------------------------------------ */

/* The length of an envelope's content for so many classes. */
static size_t envelope_size(uint32_t classes)
{
    return offsetof(struct seal_envelope, key) +
           (size_t)__builtin_popcount(classes) * XK_KEY_SIZE;
}

static int envelope_make(const struct seal_core *core,
                         const struct xk_seal_keys *keys,
                         const struct xk_audience *aud, uint8_t **der_r,
                         size_t *len_r)
{
    struct seal_envelope env = { .magic = XK_SEAL_ENVELOPE_MAGIC };
    unsigned int cls, n;
    int rc;

    memcpy(env.id, core->id, sizeof(env.id));
    env.classes = aud->classes & keys->have & core->classes;
    for (cls = 0, n = 0; cls < XK_SEAL_CLASSES; cls++)
        if (env.classes & BIT(cls))
            memcpy(env.key[n++], keys->key[cls], XK_KEY_SIZE);
    rc = xk_envelope_seal(aud->certs, aud->count, &env,
                          envelope_size(env.classes), der_r, len_r);
    xk_wipe(&env, sizeof(env));
    return rc;
}

int xk_seal_slot_make(const struct seal_core *core,
                      const struct xk_seal_keys *keys,
                      const struct xk_audience *audiences, size_t count,
                      uint32_t generation, uint8_t slot[XK_SEAL_SLOT])
{
    struct seal_slot head = {
        .magic = XK_SEAL_SLOT_MAGIC, .generation = generation,
    };
    size_t used = sizeof(head), len, i;
    uint32_t prefix;
    uint8_t *der;
    int rc;

    memset(slot, 0, XK_SEAL_SLOT);
    for (i = 0; i < count; i++) {
        if (!audiences[i].count)
            continue;
        rc = envelope_make(core, keys, &audiences[i], &der, &len);
        if (rc)
            return rc;
        if (len + sizeof(prefix) > XK_SEAL_SLOT - used) {
            free(der);
            return -E2BIG;
        }
        prefix = (uint32_t)len;
        memcpy(slot + used, &prefix, sizeof(prefix));
        memcpy(slot + used + sizeof(prefix), der, len);
        used += sizeof(prefix) + len;
        free(der);
    }
    head.length = (uint32_t)(used - sizeof(head));
    rc = xk_hash_of(slot + sizeof(head), head.length, head.hash);
    memcpy(slot, &head, sizeof(head));
    return rc;
}

uint32_t xk_seal_slot_sound(const uint8_t untrusted[XK_SEAL_SLOT])
{
    struct seal_slot head;
    uint8_t hash[XK_HASH_SIZE];

    memcpy(&head, untrusted, sizeof(head));
    if (memcmp(head.magic, XK_SEAL_SLOT_MAGIC, sizeof(head.magic)) ||
        head.length > XK_SEAL_SLOT - sizeof(head) ||
        xk_hash_of(untrusted + sizeof(head), head.length, hash) ||
        memcmp(hash, head.hash, sizeof(hash)))
        return 0;
    return head.generation;
}

const char *xk_seal_core_fault(const struct seal_core *untrusted)
{
    if (memcmp(untrusted->magic, XK_SEAL_MAGIC, sizeof(untrusted->magic)))
        return "it does not begin as a sealed dump does";
    if (untrusted->version != 1)
        return "it is of a version that is not known here";
    if (untrusted->zero || untrusted->classes >> XK_SEAL_CLASSES ||
        untrusted->plain & ~untrusted->classes)
        return "its header is damaged";
    return NULL;
}

/* Takes one class's key if it is the one that the core is committed to. */
static int take_key(const struct seal_core *core, unsigned int cls,
                    const uint8_t key[XK_KEY_SIZE], struct xk_seal_keys *keys)
{
    uint8_t commitment[XK_HASH_SIZE];
    int rc;

    rc = derive(key, core, INFO_COMMIT, cls, commitment);
    if (rc)
        return rc;
    if (!xk_same(commitment, core->commitment[cls], XK_HASH_SIZE))
        return -EBADMSG;
    memcpy(keys->key[cls], key, XK_KEY_SIZE);
    keys->have |= BIT(cls);
    return 0;
}

static int take_plain(const struct seal_core *core, struct xk_seal_keys *keys)
{
    unsigned int cls;
    int rc = 0;

    for (cls = 0; !rc && cls < XK_SEAL_CLASSES; cls++)
        if (core->plain & BIT(cls))
            rc = take_key(core, cls, core->key[cls], keys);
    return rc;
}

/* A key for whom the envelope is not may open it to noise: -ENOKEY. */
static int take_envelope(const struct seal_core *core, const uint8_t *plain,
                         size_t len, struct xk_seal_keys *keys)
{
    struct seal_envelope env;
    unsigned int cls, n = 0;
    int rc = 0;

    memset(&env, 0, sizeof(env));
    if (len > sizeof(env) || len < offsetof(struct seal_envelope, key))
        return -ENOKEY;
    memcpy(&env, plain, len);
    if (memcmp(env.magic, XK_SEAL_ENVELOPE_MAGIC, sizeof(env.magic)))
        rc = -ENOKEY;
    else if (memcmp(env.id, core->id, sizeof(env.id)) || env.zero ||
             env.classes & ~core->classes || len != envelope_size(env.classes))
        rc = -EBADMSG;
    for (cls = 0; !rc && cls < XK_SEAL_CLASSES; cls++)
        if (env.classes & BIT(cls))
            rc = take_key(core, cls, env.key[n++], keys);
    xk_wipe(&env, sizeof(env));
    return rc;
}

int xk_seal_keys_find(const struct seal_core *core,
                      const uint8_t untrusted_slot[XK_SEAL_SLOT],
                      const struct xk_private *key, struct xk_seal_keys *keys)
{
    const uint8_t *at = untrusted_slot + sizeof(struct seal_slot);
    int rc, found = -ENOKEY;
    struct seal_slot head;
    uint8_t *plain;
    uint32_t len;
    size_t left, n;

    memset(keys, 0, sizeof(*keys));
    rc = take_plain(core, keys);
    if (rc || !key)
        return rc;
    if (!xk_seal_slot_sound(untrusted_slot))
        return -ENOKEY;
    memcpy(&head, untrusted_slot, sizeof(head));
    for (left = head.length; left >= sizeof(len); left -= len, at += len) {
        memcpy(&len, at, sizeof(len));
        left -= sizeof(len);
        at += sizeof(len);
        if (len > left)
            return -EBADMSG;
        plain = NULL;
        rc = xk_envelope_open(key, at, len, sizeof(struct seal_envelope),
                              &plain, &n);
        if (!rc)
            rc = take_envelope(core, plain, n, keys);
        if (plain)
            xk_wipe(plain, n);
        free(plain);
        if (!rc)
            found = 0;
        else if (rc == -ENOMEM)
            return rc;
        else if (rc == -EBADMSG && found)
            found = rc;
    }
    return found;
}
