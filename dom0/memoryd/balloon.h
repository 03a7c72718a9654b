/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The balloon of one guest: the job that grows or shrinks it, by the protocol
 * of proto/balloon.h. One job at a time.
 */
#ifndef XK_MEMORYD_BALLOON_H
#define XK_MEMORYD_BALLOON_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include <xenkeep/log.h>
#include <xenkeep/proto/balloon.h>

struct device;

enum balloon_phase {
    BALLOON_IDLE,
    BALLOON_ASKED,      /* growing: TARGET sent, SWEEP awaited */
    BALLOON_GIVING,     /* growing: GAVE awaited */
    BALLOON_SETTLED,    /* growing: the last GAVE settled, DONE awaited */
    BALLOON_TAKING,     /* shrinking */
    BALLOON_RECOVERING  /* RECOVERED awaited, or DONE */
};

/* The job has ended: XK_BALLOON_* status, or -errno when the device went. */
typedef void balloon_done_fn(int status, void *arg);
/* One range was answered for: XK_BALLOON_*. */
typedef void balloon_range_fn(uint64_t gfn, uint32_t status, void *arg);
typedef void balloon_progress_fn(uint64_t moved, uint64_t want, void *arg);

/* How short of memory the guest says that it is; it may lie, so this decides
 * at most how its own share of what there is moves. */
struct pressure {
    uint64_t at_us;             /* when it said so; 0: never */
    uint64_t available;         /* pages it could still use without reclaim */
    uint64_t wanted;            /* pages it asks back from the balloon now */
    uint32_t stall_permille;    /* of its last second, waiting for memory */
};

struct balloon {
    struct device *dev;
    struct pressure pressure;
    struct xk_ratelimit pressures;  /* messages that say it */
    struct xk_ratelimit frees;      /* messages FREE */
    /* as the guest says; for display, pages */
    uint64_t ballooned, super, limit;
    bool known;                 /* a STATE has come */
    /* the job */
    enum balloon_phase phase;
    uint64_t id;
    uint64_t want;              /* pages to move; ranges of a recovery */
    uint64_t moved;             /* pages the guest says were moved */
    uint64_t allowance;         /* pages until the next settlement; 0: any */
    bool stopping;              /* no debt any more, and no more patience */
    uint64_t start_us;          /* when TARGET was sent */
    uint64_t settle_us;         /* of it: closing debts, Xen freeing memory */
    struct event *poll;         /* looks for the next message */
    uint64_t poll_end_us;
    struct event *deadline;     /* no word from the guest */
    balloon_done_fn *done;
    balloon_progress_fn *progress;
    balloon_range_fn *range;
    uint64_t range_gfn;         /* of the next answer */
    void *arg;
};

/* Does the guest say that it is short of memory, of the `size` pages it has? */
bool balloon_pressed(const struct balloon *b, uint64_t size);

void balloon_init(struct balloon *b, struct device *dev);
void balloon_dispose(struct balloon *b);

/*
 * Opens a job: the balloon shall hold `pages`. -ENOTCONN, -EBUSY, -EALREADY
 * (it does), -ERANGE (above the guest's limit). done() is called once, from
 * the loop, unless the call failed or the job was abandoned.
 */
int balloon_start(struct balloon *b, uint64_t pages,
                  balloon_progress_fn *progress, balloon_done_fn *done,
                  void *arg);
/*
 * Opens a recovery job for `count` ranges of 2 MiB from gfn `first` on. Calls
 * range() for each, in this order, as far as the guest comes. -ENOTCONN,
 * -EBUSY, -EOPNOTSUPP (the front-end is of the first version).
 */
int balloon_recover(struct balloon *b, uint64_t first, unsigned int count,
                    balloon_range_fn *range, balloon_done_fn *done, void *arg);
/* Asks the guest to end the job early; done() will tell. Closes the scratch
 * at once. */
void balloon_stop(struct balloon *b);
/* Forgets the job without done(). */
void balloon_abandon(struct balloon *b);

/* From the device: connected, lost, a checked message. */
/* Tells a front-end that is connected what there is for it. */
void balloon_greet(struct balloon *b);
void balloon_connected(struct balloon *b);
void balloon_lost(struct balloon *b);
/* Is this a message of the version that was agreed on? */
bool balloon_speaks(const struct balloon *b,
                    const struct xk_balloon_slot *msg);
void balloon_message(struct balloon *b, const struct xk_balloon_slot *msg);

#endif /* XK_MEMORYD_BALLOON_H */
