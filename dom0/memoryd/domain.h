/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One guest, from the moment it is seen until it is gone, and the list of
 * them. Dom0 and domains that die are not in the list.
 */
#ifndef XK_MEMORYD_DOMAIN_H
#define XK_MEMORYD_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "background.h"
#include "balancer.h"
#include "budget.h"
#include "demand.h"
#include "device.h"
#include "guard.h"
#include "map.h"
#include "memoryd.h"
#include "overcommit.h"
#include "reporting.h"
#include "scratch.h"

struct drain;
struct look;
struct operation;
struct recovery;

/* A page that every guest has: its first above 1 MiB. */
#define DOMAIN_RAM_GFN 0x100u

struct domain {
    struct memoryd *md;
    struct xk_dominfo info;     /* as last read */
    char name[64];              /* safe to print; "dom5" when it has none */
    struct device device;
    struct scratch scratch;
    int journal_slot;           /* -1: none yet */
    uint64_t debt;              /* E - C without us, pages; usually 0 */
    uint64_t surplus;           /* C - E, likewise */
    bool held;                  /* left paused: its memory is not whole */
    struct event *again;        /* held: the next attempt to make it so */
    struct guard guard;
    struct demand demand;
    struct reporting reporting;
    struct overcommit overcommit;
    struct background background;
    struct budget budget;       /* pauses since memoryd knows the guest */
    struct operation *op;       /* the command under way, or NULL */
    struct recovery *recovery;  /* likewise */
    struct drain *drain;        /* likewise */
    bool aside;                 /* no entries are made, see drain.h */
    struct xk_watch shutdown;   /* control/shutdown */
    bool leaving;               /* asked to shut down or suspend */
    bool suspending;            /* to suspend: all of it will be read */
    uint64_t swept_pages;       /* committed since memoryd knows it */
    struct map map;             /* how its memory is mapped, see look.h */
    struct look *looks;         /* those under way */
    struct balance balance;
    struct domain *next;
};

/* Watches the coming and going of domains; finds those that are here. */
int domains_start(struct memoryd *md);
/* Lets all go; the guests stay as they are. */
void domains_dispose(struct memoryd *md);

/* By name, or by decimal id. NULL: none that is in the list. */
struct domain *domain_find(struct memoryd *md, const char *name);

/* Reads dominfo and the name anew. -ESRCH: it is gone. */
int domain_refresh(struct domain *dom);

/* memory/target and memory/static-max, KiB; -ENOENT, -EINVAL. */
int domain_target_kib(struct domain *dom, uint64_t *kib_r);
int domain_static_max_kib(struct domain *dom, uint64_t *kib_r);
/* memory/videoram, KiB: of these, what is a display. */
int domain_video_kib(struct domain *dom, uint64_t *kib_r);

/* Pages that are its own: those it has, and those that the host has of it by
 * overcommit. */
uint64_t domain_size(const struct domain *dom);

/* Pages that it has beside its target, as last read: its special pages. */
uint64_t domain_beside(struct domain *dom);

/* Pages of RAM it can have at most. */
uint64_t domain_ram_pages(struct domain *dom);

/* Finds the place of its scratch, unless it has one. */
int domain_place_scratch(struct domain *dom);

/* Reads debt and surplus anew. Only while no scratch is open. */
int domain_note_debt(struct domain *dom);

/* It stays paused, with the record of the journal that says why, and is
 * repaired from that as soon as it can be. */
void domain_hold(struct domain *dom);

/*
 * Why its memory may not be swept now; NULL: it may. The text is a line for
 * people. Reads dominfo anew.
 */
const char *domain_refuses(struct domain *dom);

/* Is something at work on its memory? */
bool domain_busy(const struct domain *dom);

/* Is `gfn`, which holds RAM, read-only? A live migration that has begun makes
 * all RAM so, to see what is written. */
bool domain_migrating(struct domain *dom, xk_gfn_t gfn);

/* Records the window or scratch step that comes next, see journal.h. -EBUSY:
 * the guest is held, and its record stays. */
int domain_journal(struct domain *dom, enum journal_phase phase,
                   const xk_gfn_t *gfns, uint32_t count);
/* The same once more, because the guard's part of the record changed. Not
 * inside a window. */
int domain_journal_again(struct domain *dom);

#endif /* XK_MEMORYD_DOMAIN_H */
