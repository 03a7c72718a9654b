/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grant tables (version 1), kept in frames of Xen's own that dom0 can map.
 */
#ifndef XK_FAKE_GNTTAB_H
#define XK_FAKE_GNTTAB_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/grant_table.h>

struct fk_domain;

#define FK_GRANTS_PER_FRAME 512u

/* NULL: beyond the end of the table. */
grant_entry_v1_t *fk_grant(struct fk_domain *d, uint32_t ref);
int fk_grant_grow(struct fk_domain *d, unsigned int frames);
/* A map of the reference went away. */
void fk_grant_unused(uint16_t id, uint32_t ref);

#endif /* XK_FAKE_GNTTAB_H */
