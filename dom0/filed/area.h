/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of a guest that its servers share with the parent and with each
 * other: a file in the run directory, mapped by the parent and inherited.
 * So it outlives a server, and filed. The parent reads numbers of it to show
 * them, and believes none.
 */
#ifndef XK_FILED_AREA_H
#define XK_FILED_AREA_H

#include <stdint.h>

#include "audit.h"
#include "remember.h"
#include "share.h"
#include "stats.h"

struct area {
    uint64_t size;              /* of this struct: another build's is new */
    uint8_t uuid[16];           /* of the guest */
    struct remember remember;
    struct stats stats[SHARES_MAX];     /* by share id, modulo */
    struct audit audit;
};

/* Finds that of the guest, or makes one. */
int area_open(const char *run_dir, uint32_t domid, const uint8_t uuid[16],
              struct area **area_r);
void area_close(struct area *area);
/* The guest is gone. */
void area_remove(const char *run_dir, uint32_t domid);

#endif /* XK_FILED_AREA_H */
