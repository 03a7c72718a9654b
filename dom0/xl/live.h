/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is drawn anew each second on a terminal, until Ctrl-C.
 */
#ifndef XK_XL_LIVE_H
#define XK_XL_LIVE_H

#include <stddef.h>
#include <stdio.h>

#include "command.h"

#define XK_LIVE_SECONDS 1

struct xk_window {
    unsigned int columns, rows; /* 80 and 0 without a terminal */
    bool colour;                /* a terminal that has it, no NO_COLOR */
};

/* What standard output is. True: a terminal that can be drawn on. */
bool xk_window_get(struct xk_window *window);

/* Draws one picture. 0, or -errno with a line in `why`; -EINTR ends it all
 * without a complaint. */
typedef int xk_live_fn(FILE *out, const struct xk_window *window, char *why,
                       size_t size, void *arg);

/* The exit code. The terminal is left as it was. */
int xk_live(const struct xk_command *cmd, xk_live_fn *draw, void *arg);

#endif /* XK_XL_LIVE_H */
