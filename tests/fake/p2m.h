/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest frame number means: per 2 MiB slot either one entry or 512.
 * As in Xen, writing an entry of 2 MiB order makes a slot whole again, and
 * nothing else does.
 */
#ifndef XK_FAKE_P2M_H
#define XK_FAKE_P2M_H

#include <stdbool.h>
#include <stdint.h>

struct fk_domain;

enum fk_p2mt {
    FK_HOLE,
    FK_RAM,
    FK_RAM_LD,      /* log-dirty: reads as read-only */
    FK_POD,
    FK_MMIO         /* a device's pages: neither RAM nor a hole */
};

/* Guest frame numbers end here (4 TiB): beyond is a hole that stays one. */
#define FK_GFN_END (UINT64_C(1) << 30)

struct fk_slot {
    uint32_t entry;     /* type and frame; of 2 MiB when there is no split */
    uint32_t *split;
    uint64_t *given;    /* bits: the guest itself gave the page away */
};

struct fk_p2m {
    struct fk_slot *slots;
    uint64_t nr_slots;
    uint64_t max_gfn;
};

struct fk_entry {
    enum fk_p2mt type;
    uint32_t mfn;
    unsigned int order; /* 9 or 0 */
};

struct fk_entry fk_p2m_get(const struct fk_domain *d, uint64_t gfn);

/* gfn is aligned to order, which is at most 18. 0 or -ENOMEM. */
int fk_p2m_set(struct fk_domain *d, uint64_t gfn, unsigned int order,
               enum fk_p2mt type, uint32_t mfn);

/* Remembers who removed pages: the guest (on) or somebody else. */
void fk_p2m_given(struct fk_domain *d, uint64_t gfn, uint64_t count, bool on);
bool fk_p2m_is_given(const struct fk_domain *d, uint64_t gfn);

void fk_p2m_dispose(struct fk_p2m *p2m);

static inline bool fk_is_ram(enum fk_p2mt type)
{
    return type == FK_RAM || type == FK_RAM_LD;
}

#endif /* XK_FAKE_P2M_H */
