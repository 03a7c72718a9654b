/* SPDX-License-Identifier: GPL-2.0-only */
/* rename, renameat2: every kind onto every kind, and the flags. */
#include "groups.h"

#include <sys/sysmacros.h>

static bool is_dir(enum px_kind k)
{
    return k == PX_DIR || k == PX_FULL;
}

static int wanted(enum px_kind from, enum px_kind to, unsigned int flags)
{
    if (from == PX_NONE)
        return ENOENT;
    if (flags == RENAME_EXCHANGE)
        return to == PX_NONE ? ENOENT : 0;
    if (to == PX_NONE)
        return 0;
    if (flags == RENAME_NOREPLACE)
        return EEXIST;
    if (is_dir(from))
        return !is_dir(to) ? ENOTDIR : to == PX_FULL ? ENOTEMPTY : 0;
    return is_dir(to) ? EISDIR : 0;
}

static const char *flags_name(unsigned int flags)
{
    return flags == RENAME_EXCHANGE ? "exchange" :
           flags == RENAME_NOREPLACE ? "noreplace" : "plain";
}

static void one(enum px_kind from, enum px_kind to, unsigned int flags,
                const char *place)
{
    int error = wanted(from, to, flags);
    struct stat a, b, a2, b2;
    char target[16];

    snprintf(target, sizeof(target), "%sb", place);
    px_case("%s-to-%s%s-%s", px_kind_name(from), *place ? "away-" : "",
            px_kind_name(to), flags_name(flags));
    px_make(from, "a");
    px_make(to, target);
    a = px_stat("a");
    b = px_stat(target);
    px_rc("rename", renameat2(AT_FDCWD, "a", AT_FDCWD, target, flags),
          error);
    a2 = px_stat("a");
    b2 = px_stat(target);
    if (error) {
        px_true("as-before", a.st_ino == a2.st_ino && b.st_ino == b2.st_ino);
    } else {
        px_eq("new", (long long)b2.st_ino, (long long)a.st_ino);
        px_eq("old", (long long)a2.st_ino,
              flags == RENAME_EXCHANGE ? (long long)b.st_ino : 0);
        px_eq("type", b2.st_mode & S_IFMT, a.st_mode & S_IFMT);
    }
    px_clear("a");
    px_clear(target);
    px_clear("a.pointed");
    snprintf(target, sizeof(target), "%sb.pointed", place);
    px_clear(target);
}

static void matrix(void)
{
    static const unsigned int flags[] = {
        0, RENAME_NOREPLACE, RENAME_EXCHANGE,
    };

    mkdir("away", 0755);
    for (size_t f = 0; f < PX_COUNT(flags); f++)
        for (enum px_kind from = PX_NONE; from < PX_KINDS; from++)
            for (enum px_kind to = PX_NONE; to < PX_KINDS; to++) {
                one(from, to, flags[f], "");
                if (from == PX_FILE || from == PX_FULL)
                    one(from, to, flags[f], "away/");
            }
}

static void same(void)
{
    px_case("same");
    px_make(PX_FILE, "f");
    px_done("itself", rename("f", "f"));
    px_done("link", link("f", "g"));
    px_done("onto-its-link", rename("f", "g"));
    px_eq("both-stay", (long long)px_stat("f").st_nlink, 2);
    px_make(PX_DIR, "d");
    px_done("dir-itself", rename("d", "d"));
    px_rc("noreplace-itself",
          renameat2(AT_FDCWD, "f", AT_FDCWD, "f", RENAME_NOREPLACE), EEXIST);
    px_done("exchange-itself",
            renameat2(AT_FDCWD, "f", AT_FDCWD, "f", RENAME_EXCHANGE));
}

static void trees(void)
{
    struct stat st = { 0 };

    px_case("tree");
    mkdir("t", 0755);
    mkdir("t/sub", 0755);
    mkdir("t/sub/deep", 0755);
    px_make(PX_FILE, "t/sub/deep/f");
    px_rc("into-itself", rename("t", "t/new"), EINVAL);
    px_rc("into-its-child", rename("t", "t/sub/deep/new"), EINVAL);
    px_rc("onto-its-parent", rename("t/sub", "t"), ENOTEMPTY);
    px_rc("exchange-with-child",
          renameat2(AT_FDCWD, "t", AT_FDCWD, "t/sub", RENAME_EXCHANGE),
          EINVAL);
    px_rc("exchange-with-parent",
          renameat2(AT_FDCWD, "t/sub", AT_FDCWD, "t", RENAME_EXCHANGE),
          EINVAL);
    px_rc("dot", rename("t/.", "x"), EBUSY);
    px_rc("dotdot", rename("t/sub/..", "x"), EBUSY);
    px_rc("to-dot", rename("t/sub", "t/."), EBUSY);
    mkdir("u", 0755);
    px_eq("links-before", (long long)px_stat("u").st_nlink, 2);
    px_done("move", rename("t/sub", "u/sub"));
    px_eq("links-old", (long long)px_stat("t").st_nlink, 2);
    px_eq("links-new", (long long)px_stat("u").st_nlink, 3);
    px_done("inside", stat("u/sub/deep/f", &st));
    px_eq("inside-size", st.st_size, 7);
    px_rc("not-there", stat("t/sub/deep/f", &st), ENOENT);
    px_done("dotdot-is-new", stat("u/sub/..", &st));
    px_eq("dotdot-inode", (long long)st.st_ino,
          (long long)px_stat("u").st_ino);
    px_done("slash-dir", rename("u/sub/", "u/bus/"));
    px_eq("entries", px_entries("u"), 1);
}

static void flags(void)
{
    struct stat st;

    px_case("flags");
    px_make(PX_FILE, "wf");
    px_rc("both", renameat2(AT_FDCWD, "wf", AT_FDCWD, "wg",
                            RENAME_NOREPLACE | RENAME_EXCHANGE), EINVAL);
    px_rc("unknown", renameat2(AT_FDCWD, "wf", AT_FDCWD, "wg", 0x80), EINVAL);
    px_rc("whiteout-exchange",
          renameat2(AT_FDCWD, "wf", AT_FDCWD, "wg",
                    RENAME_WHITEOUT | RENAME_EXCHANGE), EINVAL);
    px_done("whiteout",
            renameat2(AT_FDCWD, "wf", AT_FDCWD, "wg", RENAME_WHITEOUT));
    st = px_stat("wf");
    px_true("whiteout-char", S_ISCHR(st.st_mode));
    px_eq("whiteout-device", (long long)st.st_rdev, 0);
    px_eq("whiteout-moved", px_stat("wg").st_size, 7);
}

static void open_files(void)
{
    struct stat st = { 0 };
    char buf[8];
    int over, moved;

    px_case("open");
    px_fill("a", 10);
    px_fill("b", 20);
    moved = open("a", O_RDWR);
    over = open("b", O_RDWR);
    px_done("rename", rename("a", "b"));
    px_done("fstat-over", fstat(over, &st));
    px_eq("over-links", (long long)st.st_nlink, 0);
    px_eq("over-size", st.st_size, 20);
    px_eq("over-read", pread(over, buf, 8, 15), 5);
    px_done("fstat-moved", fstat(moved, &st));
    px_eq("moved-links", (long long)st.st_nlink, 1);
    px_eq("moved-write", pwrite(moved, "x", 1, 30), 1);
    px_eq("seen-by-name", px_stat("b").st_size, 31);
    px_close(over);
    px_close(moved);
}

static const struct right {
    const char *name;
    mode_t from, to;
    bool own_dir;               /* the user owns the directories */
    bool own_file;
    int error;
} rights[] = {
    { "both-writable", 0777, 0777, false, false, 0 },
    { "from-closed", 0755, 0777, false, true, EACCES },
    { "to-closed", 0777, 0755, false, true, EACCES },
    { "from-no-search", 0666, 0777, false, true, EACCES },
    { "to-no-search", 0777, 0666, false, true, EACCES },
    { "sticky-from-own-file", 01777, 0777, false, true, 0 },
    { "sticky-from", 01777, 0777, false, false, EPERM },
    { "sticky-from-own-dir", 01777, 0777, true, false, 0 },
    { "sticky-to", 0777, 01777, false, false, EPERM },
    { "sticky-to-own-file", 0777, 01777, false, true, 0 },
    { "sticky-to-own-dir", 0777, 01777, true, false, 0 },
};

static void right(const struct right *r)
{
    uid_t file = r->own_file ? PX_OTHER : PX_OWNER;
    uid_t dir = r->own_dir ? PX_OTHER : PX_OWNER;

    px_case("right-%s", r->name);
    mkdir("from", 0755);
    mkdir("to", 0755);
    px_make(PX_FILE, "from/f");
    px_make(PX_FILE, "to/f");
    chown("from/f", file, file);
    chown("to/f", file, file);
    chown("from", dir, dir);
    chown("to", dir, dir);
    chmod("from", r->from);
    chmod("to", r->to);
    px_become(PX_OTHER, PX_OTHER);
    px_rc("rename", rename("from/f", "to/f"), r->error);
    px_root();
    px_eq("from", px_entries("from"), r->error != 0);
    px_eq("to", px_entries("to"), 1);
    px_clear("from");
    px_clear("to");
}

void px_rename(void)
{
    matrix();
    same();
    trees();
    flags();
    open_files();
    for (size_t i = 0; i < PX_COUNT(rights); i++)
        right(&rights[i]);
}
