/* SPDX-License-Identifier: GPL-2.0-only */
/* See outside.h. */
#include "outside.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <xenkeep/util.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2u
#endif

const struct outside_link outside_links[] = {
    { "absolute", "%s/outside" }, { "relative", "../outside" },
    { "file", "%s/outside/secret" }, { "relfile", "../outside/secret" },
    { "up", ".." }, { "root", "/" }, { "self", "self" },
    { "chain", "absolute" }, { "nowhere", "../outside/new" },
    { "proc", "/proc/self/root" }, { "cwd", "/proc/self/cwd" },
    { "descriptor", "/proc/self/fd/3" }, { "passwd", "/etc/passwd" },
};
const size_t outside_nr_links = XK_ARRAY_SIZE(outside_links);

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[96];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
}

static void put_dir(const char *dir, const char *name)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

void outside_target(const struct outside *o, const struct outside_link *l,
                    char *buf, size_t size)
{
    if (!strncmp(l->target, "%s", 2))
        snprintf(buf, size, "%s%s", o->dir, l->target + 2);
    else
        snprintf(buf, size, "%s", l->target);
}

static void put_links(const struct outside *o)
{
    char target[96], path[96];
    size_t i;

    for (i = 0; i < outside_nr_links; i++) {
        outside_target(o, &outside_links[i], target, sizeof(target));
        snprintf(path, sizeof(path), "%s/data/%s", o->dir,
                 outside_links[i].name);
        ck_assert_int_eq(symlink(target, path), 0);
    }
}

void outside_make(struct outside *o, const char *dir, bool bare)
{
    o->dir = dir;
    put_file(dir, "outside/secret", OUTSIDE_SECRET);
    put_dir(dir, "outside/below");
    put_file(dir, "outside/below/inner", OUTSIDE_SECRET);
    put_file(dir, "outside/inner", OUTSIDE_SECRET);
    put_file(dir, "data/mine", OUTSIDE_MINE);
    put_dir(dir, "data/dir");
    put_file(dir, "data/dir/inner", OUTSIDE_INNER);
    if (!bare)
        put_links(o);
    outside_note(o);
}

/* ---- has it changed? ---- */

static uint64_t sum;

/* FNV-1a */
static void mix(const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len--)
        sum = (sum ^ *at++) * UINT64_C(0x100000001b3);
}

static void mix_contents(const char *path)
{
    char buf[512];
    ssize_t n = listxattr(path, buf, sizeof(buf));
    int fd;

    if (n > 0)
        mix(buf, (size_t)n);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOATIME);
    ck_assert_int_ge(fd, 0);
    while ((n = read(fd, buf, sizeof(buf))) > 0)
        mix(buf, (size_t)n);
    close(fd);
}

static int mix_one(const char *path, const struct stat *st, int what,
                   struct FTW *ftw)
{
    (void)what;
    mix(path, strlen(path));
    mix(&st->st_ino, sizeof(st->st_ino));
    mix(&st->st_mode, sizeof(st->st_mode));
    mix(&st->st_nlink, sizeof(st->st_nlink));
    mix(&st->st_uid, sizeof(st->st_uid));
    mix(&st->st_gid, sizeof(st->st_gid));
    mix(&st->st_size, sizeof(st->st_size));
    mix(&st->st_mtim, sizeof(st->st_mtim));
    mix(&st->st_ctim, sizeof(st->st_ctim));
    if (S_ISREG(st->st_mode))
        mix_contents(path);
    return ftw->level > 8;
}

static uint64_t digest(const struct outside *o)
{
    char path[64];

    sum = UINT64_C(0xcbf29ce484222325);
    snprintf(path, sizeof(path), "%s/outside", o->dir);
    ck_assert_int_eq(nftw(path, mix_one, 8, FTW_PHYS), 0);
    return sum;
}

void outside_note(struct outside *o)
{
    o->digest = digest(o);
}

bool outside_same(const struct outside *o)
{
    return digest(o) == o->digest;
}

/* ---- swapping ---- */

static void *swap(void *arg)
{
    struct swapper *s = arg;

    while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
        if (!syscall(SYS_renameat2, s->dir, s->a, s->dir, s->b,
                     RENAME_EXCHANGE))
            s->swaps++;
        sched_yield();
    }
    return NULL;
}

void swapper_start(struct swapper *s, const struct outside *o, const char *a,
                   const char *b)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/data", o->dir);
    *s = (struct swapper){ .a = a, .b = b };
    s->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(s->dir, 0);
    ck_assert_int_eq(pthread_create(&s->thread, NULL, swap, s), 0);
}

void swapper_stop(struct swapper *s)
{
    __atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
    ck_assert_int_eq(pthread_join(s->thread, NULL), 0);
    ck_assert_uint_gt(s->swaps, 0);
    close(s->dir);
}
