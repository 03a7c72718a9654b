/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filed as a whole: the parent of all servers. There is one, made by main.c.
 */
#ifndef XK_FILED_FILED_H
#define XK_FILED_FILED_H

#include <stdint.h>

#include "ctl.h"
#include "hv.h"
#include "loop.h"
#include "xs.h"

#include "settings.h"

struct guest;

/* Totals since the start, for the metrics. */
struct totals {
    uint64_t guests;            /* gauge: with a device */
    uint64_t servers;           /* gauge: running */
    uint64_t starts;
    uint64_t deaths;            /* servers that ended unasked */
    uint64_t broken;            /* guests that broke the protocol */
};

struct filed {
    struct xk_loop loop;
    struct xk_hv *hv;
    struct xk_xs *xs;
    struct xk_ctl *ctl;
    struct settings settings;
    struct totals totals;
    struct guest *guests;
    struct xk_watch introduced, released;
    char run_dir[200], share_dir[200], state_dir[200];
    int lock_fd, epoch_fd;
};

/* The directories, where they are by default. */
#define FILED_SHARE_DIR XK_SYSCONFDIR "/xenkeep/shares"
#define FILED_STATE_DIR "/var/lib/xenkeep/files"

/* The phases of its life, in this order. */
void filed_init(struct filed *fd);
int filed_open(struct filed *fd);
int filed_start(struct filed *fd);
void filed_dispose(struct filed *fd);

/* The number of the next server's epoch, never one twice. */
uint64_t filed_epoch(struct filed *fd);

#endif /* XK_FILED_FILED_H */
