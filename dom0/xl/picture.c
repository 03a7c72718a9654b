/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The answer to "map", see picture.h. Its specification is in
 * xenkeep/control.h; whatever the daemon sends, the counts of what was read
 * add up.
 */
#include "picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"

/* 128 TiB: no guest of Xen is larger, and sums of its cells fit anywhere. */
#define RANGES_MAX (UINT64_C(1) << 26)

const struct xk_picture_word xk_picture_words[XK_PICTURE_STATES] = {
    [XK_PICTURE_UNKNOWN] = { "unknown", "there; how it is mapped, nobody saw" },
    [XK_PICTURE_INTACT] = { "intact", "as built, mapped by 2 MiB or more" },
    [XK_PICTURE_SHATTERED] = { "shattered", "mapped by 4 KiB" },
    [XK_PICTURE_POD] = { "pod", "populate-on-demand when last seen" },
    [XK_PICTURE_BALLOONED] = { "ballooned", "given back, nothing is there" },
    [XK_PICTURE_HOLE] = { "hole", "no memory of the guest" },
};

struct answer {
    struct json_object *totals, *runs;
};

#define FIELD(kind, type, name, member) \
    { name, XK_FIELD_##kind, offsetof(struct type, member) }

static const struct xk_field picture_fields[] = {
    FIELD(COUNT, xk_picture, "domid", domid),
    FIELD(TEXT, xk_picture, "name", name),
    FIELD(TEXT, xk_picture, "origin", origin),
    FIELD(COUNT, xk_picture, "size_kib", size),
    FIELD(COUNT, xk_picture, "pod_entries_kib", pod_entries),
    FIELD(COUNT, xk_picture, "pod_cache_kib", pod_cache),
    FIELD(COUNT, xk_picture, "ranges", ranges),
    FIELD(COUNT, xk_picture, "cell_ranges", per),
};

static const struct xk_field answer_fields[] = {
    FIELD(OBJECT, answer, "totals", totals),
    FIELD(ARRAY, answer, "runs", runs),
};

static const struct xk_field totals_fields[] = {
    FIELD(COUNT, xk_picture, "unknown_kib", totals[XK_PICTURE_UNKNOWN]),
    FIELD(COUNT, xk_picture, "intact_kib", totals[XK_PICTURE_INTACT]),
    FIELD(COUNT, xk_picture, "shattered_kib", totals[XK_PICTURE_SHATTERED]),
    FIELD(COUNT, xk_picture, "pod_kib", totals[XK_PICTURE_POD]),
    FIELD(COUNT, xk_picture, "ballooned_kib", totals[XK_PICTURE_BALLOONED]),
    FIELD(COUNT, xk_picture, "hole_kib", totals[XK_PICTURE_HOLE]),
};

#define READ(obj, table, out) \
    xk_fields_read(obj, table, sizeof(table) / sizeof((table)[0]), out)

static bool read_number(struct json_object *v, uint64_t max, uint64_t *value_r)
{
    int64_t value;

    if (!json_object_is_type(v, json_type_int))
        return false;
    value = json_object_get_int64(v);
    if (value < 0 || (uint64_t)value > max)
        return false;
    *value_r = (uint64_t)value;
    return true;
}

/* A state, or how many ranges are in each. */
static bool read_cell(struct json_object *v, uint64_t per, struct xk_mix *mix)
{
    uint64_t state, sum = 0;
    size_t i;

    memset(mix, 0, sizeof(*mix));
    if (read_number(v, XK_PICTURE_STATES - 1, &state)) {
        mix->ranges[state] = per;
        return true;
    }
    if (!json_object_is_type(v, json_type_array) ||
        json_object_array_length(v) != XK_PICTURE_STATES)
        return false;
    for (i = 0; i < XK_PICTURE_STATES; i++) {
        if (!read_number(json_object_array_get_idx(v, i), per,
                         &mix->ranges[i]))
            return false;
        sum += mix->ranges[i];
    }
    return sum && sum <= per;
}

static bool read_run(struct json_object *v, const struct xk_picture *p,
                     struct xk_picture_run *run)
{
    return json_object_is_type(v, json_type_array) &&
           json_object_array_length(v) == 2 &&
           read_cell(json_object_array_get_idx(v, 0), p->per, &run->mix) &&
           read_number(json_object_array_get_idx(v, 1), RANGES_MAX,
                       &run->count) &&
           run->count;
}

static bool read_runs(struct json_object *runs, struct xk_picture *p)
{
    size_t count = (size_t)json_object_array_length(runs);
    uint64_t sum = 0;

    p->runs = calloc(count ? count : 1, sizeof(*p->runs));
    if (!p->runs)
        return false;
    for (; p->nr_runs < count; p->nr_runs++) {
        struct xk_picture_run *run = &p->runs[p->nr_runs];

        if (!read_run(json_object_array_get_idx(runs, p->nr_runs), p, run))
            return false;
        sum += run->count;
    }
    return sum == (p->ranges + p->per - 1) / p->per;
}

const char *xk_picture_read(struct json_object *answer, struct xk_picture *p)
{
    struct answer a;
    const char *bad;

    memset(p, 0, sizeof(*p));
    bad = READ(answer, picture_fields, p);
    if (!bad)
        bad = READ(answer, answer_fields, &a);
    if (!bad)
        bad = READ(a.totals, totals_fields, p);
    if (bad)
        return bad;
    if (p->ranges > RANGES_MAX)
        return "ranges";
    if (!p->per || p->per > RANGES_MAX || (p->per & (p->per - 1)))
        return "cell_ranges";
    return read_runs(a.runs, p) ? NULL : "runs";
}

void xk_picture_dispose(struct xk_picture *p)
{
    free(p->runs);
    p->runs = NULL;
    p->nr_runs = 0;
}

static void mix_add(struct xk_mix *to, const struct xk_mix *mix, uint64_t n)
{
    size_t i;

    for (i = 0; i < XK_PICTURE_STATES; i++)
        to->ranges[i] += mix->ranges[i] * n;
}

int xk_picture_grid(const struct xk_picture *p, size_t max,
                    struct xk_grid *grid)
{
    uint64_t at = 0, step, left, n;
    size_t i;

    grid->per = p->per;
    while ((p->ranges + grid->per - 1) / grid->per > max)
        grid->per *= 2;
    grid->count = (size_t)((p->ranges + grid->per - 1) / grid->per);
    grid->cells = calloc(grid->count ? grid->count : 1, sizeof(*grid->cells));
    if (!grid->cells)
        return -ENOMEM;
    /* `at` counts cells of the runs, of which a cell of ours has `step`. */
    step = grid->per / p->per;
    for (i = 0; i < p->nr_runs; i++) {
        for (left = p->runs[i].count; left; left -= n) {
            n = step - at % step;
            if (n > left)
                n = left;
            mix_add(&grid->cells[at / step], &p->runs[i].mix, n);
            at += n;
        }
    }
    return 0;
}

void xk_grid_dispose(struct xk_grid *grid)
{
    free(grid->cells);
    grid->cells = NULL;
    grid->count = 0;
}

static unsigned int largest(const struct xk_mix *mix, unsigned int but)
{
    unsigned int i, best = XK_PICTURE_STATES;

    for (i = 0; i < XK_PICTURE_STATES; i++)
        if (i != but && mix->ranges[i] &&
            (best == XK_PICTURE_STATES ||
             mix->ranges[i] > mix->ranges[best]))
            best = i;
    return best;
}

unsigned int xk_mix_first(const struct xk_mix *mix)
{
    return largest(mix, XK_PICTURE_STATES);
}

unsigned int xk_mix_second(const struct xk_mix *mix)
{
    return largest(mix, xk_mix_first(mix));
}
