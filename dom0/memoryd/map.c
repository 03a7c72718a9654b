/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map of a guest, see map.h.
 */
#include "map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>

#include "domain.h"

const char *const map_state_names[MAP_STATES] = {
    [MAP_UNKNOWN] = "unknown", [MAP_INTACT] = "intact",
    [MAP_SHATTERED] = "shattered", [MAP_POD] = "pod",
    [MAP_BALLOONED] = "ballooned", [MAP_HOLE] = "hole",
};

const char *const map_origin_names[] = {
    [MAP_ORIGIN_UNDECIDED] = "unknown", [MAP_ORIGIN_UNKNOWN] = "unknown",
    [MAP_ORIGIN_BUILT] = "built", [MAP_ORIGIN_RESTORED] = "restored",
};

static size_t range_of(xk_gfn_t gfn)
{
    return (size_t)(gfn / XK_SUPER_PAGES);
}

static bool in_ram(xk_gfn_t gfn, xk_gfn_t low_end, xk_gfn_t high_end)
{
    return gfn < low_end || (gfn >= MAP_HIGH && gfn < high_end);
}

bool map_is_ram(const struct domain *dom, xk_gfn_t gfn)
{
    return in_ram(gfn - gfn % XK_SUPER_PAGES, dom->map.low_end,
                  dom->map.high_end);
}

static void set_cell(struct map *map, size_t range, enum map_state state)
{
    map->totals[map->cells[range]]--;
    map->totals[state]++;
    map->cells[range] = (uint8_t)state;
}

/* A range that was thought to be no RAM, and is, has to be looked at. */
static void reshape(struct map *map, size_t had, xk_gfn_t low_end,
                    xk_gfn_t high_end)
{
    size_t i;

    for (i = 0; i < map->count; i++) {
        bool ram = in_ram((xk_gfn_t)i * XK_SUPER_PAGES, low_end, high_end);

        if (i >= had) {
            map->cells[i] = (uint8_t)(ram ? MAP_UNKNOWN : MAP_HOLE);
            map->totals[map->cells[i]]++;
        } else if (ram == (map->cells[i] == MAP_HOLE)) {
            set_cell(map, i, ram ? MAP_UNKNOWN : MAP_HOLE);
        }
    }
}

int map_shape(struct domain *dom, xk_gfn_t low_end, xk_gfn_t high_end)
{
    xk_gfn_t end = high_end > MAP_HIGH ? high_end : low_end;
    struct map *map = &dom->map;
    size_t i, had = map->count;
    size_t count = range_of(end + XK_SUPER_PAGES - 1);
    uint8_t *cells;

    if (map->low_end == low_end && map->high_end == high_end)
        return 0;
    for (i = count; i < had; i++)
        map->totals[map->cells[i]]--;
    cells = realloc(map->cells, count ? count : 1);
    if (!cells) {
        for (i = count; i < had; i++)
            map->totals[map->cells[i]]++;
        return -ENOMEM;
    }
    map->cells = cells;
    map->count = count;
    map->low_end = low_end;
    map->high_end = high_end;
    reshape(map, xk_min_u64(had, count), low_end, high_end);
    return 0;
}

void map_dispose(struct domain *dom)
{
    free(dom->map.cells);
    memset(&dom->map, 0, sizeof(dom->map));
}

void map_note(struct domain *dom, xk_gfn_t gfn, uint64_t ranges,
              enum map_state state)
{
    struct map *map = &dom->map;
    size_t i = range_of(gfn), n;

    if (i >= map->count)
        return;
    for (n = (size_t)xk_min_u64(ranges, map->count - i); n; n--)
        set_cell(map, i++, state);
}

void map_note_ram(struct domain *dom, enum map_state state)
{
    size_t i;

    for (i = 0; i < dom->map.count; i++)
        if (dom->map.cells[i] != MAP_HOLE)
            set_cell(&dom->map, i, state);
}

enum map_state map_get(const struct domain *dom, xk_gfn_t gfn)
{
    size_t i = range_of(gfn);

    return i < dom->map.count ? (enum map_state)dom->map.cells[i] : MAP_HOLE;
}

/*
 * What a sight makes of each state. A look cannot tell RAM from an entry nor
 * 2 MiB from 4 KiB, so RAM leaves all as it was, but for what was gone: it
 * has come back, and nobody saw how it is mapped. A hole between RAM is the
 * work of a balloon, and a mapping of 2 MiB has none. While a migration
 * tracks writes Xen splits each mapping that is written to.
 */
static const uint8_t after[MAP_STATES][4] = {
    [MAP_UNKNOWN] = { MAP_UNKNOWN, MAP_UNKNOWN, MAP_SHATTERED,
                      MAP_BALLOONED },
    [MAP_INTACT] = { MAP_INTACT, MAP_UNKNOWN, MAP_SHATTERED, MAP_BALLOONED },
    [MAP_SHATTERED] = { MAP_SHATTERED, MAP_SHATTERED, MAP_SHATTERED,
                        MAP_BALLOONED },
    [MAP_POD] = { MAP_POD, MAP_UNKNOWN, MAP_SHATTERED, MAP_BALLOONED },
    [MAP_BALLOONED] = { MAP_UNKNOWN, MAP_UNKNOWN, MAP_SHATTERED,
                        MAP_BALLOONED },
    [MAP_HOLE] = { MAP_UNKNOWN, MAP_UNKNOWN, MAP_SHATTERED, MAP_HOLE },
};

void map_saw(struct domain *dom, xk_gfn_t gfn, enum map_sight sight)
{
    size_t i = range_of(gfn);

    if (i < dom->map.count)
        set_cell(&dom->map, i,
                 (enum map_state)after[dom->map.cells[i]][sight]);
}

void map_doubt(struct domain *dom, enum map_state state)
{
    struct map *map = &dom->map;
    uint8_t *at = map->cells;

    if (state == MAP_UNKNOWN)
        return;
    while (map->totals[state]) {
        at = memchr(at, (int)state,
                    map->count - (size_t)(at - map->cells));
        set_cell(map, (size_t)(at - map->cells), MAP_UNKNOWN);
    }
}

size_t map_cells(const struct domain *dom, unsigned int shift)
{
    return (dom->map.count + ((size_t)1 << shift) - 1) >> shift;
}

void map_mix(const struct domain *dom, size_t cell, unsigned int shift,
             struct map_mix *mix)
{
    size_t i = cell << shift;
    size_t end = (size_t)xk_min_u64((cell + 1) << shift, dom->map.count);

    memset(mix, 0, sizeof(*mix));
    for (; i < end; i++)
        mix->ranges[dom->map.cells[i]]++;
}
