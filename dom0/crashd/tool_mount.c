/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenkeep-dump mount: the files of tree.h by libfuse3, for the user who
 * mounts them and nobody else.
 */
#include "tool.h"

#include "config.h"

#ifdef HAVE_FUSE

#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "tree.h"

#define OPTIONS "-oro,nosuid,nodev,noexec,default_permissions," \
    "fsname=xenkeep-dump,subtype=xenkeep"

/* ---- operations --------------------------------------------------------- */

static struct xk_tree *tree_of(void)
{
    return fuse_get_context()->private_data;
}

static void fill_stat(struct stat *st, bool folder, uint64_t size)
{
    memset(st, 0, sizeof(*st));
    st->st_mode = folder ? S_IFDIR | 0500 : S_IFREG | 0400;
    st->st_nlink = folder ? 2 : 1;
    st->st_uid = getuid();
    st->st_gid = getgid();
    st->st_size = (off_t)size;
    st->st_mtime = (time_t)xk_tree_seconds(tree_of());
    st->st_ctime = st->st_atime = st->st_mtime;
}

static int on_getattr(const char *path, struct stat *st,
                      struct fuse_file_info *info)
{
    size_t file;

    (void)info;
    if (!strcmp(path, "/")) {
        fill_stat(st, true, 0);
        return 0;
    }
    if (xk_tree_find(tree_of(), path + 1, &file))
        return -ENOENT;
    fill_stat(st, false, xk_tree_size(tree_of(), file));
    return 0;
}

static int on_readdir(const char *path, void *buf, fuse_fill_dir_t fill,
                      off_t offset, struct fuse_file_info *info,
                      enum fuse_readdir_flags flags)
{
    size_t i;

    (void)offset, (void)info, (void)flags;
    if (strcmp(path, "/"))
        return -ENOENT;
    fill(buf, ".", NULL, 0, 0);
    fill(buf, "..", NULL, 0, 0);
    for (i = 0; i < xk_tree_count(tree_of()); i++)
        fill(buf, xk_tree_name(tree_of(), i), NULL, 0, 0);
    return 0;
}

static int on_open(const char *path, struct fuse_file_info *info)
{
    size_t file;

    if (xk_tree_find(tree_of(), path + 1, &file))
        return -ENOENT;
    if ((info->flags & O_ACCMODE) != O_RDONLY)
        return -EROFS;
    info->fh = file;
    info->keep_cache = 1;
    return 0;
}

static int on_read(const char *path, char *buf, size_t len, off_t offset,
                   struct fuse_file_info *info)
{
    (void)path;
    return (int)xk_tree_read(tree_of(), info->fh, (uint64_t)offset, buf, len);
}

/* Files never change: the kernel may keep what it knows of them. */
static void *on_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
    (void)conn;
    config->kernel_cache = 1;
    config->attr_timeout = config->entry_timeout = 3600;
    return tree_of();
}

static const struct fuse_operations operations = {
    .getattr = on_getattr, .readdir = on_readdir, .open = on_open,
    .read = on_read, .init = on_init,
};

/* ---- mounting ----------------------------------------------------------- */

static int lock(const struct xk_tool *tool)
{
    if (tool->force || !xk_tool_swap() ||
        !mlockall(MCL_CURRENT | MCL_FUTURE))
        return 0;
    return xk_tool_complain(tool, "its memory cannot be locked (%s), and "
                            "could be swapped to a disk in clear: raise the "
                            "limit, or --force", strerror(errno));
}

/* In the background a process has its own locks to take. */
static int serve(const struct xk_tool *tool, struct fuse *fuse)
{
    struct fuse_session *session = fuse_get_session(fuse);
    int code;

    if (fuse_daemonize(tool->foreground))
        return xk_tool_complain(tool, "%s", strerror(errno));
    code = lock(tool);
    if (!code && fuse_set_signal_handlers(session))
        code = XK_TOOL_FAILED;
    if (code)
        return code;
    code = fuse_loop(fuse) < 0 ? XK_TOOL_FAILED : 0;
    fuse_remove_signal_handlers(session);
    return code;
}

static int mount_tree(const struct xk_tool *tool, struct xk_tree *tree)
{
    char name[] = "xenkeep-dump", options[] = OPTIONS;
    char *argv[] = { name, options, NULL };
    struct fuse_args args = FUSE_ARGS_INIT(2, argv);
    struct fuse *fuse;
    int code;

    fuse = fuse_new(&args, &operations, sizeof(operations), tree);
    if (!fuse)
        return xk_tool_complain(tool, "libfuse3 does not start");
    if (fuse_mount(fuse, tool->rest[0])) {
        code = xk_tool_complain(tool, "%s: it cannot be mounted there",
                                tool->rest[0]);
    } else {
        code = serve(tool, fuse);
        fuse_unmount(fuse);
    }
    fuse_destroy(fuse);
    fuse_opt_free_args(&args);
    return code;
}

int xk_tool_mount(const struct xk_tool *tool)
{
    xk_cleanup_free char *path = strdup(tool->file);
    char why[XK_UNSEAL_WHY];
    xk_cleanup_fd int fd = -1;
    struct xk_tree *tree;
    struct xk_unseal *u;
    int code;

    if (!path)
        return XK_TOOL_FAILED;
    code = lock(tool);
    if (!code)
        code = xk_tool_unseal(tool, O_RDONLY, &fd, &u);
    if (code)
        return code;
    if (xk_tree_open(&tree, u, dirname(path), xk_tool_progress, NULL, why)) {
        xk_tool_progress_end();
        code = xk_tool_complain(tool, "%s: %s", tool->file, why);
    } else {
        xk_tool_progress_end();
        code = mount_tree(tool, tree);
        xk_tree_close(tree);
    }
    xk_unseal_close(u);
    return code;
}

#else

int xk_tool_mount(const struct xk_tool *tool)
{
    return xk_tool_complain(tool, "this xenkeep-dump was built without "
                            "libfuse3: export writes a file instead");
}

#endif
