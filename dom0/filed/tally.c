/* SPDX-License-Identifier: GPL-2.0-only */
/* Counting what a share holds, see tally.h. */
#include "tally.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "state.h"

/* Of stat's st_blocks. */
#define BLOCK 512
/* Directories below each other that are open while they are counted. */
#define DEPTH_MAX 256u

/* A file with several names counts by its share at each. */
static int64_t weight(const struct stat *st)
{
    int64_t links = st->st_nlink && !S_ISDIR(st->st_mode)
                        ? (int64_t)st->st_nlink : 1;

    return (int64_t)st->st_blocks * BLOCK / links;
}

static bool count(struct slot *slot, DIR *dir, const struct dirent *d,
                  struct stat *st)
{
    if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
        fstatat(dirfd(dir), d->d_name, st, AT_SYMLINK_NOFOLLOW))
        return false;
    atomic_fetch_add(&slot->bytes, weight(st));
    atomic_fetch_add(&slot->files, 1);
    return S_ISDIR(st->st_mode);
}

static int open_sub(DIR *dir, const char *name)
{
    return openat(dirfd(dir), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
                  O_CLOEXEC);
}

/* The way back from where directories are closed on the way down. */
struct way {
    struct step {
        dev_t dev;
        ino_t ino;
        long at;                /* in it */
    } *steps;
    size_t count, room;
};

static int way_add(struct way *w, DIR *dir)
{
    struct step *more;
    struct stat st;

    if (fstat(dirfd(dir), &st))
        return -errno;
    if (w->count == w->room) {
        more = realloc(w->steps, (w->room + 1024) * sizeof(*more));
        if (!more)
            return -ENOMEM;
        w->steps = more;
        w->room += 1024;
    }
    w->steps[w->count++] = (struct step){ st.st_dev, st.st_ino,
                                          telldir(dir) };
    return 0;
}

/* The directory below, or this one when it cannot be had. */
static DIR *go_down(struct way *w, DIR *dir, const char *name)
{
    DIR *sub;
    int fd;

    if (way_add(w, dir))
        return dir;
    fd = open_sub(dir, name);
    sub = fd < 0 ? NULL : fdopendir(fd);
    if (!sub) {
        xk_close(&fd);
        w->count--;
        return dir;
    }
    closedir(dir);
    return sub;
}

/* NULL: that was all, or somebody has moved the directory. */
static DIR *go_up(struct way *w, DIR *dir)
{
    const struct step *s;
    struct stat st;
    DIR *up = NULL;
    int fd = w->count ? openat(dirfd(dir), "..", O_RDONLY | O_DIRECTORY |
                               O_CLOEXEC) : -1;

    closedir(dir);
    if (!w->count)
        return NULL;
    s = &w->steps[--w->count];
    if (fd >= 0 && !fstat(fd, &st) && st.st_dev == s->dev &&
        st.st_ino == s->ino)
        up = fdopendir(fd);
    if (up)
        seekdir(up, s->at);
    else
        xk_close(&fd);
    return up;
}

/* A guest makes a tree as deep as it likes, and would hide there. */
static void scan_deep(struct slot *slot, int fd)
{
    struct way w = { 0 };
    DIR *dir = fdopendir(fd);
    struct dirent *d;
    struct stat st;

    if (!dir)
        xk_close(&fd);
    while (dir) {
        d = readdir(dir);
        if (!d)
            dir = go_up(&w, dir);
        else if (count(slot, dir, d, &st))
            dir = go_down(&w, dir, d->d_name);
    }
    free(w.steps);
}

static void scan(struct slot *slot, int fd, unsigned int depth)
{
    DIR *dir = fdopendir(fd);
    struct dirent *d;
    struct stat st;
    int sub;

    if (!dir) {
        xk_close(&fd);
        return;
    }
    while ((d = readdir(dir))) {
        if (!count(slot, dir, d, &st))
            continue;
        sub = open_sub(dir, d->d_name);
        if (sub >= 0 && depth)
            scan(slot, sub, depth - 1);
        else if (sub >= 0)
            scan_deep(slot, sub);
    }
    closedir(dir);
}

void tally(struct slot *slot, int fd)
{
    scan(slot, fd, DEPTH_MAX);
}
