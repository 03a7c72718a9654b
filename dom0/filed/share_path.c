/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking at paths, see share_path.h.
 */
#include "share_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <xenkeep/util.h>

/* Places that are not for lending, nor is what contains them. */
static const struct {
    const char *path, *why;
} private_places[] = {
    { "/proc", "it shows the kernel's insides" },
    { "/sys", "it shows the kernel's insides" },
    { "/dev", "it has devices; a block device can be lent as a volume" },
    { "/run", "it belongs to dom0's daemons" },
    { "/etc/xen", "it has the guests' configuration" },
    { "/etc/xenkeep", "it is xenkeep's own" },
    { "/var/lib/xen", "it has other guests' memory" },
    { "/var/lib/xenkeep", "it is xenkeep's own" },
    { "/var/lib/xenstored", "it is xenstored's own" },
};

/* File systems that are no files. */
static const unsigned long magic[] = {
    PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
    DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC, SELINUX_MAGIC,
    EFIVARFS_MAGIC, PSTOREFS_MAGIC, BPF_FS_MAGIC, NSFS_MAGIC,
    DEVPTS_SUPER_MAGIC, 0x62656570 /* configfs */, 0x19800202 /* mqueue */,
    0xabba1974 /* xenfs */, 0x65735543 /* fusectl */,
};

static bool beneath(const char *path, const char *place)
{
    size_t len = strlen(place);

    return !strncmp(path, place, len) && (!path[len] || path[len] == '/');
}

/* Is it, or has it, a private place? A volume's device is in /dev. */
static int check_place(const struct share *s, char *why)
{
    size_t i;

    if (!strcmp(s->path, "/")) {
        snprintf(why, SHARE_WHY_MAX, "the root is not for lending: name a "
                 "directory of its own");
        return -EPERM;
    }
    for (i = 0; i < XK_ARRAY_SIZE(private_places); i++) {
        if (!strcmp(private_places[i].path, "/dev") &&
            s->type == SHARE_VOLUME && strcmp(s->path, "/dev"))
            continue;
        if (beneath(s->path, private_places[i].path)) {
            snprintf(why, SHARE_WHY_MAX, "not for lending: %s",
                     private_places[i].why);
            return -EPERM;
        }
        if (beneath(private_places[i].path, s->path)) {
            snprintf(why, SHARE_WHY_MAX, "not for lending: it contains %s",
                     private_places[i].path);
            return -EPERM;
        }
    }
    return 0;
}

static int check_filesystem(int fd, char *why)
{
    struct statfs st;
    size_t i;

    if (fstatfs(fd, &st))
        return -errno;
    for (i = 0; i < XK_ARRAY_SIZE(magic); i++) {
        if ((unsigned long)st.f_type == magic[i]) {
            snprintf(why, SHARE_WHY_MAX,
                     "not for lending: it is on a file system of the kernel");
            return -EPERM;
        }
    }
    return 0;
}

/* By the name as it was written: somebody who may write above it could turn a
 * link of it elsewhere. */
static int open_path(const char *path, char *why)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

    if (fd < 0 && errno == ENOSYS)
        fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        return (int)fd;
    if (errno == ELOOP)
        snprintf(why, SHARE_WHY_MAX, "a symbolic link is in it: give the path "
                 "that it leads to");
    else
        snprintf(why, SHARE_WHY_MAX, "%s", strerror(errno));
    return -errno;
}

static int find_type(struct share *s, mode_t mode, char *why)
{
    bool block = S_ISBLK(mode), regular = S_ISREG(mode);

    if (!s->typed) {
        s->type = S_ISDIR(mode) ? SHARE_DIR : block ? SHARE_VOLUME
                                                    : SHARE_FILE;
        s->typed = true;
    }
    if ((s->type == SHARE_DIR && S_ISDIR(mode)) ||
        (s->type == SHARE_FILE && regular) ||
        (s->type == SHARE_VOLUME && (block || regular)))
        return 0;
    snprintf(why, SHARE_WHY_MAX, "it is %s: expected %s",
             S_ISDIR(mode) ? "a directory" : regular ? "a file"
             : block ? "a block device"
             : S_ISLNK(mode) ? "a symbolic link" : "a special file",
             s->type == SHARE_DIR ? "a directory"
             : s->type == SHARE_FILE ? "a regular file"
             : "an image file or a block device");
    return -EINVAL;
}

/* A mount that is nowhere, of just this directory or file. */
static int clone_mount(int fd, const struct share *s, char *why)
{
    long tree = syscall(SYS_open_tree, fd, "", OPEN_TREE_CLONE |
                        OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

    if (tree < 0) {
        snprintf(why, SHARE_WHY_MAX, "its mount cannot be cloned: %s",
                 strerror(errno));
        return -errno;
    }
    share_path_mode((int)tree, s);
    return (int)tree;
}

void share_path_mode(int fd, const struct share *s)
{
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC |
                    MOUNT_ATTR_NOSYMFOLLOW |
                    (s->devices ? 0 : MOUNT_ATTR_NODEV) |
                    (s->read_only ? MOUNT_ATTR_RDONLY : 0),
        .attr_clr = s->read_only ? 0 : MOUNT_ATTR_RDONLY,
    };

    /* Older kernels have no such call, and a mount with writers stays
     * writable: the server refuses by itself. */
    (void)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr,
                  sizeof(attr));
}

static int open_volume(int path_fd, const struct share *s, char *why)
{
    char name[32];
    int fd;

    snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
    fd = open(name, (s->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0) {
        snprintf(why, SHARE_WHY_MAX, "%s", strerror(errno));
        return -errno;
    }
    return fd;
}

int share_path_open(struct share *s, int *fd_r, char why[SHARE_WHY_MAX])
{
    xk_cleanup_fd int fd = open_path(s->path, why);
    struct stat st;
    int rc;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st))
        return -errno;
    rc = find_type(s, st.st_mode, why);
    if (!rc)
        rc = check_place(s, why);
    if (!rc && !S_ISBLK(st.st_mode))
        rc = check_filesystem(fd, why);
    if (rc)
        return rc;
    rc = s->type == SHARE_VOLUME ? open_volume(fd, s, why)
                                 : clone_mount(fd, s, why);
    if (rc < 0)
        return rc;
    *fd_r = rc;
    return 0;
}
