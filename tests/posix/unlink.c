/* SPDX-License-Identifier: GPL-2.0-only */
/* unlink: kinds, and what lives on while somebody has it open. */
#include "groups.h"

#include <sys/mman.h>

static void kind(enum px_kind k)
{
    int error = k == PX_DIR || k == PX_FULL ? EISDIR : 0;

    px_case("%s", px_kind_name(k));
    px_done("make", px_make(k, "n"));
    px_rc("unlink", unlink("n"), error);
    px_true("seen", !px_stat("n").st_nlink == !error);
    if (k == PX_LINK)
        px_true("target-stays", px_stat("n.pointed").st_nlink == 1);
    if (!error)
        px_rc("again", unlink("n"), ENOENT);
    if (!error)
        px_done("name-is-free", px_make(PX_DIR, "n"));
    px_clear("n");
    px_clear("n.pointed");
}

static void while_open(void)
{
    struct stat st = { 0 };
    char buf[8] = "", *map;
    ino_t ino;
    int fd, fd2;

    px_case("while-open");
    px_fill("f", 100);
    fd = open("f", O_RDWR);
    ino = px_stat("f").st_ino;
    px_done("unlink", unlink("f"));
    px_rc("gone", access("f", F_OK), ENOENT);
    px_done("fstat", fstat(fd, &st));
    px_eq("links", (long long)st.st_nlink, 0);
    px_eq("size", st.st_size, 100);
    px_eq("inode", (long long)st.st_ino, (long long)ino);
    px_eq("read", pread(fd, buf, 4, 96), 4);
    px_eq("write", pwrite(fd, "new", 3, 100), 3);
    px_done("fstat-again", fstat(fd, &st));
    px_eq("grown", st.st_size, 103);
    map = mmap(NULL, 103, PROT_READ, MAP_SHARED, fd, 0);
    px_true("mmap", map != MAP_FAILED);
    px_true("mmap-data", map != MAP_FAILED && !memcmp(map + 100, "new", 3));
    px_done("another-by-the-name", px_fill("f", 5));
    fd2 = open("f", O_RDONLY);
    px_done("fstat-2", fstat(fd2, &st));
    px_eq("size-2", st.st_size, 5);
    px_true("inode-2", st.st_ino != ino);
    px_done("fstat-3", fstat(fd, &st));
    px_eq("size-3", st.st_size, 103);
    px_done("chmod", fchmod(fd, 0600));
    px_done("stamps", futimens(fd, NULL));
    px_done("fsync", fsync(fd));
    px_close(fd);
    px_true("map-after-close",
            map != MAP_FAILED && !memcmp(map + 100, "new", 3));
    munmap(map, 103);
    px_close(fd2);
}

static void through_proc(void)
{
    char path[64], buf[256] = "";
    int fd, again;

    px_case("reopen");
    px_fill("r", 50);
    fd = open("r", O_RDWR);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    unlink("r");
    again = open(path, O_RDONLY);
    px_true("open", again >= 0);
    px_eq("read", read(again, buf, 100), 50);
    px_close(again);
    px_close(fd);
}

static void many(void)
{
    char name[32];
    int left = 0;

    px_case("many");
    mkdir("m", 0755);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "m/%d", i);
        px_fill(name, 1);
    }
    px_eq("made", px_entries("m"), 200);
    for (int i = 0; i < 200; i += 2) {
        snprintf(name, sizeof(name), "m/%d", i);
        left += unlink(name) != 0;
    }
    px_eq("unlinked", left, 0);
    px_eq("left", px_entries("m"), 100);
    px_rc("not-empty", rmdir("m"), ENOTEMPTY);
    for (int i = 1; i < 200; i += 2) {
        snprintf(name, sizeof(name), "m/%d", i);
        left += unlink(name) != 0;
    }
    px_eq("all-unlinked", left, 0);
    px_done("rmdir", rmdir("m"));
}

static void dots(void)
{
    px_case("dots");
    mkdir("d", 0755);
    px_rc("dot", unlink("d/."), EISDIR);
    px_rc("dotdot", unlink("d/.."), EISDIR);
    px_rc("itself", unlink("."), EISDIR);
}

void px_unlink(void)
{
    for (enum px_kind k = PX_FILE; k < PX_KINDS; k++)
        kind(k);
    while_open();
    through_proc();
    many();
    dots();
}
