/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The picture as an SVG report that needs nothing but itself: a bar of the
 * totals, a legend, and the cells, one path for each state. A mixed cell is
 * divided into strips.
 */
#include "cells.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <xenkeep/log.h>

#include "units.h"

#define WIDTH 960
#define MARGIN 32
#define INNER (WIDTH - 2 * MARGIN)
#define COLUMNS 64
#define CELLS_MAX (COLUMNS * 64)
#define LABEL 64
#define PITCH 13                /* a cell with the gap beside it */
#define SIDE 11
#define BAR_Y 104
#define BAR_HEIGHT 20
#define LEGEND_Y 160
#define LEGEND_PITCH 24
#define GRID_Y (LEGEND_Y + LEGEND_PITCH * XK_PICTURE_STATES + 40)

static const struct {
    const char *light, *dark;
} colours[XK_PICTURE_STATES] = {
    [XK_PICTURE_UNKNOWN] = { "#9aa3ad", "#7d8791" },
    [XK_PICTURE_INTACT] = { "#1f9d6b", "#35b985" },
    [XK_PICTURE_SHATTERED] = { "#e07b1a", "#f0953d" },
    [XK_PICTURE_POD] = { "#2f7fd6", "#58a0f0" },
    [XK_PICTURE_BALLOONED] = { "#8a5cc7", "#aa82e6" },
    [XK_PICTURE_HOLE] = { "#dfe4e9", "#2b323a" },
};

/* What xk_log_safe() leaves is ASCII without control bytes. */
static void put_text(const char *text, FILE *out)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = {
        { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" },
        { '"', "&quot;" }, { '\'', "&#39;" },
    };
    char safe[1032];
    const char *s;
    size_t i;

    for (s = xk_log_safe(safe, sizeof(safe), text); *s; s++) {
        for (i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
            if (entities[i].c == *s)
                break;
        if (i < sizeof(entities) / sizeof(entities[0]))
            fputs(entities[i].entity, out);
        else
            fputc(*s, out);
    }
}

static void put_colours(bool dark, FILE *out)
{
    unsigned int i;

    for (i = 0; i < XK_PICTURE_STATES; i++)
        fprintf(out, "%s.s%u{fill:%s}", i ? " " : "", i,
                dark ? colours[i].dark : colours[i].light);
    fputc('\n', out);
}

static void put_style(FILE *out)
{
    fputs("<style>\n"
          "text{font-family:system-ui,sans-serif;fill:#1c2329}\n"
          ".title{font-size:24px;font-weight:600}\n"
          ".sub,.what{font-size:13px;fill:#5b6670}\n"
          ".word{font-size:14px;font-weight:600} .num{font-size:14px}\n"
          ".at{font-size:10px;fill:#5b6670}\n"
          ".num,.at{font-variant-numeric:tabular-nums;text-anchor:end}\n"
          ".paper{fill:#fff}\n", out);
    put_colours(false, out);
    fputs("@media (prefers-color-scheme:dark){\n"
          "text{fill:#e8edf2} .sub,.what,.at{fill:#9aa6b2}\n"
          ".paper{fill:#14191e}\n", out);
    put_colours(true, out);
    fputs("}\n</style>\n", out);
}

static void put_head(const struct xk_picture *p, FILE *out)
{
    fputs("<text class=\"title\" x=\"32\" y=\"52\">Memory of ", out);
    put_text(p->name, out);
    fprintf(out, "</text>\n<text class=\"sub\" x=\"32\" y=\"76\">domain %"
            PRIu64 " &#183; %s MiB &#183; origin: ", p->domid,
            xk_mib(p->size).text);
    put_text(p->origin, out);
    fprintf(out, " &#183; populate-on-demand entries %s MiB, cache %s MiB"
            "</text>\n", xk_mib(p->pod_entries).text,
            xk_mib(p->pod_cache).text);
}

static void put_scale(const struct xk_grid *grid, time_t when, FILE *out)
{
    char at[32] = "";
    struct tm tm;

    if (gmtime_r(&when, &tm))
        (void)strftime(at, sizeof(at), "%Y-%m-%d %H:%M:%S UTC", &tm);
    fprintf(out, "<text class=\"what\" x=\"%d\" y=\"%d\">A cell is %" PRIu64
            " MiB. As of %s.</text>\n", MARGIN + LABEL, GRID_Y - 14,
            grid->per * 2, at);
}

static double sum_of(const struct xk_picture *p)
{
    double sum = 0;
    unsigned int i;

    for (i = 0; i < XK_PICTURE_STATES; i++)
        sum += (double)p->totals[i];
    return sum > 0 ? sum : 1;
}

static void put_bar(const struct xk_picture *p, FILE *out)
{
    double x = MARGIN, width, sum = sum_of(p);
    unsigned int i;

    for (i = 0; i < XK_PICTURE_STATES; i++) {
        width = (double)p->totals[i] / sum * INNER;
        if (p->totals[i])
            fprintf(out, "<rect class=\"s%u\" x=\"%.1f\" y=\"%d\" "
                    "width=\"%.1f\" height=\"%d\"/>\n", i, x, BAR_Y, width,
                    BAR_HEIGHT);
        x += width;
    }
}

static void put_legend(const struct xk_picture *p, FILE *out)
{
    double sum = sum_of(p);
    unsigned int i;
    int y;

    for (i = 0; i < XK_PICTURE_STATES; i++) {
        y = LEGEND_Y + (int)i * LEGEND_PITCH;
        fprintf(out, "<rect class=\"s%u\" x=\"%d\" y=\"%d\" width=\"14\" "
                "height=\"14\" rx=\"3\"/>"
                "<text class=\"word\" x=\"56\" y=\"%d\">%s</text>"
                "<text class=\"num\" x=\"260\" y=\"%d\">%s MiB</text>"
                "<text class=\"num\" x=\"330\" y=\"%d\">%.1f %%</text>"
                "<text class=\"what\" x=\"354\" y=\"%d\">%s</text>\n",
                i, MARGIN, y - 12, y, xk_picture_words[i].name, y,
                xk_mib(p->totals[i]).text, y,
                (double)p->totals[i] / sum * 100, y,
                xk_picture_words[i].meaning);
    }
}

static uint64_t mix_sum(const struct xk_mix *mix)
{
    uint64_t sum = 0;
    unsigned int i;

    for (i = 0; i < XK_PICTURE_STATES; i++)
        sum += mix->ranges[i];
    return sum;
}

/* The strip of this state in a cell: below those of the states before it. */
static void put_strip(const struct xk_mix *mix, unsigned int state, size_t at,
                      FILE *out)
{
    double sum = (double)mix_sum(mix), above = 0, height;
    unsigned int i;

    if (!mix->ranges[state])
        return;
    for (i = 0; i < state; i++)
        above += (double)mix->ranges[i];
    height = (double)mix->ranges[state] / sum * SIDE;
    fprintf(out, "M%d %.1fh%dv%.1fh-%dz",
            MARGIN + LABEL + (int)(at % COLUMNS) * PITCH,
            GRID_Y + (double)(at / COLUMNS) * PITCH + above / sum * SIDE, SIDE,
            height, SIDE);
}

static void put_cells(const struct xk_grid *grid, FILE *out)
{
    unsigned int state;
    size_t i;

    for (state = 0; state < XK_PICTURE_STATES; state++) {
        fprintf(out, "<path class=\"s%u\" d=\"", state);
        for (i = 0; i < grid->count; i++)
            put_strip(&grid->cells[i], state, i, out);
        fputs("\"/>\n", out);
    }
}

static void put_labels(const struct xk_grid *grid, FILE *out)
{
    /* With cells this large a row is whole GiB. */
    bool large = grid->per * 2 * COLUMNS >= 1024;
    size_t i;

    for (i = 0; i < grid->count; i += COLUMNS)
        fprintf(out, "<text class=\"at\" x=\"%d\" y=\"%zu\">%" PRIu64
                " %s</text>\n", MARGIN + LABEL - 8,
                GRID_Y + i / COLUMNS * PITCH + SIDE - 2,
                i * grid->per * 2 / (large ? 1024 : 1),
                large ? "GiB" : "MiB");
}

int xk_cells_svg(const struct xk_picture *p, time_t when, FILE *out)
{
    struct xk_grid grid;
    size_t height;
    int rc;

    rc = xk_picture_grid(p, CELLS_MAX, &grid);
    if (rc)
        return rc;
    height = GRID_Y + (grid.count + COLUMNS - 1) / COLUMNS * PITCH + MARGIN;
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
            "height=\"%zu\" viewBox=\"0 0 %d %zu\" role=\"img\">\n"
            "<title>Memory of ", WIDTH, height, WIDTH, height);
    put_text(p->name, out);
    fputs("</title>\n", out);
    put_style(out);
    fprintf(out, "<rect class=\"paper\" width=\"%d\" height=\"%zu\"/>\n",
            WIDTH, height);
    put_head(p, out);
    put_bar(p, out);
    put_legend(p, out);
    put_scale(&grid, when, out);
    put_labels(&grid, out);
    put_cells(&grid, out);
    fputs("</svg>\n", out);
    xk_grid_dispose(&grid);
    return 0;
}
