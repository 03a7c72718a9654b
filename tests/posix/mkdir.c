/* SPDX-License-Identifier: GPL-2.0-only */
/* mkdir, rmdir: modes, owners, link counts, what stands in the way. */
#include "groups.h"

#include <dirent.h>
#include <sys/mount.h>

static const struct mode {
    mode_t mode, mask, want;
} modes[] = {
    { 0755, 0, 0755 },     { 0777, 0, 0777 },    { 0777, 022, 0755 },
    { 0777, 077, 0700 },   { 0777, 0777, 0 },    { 0, 0, 0 },
    { 01777, 0, 01777 },   { 0444, 0, 0444 },    { 0111, 0, 0111 },
    { 0751, 0027, 0750 },
};

static void mode(const struct mode *m)
{
    px_case("mode-%04o-%04o", (unsigned int)m->mode, (unsigned int)m->mask);
    umask(m->mask);
    px_done("mkdir", mkdir("d", m->mode));
    umask(0);
    px_eq("seen", px_stat("d").st_mode, S_IFDIR | m->want);
    px_eq("links", (long long)px_stat("d").st_nlink, 2);
    px_eq("entries", px_entries("d"), 0);
    px_done("rmdir", rmdir("d"));
    px_rc("gone", access("d", F_OK), ENOENT);
}

static void in_the_way(void)
{
    for (enum px_kind k = PX_FILE; k < PX_KINDS; k++) {
        px_case("over-%s", px_kind_name(k));
        px_done("make", px_make(k, "x"));
        px_rc("mkdir", mkdir("x", 0755), EEXIST);
        px_rc("rmdir", rmdir("x"),
              k == PX_DIR ? 0 : k == PX_FULL ? ENOTEMPTY : ENOTDIR);
        px_clear("x");
        px_clear("x.pointed");
    }
}

static const struct inherit {
    const char *name;
    mode_t parent;
    gid_t parent_gid;
    mode_t want;
    gid_t want_gid;
} inherits[] = {
    { "plain", 0777, PX_GROUP, 0755, PX_OTHER },
    { "setgid", 02777, PX_GROUP, 02755, PX_GROUP },
    { "setgid-own", 02777, PX_OTHER, 02755, PX_OTHER },
    { "sticky", 01777, PX_GROUP, 0755, PX_OTHER },
};

static void inherit(const struct inherit *in)
{
    int fd;

    px_case("inherit-%s", in->name);
    mkdir("parent", 0755);
    chown("parent", PX_OWNER, in->parent_gid);
    chmod("parent", in->parent);
    px_become(PX_OTHER, PX_OTHER);
    px_done("mkdir", mkdir("parent/d", 0755));
    fd = open("parent/f", O_CREAT | O_WRONLY, 0644);
    px_true("create", fd >= 0);
    px_close(fd);
    px_done("mkfifo", mkfifo("parent/p", 0644));
    px_done("symlink", symlink("x", "parent/l"));
    px_root();
    px_eq("dir-uid", px_stat("parent/d").st_uid, PX_OTHER);
    px_eq("dir-gid", px_stat("parent/d").st_gid, in->want_gid);
    px_eq("dir-mode", px_stat("parent/d").st_mode, S_IFDIR | in->want);
    px_eq("file-uid", px_stat("parent/f").st_uid, PX_OTHER);
    px_eq("file-gid", px_stat("parent/f").st_gid, in->want_gid);
    px_eq("file-mode", px_stat("parent/f").st_mode, S_IFREG | 0644);
    px_eq("fifo-gid", px_stat("parent/p").st_gid, in->want_gid);
    px_eq("link-gid", px_stat("parent/l").st_gid, in->want_gid);
    px_clear("parent");
}

static void counts(void)
{
    char path[32], what[32];

    px_case("counts");
    mkdir("c", 0755);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof(path), "c/%d", i);
        snprintf(what, sizeof(what), "mkdir-%d", i);
        px_done(what, mkdir(path, 0755));
    }
    px_eq("parent-links", (long long)px_stat("c").st_nlink, 7);
    px_make(PX_FILE, "c/file");
    px_eq("file-does-not-count", (long long)px_stat("c").st_nlink, 7);
    px_rc("not-empty", rmdir("c"), ENOTEMPTY);
    px_done("rmdir", rmdir("c/0"));
    px_eq("one-less", (long long)px_stat("c").st_nlink, 6);
    px_eq("entries", px_entries("c"), 5);
    px_rc("dot", rmdir("c/1/."), EINVAL);
    px_rc("dotdot", rmdir("c/1/.."), ENOTEMPTY);
    px_rc("mkdir-dot", mkdir("c/.", 0755), EEXIST);
    px_rc("mkdir-dotdot", mkdir("c/..", 0755), EEXIST);
    px_done("unlinkat", unlinkat(AT_FDCWD, "c/1", AT_REMOVEDIR));
    px_rc("unlinkat-file", unlinkat(AT_FDCWD, "c/file", AT_REMOVEDIR),
          ENOTDIR);
    px_rc("unlinkat-flags", unlinkat(AT_FDCWD, "c/2", 0x10000), EINVAL);
    px_done("slash", rmdir("c/2/"));
}

/* A directory that is somebody's place, and is removed. */
static void removed(void)
{
    struct stat st = { 0 };
    int fd, sub;
    char buf[64];

    px_case("removed");
    mkdir("r", 0755);
    fd = open("r", O_RDONLY | O_DIRECTORY);
    px_done("rmdir", rmdir("r"));
    px_done("fstat", fstat(fd, &st));
    px_eq("links", (long long)st.st_nlink, 0);
    px_rc("create-in-it", openat(fd, "x", O_CREAT | O_WRONLY, 0644),
          ENOENT);
    px_rc("mkdir-in-it", mkdirat(fd, "x", 0755), ENOENT);
    px_rc("symlink-in-it", symlinkat("x", fd, "x"), ENOENT);
    px_rc("lookup-in-it", fstatat(fd, "x", &st, 0), ENOENT);
    sub = openat(fd, ".", O_RDONLY | O_DIRECTORY);
    px_true("dot", sub >= 0);
    px_close(sub);
    px_true("again", !mkdir("r", 0700));
    px_true("another-inode", fstat(fd, &st) || st.st_nlink == 0);
    px_done("chdir", fchdir(fd));
    px_rc("getcwd", getcwd(buf, sizeof(buf)) ? 0 : -1, ENOENT);
    px_done("out", chdir(".."));
    px_done("in-r", chdir("r"));
    px_done("back", chdir(".."));
    px_close(fd);
}

static void busy(void)
{
    struct stat st = { 0 };

    px_case("mount-point");
    mkdir("m", 0755);
    mkdir("other", 0755);
    px_make(PX_FILE, "outside");
    px_done("mount", mount("xk-posix", "m", "tmpfs", 0, "size=64k"));
    px_rc("rmdir", rmdir("m"), EBUSY);
    px_rc("rename", rename("m", "m2"), EBUSY);
    px_rc("rename-over", rename("other", "m"), EBUSY);
    px_rc("link-across", link("outside", "m/x"), EXDEV);
    px_rc("rename-across", rename("outside", "m/x"), EXDEV);
    px_done("stat", stat("m", &st));
    px_true("other-device", st.st_dev != px_stat("other").st_dev);
    px_done("umount", umount("m"));
    px_done("rmdir-now", rmdir("m"));
}

void px_mkdir(void)
{
    for (size_t i = 0; i < PX_COUNT(modes); i++)
        mode(&modes[i]);
    in_the_way();
    for (size_t i = 0; i < PX_COUNT(inherits); i++)
        inherit(&inherits[i]);
    counts();
    removed();
    busy();
}
