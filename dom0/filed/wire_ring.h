/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rings of the file protocol, by Xen's own macros.
 */
#ifndef XK_FILED_WIRE_RING_H
#define XK_FILED_WIRE_RING_H

#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/ring.h>

/* What its macros need of the machine; it may have given names of its own,
 * for users of an old interface. */
#undef xen_mb
#undef xen_rmb
#undef xen_wmb
#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#include <xenkeep/proto/xkfs.h>

DEFINE_RING_TYPES(xk_files, struct xk_xkfs_req, struct xk_xkfs_rsp);

#endif /* XK_FILED_WIRE_RING_H */
