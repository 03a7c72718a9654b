/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a domain, as an image (image.h). Looking at it changes
 * nothing: populate-on-demand entries stay what they are, and pages are
 * mapped read-only, many in one call.
 */
#ifndef XK_CRASHD_IMAGE_DOMAIN_H
#define XK_CRASHD_IMAGE_DOMAIN_H

#include "image.h"

/*
 * Of a PVH or HVM guest. `ram_pages` is the most RAM that its builder gave
 * it, by which its layout is known; 0: by its limit. `hv` must outlive the
 * image. -EOPNOTSUPP: a PV guest. -EBUSY: it runs and has
 * populate-on-demand entries, which reading would fill, or is being migrated.
 * `still`: it is known to do nothing, though Xen calls it running; if it does
 * all the same, that may cost the guest its memory, and dom0 nothing.
 */
int xk_image_open_domain(struct xk_image **img_r, struct xk_hv *hv,
                         xk_domid_t domid, uint64_t ram_pages, bool still);

#endif /* XK_CRASHD_IMAGE_DOMAIN_H */
