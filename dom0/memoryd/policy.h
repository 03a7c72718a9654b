/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the host's memory is shared between its guests. Pure: a snapshot in, a
 * verdict for each guest out; no clock, no allocation, no state. The same
 * snapshot has the same verdicts. docs/memory.md says what this promises.
 *
 * All sizes are pages of 4 KiB; what moves, moves in whole superpages.
 */
#ifndef XK_MEMORYD_POLICY_H
#define XK_MEMORYD_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What moves at least, and in multiples of: a superpage. */
#define POLICY_UNIT 512u

/*
 * A guest's word is good for so long. By the protocol a guest speaks when
 * something has changed, and one at rest says nothing: so its last word holds.
 * A day bounds what a front-end that fell silent can hold on to.
 */
#define POLICY_WORD_MS 86400000u

#define POLICY_WEIGHT_MAX 1000u

/* The word of a guest; it may be a lie. */
struct policy_word {
    uint64_t age_ms;            /* UINT64_MAX: it never said anything */
    uint64_t available;         /* it could use without reclaim */
    uint64_t wanted;            /* asked back from the balloon */
    uint32_t stall_permille;    /* of its last second, waiting for memory */
};

struct policy_guest {
    uint64_t size, min, max;
    uint32_t weight;            /* 1 to POLICY_WEIGHT_MAX */
    uint64_t step;              /* most that one move may change */
    bool connected;             /* its balloon can be moved */
    bool busy;                  /* at work, or within its pace: not now */
    uint64_t taking;            /* its work still takes this from the host */
    uint64_t giving;            /* or gives to it */
    struct policy_word word;
};

struct policy_host {
    uint64_t free;
    uint64_t reserve;           /* of it, to be kept */
};

enum policy_reason {
    POLICY_FITS,                /* has what it needs, and little more */
    POLICY_IDLE,                /* has more, and nobody needs it */
    POLICY_IDLE_AT_MIN,
    POLICY_IDLE_GIVES,          /* has more, and gives of it */
    POLICY_HOST_SHORT,          /* gives: the host is below its reserve */
    POLICY_SHORT_GETS,
    POLICY_SHORT_WAITS,         /* short; the host has nothing to give now */
    POLICY_SHORT_AT_MAX,
    POLICY_BELOW_MIN,           /* gets: it is below its own minimum */
    POLICY_SILENT,              /* no recent word: stays */
    POLICY_BUSY,
    POLICY_NO_BALLOON,
    POLICY_REASONS
};

/* Words for the control protocol: "short-gets". */
extern const char *const policy_reason_names[POLICY_REASONS];

struct policy_verdict {
    enum policy_reason reason;
    uint64_t target;            /* its size, when it is to stay */
    /* of the planning, superpages */
    uint64_t need;              /* short of it */
    uint64_t spare;             /* idle, can be taken */
    uint64_t yield;             /* can be taken when the host is short */
    uint64_t share;
    bool settled;
};

/* One verdict for each guest, in their order. */
void policy_plan(const struct policy_host *host,
                 const struct policy_guest *guests, size_t count,
                 struct policy_verdict *verdicts);

/* Is this guest short of memory, or do its numbers say so? */
bool policy_short(const struct policy_guest *g);

/*
 * The step of a guest after a move of `asked` pages brought `moved` in `us`:
 * a slow guest is asked for less, never for nothing, and not for less than a
 * part of `limit`, its pace in `interval_ms`, while it brings all it is asked
 * for. One that keeps up gets back to `limit`.
 */
uint64_t policy_step(uint64_t step, uint64_t limit, uint64_t asked,
                     uint64_t moved, uint64_t us, uint64_t interval_ms);

#endif /* XK_MEMORYD_POLICY_H */
