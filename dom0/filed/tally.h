/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a share holds when it is lent: files and bytes, to begin its limits
 * with. However deep a guest has made its tree, all of it is counted, with a
 * bounded number of directories open.
 */
#ifndef XK_FILED_TALLY_H
#define XK_FILED_TALLY_H

struct slot;

/* Adds to the share's counters what is below the open directory, which is
 * taken over. */
void tally(struct slot *slot, int fd);

#endif /* XK_FILED_TALLY_H */
