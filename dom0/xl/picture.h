/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The picture of a guest's memory: the answer to "map", checked, and brought
 * to the number of cells that there is room for. Pure; nothing here prints.
 */
#ifndef XK_XL_PICTURE_H
#define XK_XL_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

/* In the order of the control protocol. */
enum xk_picture_state {
    XK_PICTURE_UNKNOWN,
    XK_PICTURE_INTACT,
    XK_PICTURE_SHATTERED,
    XK_PICTURE_POD,
    XK_PICTURE_BALLOONED,
    XK_PICTURE_HOLE,
    XK_PICTURE_STATES
};

/* The name of a state and what it means, for legends. */
struct xk_picture_word {
    const char *name;
    const char *meaning;
};

extern const struct xk_picture_word xk_picture_words[XK_PICTURE_STATES];

/* How many ranges of 2 MiB of a cell are in each state. */
struct xk_mix {
    uint64_t ranges[XK_PICTURE_STATES];
};

struct xk_picture_run {
    struct xk_mix mix;          /* of one cell */
    uint64_t count;             /* cells alike */
};

struct xk_picture {
    uint64_t domid;
    const char *name, *origin;  /* live as long as the answer */
    uint64_t size, pod_entries, pod_cache;      /* KiB */
    uint64_t totals[XK_PICTURE_STATES];         /* KiB */
    uint64_t ranges;
    uint64_t per;               /* ranges of a cell of the runs */
    struct xk_picture_run *runs;
    size_t nr_runs;
};

/* Cells of 2^n ranges each, as many as fit. */
struct xk_grid {
    struct xk_mix *cells;
    size_t count;
    uint64_t per;               /* ranges of a cell */
};

/*
 * Reads an answer. NULL: it is sound; else the field that is not. Dispose of
 * it in both cases.
 */
const char *xk_picture_read(struct json_object *answer, struct xk_picture *p);
void xk_picture_dispose(struct xk_picture *p);

/* At most `max` cells (at least 1). -ENOMEM. */
int xk_picture_grid(const struct xk_picture *p, size_t max,
                    struct xk_grid *grid);
void xk_grid_dispose(struct xk_grid *grid);

/* The state most ranges of the cell are in; XK_PICTURE_STATES: it is empty. */
unsigned int xk_mix_first(const struct xk_mix *mix);
/* The second most; XK_PICTURE_STATES: all are in one. */
unsigned int xk_mix_second(const struct xk_mix *mix);

#endif /* XK_XL_PICTURE_H */
