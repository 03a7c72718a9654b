/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extended attributes. See ops.h. The calls want a path: the descriptor's
 * name in the working directory, which is the directory of descriptors.
 */
#include <sys/xattr.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xenkeep/util.h>

#include "state.h"

/* XATTR_LIST_MAX of linux/limits.h. */
#define LIST_MAX 65536u

/* Namespaces that are the guest's to use. "trusted." is dom0's own, and
 * "security." beside capabilities belongs to dom0's security module. */
static bool allowed(const char *name)
{
    static const char *const names[] = {
        "system.posix_acl_access", "system.posix_acl_default",
        "security.capability",
    };
    size_t i;

    if (!strncmp(name, "user.", 5))
        return name[5] != '\0';
    for (i = 0; i < XK_ARRAY_SIZE(names); i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* The pinned node, and its descriptor. */
static int node_for(struct ops *ops, uint64_t id, const char *name,
                    bool change, struct node **node_r, int *fd_r)
{
    struct node *n;
    int rc = node_get(ops, id, &n);

    if (rc)
        return rc;
    rc = slot_check(n, change);
    if (!rc && name && strlen(name) > OPS_NAME_MAX)
        rc = -ERANGE;
    /* A symbolic link would be followed, and has none of these anyway. */
    if (!rc && (!n->slot || n->slot->type == SHARE_VOLUME ||
                n->mode == S_IFLNK || (name && !allowed(name))))
        rc = -EOPNOTSUPP;
    if (!rc) {
        *fd_r = node_fd(ops, n);
        rc = *fd_r < 0 ? *fd_r : 0;
    }
    if (rc)
        node_put(ops, n);
    else
        *node_r = n;
    return rc;
}

ssize_t ops_getxattr(struct ops *ops, uint64_t node, const char *name,
                     void *buf, size_t size)
{
    struct node *n;
    ssize_t got;
    int fd, rc = node_for(ops, node, name, false, &n, &fd);

    if (rc)
        return rc == -EOPNOTSUPP ? -ENODATA : rc;
    got = getxattr(fd_name(fd).text, name, buf, size);
    if (got < 0)
        got = -errno;
    node_put(ops, n);
    return got;
}

int ops_setxattr(struct ops *ops, uint64_t node, const char *name,
                 const void *value, size_t size, int flags)
{
    struct node *n;
    int fd, rc = node_for(ops, node, name, true, &n, &fd);

    if (rc)
        return rc;
    if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
        rc = -EINVAL;
    else
        rc = setxattr(fd_name(fd).text, name, value, size, flags) ? -errno
                                                                  : 0;
    node_put(ops, n);
    return rc;
}

int ops_removexattr(struct ops *ops, uint64_t node, const char *name)
{
    struct node *n;
    int fd, rc = node_for(ops, node, name, true, &n, &fd);

    if (rc)
        return rc;
    rc = removexattr(fd_name(fd).text, name) ? -errno : 0;
    node_put(ops, n);
    return rc;
}

/* Only the names that it may use, one after the other. */
static ssize_t sift(const char *list, size_t len, char *buf, size_t size)
{
    size_t at, n, used = 0;

    for (at = 0; at < len; at += n) {
        n = strnlen(list + at, len - at) + 1;
        if (at + n > len || !allowed(list + at))
            continue;
        if (size && used + n > size)
            return -ERANGE;
        if (size)
            memcpy(buf + used, list + at, n);
        used += n;
    }
    return (ssize_t)used;
}

ssize_t ops_listxattr(struct ops *ops, uint64_t node, char *buf, size_t size)
{
    xk_cleanup_free char *list = NULL;
    struct node *n;
    ssize_t got;
    int fd, rc = node_for(ops, node, NULL, false, &n, &fd);

    if (rc)
        return rc == -EOPNOTSUPP ? 0 : rc;
    list = malloc(LIST_MAX);
    got = list ? listxattr(fd_name(fd).text, list, LIST_MAX) : -1;
    if (!list)
        got = -ENOMEM;
    else if (got < 0)
        got = errno == EOPNOTSUPP ? 0 : -errno;
    else
        got = sift(list, (size_t)got, buf, size);
    node_put(ops, n);
    return got;
}
