/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A domain: its pages and their limits, its life, and what Xen tells about
 * it. Domain 0 is in the list as well, as a PV domain that owns nothing.
 */
#ifndef XK_FAKE_DOMAIN_H
#define XK_FAKE_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "fake.h"
#include "p2m.h"
#include "pod.h"

#define FK_GRANT_FRAMES 64 /* max_grant_frames, Xen's default */
#define FK_VCPU_PAGES 8

struct fk_range {
    uint64_t start, end;
};

/* A frame that Xen keeps using, whatever the p2m says later. */
struct fk_pin {
    uint64_t gfn;
    uint32_t mfn;
};

struct fk_domain {
    struct fk_domain *next;
    uint16_t id;
    enum fake_type type;
    uint8_t uuid[16];
    unsigned int vcpus;
    uint16_t cap;
    uint64_t tot, max_pages;
    bool dying, shutdown, passthrough, log_dirty;
    unsigned int reason;            /* of the shutdown */
    unsigned int triple_fault;      /* the reason that one gives */
    unsigned int pauses;
    unsigned long pause_calls, uncovered;
    bool out_of_pod, frozen;
    bool ran, restored;             /* ever here; and before, elsewhere */
    bool gone;                      /* destroyed, but frames are in use */
    bool in_debt;                   /* I1 is not expected of it (yet) */

    struct fk_p2m p2m;
    struct fk_pod pod;
    struct fk_range ram[3];
    unsigned int nr_ram;
    uint64_t scratch;               /* PoD entries outside of ram */
    struct fk_fifo lost;            /* frames replaced in the p2m */
    uint64_t orphans;               /* out of the p2m, still referenced */
    struct fk_pin pins[FK_VCPU_PAGES];
    unsigned int nr_pins;

    uint32_t grant_frames[FK_GRANT_FRAMES];
    unsigned int nr_grant_frames;
    unsigned int grant_version;
};

/* NULL: no such domain. */
struct fk_domain *fk_dom(uint16_t id);
struct fk_domain *fk_dom_from(uint16_t id); /* the first at or above id */

/* A frame of the domain, counted and limited. FK_NO_MFN: no. */
uint32_t fk_dom_alloc(struct fk_domain *d, unsigned int order);
/* Ends its life as the domain's page, at once or with its last reference. */
void fk_dom_free(struct fk_domain *d, uint32_t mfn);
/* A reference on a frame that the domain may have lost meanwhile. */
void fk_dom_unref(uint16_t id, uint32_t mfn);

void fk_dom_crash(struct fk_domain *d);
void fk_dom_log_dirty(struct fk_domain *d, bool on);
int fk_dom_pause(struct fk_domain *d);
int fk_dom_unpause(struct fk_domain *d);
/* What shows when it runs: whether I1 holds, whether it still can. */
void fk_dom_settle(struct fk_domain *d);

/* Pages of the range that are the guest's RAM by its memory map. */
uint64_t fk_ram_count(const struct fk_domain *d, uint64_t gfn, uint64_t n);

/* The frame behind gfn, populated if need be, as any access does. */
uint32_t fk_dom_access(struct fk_domain *d, uint64_t gfn, bool write);

/* The p2m lost a frame that Xen keeps using. */
bool fk_dom_unpinned(const struct fk_domain *d);

/* Able to do something: exists, not paused, shut down, dying or frozen. */
struct fk_domain *fk_dom_running(uint16_t id);
int fk_dom0_create(void);

#endif /* XK_FAKE_DOMAIN_H */
