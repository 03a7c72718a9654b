/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Populate-on-demand, see pod.h. Nothing here knows why a call was made;
 * every surprise of the real thing that a daemon can meet is meant to be
 * here too, and none that it cannot meet.
 */
#include "pod.h"

#include <errno.h>
#include <string.h>

#include "state.h"

#define SUPER FAKE_SUPER_PAGES
#define NO_GFN UINT64_MAX
#define RECENT_SUPER (UINT64_C(1) << 63)

/* Of the emergency sweep: how far it looks at least, and how many at once. */
#define SWEEP_LIMIT 1024u
#define SWEEP_STRIDE 16u

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Largest power of two that divides both, as an order. */
static unsigned int common_order(uint64_t gfn, unsigned int order)
{
    uint64_t v = gfn | UINT64_C(1) << order;

    return (unsigned int)__builtin_ctzll(v);
}

void fk_pod_init(struct fk_pod *pod)
{
    unsigned int i;

    for (i = 0; i < FK_POD_RECENT; i++)
        pod->recent[i] = NO_GFN;
}

static bool debt(const struct fk_domain *d)
{
    return d->pod.entries > d->pod.cache;
}

/* Whatever enters the cache is cleared first. */
static void cache_add(struct fk_domain *d, uint32_t mfn, unsigned int order)
{
    uint32_t n = 1u << order, i;

    fk_frames_clear(mfn, n);
    if (order >= FAKE_SUPER_ORDER) {
        for (i = 0; i < n; i += SUPER)
            fk_fifo_push(&d->pod.super, mfn + i);
    } else {
        for (i = 0; i < n; i++)
            fk_fifo_push(&d->pod.single, mfn + i);
    }
    d->pod.cache += n;
}

/* Order 9 or 0; a superpage is broken up when the singles have run out. */
static uint32_t cache_get(struct fk_domain *d, unsigned int order)
{
    uint32_t mfn, i;

    if (order == FAKE_SUPER_ORDER) {
        if (!d->pod.super.len)
            return FK_NO_MFN;
        d->pod.cache -= SUPER;
        return fk_fifo_pop(&d->pod.super);
    }
    if (!d->pod.single.len) {
        if (!d->pod.super.len)
            return FK_NO_MFN;
        mfn = fk_fifo_pop(&d->pod.super);
        for (i = 0; i < SUPER; i++)
            fk_fifo_push(&d->pod.single, mfn + i);
    }
    d->pod.cache--;
    return fk_fifo_pop(&d->pod.single);
}

static int cache_grow(struct fk_domain *d, uint64_t target)
{
    unsigned int order;
    uint32_t mfn;

    while (d->pod.cache < target) {
        order = target - d->pod.cache >= SUPER ? FAKE_SUPER_ORDER : 0;
        mfn = fk_dom_alloc(d, order);
        if (mfn == FK_NO_MFN && order) {
            order = 0;
            mfn = fk_dom_alloc(d, order);
        }
        if (mfn == FK_NO_MFN)
            return -ENOMEM;
        cache_add(d, mfn, order);
    }
    return 0;
}

/* A superpage goes only while more than 512 pages are too many. */
static void cache_trim(struct fk_domain *d)
{
    unsigned int order;
    uint32_t mfn, i, n;

    while (d->pod.cache > d->pod.entries) {
        order = 0;
        if (d->pod.cache - d->pod.entries > SUPER && d->pod.super.len)
            order = FAKE_SUPER_ORDER;
        n = 1u << order;
        mfn = cache_get(d, order);
        for (i = 0; i < n; i++)
            fk_dom_free(d, mfn + i);
    }
}

void fk_pod_empty(struct fk_domain *d)
{
    d->pod.entries = 0;
    cache_trim(d);
}

/*
 * Turns a 2 MiB range into one PoD entry and its frames into a superpage of
 * the cache, if they are RAM of one type, in sequence and aligned, used by
 * nobody else and all zero. The size of its p2m entries does not matter.
 */
static bool check_super(struct fk_domain *d, uint64_t gfn)
{
    struct fk_entry first = fk_p2m_get(d, gfn), e = first;
    uint32_t i;

    if (gfn % SUPER || !fk_is_ram(first.type) || first.mfn % SUPER)
        return false;
    for (i = 0; i < SUPER && first.order == 0; i++) {
        e = fk_p2m_get(d, gfn + i);
        if (e.type != first.type || e.mfn != first.mfn + i)
            return false;
    }
    if (!fk_block_plain(first.mfn))
        return false;
    for (i = 0; i < SUPER && !fk_block_clean(first.mfn); i++)
        if (!fk_frame_is_zero(first.mfn + i))
            return false;
    if (fk_p2m_set(d, gfn, FAKE_SUPER_ORDER, FK_POD, 0))
        return false;
    cache_add(d, first.mfn, FAKE_SUPER_ORDER);
    d->pod.entries += SUPER;
    return true;
}

/* The same for one page; it leaves a split slot behind. */
static bool check_single(struct fk_domain *d, uint64_t gfn)
{
    struct fk_entry e = fk_p2m_get(d, gfn);

    if (!fk_is_ram(e.type) || fk_frame_special(e.mfn) ||
        fk_frame_refs(e.mfn) || !fk_frame_is_zero(e.mfn))
        return false;
    if (fk_p2m_set(d, gfn, 0, FK_POD, 0))
        return false;
    cache_add(d, e.mfn, 0);
    d->pod.entries++;
    return true;
}

static uint64_t decrease(struct fk_domain *d, uint64_t gfn,
                         unsigned int order)
{
    uint64_t all = UINT64_C(1) << order, pod = 0, ram = 0, done = 0, i, n;
    struct fk_entry e;
    bool steal;

    /* Without entries PoD has no say, even if a cache is left over. */
    if (!d->pod.entries || d->dying)
        return 0;
    steal = debt(d);
    for (i = 0; i < all; i += n) {
        e = fk_p2m_get(d, gfn + i);
        n = min_u64(all, UINT64_C(1) << e.order);
        if (e.type == FK_POD)
            pod += n;
        else if (fk_is_ram(e.type) && !fk_frame_special(e.mfn))
            ram += n;
    }
    if (!pod && !steal)
        return 0;
    if (pod == all) {
        if (fk_p2m_set(d, gfn, order, FK_HOLE, 0))
            return 0;
        d->pod.entries -= all;
        cache_trim(d);
        return all;
    }

    /*
     * In debt and asked for less than a superpage, all of it RAM: the whole
     * superpage around it is taken if it is zero.
     */
    if (steal && order < FAKE_SUPER_ORDER && ram == all &&
        check_super(d, gfn & ~(uint64_t)(SUPER - 1))) {
        pod = all;
        ram = 0;
    }
    for (i = 0; i < all && (pod || (steal && ram)); i += n) {
        e = fk_p2m_get(d, gfn + i);
        n = min_u64(all, UINT64_C(1) << e.order);
        if (e.type == FK_POD) {
            fk_p2m_set(d, gfn + i, order < e.order ? order : e.order,
                       FK_HOLE, 0);
            d->pod.entries -= n;
            pod -= n;
            done += n;
        } else if (steal && fk_is_ram(e.type)) {
            if (fk_frame_special(e.mfn))
                continue;
            fk_p2m_set(d, gfn + i, order < e.order ? order : e.order,
                       FK_HOLE, 0);
            /* Whoever has it mapped keeps it: no reference is looked at. */
            cache_add(d, e.mfn, order < e.order ? order : e.order);
            steal = debt(d);
            ram -= n;
            done += n;
        }
    }
    cache_trim(d);
    return done;
}

uint64_t fk_pod_decrease(struct fk_domain *d, uint64_t gfn,
                         unsigned int order)
{
    unsigned int chunk = common_order(gfn, order);
    uint64_t i, done = 0;

    for (i = 0; i < UINT64_C(1) << order; i += UINT64_C(1) << chunk)
        done += decrease(d, gfn + i, chunk);
    return done;
}

static int mark(struct fk_domain *d, uint64_t gfn, unsigned int order)
{
    uint64_t all = UINT64_C(1) << order, were = 0, i, n;
    struct fk_entry e;
    int rc;

    for (i = 0; i < all; i += n) {
        e = fk_p2m_get(d, gfn + i);
        n = min_u64(all, UINT64_C(1) << e.order);
        if (e.type == FK_POD)
            were += n;
        else if (e.type != FK_HOLE)
            return -EBUSY;
    }
    rc = fk_p2m_set(d, gfn, order, FK_POD, 0);
    if (!rc)
        d->pod.entries += all - were;
    else if (order)
        fk_dom_crash(d);
    return rc;
}

int fk_pod_mark(struct fk_domain *d, uint64_t gfn, unsigned int order)
{
    unsigned int chunk = common_order(gfn, order);
    uint64_t i;
    int rc = 0;

    if (d->type == FAKE_PV)
        return -EINVAL;
    if (d->passthrough)
        return -ENOTEMPTY;
    for (i = 0; i < UINT64_C(1) << order && !rc; i += UINT64_C(1) << chunk)
        rc = mark(d, gfn + i, chunk);
    return rc;
}

int fk_pod_set_target(struct fk_domain *d, uint64_t target)
{
    uint64_t populated = d->tot - d->pod.cache, want;

    if (target > d->max_pages)
        return -EINVAL;
    if ((populated && !d->pod.entries) || d->dying || target < d->tot)
        return 0;
    want = target - populated;
    if (populated)
        want = min_u64(want, d->pod.entries);
    if (d->passthrough)
        return -ENOTEMPTY;
    return cache_grow(d, want);
}

/*
 * In debt, a page that was filled not long ago is looked at again: always
 * one, and as many as there are while the cache is empty.
 */
static void reclaim_recent(struct fk_domain *d)
{
    struct fk_pod *pod = &d->pod;
    unsigned int i = 0, at;
    uint64_t gfn, k;

    do {
        at = (pod->recent_at + i++) % FK_POD_RECENT;
        gfn = pod->recent[at];
        if (gfn == NO_GFN)
            continue;
        pod->recent[at] = NO_GFN;
        if (!(gfn & RECENT_SUPER)) {
            check_single(d, gfn);
            continue;
        }
        gfn &= ~RECENT_SUPER;
        if (!check_super(d, gfn))
            for (k = 0; k < SUPER; k++)
                check_single(d, gfn + k);
    } while (!pod->cache && i < FK_POD_RECENT);
}

static void emergency_sweep(struct fk_domain *d)
{
    struct fk_pod *pod = &d->pod;
    uint64_t batch[SWEEP_STRIDE], gfn, limit, k;
    unsigned int n = 0;

    if (!pod->sweep_at)
        pod->sweep_at = pod->max_guest;
    limit = pod->sweep_at > SWEEP_LIMIT ? pod->sweep_at - SWEEP_LIMIT : 0;
    for (gfn = pod->sweep_at; gfn > 0; gfn--) {
        if (fk_is_ram(fk_p2m_get(d, gfn).type))
            batch[n++] = gfn;
        if (n == SWEEP_STRIDE) {
            for (k = 0; k < n; k++)
                check_single(d, batch[k]);
            n = 0;
        }
        if (gfn < limit && pod->cache)
            break;
    }
    for (k = 0; k < n; k++)
        check_single(d, batch[k]);
    pod->sweep_at = gfn ? gfn - 1 : 0;
}

bool fk_pod_populate(struct fk_domain *d, uint64_t gfn)
{
    struct fk_pod *pod = &d->pod;
    struct fk_entry e;
    uint64_t start;
    uint32_t mfn;

    for (;;) {
        e = fk_p2m_get(d, gfn);
        if (e.type != FK_POD || d->dying)
            return false;
        if (debt(d))
            reclaim_recent(d);
        if (!pod->cache)
            emergency_sweep(d);
        if (!pod->cache) {
            d->out_of_pod = true;
            fk_dom_crash(d);
            return false;
        }
        if (gfn > pod->max_guest)
            pod->max_guest = gfn;
        start = gfn & ~((UINT64_C(1) << e.order) - 1);
        mfn = cache_get(d, e.order);
        if (mfn != FK_NO_MFN)
            break;
        /* No superpage in the cache: the entry falls into 4 KiB ones. */
        if (fk_p2m_set(d, start, 0, FK_POD, 0))
            return false;
    }
    if (fk_p2m_set(d, start, e.order, FK_RAM, mfn))
        return false;
    pod->entries -= UINT64_C(1) << e.order;
    pod->recent[pod->recent_at++] =
        start | (e.order ? RECENT_SUPER : UINT64_C(0));
    pod->recent_at %= FK_POD_RECENT;
    return true;
}
