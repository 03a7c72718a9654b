/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nodes of an earlier epoch. See ops.h.
 */
#include <errno.h>

#include <xenkeep/util.h>

#include "handle.h"
#include "state.h"

struct claim {
    bool sealed;                /* what follows is known */
    struct slot *slot;
    struct identity id;
};

/* By its name in a directory, and still what it was. */
static int by_name(struct ops *ops, const struct claim *claim, uint64_t dir,
                   const char *name, struct node **node_r)
{
    struct ops_entry entry;
    int rc = ops_lookup(ops, dir, name, &entry);

    if (rc)
        return rc == -ENOENT ? -ESTALE : rc;
    rc = node_get(ops, entry.node, node_r);
    node_forget(ops, entry.node, 1);
    if (!rc && claim->sealed && ((*node_r)->slot != claim->slot ||
                                 !identity_like(&claim->id, *node_r))) {
        node_put(ops, *node_r);
        rc = -ESTALE;
    }
    return rc;
}

static int find(struct ops *ops, const struct claim *claim, uint64_t dir,
                const char *name, struct node **node_r)
{
    int rc = claim->sealed ? node_known(ops, claim->slot, &claim->id, node_r)
                           : -ESTALE;

    if (rc && dir)
        rc = by_name(ops, claim, dir, name, node_r);
    return rc;
}

int ops_restore(struct ops *ops, uint64_t node, const void *handle,
                size_t handle_len, uint64_t dir, const char *name,
                struct ops_entry *entry_r)
{
    struct claim claim = { .sealed = false };
    struct node *n;
    int rc = 0;

    /* Without a handle only the name says what it was: a file system that
     * has none of its own. */
    if (handle_len) {
        rc = handle_open(ops, handle, handle_len, &claim.slot, &claim.id);
        claim.sealed = !rc;
    }
    if (!rc)
        rc = find(ops, &claim, dir, name, &n);
    if (rc)
        return rc;
    rc = slot_check(n, false);
    /* 0: it never had a number, as a handle from an earlier boot. */
    if (!rc && node)
        rc = node == OPS_ROOT ? -EINVAL : node_also(ops, n, node);
    if (!rc)
        rc = entry_of(ops, n, entry_r);
    if (!rc && node)
        entry_r->node = node;
    node_put(ops, n);
    return rc;
}
