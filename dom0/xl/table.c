/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Aligned columns: every column is as wide as its widest cell, two blanks
 * apart, with no blanks at the end of a line. Cells are plain ASCII (names
 * come escaped), so a byte is a column on the terminal.
 */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void xk_table_init(struct xk_table *t, const struct xk_column *columns,
                   size_t width)
{
    memset(t, 0, sizeof(*t));
    t->columns = columns;
    t->width = width;
}

void xk_table_dispose(struct xk_table *t)
{
    while (t->used)
        free(t->cells[--t->used]);
    free(t->cells);
    t->cells = NULL;
    t->room = 0;
}

static bool table_grow(struct xk_table *t)
{
    size_t room = t->room ? t->room * 2 : 64;
    char **cells;

    cells = reallocarray(t->cells, room, sizeof(*cells));
    if (!cells)
        return false;
    t->cells = cells;
    t->room = room;
    return true;
}

void xk_table_cell(struct xk_table *t, const char *text)
{
    char *copy;

    if (t->used == t->room && !table_grow(t)) {
        t->failed = true;
        return;
    }
    copy = strdup(text);
    if (!copy) {
        t->failed = true;
        return;
    }
    t->cells[t->used++] = copy;
}

static size_t table_width(const struct xk_table *t, size_t column)
{
    size_t width = strlen(t->columns[column].title);
    size_t i, len;

    for (i = column; i < t->used; i += t->width) {
        len = strlen(t->cells[i]);
        if (len > width)
            width = len;
    }
    return width;
}

/* Is every later cell of this row empty? Then no blanks are due. */
static bool row_ends(const char *const *row, size_t from, size_t width)
{
    while (from < width && !*row[from])
        from++;
    return from == width;
}

static void print_row(const struct xk_table *t, const char *const *row,
                      const size_t *widths, FILE *out)
{
    size_t i, blanks;
    bool last;

    for (i = 0; i < t->width; i++) {
        if (row_ends(row, i, t->width))
            break;
        last = row_ends(row, i + 1, t->width);
        blanks = widths[i] - strlen(row[i]);
        if (i)
            fputs("  ", out);
        if (t->columns[i].align == XK_RIGHT)
            fprintf(out, "%*s%s", (int)blanks, "", row[i]);
        else
            fprintf(out, "%s%*s", row[i], last ? 0 : (int)blanks, "");
    }
    fputc('\n', out);
}

int xk_table_print(const struct xk_table *t, FILE *out)
{
    const char **titles;
    size_t *widths;
    size_t i;
    int rc;

    widths = calloc(t->width, sizeof(*widths));
    titles = calloc(t->width, sizeof(*titles));
    if (t->failed || !widths || !titles) {
        rc = -ENOMEM;
        goto out;
    }
    for (i = 0; i < t->width; i++) {
        titles[i] = t->columns[i].title;
        widths[i] = table_width(t, i);
    }
    print_row(t, titles, widths, out);
    for (i = 0; i + t->width <= t->used; i += t->width)
        print_row(t, (const char *const *)t->cells + i, widths, out);
    rc = 0;

out:
    free(titles);
    free(widths);
    return rc;
}
