/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose files they are: how the owners that a guest knows and those that the
 * files have in dom0 belong together. Pure.
 *
 * As text, the value of "owner" of a share:
 *   keep                   as they are
 *   squash=UID:GID         all is UID:GID's in dom0; the guest sees all as its
 *                          own UID:GID too
 *   squash=UID:GID@U:G     the guest sees all as its own U:G
 *   map=G-H-N[+G-H-N...]   the N ids of the guest from G on are those of dom0
 *                          from H on; users and groups alike
 */
#ifndef XK_FILED_OWNER_H
#define XK_FILED_OWNER_H

#include <stddef.h>
#include <stdint.h>

#define OWNER_RANGES 16
/* What the guest sees of an id without a place in the map. */
#define OWNER_NOBODY 65534u
/* Room that every owner_format() fits in. */
#define OWNER_TEXT_MAX 600

enum owner_kind { OWNER_KEEP, OWNER_SQUASH, OWNER_MAP };

struct owner_range {
    uint32_t guest, host, count;
};

struct owner {
    enum owner_kind kind;
    uint32_t host_uid, host_gid, guest_uid, guest_gid;  /* squash */
    struct owner_range ranges[OWNER_RANGES];            /* map */
    size_t nr_ranges;
};

/* -EINVAL: `text` is none of the above, or its ranges overlap. */
int owner_parse(const char *text, struct owner *owner);
const char *owner_format(const struct owner *owner, char *buf, size_t size);

/* To the guest: always an answer. */
uint32_t owner_guest_uid(const struct owner *owner, uint32_t host_uid);
uint32_t owner_guest_gid(const struct owner *owner, uint32_t host_gid);

/* From the guest. -EOVERFLOW: no place in the map. */
int owner_host_uid(const struct owner *owner, uint32_t guest_uid,
                   uint32_t *host_r);
int owner_host_gid(const struct owner *owner, uint32_t guest_gid,
                   uint32_t *host_r);

#endif /* XK_FILED_OWNER_H */
