/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What memoryd must not forget when it is killed: for each domain, where its
 * scratch lies, whether it is open, and the window that is under way. A file
 * in the run directory (memory: it shall survive the process, not the host),
 * one page a domain, written before the step it speaks of.
 */
#ifndef XK_MEMORYD_JOURNAL_H
#define XK_MEMORYD_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv.h"

/* Domains with work open at once. */
#define JOURNAL_SLOTS 1024

/* gfns taken out in one window, at most. */
#define JOURNAL_GFNS 64

/* In one of these: whole ranges of 2 MiB from it on, not a page; so many more
 * than one of them. No gfn is so high. */
#define JOURNAL_SUPER (UINT64_C(1) << 63)
#define JOURNAL_MORE_SHIFT 48
#define JOURNAL_RUN_MAX (UINT64_C(1) << (63 - JOURNAL_MORE_SHIFT))

static inline uint64_t journal_run(xk_gfn_t gfn, uint64_t ranges)
{
    return gfn | JOURNAL_SUPER | (ranges - 1) << JOURNAL_MORE_SHIFT;
}

static inline xk_gfn_t journal_gfn(uint64_t noted)
{
    return noted & ((UINT64_C(1) << JOURNAL_MORE_SHIFT) - 1);
}

/* 0: it is a single page. */
static inline uint64_t journal_ranges(uint64_t noted)
{
    return noted & JOURNAL_SUPER
               ? ((noted & ~JOURNAL_SUPER) >> JOURNAL_MORE_SHIFT) + 1 : 0;
}

enum journal_phase {
    JOURNAL_FREE,       /* the slot is not used */
    JOURNAL_IDLE,       /* nothing is open; the scratch's place is known */
    JOURNAL_OPEN,       /* the scratch is open, the guest runs; it uses none
                         * of the gfns */
    JOURNAL_PAUSING,    /* a window is about to pause the guest */
    JOURNAL_PAUSED,     /* a window is under way, the guest is paused by us */
    JOURNAL_PHASES
};

/* At most a page; each has a page of the file. */
struct journal_record {
    uint32_t magic;
    uint32_t sum;               /* of the rest */
    uint8_t uuid[16];
    uint32_t domid;
    uint32_t phase;
    uint64_t scratch_base;      /* gfn */
    uint32_t scratch_slots;     /* open at most this many superpages */
    uint32_t nr_gfns;
    uint64_t debt;              /* E - C the guest had anyway, pages */
    uint64_t max_pages;         /* its limit before the guard raised it, or 0 */
    uint64_t raised_to;         /* as the guard set it */
    uint64_t given;             /* of the debt: what overcommit has made */
    uint32_t capped;            /* its processor share before the guard cut
                                 * it, percent + 1; 0: not cut */
    uint32_t aside;             /* 1: drained, and to be left so */
    uint64_t halted;            /* 1: paused by the guard, in any phase */
    uint64_t gfns[JOURNAL_GFNS];/* taken out: each may be a hole now */
};

struct journal {
    int fd;
    uint32_t owner[JOURNAL_SLOTS];  /* the record's domid + 1; 0: no record */
};

/* Opens or makes the file. -EPROTO: something else is in it. */
int journal_open(struct journal *j, const char *path);
void journal_close(struct journal *j);

/* The record of slot `slot`; -ENOENT: free or damaged. */
int journal_read(const struct journal *j, unsigned int slot,
                 struct journal_record *rec);

/* The slot with the record of this domain, or -ENOENT. Reads no other. */
int journal_find(const struct journal *j, xk_domid_t domid,
                 const uint8_t uuid[16], struct journal_record *rec);

/* Writes the record, or frees the slot with phase JOURNAL_FREE. */
int journal_write(struct journal *j, unsigned int slot,
                  struct journal_record *rec);

/* Is this a sound record? Pure; fuzzed. */
bool journal_sound(const struct journal_record *untrusted);
/* Fills in magic and sum. */
void journal_seal(struct journal_record *rec);

#endif /* XK_MEMORYD_JOURNAL_H */
