/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of nodes, see node.h.
 */
#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "state.h"

/* Directories that are opened anew on the way to one, at most. */
#define DEPTH_MAX 512u

/* ---- identity ---- */

int identity_of(int fd, struct identity *id)
{
    struct {
        struct file_handle h;
        uint8_t bytes[NODE_FH_MAX];
    } fh = { .h.handle_bytes = NODE_FH_MAX };
    struct stat st;
    int mount;

    if (fstat(fd, &st))
        return -errno;
    id->dev = st.st_dev;
    id->ino = st.st_ino;
    id->mode = st.st_mode & S_IFMT;
    id->fh_len = 0;
    id->fh_type = 0;
    if (!name_to_handle_at(fd, "", &fh.h, &mount, AT_EMPTY_PATH)) {
        id->fh_len = fh.h.handle_bytes;
        id->fh_type = fh.h.handle_type;
        memcpy(id->fh, fh.h.f_handle, id->fh_len);
    }
    return 0;
}

bool identity_is(const struct identity *id, const struct node *node)
{
    return id->dev == node->dev && identity_like(id, node);
}

bool identity_like(const struct identity *id, const struct node *node)
{
    return id->ino == node->ino && id->mode == node->mode &&
           id->fh_len == node->fh_len && id->fh_type == node->fh_type &&
           !memcmp(id->fh, node->fh, id->fh_len);
}

static uint64_t identity_hash(const struct slot *slot,
                              const struct identity *id)
{
    return table_hash(id->fh, id->fh_len, id->ino ^ (uintptr_t)slot);
}

/* ---- descriptors ---- */

static void unlist(struct ops *ops, struct node *n)
{
    if (n->newer)
        n->newer->older = n->older;
    else
        ops->newest = n->older;
    if (n->older)
        n->older->newer = n->newer;
    else
        ops->oldest = n->newer;
    n->newer = n->older = NULL;
}

static void enlist(struct ops *ops, struct node *n)
{
    n->newer = NULL;
    n->older = ops->newest;
    if (ops->newest)
        ops->newest->newer = n;
    else
        ops->oldest = n;
    ops->newest = n;
}

static void close_fd(struct ops *ops, struct node *n)
{
    if (n->fd < 0 || !n->slot)
        return;
    unlist(ops, n);
    ops->open_nodes--;
    xk_close(&n->fd);
}

static void have_fd(struct ops *ops, struct node *n, int fd)
{
    n->fd = fd;
    enlist(ops, n);
    ops->open_nodes++;
}

/* Could be found again without its descriptor. */
static bool closable(const struct node *n)
{
    return !n->pins && n->parent && n->fh_len;
}

/* Not far: those in use are the newest. */
static void make_room(struct ops *ops)
{
    struct node *n = ops->oldest, *newer;
    unsigned int looked;

    for (looked = 0; n && looked < 64 &&
                     ops->open_nodes > ops->config.limits.descriptors;
         n = newer, looked++) {
        newer = n->newer;
        if (closable(n)) {
            close_fd(ops, n);
        } else if (newer) {
            unlist(ops, n);
            enlist(ops, n);
        }
    }
}

static int open_beneath(int dir, const char *name)
{
    struct open_how how = {
        .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
                   RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
    };
    long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

    /* One component and O_NOFOLLOW say the same to an older kernel, but for
     * mounts, and there are none within a share. */
    if (fd < 0 && errno == ENOSYS)
        fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : (int)fd;
}

/* ---- life ---- */

static void free_node(struct ops *ops, struct node *n)
{
    struct alias *a;

    while ((a = n->aliases)) {
        n->aliases = a->next;
        table_remove(&ops->aliases, &a->by_id);
        free(a);
    }
    close_fd(ops, n);
    free(n->name);
    free(n);
}

/* Without the lock it would be found while it goes. */
static void drop_unused(struct ops *ops, struct node *n)
{
    struct node *parent;

    while (n && !n->pins && !n->refs && !n->children && n->slot &&
           n->slot->root != n) {
        parent = n->parent;
        lock_drop_node(ops, n);
        table_remove(&ops->nodes, &n->by_id);
        table_remove(&ops->identities, &n->by_identity);
        free_node(ops, n);
        if (parent)
            parent->children--;
        n = parent;
    }
}

static struct node *by_alias(struct ops *ops, uint64_t id)
{
    struct table_link *link;
    struct alias *a;

    for (link = table_first(&ops->aliases, table_hash_u64(id)); link;
         link = table_next(link)) {
        a = XK_CONTAINER_OF(link, struct alias, by_id);
        if (a->id == id)
            return a->node;
    }
    return NULL;
}

static struct node *by_id(struct ops *ops, uint64_t id)
{
    struct table_link *link;
    struct node *n;

    for (link = table_first(&ops->nodes, table_hash_u64(id)); link;
         link = table_next(link)) {
        n = XK_CONTAINER_OF(link, struct node, by_id);
        if (n->id == id)
            return n;
    }
    return ops->aliases.count ? by_alias(ops, id) : NULL;
}

static struct node *by_identity(struct ops *ops, const struct slot *slot,
                                const struct identity *id)
{
    struct table_link *link;
    struct node *n;

    for (link = table_first(&ops->identities, identity_hash(slot, id)); link;
         link = table_next(link)) {
        n = XK_CONTAINER_OF(link, struct node, by_identity);
        if (n->slot == slot && identity_is(id, n))
            return n;
    }
    return NULL;
}

int node_get(struct ops *ops, uint64_t id, struct node **node_r)
{
    struct node *n;

    pthread_mutex_lock(&ops->lock);
    n = by_id(ops, id);
    if (n)
        n->pins++;
    pthread_mutex_unlock(&ops->lock);
    *node_r = n;
    return n ? 0 : -ESTALE;
}

void node_put(struct ops *ops, struct node *node)
{
    if (!node)
        return;
    pthread_mutex_lock(&ops->lock);
    node->pins--;
    if (!node->pins && node->slot &&
        atomic_load(&node->slot->state) == SLOT_REVOKED)
        close_fd(ops, node);
    drop_unused(ops, node);
    pthread_mutex_unlock(&ops->lock);
}

/* A directory that was moved below one of its own: the old place of that one
 * is not true any more. */
static void cut_circle(struct node *n, struct node *parent)
{
    for (; parent; parent = parent->parent) {
        if (parent->parent == n) {
            parent->parent = NULL;
            n->children--;
            return;
        }
    }
}

/* Its place in the tree, if it was found by one. Under the lock. */
static void set_place(struct ops *ops, struct node *n, struct node *parent,
                      char *name)
{
    struct node *before = n->parent;

    if (n->slot->root == n) {
        free(name);
        return;
    }
    cut_circle(n, parent);
    parent->children++;
    n->parent = parent;
    free(n->name);
    n->name = name;
    if (before) {
        before->children--;
        drop_unused(ops, before);
    }
}

static struct node *new_node(struct ops *ops, struct slot *slot,
                             const struct identity *id)
{
    struct node *n;

    if (ops->nodes.count >= ops->config.limits.nodes)
        return NULL;
    n = calloc(1, sizeof(*n) + id->fh_len);
    if (!n)
        return NULL;
    n->fd = -1;
    n->slot = slot;
    n->dev = id->dev;
    n->ino = id->ino;
    n->mode = id->mode;
    n->fh_type = id->fh_type;
    n->fh_len = id->fh_len;
    memcpy(n->fh, id->fh, id->fh_len);
    n->id = ops->next_id++;
    if (table_put(&ops->nodes, &n->by_id, table_hash_u64(n->id)))
        goto fail;
    if (table_put(&ops->identities, &n->by_identity,
                  identity_hash(slot, id))) {
        table_remove(&ops->nodes, &n->by_id);
        goto fail;
    }
    return n;
fail:
    free(n);
    return NULL;
}

int node_of_fd(struct ops *ops, struct slot *slot, struct node *parent,
               const char *name, int fd, struct node **node_r)
{
    struct identity id;
    struct node *n;
    char *copy = NULL;
    int rc = identity_of(fd, &id);

    if (!rc && parent) {
        copy = strdup(name);
        rc = copy ? 0 : -ENOMEM;
    }
    if (rc) {
        xk_close(&fd);
        return rc;
    }
    pthread_mutex_lock(&ops->lock);
    n = by_identity(ops, slot, &id);
    if (!n)
        n = new_node(ops, slot, &id);
    if (!n) {
        rc = -ENFILE;
        goto out;
    }
    n->pins++;
    if (n->fd < 0)
        have_fd(ops, n, xk_steal_fd(&fd));
    /* A root has no place; a file that was moved has a new one. */
    if (parent && (n->parent != parent || strcmp(n->name, name)))
        set_place(ops, n, parent, xk_steal_ptr(&copy));
    make_room(ops);
    *node_r = n;
out:
    pthread_mutex_unlock(&ops->lock);
    free(copy);
    xk_close(&fd);
    return rc;
}

int node_find(struct ops *ops, struct node *dir, const char *name,
              struct node **node_r)
{
    int dir_fd = node_fd(ops, dir), fd;

    if (dir_fd < 0)
        return dir_fd;
    fd = open_beneath(dir_fd, name);
    if (fd < 0)
        return fd;
    return node_of_fd(ops, dir->slot, dir, name, fd, node_r);
}

int node_known(struct ops *ops, const struct slot *slot,
               const struct identity *id, struct node **node_r)
{
    struct table_link *link;
    struct node *n = NULL;

    pthread_mutex_lock(&ops->lock);
    for (link = table_first(&ops->identities, identity_hash(slot, id)); link;
         link = table_next(link)) {
        n = XK_CONTAINER_OF(link, struct node, by_identity);
        if (n->slot == slot && identity_like(id, n))
            break;
        n = NULL;
    }
    if (n)
        n->pins++;
    pthread_mutex_unlock(&ops->lock);
    *node_r = n;
    return n ? 0 : -ESTALE;
}

/* They cost memory as nodes do, and the guest chooses how many. */
static int add_alias(struct ops *ops, struct node *node, uint64_t id)
{
    struct alias *a;

    if (ops->aliases.count >= ops->config.limits.nodes)
        return -ENFILE;
    a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->id = id;
    a->node = node;
    if (table_put(&ops->aliases, &a->by_id, table_hash_u64(id))) {
        free(a);
        return -ENOMEM;
    }
    a->next = node->aliases;
    node->aliases = a;
    return 0;
}

int node_also(struct ops *ops, struct node *node, uint64_t id)
{
    struct node *other;
    int rc = 0;

    pthread_mutex_lock(&ops->lock);
    other = by_id(ops, id);
    if (other) {
        rc = other == node ? 0 : -EEXIST;
    } else if (node->refs || node->pins > 1) {
        rc = add_alias(ops, node, id);
    } else {
        /* Nobody has heard of the number that it has. */
        table_remove(&ops->nodes, &node->by_id);
        node->id = id;
        rc = table_put(&ops->nodes, &node->by_id, table_hash_u64(id));
    }
    pthread_mutex_unlock(&ops->lock);
    return rc;
}

/* The descriptor it has, or the place where it was last: its parent, pinned,
 * and a copy of its name. */
static int place(struct ops *ops, struct node *node, struct node **parent_r,
                 char *name)
{
    int fd;

    pthread_mutex_lock(&ops->lock);
    fd = node->fd;
    *parent_r = NULL;
    if (fd >= 0 && node->slot && ops->newest != node) {
        unlist(ops, node);
        enlist(ops, node);
    }
    if (fd < 0 && node->parent) {
        *parent_r = node->parent;
        node->parent->pins++;
        memcpy(name, node->name, strlen(node->name) + 1);
    }
    pthread_mutex_unlock(&ops->lock);
    return fd;
}

static int reopen(struct ops *ops, struct node *node, int dir,
                  const char *name)
{
    struct identity id;
    int fd = open_beneath(dir, name), rc;

    if (fd < 0)
        return fd == -ENOENT ? -ESTALE : fd;
    rc = identity_of(fd, &id);
    if (!rc && !identity_is(&id, node))
        rc = -ESTALE;
    if (rc) {
        xk_close(&fd);
        return rc;
    }
    pthread_mutex_lock(&ops->lock);
    if (node->fd < 0)
        have_fd(ops, node, xk_steal_fd(&fd));
    rc = node->fd;
    make_room(ops);
    pthread_mutex_unlock(&ops->lock);
    xk_close(&fd);
    return rc;
}

static int fd_at(struct ops *ops, struct node *node, unsigned int depth)
{
    char name[OPS_NAME_MAX + 1];
    struct node *parent;
    int fd = place(ops, node, &parent, name), dir;

    if (fd >= 0 || !parent)
        return fd >= 0 ? fd : -ESTALE;
    dir = depth ? fd_at(ops, parent, depth - 1) : -ESTALE;
    fd = dir < 0 ? dir : reopen(ops, node, dir, name);
    node_put(ops, parent);
    return fd;
}

int node_fd(struct ops *ops, struct node *node)
{
    return fd_at(ops, node, DEPTH_MAX);
}

int node_refer(struct ops *ops, struct node *node)
{
    pthread_mutex_lock(&ops->lock);
    node->refs++;
    pthread_mutex_unlock(&ops->lock);
    return 0;
}

void node_forget(struct ops *ops, uint64_t id, uint64_t references)
{
    struct node *n;

    pthread_mutex_lock(&ops->lock);
    n = by_id(ops, id);
    if (n) {
        n->refs -= xk_min_u64(n->refs, references);
        drop_unused(ops, n);
    }
    pthread_mutex_unlock(&ops->lock);
}

struct drop {
    struct ops *ops;
    struct slot *slot;
};

static void drop_one(struct table_link *link, void *arg)
{
    struct node *n = XK_CONTAINER_OF(link, struct node, by_id);
    struct drop *drop = arg;

    /* Who has it pinned goes on with an open descriptor, this once. */
    if (n->slot == drop->slot && !n->pins)
        close_fd(drop->ops, n);
}

void node_drop_slot(struct ops *ops, struct slot *slot)
{
    struct drop drop = { ops, slot };

    pthread_mutex_lock(&ops->lock);
    table_each(&ops->nodes, drop_one, &drop);
    pthread_mutex_unlock(&ops->lock);
}
