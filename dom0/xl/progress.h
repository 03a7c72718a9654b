/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A progress bar with a rate, drawn on standard error when that is a
 * terminal, and nothing at all when it is not.
 */
#ifndef XK_XL_PROGRESS_H
#define XK_XL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct xk_progress {
    bool on;                    /* standard error is a terminal */
    bool drawn;                 /* a bar stands on it now */
    unsigned int columns;       /* width of the bar itself */
    const char *label;          /* of the phase that runs, a constant */
    uint64_t first;             /* pages done when the phase was first seen */
    int64_t begun_us;           /* when that was */
    int64_t drawn_us;           /* when the bar was drawn last */
};

void xk_progress_init(struct xk_progress *p);

/* An xk_client_progress_fn; `arg` is the struct xk_progress. Counts pages. */
void xk_progress_show(void *arg, const char *phase, uint64_t done,
                      uint64_t total);

/* Wipe the bar; to be called before anything else is printed. */
void xk_progress_end(struct xk_progress *p);

#endif /* XK_XL_PROGRESS_H */
