/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking at how a guest's memory is mapped, by calls that neither populate
 * nor change it, nor stop it: what they find goes into its map (map.h). To
 * tell an entry from RAM takes a mark, which makes an entry of a hole that the
 * guest makes at that moment: so that is left to a sweep, which pauses.
 */
#ifndef XK_MEMORYD_LOOK_H
#define XK_MEMORYD_LOOK_H

#include "ctl.h"

struct domain;

/*
 * Decides how the guest began, unless that is known; as early as possible.
 * One that has not run here, and whose first vcpu is as a builder leaves it,
 * was built; one whose vcpu is not, was restored or migrated in.
 */
void look_origin(struct domain *dom);

/* Looks at all ranges, in slices, and answers `call` with the map. */
void look_start(struct domain *dom, struct xk_ctl_call *call);

/* The guest goes: all looks at it fail. */
void look_forget(struct domain *dom);

#endif /* XK_MEMORYD_LOOK_H */
