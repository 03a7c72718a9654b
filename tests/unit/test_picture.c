// SPDX-License-Identifier: GPL-2.0-only
/* The picture of a guest's memory: cells of any size, and their drawings. */
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "picture.h"
#include "unit.h"

#define TOTALS "\"totals\":{\"unknown_kib\":0,\"intact_kib\":2048," \
    "\"shattered_kib\":0,\"pod_kib\":0,\"ballooned_kib\":0,\"hole_kib\":0}"

static struct json_object *answer(const char *ranges, const char *per,
                                  const char *runs)
{
    struct json_object *obj;
    char text[1024];

    snprintf(text, sizeof(text), "{\"domid\":3,\"name\":\"web\","
             "\"origin\":\"built\",\"size_kib\":1,\"pod_entries_kib\":2,"
             "\"pod_cache_kib\":3,\"ranges\":%s,\"cell_ranges\":%s," TOTALS
             ",\"runs\":%s}", ranges, per, runs);
    obj = json_tokener_parse(text);
    ck_assert_msg(obj != NULL, "%s", text);
    return obj;
}

static struct {
    const char *ranges, *per, *runs;
    const char *bad;            /* NULL: sound */
} answers[] = {
    { "0", "1", "[]", NULL },
    { "5", "1", "[[1,2],[3,3]]", NULL },
    { "5", "4", "[[1,1],[[0,0,0,1,0,0],1]]", NULL },
    { "67108864", "1", "[[1,67108864]]", NULL },
    { "67108865", "1", "[[1,67108865]]", "ranges" },
    { "4", "3", "[[1,2]]", "cell_ranges" },
    { "4", "0", "[[1,4]]", "cell_ranges" },
    { "5", "1", "[[1,4]]", "runs" },
    { "5", "1", "[[1,6]]", "runs" },
    { "4", "4", "[[[2,2,1,0,0,0],1]]", "runs" },
    { "4", "1", "[[7,4]]", "runs" },
};

START_TEST(test_read)
{
    struct json_object *obj = answer(answers[_i].ranges, answers[_i].per,
                                     answers[_i].runs);
    struct xk_picture p;
    const char *bad = xk_picture_read(obj, &p);

    if (answers[_i].bad)
        ck_assert_str_eq(bad, answers[_i].bad);
    else
        ck_assert_ptr_null(bad);
    xk_picture_dispose(&p);
    json_object_put(obj);
}
END_TEST

/* All ranges are in the grid, whatever its size. */
START_TEST(test_grid)
{
    struct json_object *obj = answer(
        "41", "2", "[[1,3],[[1,0,1,0,0,0],5],[3,12],[[0,0,0,0,1,0],1]]");
    struct xk_picture p;
    struct xk_grid grid;
    uint64_t sums[XK_PICTURE_STATES];
    size_t max, i, s;

    ck_assert_ptr_null(xk_picture_read(obj, &p));
    for (max = 1; max < 30; max++) {
        ck_assert_int_eq(xk_picture_grid(&p, max, &grid), 0);
        ck_assert_uint_le(grid.count, max);
        ck_assert_uint_eq(grid.count, (41 + grid.per - 1) / grid.per);
        ck_assert(grid.per == 2 || (41 + grid.per / 2 - 1) / (grid.per / 2) >
                                       max);
        memset(sums, 0, sizeof(sums));
        for (i = 0; i < grid.count; i++)
            for (s = 0; s < XK_PICTURE_STATES; s++)
                sums[s] += grid.cells[i].ranges[s];
        ck_assert_uint_eq(sums[XK_PICTURE_UNKNOWN], 5);
        ck_assert_uint_eq(sums[XK_PICTURE_INTACT], 6);
        ck_assert_uint_eq(sums[XK_PICTURE_SHATTERED], 5);
        ck_assert_uint_eq(sums[XK_PICTURE_POD], 24);
        ck_assert_uint_eq(sums[XK_PICTURE_BALLOONED], 1);
        xk_grid_dispose(&grid);
    }
    xk_picture_dispose(&p);
    json_object_put(obj);
}
END_TEST

START_TEST(test_mix)
{
    struct xk_mix mix = { { 0 } };

    ck_assert_uint_eq(xk_mix_first(&mix), XK_PICTURE_STATES);
    ck_assert_uint_eq(xk_mix_second(&mix), XK_PICTURE_STATES);
    mix.ranges[XK_PICTURE_POD] = 2;
    ck_assert_uint_eq(xk_mix_first(&mix), XK_PICTURE_POD);
    ck_assert_uint_eq(xk_mix_second(&mix), XK_PICTURE_STATES);
    mix.ranges[XK_PICTURE_INTACT] = 1;
    mix.ranges[XK_PICTURE_HOLE] = 3;
    ck_assert_uint_eq(xk_mix_first(&mix), XK_PICTURE_HOLE);
    ck_assert_uint_eq(xk_mix_second(&mix), XK_PICTURE_POD);
}
END_TEST

/* In any window the drawing is no wider, and not much higher. */
START_TEST(test_windows)
{
    struct json_object *obj = answer("524416", "1", "[[1,524415],[3,1]]");
    struct xk_picture p;
    unsigned int columns, rows;

    ck_assert_ptr_null(xk_picture_read(obj, &p));
    for (columns = 1; columns < 300; columns += 13) {
        for (rows = 1; rows < 90; rows += 7) {
            const struct xk_cells_style style = { columns, rows, false };
            size_t len = 0, lines = 0, row = 0, i;
            char *text = NULL;
            FILE *out = open_memstream(&text, &len);

            ck_assert_int_eq(xk_cells_draw(&p, &style, out), 0);
            fclose(out);
            for (i = 0; i < len; i++, row++) {
                if (text[i] != '\n')
                    continue;
                /* Cells only: the words need what they need. */
                if (lines > 1 && text[i - 1] == 'I' && columns > 26)
                    ck_assert_uint_le(row, columns);
                lines++;
                row = (size_t)-1;
            }
            ck_assert_uint_le(lines, rows > 15 ? rows : 15);
            free(text);
        }
    }
    xk_picture_dispose(&p);
    json_object_put(obj);
}
END_TEST

TCase *tcase_picture(void)
{
    TCase *tc = tcase_create("picture");

    tcase_add_loop_test(tc, test_read, 0,
                        (int)(sizeof(answers) / sizeof(answers[0])));
    tcase_add_test(tc, test_grid);
    tcase_add_test(tc, test_mix);
    tcase_add_test(tc, test_windows);
    return tc;
}
