// SPDX-License-Identifier: GPL-2.0-only
/* An answer to "map" or "memory", whatever the daemon put in it, and what is
 * drawn from it. */
#include "cells.h"
#include "fuzz.h"
#include "picture.h"
#include "rates.h"

static void check_grid(const struct xk_picture *p, size_t max)
{
    uint64_t sum = 0;
    struct xk_grid grid;
    size_t i, s;

    FUZZ_CHECK(!xk_picture_grid(p, max, &grid));
    FUZZ_CHECK(grid.count <= max);
    for (i = 0; i < grid.count; i++) {
        FUZZ_CHECK(xk_mix_first(&grid.cells[i]) < XK_PICTURE_STATES);
        for (s = 0; s < XK_PICTURE_STATES; s++)
            sum += grid.cells[i].ranges[s];
    }
    FUZZ_CHECK(sum <= p->ranges + p->per);
    xk_grid_dispose(&grid);
}

/* Nothing but printable ASCII and newlines leaves, colours aside. */
static void check_drawing(const struct xk_picture *p, unsigned int columns,
                          unsigned int rows)
{
    struct xk_cells_style style = { columns, rows, false };
    char *text = NULL;
    size_t len = 0, i;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        abort();
    FUZZ_CHECK(!xk_cells_draw(p, &style, out));
    FUZZ_CHECK(!xk_cells_svg(p, 0, out));
    fclose(out);
    for (i = 0; i < len; i++)
        FUZZ_CHECK(text[i] == '\n' || (text[i] >= 0x20 && text[i] <= 0x7e));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    unsigned int columns = fuzz_byte(&in), rows = fuzz_byte(&in);
    char *text = fuzz_string(&in);
    struct json_object *obj = json_tokener_parse(text);
    struct xk_picture p;
    struct xk_sample s;

    if (json_object_is_type(obj, json_type_object)) {
        if (!xk_picture_read(obj, &p)) {
            check_grid(&p, columns + 1);
            check_drawing(&p, columns, rows);
        }
        xk_picture_dispose(&p);
        if (!xk_sample_read(json_object_get(obj), 0, &s))
            FUZZ_CHECK(s.domains != NULL);
        xk_sample_dispose(&s);
    }
    json_object_put(obj);
    free(text);
    return 0;
}
