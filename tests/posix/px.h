/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xk-posix: assertions about a directory's file system. Each has an id,
 * GROUP.CASE.WHAT, that is the same in every run, so that a run on one file
 * system is compared with a run on another.
 *
 * A group runs in a process and an empty directory of its own, as root, with
 * umask 0. What a failed assertion leaves behind is no concern of a later
 * case: each makes what it needs under names of its own.
 */
#ifndef XK_TESTS_PX_H
#define XK_TESTS_PX_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define PX_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Users and groups that nothing else here means. */
#define PX_OWNER 12001
#define PX_OTHER 12002
#define PX_GROUP 12003      /* of PX_MEMBER too, besides its own */
#define PX_MEMBER 12004

struct px_group {
    const char *name;
    void (*run)(void);
};

extern const struct px_group px_groups[];
extern const size_t px_nr_groups;

/* report.c: the ids of what follows begin with GROUP.CASE. */
void px_begin_group(const char *name);
void px_case(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Each is one assertion. `rc` is what a call gave, -1 with errno on failure. */
void px_true(const char *what, bool holds);
void px_eq(const char *what, long long got, long long want);
void px_same(const char *what, const char *got, const char *want);
/* error 0: it is done; otherwise it fails with this error. */
void px_rc(const char *what, long rc, int error);
static inline void px_done(const char *what, long rc)
{
    px_rc(what, rc, 0);
}

/* nodes.c: kinds of node. */
enum px_kind {
    PX_NONE, PX_FILE, PX_DIR, PX_FULL, PX_LINK, PX_DANGLING, PX_FIFO,
    PX_SOCKET, PX_KINDS
};

const char *px_kind_name(enum px_kind kind);
/* The node of this name, made of this kind. -1 and errno. */
int px_make(enum px_kind kind, const char *path);
/* A regular file of `n` bytes, byte i is (char)i. */
int px_fill(const char *path, size_t n);
/* What lstat says; all zero (no link) when there is nothing. */
struct stat px_stat(const char *path);
/* A directory and what is in it, or any other node. */
void px_clear(const char *path);
/* Names in a directory without . and .., -1: error. */
long px_entries(const char *path);
/* Closes what is none of -1. */
void px_close(int fd);

/* user.c: the effective user and groups; PX_MEMBER is in PX_GROUP. */
void px_become(uid_t uid, gid_t gid);
void px_root(void);

/* times.c: waits until the clock of stamps has moved. */
void px_tick(void);

#endif /* XK_TESTS_PX_H */
