/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nodes of an earlier epoch. See ops.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "state.h"

/* The file that the name leads to, with the number that it had. */
static int restore_by_name(struct ops *ops, uint64_t id, struct node *dir,
                           const char *name, struct ops_entry *entry_r)
{
    struct node *found, *n = NULL;
    int fd, rc = node_find(ops, dir, name, &found);

    if (rc)
        return rc == -ENOENT ? -ESTALE : rc;
    fd = node_fd(ops, found);
    fd = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    node_put(ops, found);
    if (fd < 0)
        return fd;
    rc = node_of_fd(ops, dir->slot, dir, name, fd, id, &n);
    if (!rc)
        rc = entry_of(ops, n, entry_r);
    node_put(ops, n);
    return rc;
}

int ops_restore(struct ops *ops, uint64_t node, const void *handle,
                size_t handle_len, uint64_t dir, const char *name,
                struct ops_entry *entry_r)
{
    struct node *d;
    int rc;

    (void)handle, (void)handle_len;
    if (!dir || node <= OPS_ROOT)
        return -ESTALE;
    rc = name_check(name);
    if (!rc)
        rc = node_get(ops, dir, &d);
    if (rc)
        return rc;
    rc = slot_check(d, false);
    if (!rc && (!d->slot || d->mode != S_IFDIR))
        rc = -ESTALE;
    if (!rc)
        rc = restore_by_name(ops, node, d, name, entry_r);
    node_put(ops, d);
    return rc;
}
