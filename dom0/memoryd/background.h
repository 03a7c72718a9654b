/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recovery by itself: a guest that was restored or migrated in is made whole
 * again without anybody asking, where the configuration says so. Pass after
 * pass, slowly, until all that the guest can move is whole, or nothing comes
 * of it any more. Nobody is paused for it.
 */
#ifndef XK_MEMORYD_BACKGROUND_H
#define XK_MEMORYD_BACKGROUND_H

#include <stdint.h>

struct domain;
struct event;

struct background {
    struct event *timer;        /* pending: the next pass */
    unsigned int in_vain;       /* passes in a row that brought nothing */
};

/* The guest's front-end is there: looks soon whether there is work. */
void background_soon(struct domain *dom);

void background_dispose(struct domain *dom);

#endif /* XK_MEMORYD_BACKGROUND_H */
