/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The root of all state of the stand-in, at the start of the shared region.
 * Each part belongs to the file of its name; nothing here is for tests.
 */
#ifndef XK_FAKE_STATE_H
#define XK_FAKE_STATE_H

#include <stdbool.h>

#include "arena.h"
#include "domain.h"
#include "evtchn.h"
#include "fault.h"
#include "host.h"
#include "map.h"
#include "store.h"

#define FK_NR_FDS 64
#define FK_NR_DOMIDS 0x7ff0     /* DOMID_FIRST_RESERVED */

struct fk_state {
    struct fk_arena arena;
    struct fk_host host;
    struct fk_domain *domains;      /* by rising domid */
    struct fk_domain *by_id[FK_NR_DOMIDS];
    struct fk_map *maps;
    struct fk_evtchn evtchn;
    struct fk_store store;
    struct fk_faults faults;
    int trace_fd;                   /* -1: no trace */
    int restricted;
    int version;
    bool fd_used[FK_NR_FDS];
};

extern struct fk_state *fk;

#endif /* XK_FAKE_STATE_H */
