/* SPDX-License-Identifier: GPL-2.0-only */
/* What the nine bits permit, to whom. */
#include "groups.h"

#include <sys/xattr.h>

static const struct class {
    const char *name;
    uid_t uid;
    gid_t gid;
    int shift;
} classes[] = {
    { "owner", PX_OWNER, PX_OWNER, 6 },
    { "group", PX_OTHER, PX_GROUP, 3 },
    { "member", PX_MEMBER, PX_MEMBER, 3 },
    { "other", PX_OTHER, PX_OTHER, 0 },
};

static int try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_NONBLOCK, 0644);

    px_close(fd);
    return fd < 0 ? -1 : 0;
}

static int try_access(const char *path, int how)
{
    return faccessat(AT_FDCWD, path, how, AT_EACCESS);
}

/* Bits of this class alone, or of all others alone. */
static mode_t mode_of(const struct class *c, unsigned int bits, bool inverse)
{
    mode_t own = (mode_t)(bits << c->shift);

    return inverse ? (mode_t)(0777 & ~(07u << c->shift)) | own : own;
}

static void file(const struct class *c, unsigned int bits, bool inverse)
{
    mode_t mode = mode_of(c, bits, inverse);

    px_case("file-%s-%o%s", c->name, bits, inverse ? "-inverse" : "");
    chmod("f", mode);
    px_become(c->uid, c->gid);
    px_rc("read", try_open("f", O_RDONLY), bits & 4 ? 0 : EACCES);
    px_rc("write", try_open("f", O_WRONLY), bits & 2 ? 0 : EACCES);
    px_rc("both", try_open("f", O_RDWR), (bits & 6) == 6 ? 0 : EACCES);
    px_rc("access-x", try_access("f", X_OK), bits & 1 ? 0 : EACCES);
    px_rc("access-r", try_access("f", R_OK), bits & 4 ? 0 : EACCES);
    px_rc("access-w", try_access("f", W_OK), bits & 2 ? 0 : EACCES);
    px_done("access-f", try_access("f", F_OK));
    px_root();
}

static void dir(const struct class *c, unsigned int bits)
{
    bool search = bits & 1, write = (bits & 3) == 3;
    struct stat st;

    px_case("dir-%s-%o", c->name, bits);
    chmod("d", mode_of(c, bits, false));
    px_become(c->uid, c->gid);
    px_rc("list", try_open("d", O_RDONLY | O_DIRECTORY),
          bits & 4 ? 0 : EACCES);
    px_rc("lookup", stat("d/f", &st), search ? 0 : EACCES);
    px_rc("lookup-missing", stat("d/no", &st), search ? ENOENT : EACCES);
    px_rc("open", try_open("d/f", O_RDONLY), search ? 0 : EACCES);
    px_rc("create", try_open("d/new", O_CREAT | O_WRONLY),
          write ? 0 : EACCES);
    px_rc("unlink", unlink("d/new"),
          write ? 0 : search ? ENOENT : EACCES);
    px_rc("chdir", chdir("d"), search ? 0 : EACCES);
    px_root();
    if (search)
        px_rc("chdir-back", chdir(".."), 0);
}

static void root(void)
{
    static const mode_t modes[] = { 0, 0111, 0001, 0666, 0444 };

    for (size_t i = 0; i < PX_COUNT(modes); i++) {
        px_case("root-%04o", (unsigned int)modes[i]);
        chown("f", PX_OWNER, PX_GROUP);
        chmod("f", modes[i]);
        px_done("read", try_open("f", O_RDONLY));
        px_done("write", try_open("f", O_WRONLY));
        px_rc("exec", try_access("f", X_OK), modes[i] & 0111 ? 0 : EACCES);
        chmod("d", modes[i]);
        px_done("list", try_open("d", O_RDONLY | O_DIRECTORY));
        px_done("lookup", try_access("d/f", F_OK));
        px_done("create", try_open("d/r", O_CREAT | O_WRONLY));
        px_done("unlink", unlink("d/r"));
    }
}

/* Everything that changes a directory, when it may be read and searched. */
static void in_a_closed_dir(void)
{
    mkdir("c", 0755);
    mkdir("mine", 0777);
    chmod("mine", 0777);
    px_make(PX_FILE, "c/f");
    px_make(PX_DIR, "c/d");
    px_make(PX_FILE, "mine/f");
    chown("mine/f", PX_OTHER, PX_OTHER);
    px_case("closed-dir");
    px_become(PX_OTHER, PX_OTHER);
    px_rc("create", try_open("c/n", O_CREAT | O_WRONLY), EACCES);
    px_rc("create-existing", try_open("c/f", O_CREAT | O_RDONLY), 0);
    px_rc("excl-existing", try_open("c/f", O_CREAT | O_EXCL | O_RDONLY),
          EEXIST);
    px_rc("mkdir", mkdir("c/n", 0755), EACCES);
    px_rc("mkdir-existing", mkdir("c/d", 0755), EEXIST);
    px_rc("rmdir", rmdir("c/d"), EACCES);
    px_rc("unlink", unlink("c/f"), EACCES);
    px_rc("symlink", symlink("x", "c/n"), EACCES);
    px_rc("link", link("mine/f", "c/n"), EACCES);
    px_rc("mkfifo", mkfifo("c/n", 0644), EACCES);
    px_rc("mknod", mknod("c/n", S_IFREG | 0644, 0), EACCES);
    px_rc("rename-out", rename("c/f", "mine/n"), EACCES);
    px_rc("rename-in", rename("mine/f", "c/n"), EACCES);
    px_rc("tmpfile", try_open("c", O_TMPFILE | O_RDWR), EACCES);
    px_root();
    px_eq("as-before", px_entries("c"), 2);
    px_eq("mine-as-before", px_entries("mine"), 1);
}

/* What only the owner, or one that may write, can do to a file. */
static void not_the_owner(void)
{
    struct timespec set[2] = { { 1, 0 }, { 1, 0 } };
    struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
    struct timespec one[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
    struct timespec none[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };

    px_make(PX_FILE, "n");
    for (int writable = 0; writable < 2; writable++) {
        px_case("not-owner-%s", writable ? "writable" : "readable");
        chmod("n", writable ? 0666 : 0644);
        px_become(PX_OTHER, PX_OTHER);
        px_rc("chmod", chmod("n", 0777), EPERM);
        px_rc("chown", chown("n", PX_OTHER, PX_OTHER), EPERM);
        px_rc("utimens", utimensat(AT_FDCWD, "n", set, 0), EPERM);
        px_rc("utimens-now", utimensat(AT_FDCWD, "n", now, 0),
              writable ? 0 : EACCES);
        px_rc("utimens-null", utimensat(AT_FDCWD, "n", NULL, 0),
              writable ? 0 : EACCES);
        px_rc("utimens-one-now", utimensat(AT_FDCWD, "n", one, 0), EPERM);
        px_done("utimens-omit", utimensat(AT_FDCWD, "n", none, 0));
        px_rc("truncate", truncate("n", 3), writable ? 0 : EACCES);
        px_rc("setxattr", setxattr("n", "user.x", "v", 1, 0),
              writable ? 0 : EACCES);
        px_rc("setxattr-trusted", setxattr("n", "trusted.x", "v", 1, 0),
              EPERM);
        px_root();
        px_eq("mode", px_stat("n").st_mode & 0777, writable ? 0666 : 0644);
    }
}

static const struct sticky {
    const char *name;
    uid_t dir, node;
    int error;
} stickies[] = {
    { "nothing", PX_OWNER, PX_OWNER, EPERM },
    { "node", PX_OWNER, PX_OTHER, 0 },
    { "dir", PX_OTHER, PX_OWNER, 0 },
    { "both", PX_OTHER, PX_OTHER, 0 },
};

static void sticky(const struct sticky *s)
{
    px_case("sticky-own-%s", s->name);
    mkdir("s", 0755);
    chown("s", s->dir, s->dir);
    chmod("s", 01777);
    px_make(PX_FILE, "s/f");
    px_make(PX_DIR, "s/d");
    px_make(PX_FILE, "s/r");
    (void)!symlink("x", "s/l");
    lchown("s/f", s->node, s->node);
    lchown("s/d", s->node, s->node);
    lchown("s/r", s->node, s->node);
    lchown("s/l", s->node, s->node);
    px_become(PX_OTHER, PX_OTHER);
    px_rc("unlink", unlink("s/f"), s->error);
    px_rc("unlink-link", unlink("s/l"), s->error);
    px_rc("rmdir", rmdir("s/d"), s->error);
    px_rc("rename", rename("s/r", "s/r2"), s->error);
    px_rc("create", try_open("s/new", O_CREAT | O_WRONLY), 0);
    px_rc("unlink-own", unlink("s/new"), 0);
    px_root();
    px_clear("s");
}

void px_perms(void)
{
    px_make(PX_FILE, "f");
    mkdir("d", 0755);
    px_make(PX_FILE, "d/f");
    chmod("d/f", 0644);
    chown("f", PX_OWNER, PX_GROUP);
    chown("d", PX_OWNER, PX_GROUP);
    for (size_t i = 0; i < PX_COUNT(classes); i++)
        for (unsigned int bits = 0; bits < 8; bits++) {
            file(&classes[i], bits, false);
            file(&classes[i], bits, true);
            dir(&classes[i], bits);
        }
    root();
    in_a_closed_dir();
    not_the_owner();
    for (size_t i = 0; i < PX_COUNT(stickies); i++)
        sticky(&stickies[i]);
}
