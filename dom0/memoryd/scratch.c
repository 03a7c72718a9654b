/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scratch, see scratch.h.
 */
#include "scratch.h"

#include <errno.h>

#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>

/* Its whole span, gfns. */
#define SPAN ((xk_gfn_t)SCRATCH_SLOTS_MAX * XK_SUPER_PAGES)

/*
 * Below 4 GiB the last place is under 0xe0000 (3.5 GiB): above it lie the
 * devices of HVM guests, and the special pages of all (arch-x86/hvm/start_info
 * and libxl's memory map). A guest that adds memory takes the lowest gfns
 * above its RAM, so we take the highest, and keep a distance.
 */
#define LOW_END ((xk_gfn_t)0xe0000)
#define FOUR_GIB ((xk_gfn_t)0x100000)
#define DISTANCE SPAN
#define LOW_PLACE (LOW_END / SPAN * SPAN - SPAN)

/* RAM that does not fit below this goes above 4 GiB. */
#define LOW_RAM_MAX ((xk_gfn_t)0xf0000)

/* Every CPU with nested paging has 36 bits of address: Xen kills a guest for
 * an entry beyond what there are, and a guest can map its pages high. */
#define GFN_BITS_END ((xk_gfn_t)1 << (36 - XK_PAGE_SHIFT))

static bool in_reach(xk_gfn_t base, uint64_t ram_pages)
{
    return base + SPAN <= xk_max_u64(GFN_BITS_END,
                                     FOUR_GIB + ram_pages + 2 * SPAN);
}

static xk_gfn_t align_up(xk_gfn_t gfn)
{
    return (gfn + SPAN - 1) / SPAN * SPAN;
}

static bool is_hole(struct xk_hv *hv, xk_domid_t domid, xk_gfn_t gfn)
{
    enum xk_gfn_type type;

    return !xk_hv_gfn_type(hv, domid, gfn, &type) && type == XK_GFN_HOLE;
}

/* RAM is contiguous, so it cannot hide between these. */
static bool all_holes(struct xk_hv *hv, xk_domid_t domid, xk_gfn_t base)
{
    unsigned int slot;

    for (slot = 0; slot < SCRATCH_SLOTS_MAX; slot++) {
        xk_gfn_t gfn = base + (xk_gfn_t)slot * XK_SUPER_PAGES;

        if (!is_hole(hv, domid, gfn) ||
            !is_hole(hv, domid, gfn + XK_SUPER_PAGES / 2) ||
            !is_hole(hv, domid, gfn + XK_SUPER_PAGES - 1))
            return false;
    }
    return true;
}

int scratch_place(struct xk_hv *hv, xk_domid_t domid, uint64_t ram_pages,
                  struct scratch *s)
{
    xk_gfn_t base, max;
    int rc;

    if (s->placed)
        return 0;
    base = LOW_PLACE;
    if (ram_pages + DISTANCE > base || !all_holes(hv, domid, base)) {
        /* Above all that was ever mapped. */
        rc = xk_hv_max_gfn(hv, domid, &max);
        if (rc)
            return rc;
        base = align_up(xk_max_u64(max + 1, FOUR_GIB));
        if (!in_reach(base, ram_pages) || !all_holes(hv, domid, base))
            return -EBUSY;
    }
    s->base = base;
    s->placed = true;
    return 0;
}

bool scratch_adopt(struct scratch *s, xk_gfn_t base, uint64_t ram_pages)
{
    xk_gfn_t high = ram_pages - xk_min_u64(ram_pages, LOW_RAM_MAX);
    bool sound = base % SPAN == 0 &&
                 (base == LOW_PLACE ? ram_pages + DISTANCE <= base
                                    : base >= FOUR_GIB + high &&
                                          base < UINT64_MAX - SPAN &&
                                          in_reach(base, ram_pages));

    *s = (struct scratch){ .placed = sound, .base = sound ? base : 0 };
    return sound;
}

static bool is_gone(struct xk_hv *hv, xk_domid_t domid)
{
    struct xk_dominfo info;
    int rc = xk_hv_dominfo(hv, domid, &info);

    return rc == -ESRCH || (!rc && info.dying);
}

static unsigned int order_of(unsigned int slots)
{
    return XK_SUPER_ORDER + (unsigned int)__builtin_ctz(slots);
}

int scratch_open(struct xk_hv *hv, xk_domid_t domid, struct scratch *s,
                 unsigned int slots)
{
    unsigned int rounded = 1;
    int rc;

    if (s->slots || !s->placed)
        return -EINVAL;
    if (slots > SCRATCH_SLOTS_MAX)
        slots = SCRATCH_SLOTS_MAX;
    while (rounded < slots)
        rounded *= 2;
    rc = xk_hv_mark_pod(hv, domid, &s->base, 1, order_of(rounded), NULL);
    if (!rc)
        s->slots = rounded;
    return rc;
}

/* For entries that a guest has touched: page by page, RAM or not. */
static void drop_pages(struct xk_hv *hv, xk_domid_t domid, xk_gfn_t base)
{
    xk_gfn_t gfn;

    for (gfn = base; gfn < base + XK_SUPER_PAGES; gfn++)
        if (!is_hole(hv, domid, gfn))
            (void)xk_hv_decrease(hv, domid, &gfn, 1, 0, NULL);
}

int scratch_close(struct xk_hv *hv, xk_domid_t domid, struct scratch *s)
{
    unsigned int slot, slots = s->slots;

    if (!slots)
        return 0;
    s->slots = 0;
    /* As one extent: Xen then trims the cache in superpages. */
    if (!xk_hv_decrease(hv, domid, &s->base, 1, order_of(slots), NULL))
        return 0;
    if (is_gone(hv, domid))
        return -ESRCH;
    for (slot = 0; slot < slots; slot++) {
        xk_gfn_t gfn = s->base + (xk_gfn_t)slot * XK_SUPER_PAGES;

        if (is_hole(hv, domid, gfn) && is_hole(hv, domid, gfn + 511))
            continue;
        if (xk_hv_decrease(hv, domid, &gfn, 1, XK_SUPER_ORDER, NULL))
            drop_pages(hv, domid, gfn);
    }
    return all_holes(hv, domid, s->base) ? 0 : -EIO;
}
