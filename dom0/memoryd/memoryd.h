/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memoryd as a whole: the handles, the settings, the domains. There is one,
 * made by main.c; every part reaches it through its domain.
 */
#ifndef XK_MEMORYD_MEMORYD_H
#define XK_MEMORYD_MEMORYD_H

#include <stdint.h>

#include "chan.h"
#include "ctl.h"
#include "hv.h"
#include "loop.h"
#include "xs.h"

#include "balancer.h"
#include "journal.h"
#include "settings.h"

struct domain;

/* Totals since the start, for the metrics; counts and pages. */
struct totals {
    uint64_t domains;           /* gauge */
    uint64_t sweeps;
    uint64_t scanned_pages;
    uint64_t committed_pages;
    uint64_t refused_ranges;
    uint64_t pauses;
    uint64_t pause_us;
    uint64_t longest_pause_us;  /* gauge */
    uint64_t inflated_pages;
    uint64_t deflated_pages;
    uint64_t recovered_ranges;
    uint64_t reported_pages;
    uint64_t broken_devices;
    uint64_t repairs;
    uint64_t lent_pages;
    uint64_t overcommit_pages;
    uint64_t guard_halts;
    uint64_t guard_alarms;
    uint64_t balance_moves;
};

struct memoryd {
    struct xk_loop loop;
    struct xk_hv *hv;
    struct xk_xs *xs;
    struct xk_chans *chans;
    struct xk_ctl *ctl;
    struct journal journal;
    struct settings settings;
    struct totals totals;
    struct domain *domains;
    struct balancer balancer;
    struct xk_watch introduced, released;
    int lock_fd;
    uint8_t slot_used[JOURNAL_SLOTS];
};

/*
 * The phases of a daemon's life, in this order. `run_dir` holds the lock, the
 * journal and the socket. After memoryd_open() privileges may go; nothing
 * that a guest wrote is read before memoryd_start().
 */
void memoryd_init(struct memoryd *md);
int memoryd_open(struct memoryd *md, const char *run_dir);
int memoryd_start(struct memoryd *md);
void memoryd_dispose(struct memoryd *md);

#endif /* XK_MEMORYD_MEMORYD_H */
