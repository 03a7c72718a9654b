/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nodes: the files of the shares that the guest knows by number. A node holds
 * an O_PATH descriptor while it is in use or was lately; beyond the limit the
 * oldest are closed, and found again by name in their directory, where they
 * must prove to be the same file by the handle of the host's file system.
 *
 * Whoever uses a node has it pinned. Everything here takes the lock of
 * struct ops itself, unless it says so.
 */
#ifndef XK_FILED_NODE_H
#define XK_FILED_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "ops.h"
#include "table.h"

/* MAX_HANDLE_SZ of fcntl.h. */
#define NODE_FH_MAX 128u

struct slot;

/* What a file is in its file system. */
struct identity {
    uint64_t dev, ino;
    uint32_t mode;              /* its type */
    int32_t fh_type;
    uint32_t fh_len;            /* 0: the file system has no handles */
    uint8_t fh[NODE_FH_MAX];
};

/* One more number of a node: the guest had it from an earlier epoch, and got
 * another in this one. */
struct alias {
    struct table_link by_id;
    struct alias *next;
    uint64_t id;
    struct node *node;
};

struct node {
    struct table_link by_id, by_identity;
    struct alias *aliases;
    uint64_t id;
    uint64_t refs;              /* the guest's */
    uint32_t pins;              /* ours, at this moment */
    uint32_t children;          /* nodes whose `parent` this is */
    struct slot *slot;          /* NULL: the root of all */
    struct node *parent;        /* where it was found last; NULL: a root */
    char *name;
    struct node *newer, *older; /* of those with a descriptor */
    int fd;                     /* -1: closed for now */
    uint64_t dev, ino;
    uint32_t mode;
    int32_t fh_type;
    uint32_t fh_len;
    uint8_t fh[];
};

/* The pinned node of a number the guest gave. -ESTALE. */
int node_get(struct ops *ops, uint64_t id, struct node **node_r);
void node_put(struct ops *ops, struct node *node);

/* A descriptor that is open for as long as the node is pinned, or -errno. */
int node_fd(struct ops *ops, struct node *node);

/*
 * The node of the file that `fd` (O_PATH, taken over) is, found as `name` in
 * `parent` (both NULL: a share's root): pinned. Known ones are found, others
 * are made.
 */
int node_of_fd(struct ops *ops, struct slot *slot, struct node *parent,
               const char *name, int fd, struct node **node_r);

/* The pinned node by its name in a pinned directory. */
int node_find(struct ops *ops, struct node *dir, const char *name,
              struct node **node_r);

/* The pinned node of this identity, if it is known; the device is not looked
 * at, as it may have another number by now. -ESTALE. */
int node_known(struct ops *ops, const struct slot *slot,
               const struct identity *id, struct node **node_r);

/* The guest calls a pinned node by this number, too. -EEXIST: it calls
 * another so. */
int node_also(struct ops *ops, struct node *node, uint64_t id);

/* References that the guest has got or returned. */
int node_refer(struct ops *ops, struct node *node);
void node_forget(struct ops *ops, uint64_t id, uint64_t references);

/* All descriptors of nodes of a slot are closed: it was revoked. */
void node_drop_slot(struct ops *ops, struct slot *slot);

/* Who is it? `fd` may be O_PATH. */
int identity_of(int fd, struct identity *id_r);
bool identity_is(const struct identity *id, const struct node *node);
/* But for the device. */
bool identity_like(const struct identity *id, const struct node *node);

#endif /* XK_FILED_NODE_H */
