/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys of a sealed dump: made, committed to, put in envelopes, found again.
 */
#ifndef XK_CRASHD_SEAL_KEYS_H
#define XK_CRASHD_SEAL_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seal_format.h"

/* Audiences of one dump. */
#define XK_AUDIENCES 8

/* Wiped by its owner. */
struct xk_seal_keys {
    uint32_t have;              /* bit N: key[N] is known */
    uint8_t key[XK_SEAL_CLASSES][XK_KEY_SIZE];
};

/* Those who may see these classes. The certificates are the caller's. */
struct xk_audience {
    uint32_t classes;
    struct xk_cert *const *certs;
    size_t count;
};

/* New keys for the classes of `core` (which has its id), and into the core
 * the commitments and the plain keys. */
int xk_seal_keys_make(struct seal_core *core, struct xk_seal_keys *keys);

/* The nonce and what is bound to a chunk. */
struct xk_seal_bound {
    uint8_t core_hash[XK_HASH_SIZE];
    struct seal_frame frame;
};

void xk_seal_nonce(const struct seal_frame *frame,
                   uint8_t nonce[XK_NONCE_SIZE]);

/*
 * The envelopes of all audiences as a slot of XK_SEAL_SLOT bytes. An audience
 * without certificates has none. -E2BIG: they do not fit.
 */
int xk_seal_slot_make(const struct seal_core *core,
                      const struct xk_seal_keys *keys,
                      const struct xk_audience *audiences, size_t count,
                      uint32_t generation, uint8_t slot[XK_SEAL_SLOT]);

/* The generation of a slot that is sound, else 0. Pure. */
uint32_t xk_seal_slot_sound(const uint8_t untrusted[XK_SEAL_SLOT]);

/* Is the core sound? Pure. NULL, or what is wrong with it. */
const char *xk_seal_core_fault(const struct seal_core *untrusted);

/*
 * The keys that `key` (or none: NULL) opens, the plain ones with them. Each
 * is held against its commitment. -ENOKEY: no envelope is for `key`;
 * -EBADMSG: an envelope opened and its keys are not this dump's.
 */
int xk_seal_keys_find(const struct seal_core *core,
                      const uint8_t untrusted_slot[XK_SEAL_SLOT],
                      const struct xk_private *key,
                      struct xk_seal_keys *keys);

#endif /* XK_CRASHD_SEAL_KEYS_H */
