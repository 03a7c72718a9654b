/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A share lent to stock guests: a Xen 9pfs device of its own, which any Linux
 * mounts with `-t 9p -o trans=xen,version=9p2000.L NAME`, and a server of its
 * own. Everything the front-end wrote is hostile; the worst that it can do is
 * to break this device.
 *
 * 9P cannot go on with another server: when one has ended, the next serves
 * the same rings, and answers ESTALE until the guest has mounted it anew.
 */
#ifndef XK_FILED_P9_DEVICE_H
#define XK_FILED_P9_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct guest;
struct lent;

/* The share is lent, or has changed, or is stock guests' no more. */
void p9_device_share(struct guest *g, const struct lent *lent);
/* It is not lent any more: at once, or when nobody uses it. */
void p9_device_revoke(struct guest *g, uint32_t id, bool now);
/* Writes the nodes again if somebody has removed those of the front-end. */
void p9_devices_check(struct guest *g);
/* The guest is gone: with the nodes of the back-ends. Or we leave, and the
 * next filed serves it. */
void p9_devices_dispose(struct guest *g, bool guest_gone);

#endif /* XK_FILED_P9_DEVICE_H */
