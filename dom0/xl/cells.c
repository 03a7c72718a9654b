/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The picture in characters, a cell each. In colour a cell has the colour of
 * the state that most of it is in, and the letter of the second if there is
 * one; else the letter of the first, in lower case if there is a second.
 */
#include "cells.h"

#include <inttypes.h>

#include <xenkeep/log.h>

#include "units.h"

/* In front of each row: an address and two blanks. */
#define LABEL 9u

#define ROW_MAX 128u
#define ROW_MIN 16u
#define ROWS_MIN 4u
#define ROWS_USUAL 32u

/* Title, accounts, legend, and blank lines between them. */
#define BESIDE_ROWS (5u + XK_PICTURE_STATES)

static const struct {
    char pure, mixed;
    int colour;                 /* of the 256 that terminals have */
} looks[XK_PICTURE_STATES] = {
    [XK_PICTURE_UNKNOWN] = { '?', '!', 246 },
    [XK_PICTURE_INTACT] = { 'I', 'i', 35 },
    [XK_PICTURE_SHATTERED] = { 'S', 's', 208 },
    [XK_PICTURE_POD] = { 'P', 'p', 75 },
    [XK_PICTURE_BALLOONED] = { 'B', 'b', 141 },
    [XK_PICTURE_HOLE] = { '.', ':', 239 },
};

/* Ranges as people read them: a power of two. */
static struct xk_number size_of(uint64_t ranges)
{
    static const char units[] = "MGT";
    uint64_t size = ranges * 2;
    struct xk_number n;
    size_t i = 0;

    while (size && size % 1024 == 0 && i < 2) {
        size /= 1024;
        i++;
    }
    snprintf(n.text, sizeof(n.text), "%" PRIu64 "%c", size, units[i]);
    return n;
}

static void put_cell(const struct xk_mix *mix, bool colour, FILE *out)
{
    unsigned int first = xk_mix_first(mix), second = xk_mix_second(mix);
    bool mixed = second < XK_PICTURE_STATES;

    if (first == XK_PICTURE_STATES)
        fputc(' ', out);
    else if (!colour)
        fputc(mixed ? looks[first].mixed : looks[first].pure, out);
    else
        fprintf(out, "\033[30;48;5;%dm%c", looks[first].colour,
                mixed ? looks[second].pure : ' ');
}

static void put_rows(const struct xk_grid *grid, unsigned int width,
                     bool colour, FILE *out)
{
    size_t i;

    for (i = 0; i < grid->count; i++) {
        if (i % width == 0)
            fprintf(out, "%*s  ", (int)LABEL - 2,
                    size_of(i * grid->per).text);
        put_cell(&grid->cells[i], colour, out);
        if (i % width == width - 1 || i + 1 == grid->count)
            fputs(colour ? "\033[0m\n" : "\n", out);
    }
}

static void put_legend(const struct xk_picture *p, bool colour, FILE *out)
{
    unsigned int i;

    for (i = 0; i < XK_PICTURE_STATES; i++) {
        if (colour)
            fprintf(out, "  \033[48;5;%dm  \033[0m", looks[i].colour);
        else
            fprintf(out, "  %c%c", looks[i].pure, looks[i].mixed);
        fprintf(out, "  %-9s %12s MiB  %s\n", xk_picture_words[i].name,
                xk_mib(p->totals[i]).text, xk_picture_words[i].meaning);
    }
}

/* The widest power of two: then addresses are round. */
static unsigned int row_width(unsigned int columns)
{
    unsigned int width = ROW_MAX;

    while (width > ROW_MIN && width + LABEL >= columns)
        width /= 2;
    return width;
}

int xk_cells_draw(const struct xk_picture *p,
                  const struct xk_cells_style *style, FILE *out)
{
    unsigned int width = row_width(style->columns), rows = ROWS_USUAL;
    char name[1032], origin[64];
    struct xk_grid grid;
    int rc;

    if (style->rows)
        rows = style->rows > BESIDE_ROWS + ROWS_MIN ? style->rows - BESIDE_ROWS
                                                    : ROWS_MIN;
    rc = xk_picture_grid(p, (size_t)width * rows, &grid);
    if (rc)
        return rc;
    xk_log_safe(name, sizeof(name), p->name);
    xk_log_safe(origin, sizeof(origin), p->origin);
    fprintf(out, "%s (domain %" PRIu64 "): %s MiB, origin %s; a cell is %sB\n"
            "\n", name, p->domid, xk_mib(p->size).text, origin,
            size_of(grid.per).text);
    put_rows(&grid, width, style->colour, out);
    fputc('\n', out);
    put_legend(p, style->colour, out);
    fprintf(out, "Xen counts %s MiB of entries to be filled, and %s MiB wait "
            "for them.\n", xk_mib(p->pod_entries).text,
            xk_mib(p->pod_cache).text);
    xk_grid_dispose(&grid);
    return 0;
}
