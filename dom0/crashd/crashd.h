/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crashd as a whole: the handles, the policy, the guests. There is one, made
 * by main.c; every part reaches it through its guest.
 */
#ifndef XK_CRASHD_CRASHD_H
#define XK_CRASHD_CRASHD_H

#include <stdbool.h>
#include <stdint.h>

#include "actor.h"
#include "causes.h"
#include "chan.h"
#include "ctl.h"
#include "hv.h"
#include "loop.h"
#include "policy.h"
#include "recipients.h"
#include "xs.h"

/* Dumps made at once; more deaths wait, held as they are. */
#define XK_CRASHD_JOBS 2

struct xk_guest;

/* Totals since the start, for the metrics. */
struct xk_crashd_totals {
    uint64_t guests;            /* gauge */
    uint64_t deaths;
    uint64_t stored;
    uint64_t skipped;
    uint64_t lost;
    uint64_t failed;
    uint64_t dumped_pages;
    uint64_t stored_bytes;
    uint64_t removed;           /* by retention */
    uint64_t actions_failed;
    uint64_t loops;             /* guests that are not started any more */
    uint64_t held;              /* panics that waited for their dump */
};

struct xk_crashd {
    struct xk_loop loop;
    struct xk_hv *hv;
    struct xk_hv *job_hv[XK_CRASHD_JOBS];   /* a job takes one */
    bool job_hv_used[XK_CRASHD_JOBS];
    struct xk_xs *xs;
    struct xk_chans *chans;     /* to the modules of guests */
    struct xk_ctl *ctl;
    struct xk_policy policy;
    struct xk_recipients recipients;
    struct xk_causes causes;    /* rules of the diagnosis */
    struct xk_signer *signer;
    struct xk_actor actor;
    struct event *actor_event, *notify_event;
    struct event *again;        /* to look once more, see crash_guest.c */
    struct xk_guest *actor_for; /* whose request is under way */
    int notify[2];              /* jobs write, the loop reads */
    char boot[40];              /* id of the host's boot */
    struct xk_crashd_totals totals;
    struct xk_guest *guests;
    bool looked;                /* who is new now was born just now */
    struct xk_watch introduced, released;
    int lock_fd;
};

/*
 * The phases, in this order. `dump_dir` and `xl` are the actor's (actor.h).
 * After xk_crashd_open() privileges may go; nothing that a guest wrote is
 * read before xk_crashd_start().
 */
struct xk_crashd_places {
    const char *run_dir, *dump_dir, *xl;
    const char *causes;         /* a folder of rules; NULL: none */
};

void xk_crashd_init(struct xk_crashd *cd);
int xk_crashd_open(struct xk_crashd *cd,
                   const struct xk_crashd_places *places);
int xk_crashd_start(struct xk_crashd *cd);
void xk_crashd_dispose(struct xk_crashd *cd);

#endif /* XK_CRASHD_CRASHD_H */
