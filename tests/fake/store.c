/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tree, see store.h. Paths that come in here are absolute.
 */
#include "store.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore_lib.h>

#include "state.h"

bool fk_path_ok(const char *path)
{
    size_t len = strlen(path), i;

    if (path[0] != '/' || len >= FK_XS_PATH_MAX || strstr(path, "//") ||
        (len > 1 && path[len - 1] == '/'))
        return false;
    for (i = 0; i < len; i++)
        if (!isalnum((unsigned char)path[i]) && !strchr("-/_@", path[i]))
            return false;
    return true;
}

static struct fk_node *root_of(const struct fk_txn *txn)
{
    return txn ? txn->root : fk->store.root;
}

static struct fk_node *child_of(const struct fk_node *node, const char *name,
                                size_t len)
{
    struct fk_node *c;

    for (c = node->child; c; c = c->next)
        if (strlen(c->name) == len && !memcmp(c->name, name, len))
            return c;
    return NULL;
}

/* The deepest existing node on the path; *rest_r: what is missing. */
static struct fk_node *walk(const struct fk_txn *txn, const char *path,
                            const char **rest_r)
{
    struct fk_node *node = root_of(txn), *c;
    size_t len;

    path++;
    while (*path) {
        len = strcspn(path, "/");
        c = child_of(node, path, len);
        if (!c)
            break;
        node = c;
        path += len;
        path += *path == '/';
    }
    *rest_r = path;
    return node;
}

struct fk_node *fk_node(const struct fk_txn *txn, const char *path)
{
    struct fk_node *node;
    const char *rest;

    if (!fk_path_ok(path))
        return NULL;
    node = walk(txn, path, &rest);
    return *rest ? NULL : node;
}

bool fk_node_allows(const struct fk_node *node, uint16_t as, uint8_t bits)
{
    unsigned int i;

    /* Domain 0 and the owner may do everything. */
    if (!as || node->perms[0].id == as)
        return true;
    for (i = 1; i < node->nr_perms; i++)
        if (node->perms[i].id == as)
            return (node->perms[i].bits & bits) == bits;
    return (node->perms[0].bits & bits) == bits;
}

static void free_node(struct fk_node *node)
{
    struct fk_node *c;

    while ((c = node->child)) {
        node->child = c->next;
        free_node(c);
    }
    fk_strfree(node->name);
    if (node->value)
        fk_free(node->value, node->len + 1);
    fk_free(node, sizeof(*node));
}

static struct fk_node *copy_tree(const struct fk_node *node,
                                 struct fk_node *parent)
{
    struct fk_node *copy = fk_alloc(sizeof(*copy)), **at = &copy->child;
    const struct fk_node *c;

    *copy = *node;
    copy->parent = parent;
    copy->next = copy->child = NULL;
    copy->name = fk_strdup(node->name);
    if (node->value)
        copy->value = memcpy(fk_alloc(node->len + 1), node->value,
                             node->len + 1);
    for (c = node->child; c; c = c->next) {
        *at = copy_tree(c, copy);
        at = &(*at)->next;
    }
    return copy;
}

static void changed(struct fk_txn *txn, const char *path, bool exact)
{
    struct fk_event *ev;

    if (!txn) {
        fk->store.generation++;
        fk_xs_fire(path, exact);
        return;
    }
    ev = fk_alloc(sizeof(*ev));
    ev->path = fk_strdup(path);
    ev->exact = exact;
    *txn->last = ev;
    txn->last = &ev->next;
}

/* Makes the node and what is missing above it. */
static int make(struct fk_txn *txn, uint16_t as, const char *path,
                struct fk_node **node_r, bool *made_r)
{
    struct fk_node *node, *c, **at;
    const char *rest;
    size_t len;

    if (!fk_path_ok(path))
        return -EINVAL;
    node = walk(txn, path, &rest);
    *made_r = *rest != '\0';
    if (!fk_node_allows(node, as, XS_PERM_WRITE))
        return -EACCES;
    while (*rest) {
        len = strcspn(rest, "/");
        c = fk_alloc(sizeof(*c));
        c->name = fk_alloc(len + 1);
        memcpy(c->name, rest, len);
        c->value = fk_alloc(1);
        c->parent = node;
        memcpy(c->perms, node->perms, sizeof(c->perms));
        c->nr_perms = node->nr_perms;
        /* A guest owns what it makes; otherwise the parent's owner does. */
        if (as)
            c->perms[0].id = as;
        for (at = &node->child; *at; at = &(*at)->next)
            ;
        *at = c;
        node = c;
        rest += len;
        rest += *rest == '/';
    }
    *node_r = node;
    return 0;
}

int fk_node_write(struct fk_txn *txn, uint16_t as, const char *path,
                  const void *value, size_t len)
{
    struct fk_node *node;
    bool made;
    int rc;

    if (len > FK_XS_VALUE_MAX)
        return -E2BIG;
    rc = make(txn, as, path, &node, &made);
    if (rc)
        return rc;
    fk_free(node->value, node->len + 1);
    node->value = fk_alloc(len + 1);
    node->len = len;
    if (len)
        memcpy(node->value, value, len);
    changed(txn, path, false);
    return 0;
}

int fk_node_mkdir(struct fk_txn *txn, uint16_t as, const char *path)
{
    struct fk_node *node;
    bool made;
    int rc;

    if (fk_node(txn, path))
        return 0;
    rc = make(txn, as, path, &node, &made);
    if (!rc && made)
        changed(txn, path, false);
    return rc;
}

/* Watches on nodes below a removed one fire for themselves. */
static void report_below(struct fk_txn *txn, const struct fk_node *node,
                         const char *path)
{
    const struct fk_node *c;
    char *below;

    for (c = node->child; c; c = c->next) {
        below = malloc(strlen(path) + strlen(c->name) + 2);
        if (!below)
            abort();
        sprintf(below, "%s/%s", path, c->name);
        changed(txn, below, true);
        report_below(txn, c, below);
        free(below);
    }
}

int fk_node_rm(struct fk_txn *txn, uint16_t as, const char *path)
{
    struct fk_node *node, **at;
    const char *rest;

    if (!fk_path_ok(path) || !path[1])
        return -EINVAL;
    node = walk(txn, path, &rest);
    /* No such node is fine where there is a parent. */
    if (*rest)
        return strchr(rest, '/') ? -ENOENT : 0;
    if (!fk_node_allows(node, as, XS_PERM_WRITE))
        return -EACCES;
    for (at = &node->parent->child; *at != node; at = &(*at)->next)
        ;
    *at = node->next;
    changed(txn, path, false);
    report_below(txn, node, path);
    free_node(node);
    return 0;
}

int fk_node_chmod(struct fk_txn *txn, uint16_t as, const char *path,
                  const struct fk_perm *perms, unsigned int count)
{
    struct fk_node *node = fk_node(txn, path);

    if (!node)
        return fk_path_ok(path) ? -ENOENT : -EINVAL;
    if (!count || count > FK_XS_PERMS_MAX)
        return -EINVAL;
    if (as && node->perms[0].id != as)
        return -EACCES;
    if (as && perms[0].id != as)
        return -EPERM;
    memcpy(node->perms, perms, count * sizeof(*perms));
    node->nr_perms = count;
    changed(txn, path, false);
    return 0;
}

struct fk_txn *fk_txn_start(struct xs_handle *owner)
{
    struct fk_txn *txn = fk_alloc(sizeof(*txn));

    txn->id = ++fk->store.next_txn;
    txn->owner = owner;
    txn->root = copy_tree(fk->store.root, NULL);
    txn->generation = fk->store.generation;
    txn->last = &txn->events;
    txn->next = fk->store.txns;
    fk->store.txns = txn;
    return txn;
}

struct fk_txn *fk_txn_find(struct xs_handle *owner, uint32_t id)
{
    struct fk_txn *txn;

    for (txn = fk->store.txns; txn; txn = txn->next)
        if (txn->id == id && txn->owner == owner)
            return txn;
    return NULL;
}

int fk_txn_end(struct fk_txn *txn, bool abort_it)
{
    struct fk_node *unused = txn->root;
    struct fk_event *ev, *next;
    struct fk_txn **at;
    int rc = 0;

    for (at = &fk->store.txns; *at != txn; at = &(*at)->next)
        ;
    *at = txn->next;
    if (!abort_it && fk->store.conflicts) {
        fk->store.conflicts--;
        rc = -EAGAIN;
    } else if (!abort_it && txn->events &&
               txn->generation != fk->store.generation) {
        rc = -EAGAIN;
    } else if (!abort_it && txn->events) {
        unused = fk->store.root;
        fk->store.root = txn->root;
    }
    free_node(unused);
    for (ev = txn->events; ev; ev = next) {
        next = ev->next;
        if (!abort_it && !rc)
            changed(NULL, ev->path, ev->exact);
        fk_strfree(ev->path);
        fk_free(ev, sizeof(*ev));
    }
    fk_free(txn, sizeof(*txn));
    return rc;
}

int fk_store_write(uint16_t as, const char *path, const void *value,
                   size_t len)
{
    return fk_node_write(NULL, as, path, value, len);
}

int fk_store_rm(uint16_t as, const char *path)
{
    return fk_node_rm(NULL, as, path);
}

int fk_store_set_perms(const char *path, const char *text, uint16_t id)
{
    static const char letters[] = "nrwb"; /* none, read, write, both */
    struct fk_perm perms[FK_XS_PERMS_MAX];
    unsigned int n = 0;
    const char *at;

    for (at = text; *at && n < FK_XS_PERMS_MAX; n++) {
        perms[n].bits = (uint8_t)(strchr(letters, *at) - letters);
        perms[n].id = at[1] == '$' ? id : (uint16_t)atoi(at + 1);
        at += strcspn(at, ",");
        at += *at == ',';
    }
    return fk_node_chmod(NULL, 0, path, perms, n);
}

void fk_store_special(const char *name)
{
    fk_xs_fire(name, true);
}

void fk_store_init(void)
{
    struct fk_node *root = fk_alloc(sizeof(*root));

    root->name = fk_strdup("");
    root->value = fk_alloc(1);
    root->perms[0] = (struct fk_perm){ 0, XS_PERM_NONE };
    root->nr_perms = 1;
    fk->store.root = root;
    fk_store_write(0, "/local/domain/0/domid", "0", 1);
    fk_store_write(0, "/local/domain/0/name", "Domain-0", 8);
    fk_store_write(0, "/tool/xenstored", "", 0);
    fk_store_write(0, "/vm", "", 0);
}
