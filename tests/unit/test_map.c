// SPDX-License-Identifier: GPL-2.0-only
/* The map of a guest's memory, and its answer. */
#include <stdlib.h>
#include <string.h>

#include <xenkeep/control.h>

#include "domain.h"
#include "map.h"
#include "map_json.h"
#include "unit.h"

#define SUPER 512u
#define GIB 262144u             /* pages */

static struct domain *dom;

static void setup(void)
{
    dom = calloc(1, sizeof(*dom));
    ck_assert_ptr_nonnull(dom);
    strcpy(dom->name, "web");
}

static void teardown(void)
{
    map_dispose(dom);
    free(dom);
}

/* The totals are those of the cells, and all cells are in them. */
static void check_totals(void)
{
    uint64_t totals[MAP_STATES] = { 0 };
    size_t i;

    for (i = 0; i < dom->map.count; i++)
        totals[map_get(dom, (xk_gfn_t)i * SUPER)]++;
    ck_assert_mem_eq(totals, dom->map.totals, sizeof(totals));
}

static void shape(uint64_t ram)
{
    xk_gfn_t low = ram < MAP_LOW_END ? ram : MAP_LOW_END;

    ck_assert_int_eq(map_shape(dom, low, MAP_HIGH + (ram - low)), 0);
    check_totals();
}

START_TEST(test_empty)
{
    ck_assert_int_eq(map_get(dom, 0), MAP_HOLE);
    map_note(dom, 0, 5, MAP_POD);
    map_saw(dom, 0, MAP_SAW_RAM);
    map_note_ram(dom, MAP_INTACT);
    map_doubt(dom, MAP_POD);
    ck_assert_uint_eq(dom->map.count, 0);
    check_totals();
}
END_TEST

START_TEST(test_shape)
{
    shape(4 * SUPER + 1);
    ck_assert_uint_eq(dom->map.totals[MAP_UNKNOWN], 5);
    /* An empty part above 4 GiB costs nothing. */
    ck_assert_uint_eq(dom->map.count, 5);
    map_dispose(dom);

    shape(5 * (uint64_t)GIB);
    ck_assert_uint_eq(dom->map.totals[MAP_UNKNOWN], 5 * 512);
    ck_assert_uint_eq(dom->map.totals[MAP_HOLE], 128);
    ck_assert_int_eq(map_get(dom, MAP_LOW_END - 1), MAP_UNKNOWN);
    ck_assert_int_eq(map_get(dom, MAP_LOW_END), MAP_HOLE);
    ck_assert_int_eq(map_get(dom, MAP_HIGH), MAP_UNKNOWN);
    ck_assert(map_is_ram(dom, MAP_HIGH) && !map_is_ram(dom, MAP_HIGH - 1));
}
END_TEST

/* What was known stays, what is no RAM any more is a hole. */
START_TEST(test_reshape)
{
    shape(8 * SUPER);
    map_note_ram(dom, MAP_INTACT);
    shape(16 * SUPER);
    ck_assert_uint_eq(dom->map.totals[MAP_INTACT], 8);
    ck_assert_uint_eq(dom->map.totals[MAP_UNKNOWN], 8);
    shape(6 * SUPER);
    ck_assert_uint_eq(dom->map.totals[MAP_INTACT], 6);
    ck_assert_int_eq(map_get(dom, 6 * SUPER), MAP_HOLE);
    shape(MAP_LOW_END + 4 * SUPER);
    ck_assert_uint_eq(dom->map.totals[MAP_INTACT], 6);
    ck_assert_uint_eq(dom->map.totals[MAP_HOLE], 128);
    shape(4 * SUPER);
    ck_assert_uint_eq(dom->map.totals[MAP_INTACT], 4);
}
END_TEST

START_TEST(test_note)
{
    shape(16 * SUPER);
    map_note(dom, 3 * SUPER + 7, 2, MAP_POD);
    ck_assert_int_eq(map_get(dom, 2 * SUPER), MAP_UNKNOWN);
    ck_assert_int_eq(map_get(dom, 3 * SUPER), MAP_POD);
    ck_assert_int_eq(map_get(dom, 5 * SUPER - 1), MAP_POD);
    ck_assert_int_eq(map_get(dom, 5 * SUPER), MAP_UNKNOWN);
    /* Numbers that cannot be meant stop at the end. */
    map_note(dom, 15 * SUPER, UINT64_MAX, MAP_POD);
    map_note(dom, UINT64_MAX, UINT64_MAX, MAP_POD);
    ck_assert_uint_eq(dom->map.totals[MAP_POD], 3);
    check_totals();
    map_doubt(dom, MAP_POD);
    ck_assert_uint_eq(dom->map.totals[MAP_POD], 0);
    map_doubt(dom, MAP_UNKNOWN);
    check_totals();
}
END_TEST

static const struct {
    enum map_state was;
    enum map_sight sight;
    enum map_state is;
} sights[] = {
    { MAP_INTACT, MAP_SAW_RAM, MAP_INTACT },
    { MAP_INTACT, MAP_SAW_RAM_RO, MAP_UNKNOWN },
    { MAP_INTACT, MAP_SAW_PART, MAP_SHATTERED },
    { MAP_INTACT, MAP_SAW_NOTHING, MAP_BALLOONED },
    { MAP_SHATTERED, MAP_SAW_RAM, MAP_SHATTERED },
    { MAP_SHATTERED, MAP_SAW_RAM_RO, MAP_SHATTERED },
    { MAP_SHATTERED, MAP_SAW_NOTHING, MAP_BALLOONED },
    { MAP_POD, MAP_SAW_RAM, MAP_POD },
    { MAP_POD, MAP_SAW_RAM_RO, MAP_UNKNOWN },
    { MAP_POD, MAP_SAW_PART, MAP_SHATTERED },
    { MAP_POD, MAP_SAW_NOTHING, MAP_BALLOONED },
    { MAP_BALLOONED, MAP_SAW_NOTHING, MAP_BALLOONED },
    { MAP_BALLOONED, MAP_SAW_RAM, MAP_UNKNOWN },
    { MAP_BALLOONED, MAP_SAW_PART, MAP_SHATTERED },
    { MAP_HOLE, MAP_SAW_NOTHING, MAP_HOLE },
    { MAP_HOLE, MAP_SAW_RAM, MAP_UNKNOWN },
    { MAP_UNKNOWN, MAP_SAW_RAM, MAP_UNKNOWN },
    { MAP_UNKNOWN, MAP_SAW_NOTHING, MAP_BALLOONED },
};

START_TEST(test_sights)
{
    shape(4 * SUPER);
    map_note(dom, SUPER, 1, sights[_i].was);
    map_saw(dom, SUPER, sights[_i].sight);
    ck_assert_int_eq(map_get(dom, SUPER), sights[_i].is);
    check_totals();
}
END_TEST

START_TEST(test_mix)
{
    struct map_mix mix;

    ck_assert_int_eq(map_shape(dom, 5 * SUPER, 0), 0);
    map_note(dom, SUPER, 1, MAP_POD);
    ck_assert_uint_eq(map_cells(dom, 0), 5);
    ck_assert_uint_eq(map_cells(dom, 2), 2);
    map_mix(dom, 0, 2, &mix);
    ck_assert_uint_eq(mix.ranges[MAP_POD], 1);
    ck_assert_uint_eq(mix.ranges[MAP_UNKNOWN], 3);
    map_mix(dom, 1, 2, &mix);
    ck_assert_uint_eq(mix.ranges[MAP_UNKNOWN], 1);
}
END_TEST

/* ---- the answer ---- */

static int64_t number(struct json_object *obj, const char *name)
{
    struct json_object *v;

    ck_assert_msg(json_object_object_get_ex(obj, name, &v), "%s", name);
    return json_object_get_int64(v);
}

/* The ranges of each state that the runs of `obj` speak of; the last cell
 * may count for more than there are, when all of it is of one state. */
static void sum_runs(struct json_object *obj, uint64_t sum[MAP_STATES])
{
    uint64_t per = (uint64_t)number(obj, "cell_ranges"), cells = 0;
    struct json_object *runs, *run, *cell;
    size_t i, s;

    memset(sum, 0, MAP_STATES * sizeof(*sum));
    ck_assert(json_object_object_get_ex(obj, "runs", &runs));
    for (i = 0; i < json_object_array_length(runs); i++) {
        uint64_t n;

        run = json_object_array_get_idx(runs, i);
        cell = json_object_array_get_idx(run, 0);
        n = (uint64_t)json_object_get_int64(
            json_object_array_get_idx(run, 1));
        cells += n;
        if (json_object_is_type(cell, json_type_int))
            sum[json_object_get_int(cell)] += n * per;
        else
            for (s = 0; s < MAP_STATES; s++)
                sum[s] += n * (uint64_t)json_object_get_int64(
                    json_object_array_get_idx(cell, s));
    }
    ck_assert_uint_eq(cells, map_cells(dom, (unsigned int)
                                       __builtin_ctzll(per)));
}

/* The answer fits, and says what the map has. */
static int64_t check_answer(void)
{
    const struct xk_pod pod = { .tot = 1024, .cache = 512, .entries = 513 };
    struct json_object *obj = map_json(dom, &pod), *totals;
    uint64_t sum[MAP_STATES];
    int64_t per;
    size_t s;

    ck_assert_ptr_nonnull(obj);
    ck_assert_uint_lt(strlen(json_object_to_json_string_ext(
                          obj, JSON_C_TO_STRING_PLAIN)),
                      XK_CONTROL_LINE - 128);
    ck_assert_int_eq(number(obj, "ranges"), (int64_t)dom->map.count);
    ck_assert_int_eq(number(obj, "pod_entries_kib"), 513 * 4);
    per = number(obj, "cell_ranges");
    sum_runs(obj, sum);
    ck_assert(json_object_object_get_ex(obj, "totals", &totals));
    for (s = 0; s < MAP_STATES; s++) {
        char key[32];

        snprintf(key, sizeof(key), "%s_kib", map_state_names[s]);
        ck_assert_int_eq(number(totals, key),
                         (int64_t)dom->map.totals[s] * 2048);
        ck_assert_uint_ge(sum[s], dom->map.totals[s]);
        ck_assert_uint_lt(sum[s] - dom->map.totals[s], (uint64_t)per);
    }
    json_object_put(obj);
    return per;
}

START_TEST(test_answer_small)
{
    shape(256 * SUPER);
    map_note_ram(dom, MAP_INTACT);
    map_note(dom, 10 * SUPER, 20, MAP_POD);
    ck_assert_int_eq(check_answer(), 1);
    map_dispose(dom);
    ck_assert_int_eq(check_answer(), 1);
}
END_TEST

START_TEST(test_answer_large)
{
    uint64_t ram = 1024 * (uint64_t)GIB, i;
    uint32_t r = 12345;

    shape(ram);
    ck_assert_uint_eq(dom->map.count, 524288 + 128);
    ck_assert_int_eq(check_answer(), 1);
    /* Nothing alike anywhere. */
    for (i = 0; i < dom->map.count; i++) {
        r = r * 1664525 + 1013904223;
        if (map_is_ram(dom, i * SUPER))
            map_note(dom, i * SUPER, 1, (enum map_state)(r >> 16) % MAP_HOLE);
    }
    ck_assert_int_gt(check_answer(), 1);
    check_totals();
}
END_TEST

TCase *tcase_map(void)
{
    TCase *tc = tcase_create("map");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_empty);
    tcase_add_test(tc, test_shape);
    tcase_add_test(tc, test_reshape);
    tcase_add_test(tc, test_note);
    tcase_add_loop_test(tc, test_sights, 0,
                        (int)(sizeof(sights) / sizeof(sights[0])));
    tcase_add_test(tc, test_mix);
    tcase_add_test(tc, test_answer_small);
    tcase_add_test(tc, test_answer_large);
    return tc;
}
