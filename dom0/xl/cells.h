/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drawing the picture of a guest's memory: on a terminal, as plain text, as
 * an SVG report. Everything that came from a guest is escaped.
 */
#ifndef XK_XL_CELLS_H
#define XK_XL_CELLS_H

#include <stdio.h>
#include <time.h>

#include "picture.h"

struct xk_cells_style {
    unsigned int columns;       /* of the window */
    unsigned int rows;          /* of the window; 0: as many as it takes */
    bool colour;                /* else letters */
};

/* With a title and a legend. -ENOMEM; output errors stay in `out`. */
int xk_cells_draw(const struct xk_picture *p,
                  const struct xk_cells_style *style, FILE *out);

/* A whole SVG document, for light and dark backgrounds. */
int xk_cells_svg(const struct xk_picture *p, time_t when, FILE *out);

#endif /* XK_XL_CELLS_H */
