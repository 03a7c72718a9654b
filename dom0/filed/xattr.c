/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extended attributes. See ops.h. The calls want a path: the descriptor's
 * name in the working directory, which is the directory of descriptors.
 */
#include <sys/xattr.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xenkeep/util.h>

#include "state.h"

/* XATTR_LIST_MAX of linux/limits.h. */
#define LIST_MAX 65536u

/* Where the host keeps what means something to the guest's kernel alone. */
#define KEPT "user.xenkeep."

struct host_name {
    char text[OPS_NAME_MAX + 1];
};

static bool begins(const char *name, const char *with)
{
    return !strncmp(name, with, strlen(with)) && name[strlen(with)];
}

/* Means the same on both sides. */
static bool shared(const char *name)
{
    static const char *const names[] = {
        "system.posix_acl_access", "system.posix_acl_default",
        "security.capability",
    };
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(names); i++)
        if (!strcmp(name, names[i]))
            return true;
    return begins(name, "user.");
}

/* "trusted." is dom0's own, and "security." beside capabilities belongs to
 * dom0's security module: the guest's are kept under other names. */
static bool kept(const char *name)
{
    return begins(name, "trusted.") || begins(name, "security.");
}

/* The host's name for the guest's: 0, -EOPNOTSUPP or -ERANGE. */
static int to_host(const char *name, struct host_name *host)
{
    const char *prefix = shared(name) ? "" : KEPT;
    int n;

    if (begins(name, KEPT) || (!shared(name) && !kept(name)))
        return -EOPNOTSUPP;
    n = snprintf(host->text, sizeof(host->text), "%s%s", prefix, name);
    return (size_t)n < sizeof(host->text) ? 0 : -ERANGE;
}

/* The guest's name for the host's; NULL: not for the guest. */
static const char *to_guest(const char *host)
{
    if (!begins(host, KEPT))
        return shared(host) ? host : NULL;
    host += strlen(KEPT);
    return kept(host) && !shared(host) ? host : NULL;
}

/* The pinned node, and its descriptor. */
static int node_for(struct ops *ops, uint64_t id, const char *name,
                    bool change, struct host_name *host,
                    struct node **node_r, int *fd_r)
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
                n->mode == S_IFLNK))
        rc = -EOPNOTSUPP;
    if (!rc && name)
        rc = to_host(name, host);
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
    struct host_name host;
    struct node *n;
    ssize_t got;
    int fd, rc = node_for(ops, node, name, false, &host, &n, &fd);

    if (rc)
        return rc == -EOPNOTSUPP ? -ENODATA : rc;
    got = getxattr(fd_name(fd).text, host.text, buf, size);
    if (got < 0)
        got = -errno;
    node_put(ops, n);
    return got;
}

int ops_setxattr(struct ops *ops, uint64_t node, const char *name,
                 const void *value, size_t size, int flags)
{
    struct host_name host;
    struct node *n;
    int fd, rc = node_for(ops, node, name, true, &host, &n, &fd);

    if (rc)
        return rc;
    if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
        rc = -EINVAL;
    else
        rc = setxattr(fd_name(fd).text, host.text, value, size, flags)
                 ? -errno : 0;
    node_put(ops, n);
    return rc;
}

int ops_removexattr(struct ops *ops, uint64_t node, const char *name)
{
    struct host_name host;
    struct node *n;
    int fd, rc = node_for(ops, node, name, true, &host, &n, &fd);

    if (rc)
        return rc;
    rc = removexattr(fd_name(fd).text, host.text) ? -errno : 0;
    node_put(ops, n);
    return rc;
}

/* Only the names that it may use, one after the other. */
static ssize_t sift(const char *list, size_t len, char *buf, size_t size)
{
    size_t at, n, used = 0;
    const char *name;

    for (at = 0; at < len; at += n) {
        n = strnlen(list + at, len - at) + 1;
        name = at + n > len ? NULL : to_guest(list + at);
        if (!name)
            continue;
        if (size && used + strlen(name) + 1 > size)
            return -ERANGE;
        if (size)
            memcpy(buf + used, name, strlen(name) + 1);
        used += strlen(name) + 1;
    }
    return (ssize_t)used;
}

ssize_t ops_listxattr(struct ops *ops, uint64_t node, char *buf, size_t size)
{
    xk_cleanup_free char *list = NULL;
    struct node *n;
    ssize_t got;
    int fd, rc = node_for(ops, node, NULL, false, NULL, &n, &fd);

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
