/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tree of xenstore: nodes, permissions, watches, transactions. A
 * transaction works on a copy of the tree and conflicts with any other
 * change, as in the first xenstored: clients have to try again more often
 * than with the real one, never less.
 */
#ifndef XK_FAKE_STORE_H
#define XK_FAKE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FK_XS_PATH_MAX 3072u    /* XENSTORE_ABS_PATH_MAX */
#define FK_XS_VALUE_MAX 4096u   /* XENSTORE_PAYLOAD_MAX */
#define FK_XS_PERMS_MAX 8u

struct xs_handle;
struct fk_txn;

struct fk_perm {
    uint16_t id;
    uint8_t bits;               /* XS_PERM_* of xenstore_lib.h */
};

struct fk_node {
    struct fk_node *next, *child, *parent;
    char *name;
    char *value;
    size_t len;
    struct fk_perm perms[FK_XS_PERMS_MAX];
    unsigned int nr_perms;
};

struct fk_store {
    struct fk_node *root;
    uint64_t generation;
    unsigned int conflicts;     /* forced, still to come */
    uint32_t next_txn;
    struct fk_txn *txns;
    struct xs_handle *handles;
};

struct fk_txn {
    struct fk_txn *next;
    uint32_t id;
    struct xs_handle *owner;
    struct fk_node *root;
    uint64_t generation;
    struct fk_event *events, **last;
};

/* What happened to a path, kept until the transaction ends. */
struct fk_event {
    struct fk_event *next;
    char *path;
    bool exact;                 /* only for watches on this very node */
};

void fk_store_init(void);

/* On the tree itself, as domain `as`; 0 or -errno. */
int fk_store_write(uint16_t as, const char *path, const void *value,
                   size_t len);
int fk_store_rm(uint16_t as, const char *path);
/* "n0,r$": $ stands for id. */
int fk_store_set_perms(const char *path, const char *perms, uint16_t id);
void fk_store_special(const char *name);

bool fk_path_ok(const char *path);

/* The same for a connection: txn NULL is no transaction. */
struct fk_node *fk_node(const struct fk_txn *txn, const char *path);
bool fk_node_allows(const struct fk_node *node, uint16_t as, uint8_t bits);
int fk_node_write(struct fk_txn *txn, uint16_t as, const char *path,
                  const void *value, size_t len);
int fk_node_mkdir(struct fk_txn *txn, uint16_t as, const char *path);
int fk_node_rm(struct fk_txn *txn, uint16_t as, const char *path);
int fk_node_chmod(struct fk_txn *txn, uint16_t as, const char *path,
                  const struct fk_perm *perms, unsigned int count);

struct fk_txn *fk_txn_start(struct xs_handle *owner);
struct fk_txn *fk_txn_find(struct xs_handle *owner, uint32_t id);
int fk_txn_end(struct fk_txn *txn, bool abort);

/* xs.c: hands an event to the watches of all connections. */
void fk_xs_fire(const char *path, bool exact);
void fk_xs_reap(pid_t pid);

#endif /* XK_FAKE_STORE_H */
