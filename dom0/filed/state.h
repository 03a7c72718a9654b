/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the operation layer share. Not for codecs: they have
 * ops.h.
 */
#ifndef XK_FILED_STATE_H
#define XK_FILED_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "crypto.h"

#include "node.h"
#include "ops.h"
#include "quota.h"
#include "table.h"

enum slot_state { SLOT_LIVE, SLOT_DRAINING, SLOT_REVOKED };

/* What may change while it is in use: replaced as a whole, and kept until the
 * end, because a thread may still be looking at it. */
struct rule {
    bool read_only, set_id, devices, audit;
    uint64_t size_limit, files_limit, rate;
    uint32_t open_limit;
    struct owner owner;
    struct rule *before;
};

/* A share, in the server. */
struct slot {
    struct slot *next;
    uint32_t id;
    enum share_type type;
    char name[OPS_NAME_MAX + 1];
    _Atomic(struct rule *) rule;
    _Atomic enum slot_state state;
    uint64_t tag;               /* in handles: stands for the name */
    int root_fd;                /* of a directory or file: O_PATH */
    struct node *root;
    atomic_uint users;          /* open files */
    atomic_llong bytes, files;  /* used, when there is a limit */
    bool scanned;
    pthread_mutex_t append;     /* RWF_APPEND does not tell where it was */
    _Atomic uint64_t due_us;    /* see quota_pace() */
};

struct file {
    struct table_link by_id;
    uint64_t id;
    struct node *node;
    int fd;
    int flags;
    uint32_t pins;
    bool released;
    pthread_mutex_t position;   /* of a directory's reading */
};

/* One owner's locks of one kind on one node: an open file of its own. */
struct holder {
    struct holder *next;
    struct node *node;
    enum ops_lock_kind kind;
    uint64_t owner;
    int fd;
};

struct ops {
    struct ops_config config;
    pthread_mutex_t lock;       /* of all below */
    struct slot *slots;
    struct table nodes;         /* by id */
    struct table aliases;
    struct table identities;    /* by identity */
    struct node *newest, *oldest;   /* of those with a descriptor */
    uint32_t open_nodes;
    uint64_t next_id;           /* of nodes and files */
    struct table files;
    struct node *root;
    pthread_mutex_t seal_lock;
    struct xk_mac *mac;         /* seals handles */
    /* Taken after `lock`, if both are. */
    pthread_mutex_t holders_lock;
    struct holder *holders;
    uint32_t nr_holders;
};

/* The share of a pinned node, for reading or for changing. -ESTALE, -EROFS;
 * -EPERM: the root of all, or a volume, has nothing to change. */
int slot_check(const struct node *node, bool change);
const struct rule *slot_rule(const struct slot *slot);
struct slot *slot_find(struct ops *ops, uint32_t id);
/* A descriptor of its own of the share's root. */
int slot_dup(struct ops *ops, struct slot *slot);
/* One that is in no list any more. */
void slot_free(struct slot *slot);

/* The attributes of an open descriptor of a pinned node. */
int attr_read(const struct node *node, int fd, struct ops_attr *attr_r);
/* An entry, with a reference. */
int entry_of(struct ops *ops, struct node *node, struct ops_entry *entry_r);

/* The descriptor as a name in ops->config.fd_dir, the working directory. */
struct fd_name {
    char text[16];
};
struct fd_name fd_name(int fd);
/* A real descriptor of what an O_PATH one is; regular files and directories
 * only. */
int fd_reopen(struct ops *ops, const struct node *node, int path_fd,
              int flags);

/* A name is one component. 0, -EINVAL, -ENAMETOOLONG. */
int name_check(const char *name);

/* What is made belongs to the guest's user meanwhile, on this thread. */
int cred_become(const struct slot *slot, const struct ops_cred *cred);
void cred_return(void);

/* The pinned open file of a number. -EBADF. */
int file_get(struct ops *ops, uint64_t fh, struct file **file_r);
void file_put(struct ops *ops, struct file *file);
/* Closes what a revoked share has open; NULL: the root of all. */
void file_drop_slot(struct ops *ops, struct slot *slot);
int file_new(struct ops *ops, struct node *node, int fd, int flags,
             uint64_t id, uint64_t *fh_r);
/* May one more be opened? Counts it. */
int file_reserve(struct ops *ops, struct slot *slot);
void file_unreserve(struct slot *slot);

void lock_drop_node(struct ops *ops, struct node *node);
void lock_drop_slot(struct ops *ops, struct slot *slot);

#endif /* XK_FILED_STATE_H */
