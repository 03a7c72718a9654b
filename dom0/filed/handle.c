/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sealing handles, see handle.h.
 */
#include "handle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xenkeep/util.h>

#include "state.h"

#define VERSION 1u

/* Little endian as all of the protocol; the seal comes after the bytes. */
struct sealed {
    uint8_t version;
    uint8_t fh_len;
    uint16_t zero;
    int32_t fh_type;
    uint64_t tag;
    uint64_t ino;
    uint32_t mode;
    uint32_t zero2;
    uint8_t fh[OPS_HANDLE_MAX - 32 - XK_MAC_SIZE];
};

#define HEAD offsetof(struct sealed, fh)
_Static_assert(HEAD == 32, "room of the bytes");

static int seal(struct ops *ops, const void *data, size_t len,
                uint8_t mac[XK_MAC_SIZE])
{
    int rc;

    pthread_mutex_lock(&ops->seal_lock);
    rc = xk_mac_get(ops->mac, data, len, mac);
    pthread_mutex_unlock(&ops->seal_lock);
    return rc;
}

void handle_seal(struct ops *ops, const struct node *node,
                 struct ops_entry *entry)
{
    struct sealed s = { .version = VERSION };
    size_t len = HEAD + node->fh_len;

    entry->handle_len = 0;
    if (!node->slot || node->fh_len > sizeof(s.fh))
        return;
    s.fh_len = (uint8_t)node->fh_len;
    s.fh_type = node->fh_type;
    s.tag = node->slot->tag;
    s.ino = node->ino;
    s.mode = node->mode;
    memcpy(s.fh, node->fh, node->fh_len);
    if (seal(ops, &s, len, entry->handle + len))
        return;
    memcpy(entry->handle, &s, len);
    entry->handle_len = (uint32_t)(len + XK_MAC_SIZE);
}

static struct slot *by_tag(struct ops *ops, uint64_t tag)
{
    struct slot *slot;

    pthread_mutex_lock(&ops->lock);
    for (slot = ops->slots; slot; slot = slot->next)
        if (slot->tag == tag && atomic_load(&slot->state) != SLOT_REVOKED)
            break;
    pthread_mutex_unlock(&ops->lock);
    return slot;
}

int handle_open(struct ops *ops, const void *untrusted, size_t len,
                struct slot **slot_r, struct identity *id)
{
    uint8_t mac[XK_MAC_SIZE];
    struct sealed s;

    if (len < HEAD + XK_MAC_SIZE || len > sizeof(s) + XK_MAC_SIZE)
        return -ESTALE;
    len -= XK_MAC_SIZE;
    memcpy(&s, untrusted, len);
    if (seal(ops, &s, len, mac) ||
        !xk_same(mac, (const uint8_t *)untrusted + len, sizeof(mac)) ||
        s.version != VERSION || HEAD + s.fh_len != len)
        return -ESTALE;
    *slot_r = by_tag(ops, s.tag);
    if (!*slot_r)
        return -ESTALE;
    *id = (struct identity){
        .ino = s.ino, .mode = s.mode, .fh_type = s.fh_type,
        .fh_len = s.fh_len,
    };
    memcpy(id->fh, s.fh, s.fh_len);
    return 0;
}

void handle_tag(struct ops *ops, struct slot *slot)
{
    char text[sizeof("share:") + OPS_NAME_MAX];
    uint8_t mac[XK_MAC_SIZE];
    int len = snprintf(text, sizeof(text), "share:%s", slot->name);

    /* It does not begin as a handle does: no tag is the seal of one. */
    if (!seal(ops, text, (size_t)len, mac))
        memcpy(&slot->tag, mac, sizeof(slot->tag));
}
