/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of text with aligned columns. Cells are given row by row, one after
 * the other; running out of memory is remembered and reported by the print.
 */
#ifndef XK_XL_TABLE_H
#define XK_XL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum xk_align { XK_LEFT, XK_RIGHT };

struct xk_column {
    const char *title;
    enum xk_align align;
};

struct xk_table {
    const struct xk_column *columns;
    size_t width;               /* columns of a row */
    char **cells;
    size_t used;
    size_t room;
    bool failed;
};

void xk_table_init(struct xk_table *t, const struct xk_column *columns,
                   size_t width);
void xk_table_dispose(struct xk_table *t);

/* The next cell; the text is copied and must be safe for a terminal. */
void xk_table_cell(struct xk_table *t, const char *text);

/* The titles, then the rows. -ENOMEM: a cell was lost, nothing is printed. */
int xk_table_print(const struct xk_table *t, FILE *out);

#endif /* XK_XL_TABLE_H */
