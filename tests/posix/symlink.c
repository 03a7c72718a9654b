/* SPDX-License-Identifier: GPL-2.0-only */
/* symlink, readlink: targets, lengths, chains. */
#include "groups.h"

#include <limits.h>

static const char *const targets[] = {
    "a", ".", "..", "/", "/etc/passwd", "a/b/c", "../../x", "//double//",
    "with space", "\xff\xfe\x01", "*?[", "trailing/", "\n", "caf\xc3\xa9",
};

static void target(size_t i)
{
    char buf[PATH_MAX + 1] = "";
    ssize_t n;

    px_case("target-%zu", i);
    px_done("symlink", symlink(targets[i], "l"));
    n = readlink("l", buf, sizeof(buf));
    px_eq("length", n, (long long)strlen(targets[i]));
    px_same("target", buf, targets[i]);
    px_eq("size", px_stat("l").st_size, (long long)strlen(targets[i]));
    px_eq("mode", px_stat("l").st_mode, S_IFLNK | 0777);
    px_done("unlink", unlink("l"));
}

static void length(size_t n, int error)
{
    static char text[PATH_MAX + 2], buf[PATH_MAX + 2];
    char what[32];

    memset(text, 'a', n);
    text[n] = '\0';
    for (size_t i = 100; i < n; i += 100)
        text[i] = '/';
    px_case("length-%zu", n);
    px_rc("symlink", symlink(text, "long"), error);
    if (!error) {
        memset(buf, 0, sizeof(buf));
        px_eq("readlink", readlink("long", buf, sizeof(buf)),
              (long long)n);
        px_true("same", !memcmp(buf, text, n + 1));
        px_eq("lstat", px_stat("long").st_size, (long long)n);
    }
    snprintf(what, sizeof(what), "unlink");
    px_rc(what, unlink("long"), error ? ENOENT : 0);
}

static void in_the_way(void)
{
    for (enum px_kind k = PX_FILE; k < PX_KINDS; k++) {
        px_case("over-%s", px_kind_name(k));
        px_done("make", px_make(k, "there"));
        px_rc("symlink", symlink("x", "there"), EEXIST);
        px_clear("there");
        px_clear("there.pointed");
    }
}

static void reading(void)
{
    char buf[8] = "-------";

    px_case("readlink");
    (void)!symlink("0123456789", "r");
    px_eq("short-buffer", readlink("r", buf, 4), 4);
    px_true("short-buffer-data", !memcmp(buf, "0123---", 7));
    px_rc("no-room", readlink("r", buf, 0), EINVAL);
    px_make(PX_FILE, "f");
    px_make(PX_DIR, "d");
    px_make(PX_FIFO, "p");
    px_rc("file", readlink("f", buf, 4), EINVAL);
    px_rc("dir", readlink("d", buf, 4), EINVAL);
    px_rc("fifo", readlink("p", buf, 4), EINVAL);
}

/* 40 links in a path are followed, not one more. */
static void chain(void)
{
    char from[16], to[16];
    struct stat st;

    px_case("chain");
    px_make(PX_FILE, "c0");
    for (int i = 1; i <= 42; i++) {
        snprintf(from, sizeof(from), "c%d", i);
        snprintf(to, sizeof(to), "c%d", i - 1);
        (void)!symlink(to, from);
    }
    px_done("1", stat("c1", &st));
    px_done("39", stat("c39", &st));
    px_done("40", stat("c40", &st));
    px_rc("41", stat("c41", &st), ELOOP);
    px_done("lstat-42", lstat("c42", &st));
    px_make(PX_DIR, "real");
    px_make(PX_FILE, "real/in");
    (void)!symlink("real", "way");
    (void)!symlink("way/in", "way-in");
    (void)!symlink("real/../c0", "back");
    px_done("through-dir", stat("way/in", &st));
    px_done("two-links", stat("way-in", &st));
    px_done("dotdot", stat("back", &st));
    px_eq("dotdot-size", st.st_size, 7);
    px_done("slash-to-dir", lstat("way/", &st));
    px_true("slash-is-dir", S_ISDIR(st.st_mode));
    px_rc("rmdir-of-link", rmdir("way"), ENOTDIR);
    px_rc("rmdir-slash", rmdir("way/"), ENOTDIR);
    px_rc("mkdir-over", mkdir("way", 0755), EEXIST);
    px_rc("open-nofollow", open("way", O_RDONLY | O_NOFOLLOW), ELOOP);
    px_rc("open-nofollow-dir",
          open("way", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
    px_done("nofollow-parent",
            close(open("way/in", O_RDONLY | O_NOFOLLOW)));
}

void px_symlink(void)
{
    for (size_t i = 0; i < PX_COUNT(targets); i++)
        target(i);
    length(1, 0);
    length(59, 0);
    length(60, 0);
    length(255, 0);
    length(256, 0);
    length(1023, 0);
    length(PATH_MAX - 1, 0);
    length(PATH_MAX, ENAMETOOLONG);
    in_the_way();
    reading();
    chain();
}
