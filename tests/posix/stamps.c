/* SPDX-License-Identifier: GPL-2.0-only */
/* Which call moves which stamp, of the node and of its directory. */
#include "groups.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <time.h>

#define OLD 1000000000L         /* atime and mtime before each call */

void px_tick(void)
{
    /* A coarse clock moves every 10 ms at most. */
    nanosleep(&(struct timespec){ .tv_nsec = 12000000 }, NULL);
}

static void do_read(void)
{
    int fd = open("d/f", O_RDONLY);
    char c[4];

    px_eq("act", read(fd, c, 4), 4);
    px_close(fd);
}

static void do_read_nothing(void)
{
    int fd = open("d/f", O_RDONLY);
    char c;

    px_eq("act", read(fd, &c, 0), 0);
    px_close(fd);
}

static void do_open(void)
{
    int fd = open("d/f", O_RDWR);

    px_true("act", fd >= 0);
    px_close(fd);
}

static void do_noatime(void)
{
    int fd = open("d/f", O_RDONLY | O_NOATIME);
    char c[4];

    px_eq("act", read(fd, c, 4), 4);
    px_close(fd);
}

static void do_write(void)
{
    int fd = open("d/f", O_WRONLY);

    px_eq("act", write(fd, "new", 3), 3);
    px_close(fd);
}

static void do_write_nothing(void)
{
    int fd = open("d/f", O_WRONLY);

    px_eq("act", write(fd, "", 0), 0);
    px_close(fd);
}

static void do_trunc(void)
{
    px_done("act", truncate("d/f", 2));
}

static void do_trunc_same(void)
{
    int fd = open("d/f", O_WRONLY);

    px_done("act", ftruncate(fd, 7));
    px_close(fd);
}

static void do_open_trunc(void)
{
    int fd = open("d/f", O_WRONLY | O_TRUNC);

    px_true("act", fd >= 0);
    px_close(fd);
}

static void do_fallocate(void)
{
    int fd = open("d/f", O_WRONLY);

    px_done("act", fallocate(fd, 0, 0, 10000));
    px_close(fd);
}

static void do_mmap_write(void)
{
    int fd = open("d/f", O_RDWR);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    px_true("act", map != MAP_FAILED);
    if (map != MAP_FAILED) {
        map[0] = 'm';
        msync(map, 4096, MS_SYNC);
        munmap(map, 4096);
    }
    px_close(fd);
}

static void do_chmod(void)
{
    px_done("act", chmod("d/f", 0600));
}

static void do_chmod_same(void)
{
    px_done("act", chmod("d/f", 0644));
}

static void do_chown(void)
{
    px_done("act", chown("d/f", PX_OWNER, PX_GROUP));
}

static void do_setxattr(void)
{
    px_done("act", setxattr("d/f", "user.x", "v", 1, 0));
}

static void do_link(void)
{
    px_done("act", link("d/f", "d/second"));
}

static void do_link_away(void)
{
    px_done("act", link("d/f", "away/f"));
}

static void do_unlink_second(void)
{
    px_done("act", unlink("d/g"));
}

static void do_rename(void)
{
    px_done("act", rename("d/f", "d/renamed"));
}

static void do_rename_away(void)
{
    px_done("act", rename("d/f", "away/f"));
}

static void do_rename_over(void)
{
    px_done("act", rename("d/other", "d/g"));
}

static void do_rename_in(void)
{
    px_done("act", rename("away/x", "d/in"));
}

static void do_stat(void)
{
    struct stat st;

    px_done("act", stat("d/f", &st));
}

static void do_create(void)
{
    px_done("act", px_fill("d/new", 0));
}

static void do_mkdir(void)
{
    px_done("act", mkdir("d/sub", 0755));
}

static void do_rmdir(void)
{
    px_done("act", rmdir("d/empty"));
}

static void do_symlink(void)
{
    px_done("act", symlink("f", "d/link"));
}

static void do_mkfifo(void)
{
    px_done("act", mkfifo("d/fifo", 0600));
}

static void do_unlink(void)
{
    px_done("act", unlink("d/other"));
}

static void do_readdir(void)
{
    px_eq("act", px_entries("d"), 4);
}

static void do_failing(void)
{
    px_rc("act", mkdir("d/f", 0755), EEXIST);
}

static void do_nothing(void)
{
}

enum { A = 1, M = 2, C = 4 };   /* stamps that move */

static const struct act {
    const char *name;
    void (*act)(void);
    const char *seen;           /* where the file is then; NULL: not asked */
    int file;
    int dir;
} acts[] = {
    { "nothing", do_nothing, "d/f", 0, 0 },
    { "stat", do_stat, "d/f", 0, 0 },
    { "open", do_open, "d/f", 0, 0 },
    { "read", do_read, "d/f", A, 0 },
    { "read-nothing", do_read_nothing, "d/f", 0, 0 },
    { "read-noatime", do_noatime, "d/f", 0, 0 },
    { "write", do_write, "d/f", M | C, 0 },
    { "write-nothing", do_write_nothing, "d/f", 0, 0 },
    { "truncate", do_trunc, "d/f", M | C, 0 },
    { "truncate-same", do_trunc_same, "d/f", M | C, 0 },
    { "open-trunc", do_open_trunc, "d/f", M | C, 0 },
    { "fallocate", do_fallocate, "d/f", M | C, 0 },
    { "mmap-write", do_mmap_write, "d/f", A | M | C, 0 },
    { "chmod", do_chmod, "d/f", C, 0 },
    { "chmod-same", do_chmod_same, "d/f", C, 0 },
    { "chown", do_chown, "d/f", C, 0 },
    { "setxattr", do_setxattr, "d/f", C, 0 },
    { "link", do_link, "d/f", C, M | C },
    { "link-away", do_link_away, "d/f", C, 0 },
    { "unlink-second-name", do_unlink_second, "d/f", C, M | C },
    { "rename", do_rename, "d/renamed", C, M | C },
    { "rename-away", do_rename_away, "away/f", C, M | C },
    { "rename-over", do_rename_over, "d/f", C, M | C },
    { "rename-in", do_rename_in, "d/f", 0, M | C },
    { "create", do_create, "d/f", 0, M | C },
    { "mkdir", do_mkdir, "d/f", 0, M | C },
    { "rmdir", do_rmdir, "d/f", 0, M | C },
    { "symlink", do_symlink, "d/f", 0, M | C },
    { "mkfifo", do_mkfifo, "d/f", 0, M | C },
    { "unlink", do_unlink, "d/f", 0, M | C },
    { "readdir", do_readdir, "d/f", 0, A },
    { "failing-mkdir", do_failing, "d/f", 0, 0 },
};

static bool same(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static void compare(const char *whose, struct stat was, struct stat is,
                    int moved)
{
    char what[32];

    snprintf(what, sizeof(what), "%s-atime", whose);
    px_eq(what, !same(was.st_atim, is.st_atim), !!(moved & A));
    snprintf(what, sizeof(what), "%s-mtime", whose);
    px_eq(what, !same(was.st_mtim, is.st_mtim), !!(moved & M));
    snprintf(what, sizeof(what), "%s-ctime", whose);
    px_eq(what, !same(was.st_ctim, is.st_ctim), !!(moved & C));
}

static void one(const struct act *a)
{
    struct timespec old[2] = { { OLD, 0 }, { OLD, 0 } };
    struct stat file, dir;

    px_case("%s", a->name);
    mkdir("d", 0755);
    mkdir("away", 0755);
    px_make(PX_FILE, "d/f");
    px_make(PX_FILE, "d/other");
    px_make(PX_FILE, "away/x");
    mkdir("d/empty", 0755);
    (void)!link("d/f", "d/g");
    utimensat(AT_FDCWD, "d/f", old, 0);
    utimensat(AT_FDCWD, "d", old, 0);
    file = px_stat("d/f");
    dir = px_stat("d");
    px_tick();
    a->act();
    if (a->seen)
        compare("file", file, px_stat(a->seen), a->file);
    compare("dir", dir, px_stat("d"), a->dir);
    px_clear("d");
    px_clear("away");
}

/* A new node has the time of now, on all stamps alike. */
static void made(void)
{
    static const enum px_kind kinds[] = {
        PX_FILE, PX_DIR, PX_FIFO, PX_SOCKET, PX_DANGLING,
    };
    struct timespec now;
    struct stat st;

    for (size_t i = 0; i < PX_COUNT(kinds); i++) {
        px_case("made-%s", px_kind_name(kinds[i]));
        px_make(kinds[i], "m");
        clock_gettime(CLOCK_REALTIME, &now);
        st = px_stat("m");
        px_true("mtime", labs(st.st_mtim.tv_sec - now.tv_sec) <= 60);
        px_true("atime", labs(st.st_atim.tv_sec - now.tv_sec) <= 60);
        px_true("alike", kinds[i] == PX_FILE ||
                             same(st.st_mtim, st.st_ctim));
        px_clear("m");
    }
}

void px_stamps(void)
{
    for (size_t i = 0; i < PX_COUNT(acts); i++)
        one(&acts[i]);
    made();
}
