/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scratch: populate-on-demand entries above a guest's RAM, which no guest
 * has a reason to touch. While it is open the guest is in debt by its size
 * (E - C), and Xen takes what the guest gives into the PoD cache, whole 2 MiB
 * frames in one step, instead of freeing it page by page. Closing it removes
 * the entries; Xen then trims the cache to what is left to cover, and the
 * surplus goes to the host.
 *
 * The real entries stay covered all the time: C >= E - scratch.
 */
#ifndef XK_MEMORYD_SCRATCH_H
#define XK_MEMORYD_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "hv.h"

/* Superpages it can have at most: 128 MiB. Xen cannot be interrupted while
 * it trims, so this bounds how long closing may take. */
#define SCRATCH_SLOTS_MAX 64u

struct scratch {
    bool placed;
    xk_gfn_t base;          /* aligned to SCRATCH_SLOTS_MAX superpages */
    unsigned int slots;     /* open now; a power of two, or 0 */
};

/*
 * Finds a place where nothing is mapped. Small, and below the highest gfn the
 * guest has where that is possible: xl save walks every gfn below it.
 */
int scratch_place(struct xk_hv *hv, xk_domid_t domid, uint64_t ram_pages,
                  struct scratch *s);

/* Opens at least `slots` superpages (rounded up to a power of two). */
int scratch_open(struct xk_hv *hv, xk_domid_t domid, struct scratch *s,
                 unsigned int slots);

/*
 * Takes over a place that a record speaks of. False: scratch_place() would
 * never have chosen it, what is there is the guest's.
 */
bool scratch_adopt(struct scratch *s, xk_gfn_t base, uint64_t ram_pages);

/* Closes it, whatever state the entries are in. 0 when nothing is left;
 * -ESRCH when the domain is no more. */
int scratch_close(struct xk_hv *hv, xk_domid_t domid, struct scratch *s);

#endif /* XK_MEMORYD_SCRATCH_H */
