/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sealed container of a crash dump; this header is its specification,
 * xenkeep-dump(5) tells it in prose. All numbers are little endian; what is
 * called zero is zero and is checked.
 *
 *     core         XK_SEAL_CORE bytes         struct seal_core
 *     slot 0, 1    XK_SEAL_SLOT bytes each    struct seal_slot, envelopes
 *     frames       any number                 struct seal_frame, chunk, tag
 *     footer       struct seal_footer         to the end of the file
 *
 * The content is a file (of the kdump format), cut in extents that each have
 * a class. Extents of a class are collected in chunks. A chunk's plaintext is
 * at most XK_SEAL_CHUNK bytes:
 *
 *     the bytes of its extents, one after the other
 *     count times struct seal_extent: where these bytes belong
 *     uint32_t count
 *
 * It is sealed by AES-256-GCM with its class's key. The nonce is the class (1
 * byte), the chunk's number within the class (10 bytes, the upper two zero,
 * big endian) and `last` (1 byte); the associated data are the SHA-256 of the
 * core and the frame's header. So no chunk can be cut, moved, repeated or
 * taken to another dump. Chunks of a class come in the order of their numbers
 * from 0 on; within a chunk extents are at rising offsets, and the ranges of
 * two chunks of a class do not overlap. Each class that has any ends in a
 * chunk with `last` (which may have no extent).
 *
 * The key of a class is HKDF-SHA256(dump key, salt: dump id, info:
 * "xenkeep-dump-1 class " and the class's byte). The dump key is random, is
 * made for one dump, and is stored nowhere. What an envelope carries are keys
 * of classes: one envelope for each audience, a CMS EnvelopedData for all its
 * certificates. The core has a commitment for each class, HKDF-SHA256(class
 * key, salt: dump id, info: "xenkeep-dump-1 commit" and the byte), because
 * GCM does not bind a ciphertext to one key. A class that nobody is to be
 * kept from has its key in the core.
 *
 * The last thing in the file is the footer: the root, which is the SHA-256 of
 * all frames' headers and tags in their order, signed by the host's Ed25519
 * key over "xenkeep-dump-1 footer", the core's hash and the footer up to the
 * signature. A file without it is torn: what it has is good up to its last
 * whole chunk.
 *
 * Envelopes are not under the signature, so that they can be made anew for
 * other certificates (the slots take turns, the greater generation holds):
 * their content proves itself by the commitments.
 */
#ifndef XK_CRASHD_SEAL_FORMAT_H
#define XK_CRASHD_SEAL_FORMAT_H

#include <stdint.h>

#include "crypto.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the structures are the file's bytes on little endian machines only"
#endif

#define XK_SEAL_CORE 4096u
#define XK_SEAL_SLOT 30720u
#define XK_SEAL_SLOTS 2u
#define XK_SEAL_HEADER (XK_SEAL_CORE + XK_SEAL_SLOTS * XK_SEAL_SLOT)
#define XK_SEAL_CHUNK 65536u
#define XK_SEAL_CLASSES 16u     /* that the core has room for */

#define XK_SEAL_MAGIC "XKDUMP1\n"
#define XK_SEAL_SLOT_MAGIC "XKSLOT1\n"
#define XK_SEAL_ENVELOPE_MAGIC "XKKEYS1\n"
#define XK_SEAL_FOOTER_MAGIC "XKEND1\n"
#define XK_SEAL_FRAME_MAGIC 0x314b4843u /* "CHK1" */

struct seal_core {
    char magic[8];
    uint32_t version;           /* 1 */
    uint32_t classes;           /* bit N: class N may be in the file */
    uint32_t plain;             /* of these, those whose key is in `key` */
    uint32_t zero;
    uint64_t time;              /* when it was written, seconds since 1970 */
    uint8_t id[16];             /* random */
    uint8_t domain[16];         /* uuid of the guest */
    uint8_t host[XK_PUBLIC_SIZE];       /* whose signature is in the footer */
    uint8_t commitment[XK_SEAL_CLASSES][XK_HASH_SIZE];
    uint8_t key[XK_SEAL_CLASSES][XK_KEY_SIZE];
};

struct seal_slot {
    char magic[8];
    uint32_t generation;        /* from 1 */
    uint32_t length;            /* of what follows */
    uint8_t hash[XK_HASH_SIZE]; /* SHA-256 of what follows */
    /* envelopes: uint32_t length, DER, one after the other */
};

/* What an envelope holds. */
struct seal_envelope {
    char magic[8];
    uint8_t id[16];             /* of the dump */
    uint32_t classes;           /* whose keys follow, lowest class first */
    uint32_t zero;
    uint8_t key[XK_SEAL_CLASSES][XK_KEY_SIZE];
};

struct seal_frame {
    uint32_t magic;
    uint8_t cls;
    uint8_t last;               /* 1: of its class */
    uint16_t zero;
    uint32_t length;            /* of the chunk, without the tag */
    uint32_t zero2;
    uint64_t number;            /* within the class */
    uint64_t first, end;        /* offsets that its extents lie between */
};

struct seal_extent {
    uint64_t offset;
    uint32_t length;
    uint32_t zero;
};

struct seal_footer {
    char magic[8];
    uint64_t frames;
    uint64_t size;              /* of the content: the greatest `end` */
    uint8_t root[XK_HASH_SIZE];
    uint8_t signature[XK_SIGNATURE_SIZE];
};

_Static_assert(sizeof(struct seal_core) <= XK_SEAL_CORE, "core");
_Static_assert(sizeof(struct seal_frame) == 40, "frame");
_Static_assert(sizeof(struct seal_extent) == 16, "extent");
_Static_assert(sizeof(struct seal_footer) == 120, "footer");

#endif /* XK_CRASHD_SEAL_FORMAT_H */
