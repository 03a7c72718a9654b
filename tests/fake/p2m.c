/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest frame numbers, see p2m.h. It keeps no account: what an entry costs
 * or frees is the business of pod.c and domain.c.
 */
#include "p2m.h"

#include <errno.h>
#include <string.h>

#include "state.h"

#define SUPER FAKE_SUPER_PAGES

static uint32_t pack(enum fk_p2mt type, uint32_t mfn)
{
    if (!fk_is_ram(type))
        mfn = 0;
    return (uint32_t)type << FK_MFN_BITS | mfn;
}

static struct fk_entry unpack(uint32_t e, unsigned int order)
{
    struct fk_entry entry = {
        .type = (enum fk_p2mt)(e >> FK_MFN_BITS), .mfn = FK_NO_MFN,
        .order = order,
    };

    if (fk_is_ram(entry.type))
        entry.mfn = e & ((1u << FK_MFN_BITS) - 1);
    return entry;
}

struct fk_entry fk_p2m_get(const struct fk_domain *d, uint64_t gfn)
{
    const struct fk_p2m *p2m = &d->p2m;
    const struct fk_slot *slot;
    struct fk_entry e;

    if (gfn / SUPER >= p2m->nr_slots)
        return unpack(pack(FK_HOLE, 0), FAKE_SUPER_ORDER);
    slot = &p2m->slots[gfn / SUPER];
    if (slot->split)
        return unpack(slot->split[gfn % SUPER], 0);
    e = unpack(slot->entry, FAKE_SUPER_ORDER);
    if (fk_is_ram(e.type))
        e.mfn += (uint32_t)(gfn % SUPER);
    return e;
}

static int grow(struct fk_p2m *p2m, uint64_t nr)
{
    uint64_t cap = p2m->nr_slots ? p2m->nr_slots : 64;
    struct fk_slot *slots;

    if (nr <= p2m->nr_slots)
        return 0;
    if (nr > FK_GFN_END / SUPER)
        return -ENOMEM;
    while (cap < nr)
        cap *= 2;
    slots = fk_alloc(cap * sizeof(*slots));
    if (p2m->nr_slots)
        memcpy(slots, p2m->slots, p2m->nr_slots * sizeof(*slots));
    fk_free(p2m->slots, p2m->nr_slots * sizeof(*slots));
    p2m->slots = slots;
    p2m->nr_slots = cap;
    return 0;
}

static void split(struct fk_slot *slot)
{
    struct fk_entry e = unpack(slot->entry, FAKE_SUPER_ORDER);
    uint32_t i;

    if (slot->split)
        return;
    slot->split = fk_alloc(SUPER * sizeof(*slot->split));
    for (i = 0; i < SUPER; i++)
        slot->split[i] = fk_is_ram(e.type) ? pack(e.type, e.mfn + i)
                                           : slot->entry;
}

/* PoD entries of the range that the guest cannot reach as its RAM. */
static uint64_t outside(const struct fk_domain *d, uint64_t gfn, uint64_t n)
{
    uint64_t i, count = 0;

    if (fk_ram_count(d, gfn, n) == n)
        return 0;
    for (i = 0; i < n; i++)
        if (fk_p2m_get(d, gfn + i).type == FK_POD &&
            !fk_ram_count(d, gfn + i, 1))
            count++;
    return count;
}

int fk_p2m_set(struct fk_domain *d, uint64_t gfn, unsigned int order,
               enum fk_p2mt type, uint32_t mfn)
{
    uint64_t n = UINT64_C(1) << order, i;
    struct fk_slot *slot;
    int rc;

    if (gfn + n > FK_GFN_END)
        return -ENOMEM;
    rc = grow(&d->p2m, (gfn + n + SUPER - 1) / SUPER);
    if (rc)
        return rc;
    d->scratch -= outside(d, gfn, n);
    if (order >= FAKE_SUPER_ORDER) {
        for (i = 0; i < n; i += SUPER) {
            slot = &d->p2m.slots[(gfn + i) / SUPER];
            fk_free(slot->split, SUPER * sizeof(*slot->split));
            slot->split = NULL;
            slot->entry = pack(type, mfn + (uint32_t)i);
        }
    } else {
        slot = &d->p2m.slots[gfn / SUPER];
        split(slot);
        for (i = 0; i < n; i++)
            slot->split[gfn % SUPER + i] = pack(type, mfn + (uint32_t)i);
    }
    d->scratch += outside(d, gfn, n);
    if (type != FK_HOLE && gfn + n - 1 > d->p2m.max_gfn)
        d->p2m.max_gfn = gfn + n - 1;
    return 0;
}

void fk_p2m_given(struct fk_domain *d, uint64_t gfn, uint64_t count, bool on)
{
    struct fk_slot *slot;
    uint64_t bit;

    for (; count--; gfn++) {
        if (gfn / SUPER >= d->p2m.nr_slots)
            return;
        slot = &d->p2m.slots[gfn / SUPER];
        if (!slot->given) {
            if (!on)
                continue;
            slot->given = fk_alloc(SUPER / 8);
        }
        bit = UINT64_C(1) << (gfn % 64);
        if (on)
            slot->given[gfn % SUPER / 64] |= bit;
        else
            slot->given[gfn % SUPER / 64] &= ~bit;
    }
}

bool fk_p2m_is_given(const struct fk_domain *d, uint64_t gfn)
{
    const uint64_t *given;

    if (gfn / SUPER >= d->p2m.nr_slots)
        return false;
    given = d->p2m.slots[gfn / SUPER].given;
    return given && (given[gfn % SUPER / 64] >> (gfn % 64) & 1);
}

void fk_p2m_dispose(struct fk_p2m *p2m)
{
    uint64_t i;

    for (i = 0; i < p2m->nr_slots; i++) {
        fk_free(p2m->slots[i].split, SUPER * sizeof(uint32_t));
        fk_free(p2m->slots[i].given, SUPER / 8);
    }
    fk_free(p2m->slots, p2m->nr_slots * sizeof(*p2m->slots));
    memset(p2m, 0, sizeof(*p2m));
}
