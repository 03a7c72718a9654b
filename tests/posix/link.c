/* SPDX-License-Identifier: GPL-2.0-only */
/* link, linkat: counts, kinds, what is in the way. */
#include "groups.h"

static const enum px_kind kinds[] = {
    PX_FILE, PX_DIR, PX_LINK, PX_DANGLING, PX_FIFO, PX_SOCKET,
};

static void kind(enum px_kind k)
{
    int error = k == PX_DIR ? EPERM : 0;
    struct stat a, b;

    px_case("%s", px_kind_name(k));
    px_done("make", px_make(k, "node"));
    px_rc("link", link("node", "two"), error);
    if (!error) {
        a = px_stat("node");
        b = px_stat("two");
        px_eq("same-inode", (long long)b.st_ino, (long long)a.st_ino);
        px_eq("count", (long long)a.st_nlink, 2);
        px_eq("mode", b.st_mode, a.st_mode);
        px_done("third", link("two", "three"));
        px_eq("count-3", (long long)px_stat("node").st_nlink, 3);
        px_done("remove-first", unlink("node"));
        px_eq("count-2", (long long)px_stat("three").st_nlink, 2);
        px_done("remove-second", unlink("two"));
        px_eq("count-1", (long long)px_stat("three").st_nlink, 1);
        px_eq("still-same", (long long)px_stat("three").st_ino,
              (long long)a.st_ino);
    }
    px_clear("node");
    px_clear("node.pointed");
    px_clear("three");
}

static void in_the_way(void)
{
    for (enum px_kind k = PX_FILE; k < PX_KINDS; k++) {
        px_case("over-%s", px_kind_name(k));
        px_make(PX_FILE, "from");
        px_done("make", px_make(k, "to"));
        px_rc("link", link("from", "to"), EEXIST);
        px_eq("count", (long long)px_stat("from").st_nlink, 1);
        px_clear("to");
        px_clear("to.pointed");
    }
}

static void at(void)
{
    struct stat st = { 0 };
    char buf[16] = "";
    int fd;

    px_case("at");
    px_make(PX_LINK, "l");
    px_done("nofollow", linkat(AT_FDCWD, "l", AT_FDCWD, "l2", 0));
    px_true("is-link", S_ISLNK(px_stat("l2").st_mode));
    px_done("follow",
            linkat(AT_FDCWD, "l", AT_FDCWD, "l3", AT_SYMLINK_FOLLOW));
    px_true("is-file", S_ISREG(px_stat("l3").st_mode));
    px_rc("flags", linkat(AT_FDCWD, "l", AT_FDCWD, "l4", 0x40000), EINVAL);
    fd = open("l3", O_RDONLY);
    px_done("by-descriptor", linkat(fd, "", AT_FDCWD, "l5", AT_EMPTY_PATH));
    px_eq("by-descriptor-count", (long long)px_stat("l5").st_nlink, 3);
    unlink("l3");
    unlink("l5");
    unlink("l.pointed");
    px_rc("dead", linkat(fd, "", AT_FDCWD, "l6", AT_EMPTY_PATH), ENOENT);
    px_close(fd);
    fd = open(".", O_TMPFILE | O_RDWR, 0600);
    px_true("tmpfile", fd >= 0);
    px_eq("tmpfile-write", write(fd, "inside", 6), 6);
    px_done("tmpfile-fstat", fstat(fd, &st));
    px_eq("tmpfile-count", (long long)st.st_nlink, 0);
    px_done("tmpfile-link", linkat(fd, "", AT_FDCWD, "t", AT_EMPTY_PATH));
    px_eq("tmpfile-linked", (long long)px_stat("t").st_nlink, 1);
    px_close(fd);
    fd = open("t", O_RDONLY);
    px_eq("tmpfile-read", read(fd, buf, sizeof(buf)), 6);
    px_same("tmpfile-data", buf, "inside");
    px_close(fd);
    fd = open(".", O_TMPFILE | O_EXCL | O_RDWR, 0600);
    px_true("tmpfile-excl", fd >= 0);
    px_rc("tmpfile-excl-link",
          linkat(fd, "", AT_FDCWD, "t2", AT_EMPTY_PATH), ENOENT);
    px_close(fd);
}

static void rights(void)
{
    px_case("rights");
    px_done("mkdir", mkdir("d", 0755));
    px_make(PX_FILE, "mine");
    chown("mine", PX_OTHER, PX_OTHER);
    px_become(PX_OTHER, PX_OTHER);
    px_rc("closed-dir", link("mine", "d/new"), EACCES);
    px_root();
    chmod("d", 0777);
    px_become(PX_OTHER, PX_OTHER);
    px_done("open-dir", link("mine", "d/new"));
    px_done("read-one", chmod("d/new", 0600));
    px_root();
    px_eq("mode-of-both", px_stat("mine").st_mode & 07777, 0600);
    px_eq("size-of-both", px_stat("mine").st_size, 7);
    px_done("truncate-one", truncate("d/new", 70));
    px_eq("size-of-other", px_stat("mine").st_size, 70);
}

void px_link(void)
{
    for (size_t i = 0; i < PX_COUNT(kinds); i++)
        kind(kinds[i]);
    in_the_way();
    at();
    rights();
}
