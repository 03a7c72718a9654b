// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the map of a guest costs, by the guest's size: its memory, a pass of
 * sights over it (what a look does beside its hypercalls), the answer when all
 * is alike and when nothing is; and the memory of the maps of many guests.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#include "domain.h"
#include "map.h"
#include "map_json.h"

#define SUPER 512u
#define GIB ((uint64_t)262144)  /* pages */
#define RUNS 5
#define MANY 1000u

static struct domain *guest(uint64_t gib)
{
    struct domain *dom = calloc(1, sizeof(*dom));
    uint64_t ram = gib * GIB;
    xk_gfn_t low = ram < MAP_LOW_END ? ram : MAP_LOW_END;

    if (!dom || map_shape(dom, low, MAP_HIGH + (ram - low)))
        abort();
    strcpy(dom->name, "bench");
    map_note_ram(dom, MAP_INTACT);
    return dom;
}

static void done(struct domain *dom)
{
    map_dispose(dom);
    free(dom);
}

/* The least of a few runs, microseconds. */
static uint64_t least(void (*fn)(struct domain *dom), struct domain *dom)
{
    uint64_t best = UINT64_MAX, start;
    int i;

    for (i = 0; i < RUNS; i++) {
        start = xk_now_us();
        fn(dom);
        best = xk_min_u64(best, xk_now_us() - start);
    }
    return best;
}

static void sights(struct domain *dom)
{
    size_t i;

    for (i = 0; i < dom->map.count; i++)
        if (map_is_ram(dom, (xk_gfn_t)i * SUPER))
            map_saw(dom, (xk_gfn_t)i * SUPER, MAP_SAW_RAM);
}

static size_t length;

static void answer(struct domain *dom)
{
    const struct xk_pod pod = { .tot = 1 };
    struct json_object *obj = map_json(dom, &pod);

    if (!obj)
        abort();
    length = strlen(json_object_to_json_string_ext(obj,
                                                   JSON_C_TO_STRING_PLAIN));
    json_object_put(obj);
}

static void scatter(struct domain *dom)
{
    uint32_t r = 1;
    size_t i;

    for (i = 0; i < dom->map.count; i++) {
        r = r * 1664525 + 1013904223;
        if (map_is_ram(dom, (xk_gfn_t)i * SUPER))
            map_note(dom, (xk_gfn_t)i * SUPER, 1,
                     (enum map_state)(r >> 16) % MAP_HOLE);
    }
}

static void one_size(uint64_t gib)
{
    struct domain *dom = guest(gib);
    uint64_t look, alike, mixed;
    size_t alike_len;

    look = least(sights, dom);
    alike = least(answer, dom);
    alike_len = length;
    scatter(dom);
    mixed = least(answer, dom);
    printf("%6" PRIu64 " %9zu %9" PRIu64 " %9" PRIu64 " %9zu %9" PRIu64
           " %9zu\n", gib, dom->map.count, look, alike, alike_len, mixed,
           length);
    done(dom);
}

static void many(uint64_t gib)
{
    static struct domain *guests[MANY];
    uint64_t bytes = 0, start = xk_now_us();
    size_t i;

    for (i = 0; i < MANY; i++) {
        guests[i] = guest(gib);
        bytes += guests[i]->map.count;
    }
    printf("%u guests of %" PRIu64 " GiB: %" PRIu64 " KiB of maps, made in %"
           PRIu64 " us\n", MANY, gib, bytes / 1024, xk_now_us() - start);
    for (i = 0; i < MANY; i++)
        done(guests[i]);
}

int main(void)
{
    static const uint64_t sizes[] = { 1, 16, 64, 256, 1024 };
    size_t i;

    printf("%6s %9s %9s %9s %9s %9s %9s\n", "GiB", "bytes", "look-us",
           "alike-us", "alike-len", "mixed-us", "mixed-len");
    for (i = 0; i < XK_ARRAY_SIZE(sizes); i++)
        one_size(sizes[i]);
    many(16);
    return 0;
}
