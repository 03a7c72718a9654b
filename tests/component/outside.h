/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lies beside a share, and what leads there: a directory with a secret,
 * of which every change is seen, links of all kinds to it in the share, and
 * somebody who swaps names in the share while a guest looks.
 */
#ifndef XK_COMPONENT_OUTSIDE_H
#define XK_COMPONENT_OUTSIDE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTSIDE_SECRET "for dom0 alone\n"
/* Contents of `mine` and of `dir/inner` in the share. */
#define OUTSIDE_MINE "mine\n"
#define OUTSIDE_INNER "inside\n"

struct outside {
    const char *dir;            /* outside/ and data/ are in it */
    uint64_t digest;
};

/* A link of the share, by its name there. */
struct outside_link {
    const char *name;
    const char *target;         /* "%s": the directory of both */
};

extern const struct outside_link outside_links[];
extern const size_t outside_nr_links;

/* Fills both. The links are made in data/, unless `bare`. */
void outside_make(struct outside *o, const char *dir, bool bare);
/* The target of a link, as it was made. */
void outside_target(const struct outside *o, const struct outside_link *l,
                    char *buf, size_t size);
/* dom0 itself has changed something: from now on this is right. */
void outside_note(struct outside *o);
/* No name, byte, owner, mode, attribute or time of it has changed. */
bool outside_same(const struct outside *o);

/* Two names of the share are exchanged over and over. */
struct swapper {
    int dir;
    const char *a, *b;
    pthread_t thread;
    bool stop;                  /* atomic */
    unsigned long swaps;
};

void swapper_start(struct swapper *s, const struct outside *o, const char *a,
                   const char *b);
void swapper_stop(struct swapper *s);

#endif /* XK_COMPONENT_OUTSIDE_H */
