/* SPDX-License-Identifier: GPL-2.0-only */
/* Every call that takes a path, with every kind of bad path. */
#include "groups.h"

#include <limits.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

static int call_open(const char *p)
{
    int fd = open(p, O_RDONLY);

    px_close(fd);
    return fd < 0 ? -1 : 0;
}

static int call_open_write(const char *p)
{
    int fd = open(p, O_WRONLY);

    px_close(fd);
    return fd < 0 ? -1 : 0;
}

static int call_open_dir(const char *p)
{
    int fd = open(p, O_RDONLY | O_DIRECTORY);

    px_close(fd);
    return fd < 0 ? -1 : 0;
}

static int call_open_path(const char *p)
{
    int fd = open(p, O_PATH | O_NOFOLLOW);

    px_close(fd);
    return fd < 0 ? -1 : 0;
}

static int call_create(const char *p)
{
    int fd = open(p, O_WRONLY | O_CREAT, 0644);

    px_close(fd);
    return fd < 0 ? -1 : 0;
}

static int call_create_new(const char *p)
{
    int fd = open(p, O_RDWR | O_CREAT | O_EXCL, 0644);

    px_close(fd);
    return fd < 0 ? -1 : 0;
}

static int call_tmpfile(const char *p)
{
    int fd = open(p, O_RDWR | O_TMPFILE, 0644);

    px_close(fd);
    return fd < 0 ? -1 : 0;
}

static int call_mkdir(const char *p)
{
    return mkdir(p, 0755);
}

static int call_rmdir(const char *p)
{
    return rmdir(p);
}

static int call_unlink(const char *p)
{
    return unlink(p);
}

static int call_link_old(const char *p)
{
    return link(p, "link-made");
}

static int call_link_new(const char *p)
{
    return link("file", p);
}

static int call_symlink(const char *p)
{
    return symlink("file", p);
}

static int call_rename_old(const char *p)
{
    return rename(p, "renamed");
}

static int call_rename_new(const char *p)
{
    return rename("moved", p);
}

static int call_chmod(const char *p)
{
    return chmod(p, 0644);
}

static int call_chown(const char *p)
{
    return chown(p, PX_OTHER, PX_OTHER);
}

static int call_lchown(const char *p)
{
    return lchown(p, PX_OTHER, PX_OTHER);
}

static int call_truncate(const char *p)
{
    return truncate(p, 3);
}

static int call_stat(const char *p)
{
    struct stat st;

    return stat(p, &st);
}

static int call_lstat(const char *p)
{
    struct stat st;

    return lstat(p, &st);
}

static int call_statx(const char *p)
{
    struct statx st;

    return statx(AT_FDCWD, p, AT_SYMLINK_NOFOLLOW, STATX_ALL, &st);
}

static int call_access(const char *p)
{
    return faccessat(AT_FDCWD, p, F_OK, AT_EACCESS);
}

static int call_readlink(const char *p)
{
    char buf[64];

    return readlink(p, buf, sizeof(buf)) < 0 ? -1 : 0;
}

static int call_mknod(const char *p)
{
    return mknod(p, S_IFREG | 0644, 0);
}

static int call_mkfifo(const char *p)
{
    return mkfifo(p, 0644);
}

/* Not through the C library, which has its own opinion of no path. */
static int call_utimens(const char *p)
{
    return (int)syscall(SYS_utimensat, AT_FDCWD, p, NULL, 0);
}

static int call_lutimens(const char *p)
{
    return (int)syscall(SYS_utimensat, AT_FDCWD, p, NULL,
                        AT_SYMLINK_NOFOLLOW);
}

static int call_statfs(const char *p)
{
    struct statfs st;

    return statfs(p, &st);
}

static int call_setxattr(const char *p)
{
    return setxattr(p, "user.px", "v", 1, 0);
}

static int call_getxattr(const char *p)
{
    char v[4];

    return getxattr(p, "user.px", v, sizeof(v)) < 0 ? -1 : 0;
}

static int call_listxattr(const char *p)
{
    return listxattr(p, NULL, 0) < 0 ? -1 : 0;
}

static int call_removexattr(const char *p)
{
    return removexattr(p, "user.px");
}

static int call_chdir(const char *p)
{
    return chdir(p);
}

static int call_exec(const char *p)
{
    char *const none[] = { NULL };

    return execve(p, none, none);
}

/* What it wants of the last component. */
enum last { FOLLOWS, LOOKS, MAKES };

static const struct call {
    const char *name;
    int (*call)(const char *path);
    enum last last;
    int on_file_slash;          /* "file/" */
    int on_none_slash;          /* "none/" */
} calls[] = {
    { "open", call_open, FOLLOWS, ENOTDIR, ENOENT },
    { "open-write", call_open_write, FOLLOWS, ENOTDIR, ENOENT },
    { "open-dir", call_open_dir, FOLLOWS, ENOTDIR, ENOENT },
    { "open-path", call_open_path, LOOKS, ENOTDIR, ENOENT },
    { "create", call_create, MAKES, EISDIR, EISDIR },
    { "create-new", call_create_new, MAKES, EISDIR, EISDIR },
    { "tmpfile", call_tmpfile, FOLLOWS, ENOTDIR, ENOENT },
    { "mkdir", call_mkdir, MAKES, EEXIST, 0 },
    { "rmdir", call_rmdir, LOOKS, ENOTDIR, ENOENT },
    { "unlink", call_unlink, LOOKS, ENOTDIR, ENOENT },
    { "link-old", call_link_old, LOOKS, ENOTDIR, ENOENT },
    { "link-new", call_link_new, MAKES, EEXIST, ENOENT },
    { "symlink", call_symlink, MAKES, EEXIST, ENOENT },
    { "rename-old", call_rename_old, LOOKS, ENOTDIR, ENOENT },
    { "rename-new", call_rename_new, MAKES, ENOTDIR, ENOTDIR },
    { "chmod", call_chmod, FOLLOWS, ENOTDIR, ENOENT },
    { "chown", call_chown, FOLLOWS, ENOTDIR, ENOENT },
    { "lchown", call_lchown, LOOKS, ENOTDIR, ENOENT },
    { "truncate", call_truncate, FOLLOWS, ENOTDIR, ENOENT },
    { "stat", call_stat, FOLLOWS, ENOTDIR, ENOENT },
    { "lstat", call_lstat, LOOKS, ENOTDIR, ENOENT },
    { "statx", call_statx, LOOKS, ENOTDIR, ENOENT },
    { "access", call_access, FOLLOWS, ENOTDIR, ENOENT },
    { "readlink", call_readlink, LOOKS, ENOTDIR, ENOENT },
    { "mknod", call_mknod, MAKES, EEXIST, ENOENT },
    { "mkfifo", call_mkfifo, MAKES, EEXIST, ENOENT },
    { "utimensat", call_utimens, FOLLOWS, ENOTDIR, ENOENT },
    { "lutimensat", call_lutimens, LOOKS, ENOTDIR, ENOENT },
    { "statfs", call_statfs, FOLLOWS, ENOTDIR, ENOENT },
    { "setxattr", call_setxattr, FOLLOWS, ENOTDIR, ENOENT },
    { "getxattr", call_getxattr, FOLLOWS, ENOTDIR, ENOENT },
    { "listxattr", call_listxattr, FOLLOWS, ENOTDIR, ENOENT },
    { "removexattr", call_removexattr, FOLLOWS, ENOTDIR, ENOENT },
    { "chdir", call_chdir, FOLLOWS, ENOTDIR, ENOENT },
    { "execve", call_exec, FOLLOWS, ENOTDIR, ENOENT },
};

static char long_name[NAME_MAX + 2];
static char long_in_dir[NAME_MAX + 8];
static char long_in_none[NAME_MAX + 8];
static char long_path[PATH_MAX + 2];

static const struct bad {
    const char *name;
    const char *path;
    int error;
} bads[] = {
    { "missing-parent", "missing/x", ENOENT },
    { "missing-deep", "dir/missing/x/y", ENOENT },
    { "file-parent", "file/x", ENOTDIR },
    { "file-dot", "file/.", ENOTDIR },
    { "file-dotdot", "file/../file", ENOTDIR },
    { "fifo-parent", "fifo/x", ENOTDIR },
    { "link-to-file-parent", "link/x", ENOTDIR },
    { "dangling-parent", "dangling/x", ENOENT },
    { "loop-parent", "loop/x", ELOOP },
    { "pair-parent", "ping/x", ELOOP },
    { "empty", "", ENOENT },
    { "null", NULL, EFAULT },
    { "long-name", long_name, ENAMETOOLONG },
    { "long-name-in-dir", long_in_dir, ENAMETOOLONG },
    { "long-name-in-missing", long_in_none, ENOENT },
    { "long-path", long_path, ENAMETOOLONG },
};

static void prepare(void)
{
    px_make(PX_FILE, "file");
    px_make(PX_FILE, "moved");
    px_make(PX_DIR, "dir");
    px_make(PX_FIFO, "fifo");
    px_make(PX_LINK, "link");
    px_make(PX_DANGLING, "dangling");
    (void)!symlink("loop", "loop");
    (void)!symlink("pong", "ping");
    (void)!symlink("ping", "pong");
    (void)!mkdir("closed", 0700);
    px_make(PX_FILE, "closed/x");
    memset(long_name, 'n', NAME_MAX + 1);
    snprintf(long_in_dir, sizeof(long_in_dir), "dir/%s", long_name);
    snprintf(long_in_none, sizeof(long_in_none), "none/%s", long_name);
    for (size_t i = 0; i < PATH_MAX; i += 2)
        memcpy(long_path + i, "./", 2);
    memcpy(long_path + PATH_MAX - 4, "file", 4);
}

static void check_call(const struct call *c)
{
    char what[64];

    for (size_t i = 0; i < PX_COUNT(bads); i++) {
        /* "file/." is a last component too, and has its own errors. */
        if (!strcmp(bads[i].name, "file-dot") && c->last == MAKES)
            continue;
        px_rc(bads[i].name, c->call(bads[i].path), bads[i].error);
    }
    px_rc("file-slash", c->call("file/"), c->on_file_slash);
    px_rc("none-slash", c->call("none/"), c->on_none_slash);
    px_clear("none");
    px_become(PX_OTHER, PX_OTHER);
    px_rc("closed-parent", c->call("closed/x"), EACCES);
    px_rc("closed-dot", c->call("closed/./x"), EACCES);
    px_root();
    if (c->last == FOLLOWS) {
        px_rc("dangling", c->call("dangling"), ENOENT);
        px_rc("loop", c->call("loop"), ELOOP);
        px_rc("pair", c->call("ping"), ELOOP);
    }
    if (c->last != MAKES) {
        snprintf(what, sizeof(what), "missing");
        px_rc(what, c->call("not-there"), ENOENT);
        px_rc("dot-missing", c->call("./dir/.././not-there"), ENOENT);
    }
    px_true("file-stays", px_stat("file").st_nlink == 1 &&
                              px_stat("moved").st_nlink == 1);
}

void px_paths(void)
{
    prepare();
    for (size_t i = 0; i < PX_COUNT(calls); i++) {
        px_case("%s", calls[i].name);
        check_call(&calls[i]);
    }
}
