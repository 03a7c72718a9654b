/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Going on after a memoryd that was killed: every record of the journal that
 * has something open is made whole, and the guest runs again.
 */
#ifndef XK_MEMORYD_REPAIR_H
#define XK_MEMORYD_REPAIR_H

#include "domain.h"

/*
 * Takes over the record of this domain, if there is one, and repairs what it
 * speaks of. 0, also when there was nothing to do; -errno: the guest is left
 * as it is (paused, if it was), and the reason was logged.
 */
int repair_domain(struct domain *dom);

/* Frees the records of domains that are no more. After all were found. */
void repair_forget(struct memoryd *md);

#endif /* XK_MEMORYD_REPAIR_H */
