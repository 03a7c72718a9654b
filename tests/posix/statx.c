/* SPDX-License-Identifier: GPL-2.0-only */
/* stat, statx, statfs, access. */
#include "groups.h"

#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <time.h>

static const struct type {
    enum px_kind kind;
    mode_t type;
} types[] = {
    { PX_FILE, S_IFREG },    { PX_DIR, S_IFDIR },   { PX_FULL, S_IFDIR },
    { PX_LINK, S_IFLNK },    { PX_FIFO, S_IFIFO },  { PX_SOCKET, S_IFSOCK },
    { PX_DANGLING, S_IFLNK },
};

static void kind(const struct type *t)
{
    struct statx sx = { 0 };
    struct stat st;

    px_case("%s", px_kind_name(t->kind));
    px_make(t->kind, "n");
    st = px_stat("n");
    px_done("statx", statx(AT_FDCWD, "n", AT_SYMLINK_NOFOLLOW,
                           STATX_BASIC_STATS | STATX_BTIME, &sx));
    px_eq("basic", sx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
    px_eq("type", sx.stx_mode & S_IFMT, t->type);
    px_eq("stat-type", st.st_mode & S_IFMT, t->type);
    px_eq("inode", (long long)sx.stx_ino, (long long)st.st_ino);
    px_eq("size", (long long)sx.stx_size, st.st_size);
    px_eq("links", sx.stx_nlink, (long long)st.st_nlink);
    px_eq("uid", sx.stx_uid, 0);
    px_true("blksize", sx.stx_blksize >= 512);
    px_true("btime", sx.stx_mask & STATX_BTIME);
    px_true("btime-recent",
            labs((long)sx.stx_btime.tv_sec - time(NULL)) <= 60);
    px_eq("device", (long long)st.st_dev, (long long)px_stat(".").st_dev);
    px_clear("n");
    px_clear("n.pointed");
}

/* The time of birth does not change. */
static void birth(void)
{
    struct statx was = { 0 }, is = { 0 };
    struct timespec old[2] = { { 5, 5 }, { 5, 5 } };
    int fd;

    px_case("birth");
    px_make(PX_FILE, "b");
    statx(AT_FDCWD, "b", 0, STATX_BTIME, &was);
    px_tick();
    fd = open("b", O_RDWR);
    px_eq("write", write(fd, "x", 1), 1);
    utimensat(AT_FDCWD, "b", old, 0);
    chmod("b", 0600);
    rename("b", "b2");
    px_done("statx", statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &is));
    px_eq("seconds", (long long)is.stx_btime.tv_sec,
          (long long)was.stx_btime.tv_sec);
    px_eq("nanoseconds", is.stx_btime.tv_nsec, was.stx_btime.tv_nsec);
    px_close(fd);
}

static void errors(void)
{
    struct statx sx;
    struct stat st;

    px_case("errors");
    px_make(PX_FILE, "e");
    px_rc("flags", statx(AT_FDCWD, "e", 0x80000, STATX_ALL, &sx), EINVAL);
    px_rc("sync-both", statx(AT_FDCWD, "e",
                             AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC,
                             STATX_ALL, &sx), EINVAL);
    px_done("force-sync", statx(AT_FDCWD, "e", AT_STATX_FORCE_SYNC,
                                STATX_ALL, &sx));
    px_done("dont-sync", statx(AT_FDCWD, "e", AT_STATX_DONT_SYNC,
                               STATX_ALL, &sx));
    px_rc("bad-descriptor", fstat(-1, &st), EBADF);
    px_done("cwd", fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
    px_rc("access-mode", access("e", 8), EINVAL);
    px_done("access-rw", access("e", R_OK | W_OK));
    px_rc("access-x", access("e", X_OK), EACCES);
}

static void blocks(void)
{
    int fd = open("bl", O_CREAT | O_RDWR, 0644);
    struct stat st = { 0 };

    px_case("blocks");
    px_eq("empty", px_stat("bl").st_blocks, 0);
    px_fill("full", 65536);
    px_done("sync", (fsync(fd), syncfs(fd)));
    px_true("full", px_stat("full").st_blocks >= 128);
    px_done("truncate", ftruncate(fd, 1 << 20));
    px_done("fstat", fstat(fd, &st));
    px_true("hole", st.st_blocks < 64);
    px_eq("hole-size", st.st_size, 1 << 20);
    px_close(fd);
}

static void file_system(void)
{
    struct statfs st = { 0 };
    struct statvfs sv = { 0 };
    int fd = open(".", O_RDONLY);

    px_case("statfs");
    px_done("path", statfs(".", &st));
    px_true("blocks", st.f_blocks > 0);
    px_true("free", st.f_bfree <= st.f_blocks);
    px_true("available", st.f_bavail <= st.f_bfree);
    px_true("files", st.f_ffree <= st.f_files);
    px_true("bsize", st.f_bsize >= 512);
    px_done("descriptor", fstatfs(fd, &st));
    px_done("statvfs", statvfs(".", &sv));
    px_eq("namemax", (long long)sv.f_namemax, 255);
    px_true("writable", !(sv.f_flag & ST_RDONLY));
    px_close(fd);
}

/* Inode numbers: one for each node, the same from every side. */
static void inodes(void)
{
    struct stat a = { 0 }, b = { 0 };
    int fd;

    px_case("inode");
    px_make(PX_FILE, "i1");
    px_make(PX_FILE, "i2");
    px_true("differ", px_stat("i1").st_ino != px_stat("i2").st_ino);
    a = px_stat("i1");
    fd = open("i1", O_RDONLY);
    px_done("fstat", fstat(fd, &b));
    px_eq("fstat-same", (long long)b.st_ino, (long long)a.st_ino);
    rename("i1", "i3");
    px_eq("renamed-same", (long long)px_stat("i3").st_ino,
          (long long)a.st_ino);
    mkdir("id", 0755);
    a = px_stat("id");
    px_done("dot", stat("id/.", &b));
    px_eq("dot-same", (long long)b.st_ino, (long long)a.st_ino);
    px_done("dotdot", stat("id/..", &b));
    px_eq("dotdot-same", (long long)b.st_ino,
          (long long)px_stat(".").st_ino);
    px_close(fd);
}

void px_statx(void)
{
    for (size_t i = 0; i < PX_COUNT(types); i++)
        kind(&types[i]);
    birth();
    errors();
    blocks();
    file_system();
    inodes();
}
