/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The answers of the control protocol as JSON. It reads and formats; nothing
 * else.
 */
#ifndef XK_MEMORYD_REPORT_H
#define XK_MEMORYD_REPORT_H

#include <json-c/json.h>

#include "domain.h"
#include "sweep.h"

/* A domain's size and accounts at one moment. */
struct snapshot {
    uint64_t tot_pages;
    uint64_t given;             /* by overcommit: the host has them */
    struct xk_pod pod;
    uint64_t ballooned;         /* pages */
    uint64_t host_free;         /* pages */
};

void snapshot_take(struct domain *dom, struct snapshot *snap);

struct report {
    bool dry_run;
    struct sweep_report sweep;
    struct snapshot before, after;
    struct budget pauses_before;
    uint64_t start_us, end_us;
    bool ballooned;             /* a target was asked for */
    uint64_t asked;             /* pages to move */
    uint64_t moved;             /* pages, by the hypervisor's count */
    uint64_t balloon_us;
};

/* What a recovery did; ranges of 2 MiB. */
struct recovery_report {
    uint64_t ranges;            /* of RAM */
    uint64_t recovered;
    uint64_t busy;              /* what is in it could not be moved now */
    uint64_t pinned;            /* it holds what the guest never moves */
    uint64_t refused;           /* the host had none in one piece */
    uint64_t skipped;           /* whole, or not RAM alone, or not reached */
    uint64_t duration_us;
};

/* control.h: the results of "sweep" and of "memory" for one domain. */
struct json_object *report_sweep(const struct domain *dom,
                                 const struct report *r);
struct json_object *report_domain(struct domain *dom);
/* The result of "recoalesce". */
struct json_object *report_recovery(const struct domain *dom,
                                    const struct recovery_report *r);

#endif /* XK_MEMORYD_REPORT_H */
