/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest, from its birth to what becomes of its corpse.
 *
 *     ALIVE    --- died --->  QUEUED --- job --->  DUMPING
 *     DUMPING  --- stored, or not --->  SETTLED
 *
 * A guest held at xl's dump FIFO is let go when it is settled: what xl writes
 * is read and dropped, and xl goes on with what on_crash says. Any other that
 * still stands is treated as the policy says. One that dies again and again
 * (repeat.h) is let go, or started again, later, or not at all.
 *
 * A guest with the module xk_crash asks to be dumped before it dies (hold.h):
 * it is QUEUED and DUMPING while Xen says that it runs, then ALIVE again, and
 * its death needs no dump any more.
 */
#ifndef XK_CRASHD_CRASH_GUEST_H
#define XK_CRASHD_CRASH_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "chan.h"
#include "crashd.h"
#include "job.h"
#include "repeat.h"
#include "store.h"

enum xk_guest_state {
    XK_GUEST_ALIVE,
    XK_GUEST_QUEUED,
    XK_GUEST_DUMPING,
    XK_GUEST_SETTLED
};

/* Whether the guest's module asked for the dump that is made, or was. */
enum xk_held { XK_HELD_NOT, XK_HELD_OOPS, XK_HELD_PANIC };

/* See hold.h. */
struct xk_hold {
    bool watched;
    struct xk_watch watch;      /* for the module */
    struct xk_chan chan;
    uint32_t asked;             /* the last request that was seen */
    bool waits;                 /* the guest, for the answer to that */
    uint64_t answered_ms;       /* of the last one; 0: never */
    char oops[XK_STORE_ID_SIZE];    /* the dump that it got; "": none */
};

struct xk_guest {
    struct xk_crashd *cd;
    struct xk_guest *next;
    struct xk_dominfo info;
    char name[64];              /* safe for a log line; as it was alive */
    bool named;                 /* by the toolstack, not by its number */
    bool opened;                /* it has its nodes, see testament.h */
    uint64_t ram_pages;
    enum xk_guest_state state;
    bool gone;                  /* no more such domain */
    bool seen_alive;            /* its death is new */
    uint64_t born_ms;           /* by xk_now_ms(); 0: before this crashd */
    uint64_t died;              /* seconds since 1970 */
    enum xk_held held;
    bool taken;                 /* it panicked and is dumped: let it die */
    struct xk_hold hold;
    uint64_t note_pfn;          /* VMCOREINFO as the module says; or all ones */
    struct xk_repeat repeat;    /* as decided at its death */
    uint32_t starts;            /* in the ten minutes before that */
    struct event *later;        /* when it may be started again */
    struct xk_job *job;         /* while DUMPING, or of a live dump */
    unsigned int job_slot;
    struct xk_ctl_call *call;   /* that waits for the dump */
    struct event *progress;     /* tells the call how far it is */
    int fifo;                   /* xl's dump; -1: none */
    struct event *fifo_event;
    bool released;              /* what xl writes there is read */
    bool xl_dumps;              /* it has written something */
    uint32_t wanted;            /* bits of enum xk_actor_verb to be asked */
};

/* Watches guests; those that are dead already are taken up. */
int xk_guests_start(struct xk_crashd *cd);
void xk_guests_dispose(struct xk_crashd *cd);

/* Reads the certificates anew. -EBUSY: a dump is being made by them. */
int xk_guests_reload(struct xk_crashd *cd);

/* Looks at all domains again, and reaps. */
void xk_guests_look(struct xk_crashd *cd);

/* Frees those that are gone and for whom nothing is under way. */
void xk_guests_reap(struct xk_crashd *cd);

/* Why nothing of it is worth a dump; NULL: it is. */
const char *xk_guest_stateless(const struct xk_guest *g);

/* By name or id; NULL. */
struct xk_guest *xk_guest_find(struct xk_crashd *cd, const char *name);

/* A dump for a command; the call is answered with its record, or failed. */
void xk_guest_dump(struct xk_guest *g, struct xk_ctl_call *call, bool live);

#endif /* XK_CRASHD_CRASH_GUEST_H */
