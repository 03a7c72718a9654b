/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of how Xen maps a guest's memory, a byte for each range of
 * 2 MiB. Xen has no call that tells a mapping of 2 MiB from 512 of 4 KiB, so
 * this is a record of what was seen and done, and what nobody has seen is
 * unknown. Pure: no call in here reaches Xen; look.h feeds it, and so do the
 * acts of a sweep.
 */
#ifndef XK_MEMORYD_MAP_H
#define XK_MEMORYD_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv.h"

struct domain;

/* The order is that of the control protocol (xenkeep/control.h). */
enum map_state {
    MAP_UNKNOWN,        /* RAM, or entries; how it is mapped nobody has seen */
    MAP_INTACT,         /* RAM as the toolstack built it: 2 MiB or larger */
    MAP_SHATTERED,      /* RAM in mappings of 4 KiB, some may be missing */
    MAP_POD,            /* was one populate-on-demand entry when last seen */
    MAP_BALLOONED,      /* RAM by the guest's layout, but nothing is there */
    MAP_HOLE,           /* no RAM by the guest's layout */
    MAP_STATES
};

extern const char *const map_state_names[MAP_STATES];

/* How the guest began. */
enum map_origin {
    MAP_ORIGIN_UNDECIDED,   /* it is being made; ask again */
    MAP_ORIGIN_UNKNOWN,     /* it ran before anybody looked */
    MAP_ORIGIN_BUILT,       /* created, seen before its first instruction */
    MAP_ORIGIN_RESTORED     /* restored or migrated in, seen likewise */
};

extern const char *const map_origin_names[];

/* No RAM is in [MAP_LOW_END, MAP_HIGH): devices and special pages. */
#define MAP_LOW_END ((xk_gfn_t)0xf0000)
#define MAP_HIGH ((xk_gfn_t)0x100000)

struct map {
    uint8_t *cells;             /* enum map_state of each range */
    size_t count;               /* ranges from gfn 0 to the end of RAM */
    uint64_t totals[MAP_STATES];    /* ranges in each state */
    xk_gfn_t low_end;           /* RAM is [0, low_end) */
    xk_gfn_t high_end;          /* and [MAP_HIGH, high_end), if above */
    enum map_origin origin;
};

/* What a look at some pages of a range says; it cannot tell how they are
 * mapped. */
enum map_sight {
    MAP_SAW_RAM,        /* RAM or an entry, on each page looked at */
    MAP_SAW_RAM_RO,     /* the same, write-protected: a migration is on */
    MAP_SAW_PART,       /* on some */
    MAP_SAW_NOTHING     /* on none */
};

/* How many of the ranges of a cell are in each state. */
struct map_mix {
    uint32_t ranges[MAP_STATES];
};

/*
 * The guest's RAM is [0, low_end) and, where high_end is above it,
 * [MAP_HIGH, high_end). What was known stays; what is new is unknown, or a
 * hole between the two. -ENOMEM: nothing has changed.
 */
int map_shape(struct domain *dom, xk_gfn_t low_end, xk_gfn_t high_end);
void map_dispose(struct domain *dom);

/* Is any page of this range RAM by the guest's layout? */
bool map_is_ram(const struct domain *dom, xk_gfn_t gfn);

/* `ranges` of them from that of `gfn` on are in that state. What lies beyond
 * the map is passed over. */
void map_note(struct domain *dom, xk_gfn_t gfn, uint64_t ranges,
              enum map_state state);
/* All RAM is in that state; what is ballooned too. */
void map_note_ram(struct domain *dom, enum map_state state);
/* MAP_HOLE beyond the map. */
enum map_state map_get(const struct domain *dom, xk_gfn_t gfn);

/* Some pages of the range of `gfn` were looked at. */
void map_saw(struct domain *dom, xk_gfn_t gfn, enum map_sight sight);
/* Whatever is in `state` may have changed: it is unknown. */
void map_doubt(struct domain *dom, enum map_state state);

/* Cells of 2^shift ranges: how many, and what is in one. */
size_t map_cells(const struct domain *dom, unsigned int shift);
void map_mix(const struct domain *dom, size_t cell, unsigned int shift,
             struct map_mix *mix);

#endif /* XK_MEMORYD_MAP_H */
