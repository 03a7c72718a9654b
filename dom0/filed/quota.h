/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a share may take: bytes, inodes, and bytes a second. What it took
 * before is counted when it is lent; from then on each change is.
 */
#ifndef XK_FILED_QUOTA_H
#define XK_FILED_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

struct ops;
struct slot;

/* Counts what is below the share's root, if it has a limit. */
void quota_scan(struct ops *ops, struct slot *slot);

/* Before something grows by so much, at most. -EDQUOT. */
int quota_take(struct slot *slot, uint64_t bytes, uint64_t files);
/* Afterwards: what was taken, and what came of it. */
void quota_settle(struct slot *slot, int64_t taken, int64_t came,
                  int64_t files);

/* Before a file's data changes, with its attributes as they are then. */
struct quota_change {
    struct slot *slot;
    int fd;
    int64_t taken, before;
};

/* `growth`: bytes that may be allocated. -EDQUOT. */
int quota_begin(struct quota_change *q, struct slot *slot, int fd,
                uint64_t growth);
void quota_end(struct quota_change *q);

/* A name goes that may be the file's last: `name` in directory `fd`. */
struct quota_loss {
    int64_t bytes, files;
};
void quota_look(struct slot *slot, int fd, const char *name,
                struct quota_loss *loss);
void quota_lost(struct slot *slot, const struct quota_loss *loss);

/* The host's numbers, within the limits. */
void quota_statfs(const struct slot *slot, struct statvfs *st);

/* Where there is a rate: -EAGAIN, or with `wait` 0 when so many bytes may go.
 * Each that may counts. */
int quota_pace(struct slot *slot, uint64_t bytes, bool wait);

#endif /* XK_FILED_QUOTA_H */
