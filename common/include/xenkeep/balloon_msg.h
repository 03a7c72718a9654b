/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is one message of the balloon protocol well formed? Looks at the message
 * alone: whether it comes at the right moment, and for the right job, is the
 * state machine's business.
 */
#ifndef XENKEEP_BALLOON_MSG_H
#define XENKEEP_BALLOON_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include <xenkeep/proto/balloon.h>

/* No count of pages is above this: 4 PiB of memory. */
#define XK_BALLOON_PAGES_MAX (UINT64_C(1) << 40)

/*
 * `untrusted` is a private copy (xk_ring_get). 0: its type belongs to the
 * direction, it has no flag that its type does not know, and of the fields
 * that its type uses the id is not 0, the status is known (a share: at most
 * 1000) and each count is at most XK_BALLOON_PAGES_MAX. -EPROTO otherwise.
 * Other fields are ignored.
 */
int xk_balloon_check(const struct xk_balloon_slot *untrusted,
                     bool from_guest);

/* "TARGET", "GAVE", ...; "unknown" for every other number. */
const char *xk_balloon_type_name(unsigned int type);

/* "ok", "no memory", ...; "unknown" for every other number. */
const char *xk_balloon_status_name(uint32_t status);

#endif /* XENKEEP_BALLOON_MSG_H */
