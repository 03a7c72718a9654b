/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operation layer as a whole, and what is asked of a node without opening
 * it. See ops.h.
 */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "state.h"

/* Numbers of one epoch, as bits: ids of two epochs never meet. */
#define EPOCH_SHIFT 40

/* ---- small things ---- */

int name_check(const char *name)
{
    size_t len = strlen(name);

    if (len > OPS_NAME_MAX)
        return -ENAMETOOLONG;
    if (!len || strchr(name, '/') || !strcmp(name, ".") ||
        !strcmp(name, ".."))
        return -EINVAL;
    return 0;
}

struct fd_name fd_name(int fd)
{
    struct fd_name n;

    snprintf(n.text, sizeof(n.text), "%d", fd);
    return n;
}

int fd_reopen(struct ops *ops, const struct node *node, int path_fd,
              int flags)
{
    int fd;

    /* Opening a FIFO or a device could wait, or do what devices do. */
    if (node->mode != S_IFREG && node->mode != S_IFDIR)
        return node->mode == S_IFLNK ? -ELOOP : -ENXIO;
    flags = (flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_CLOEXEC |
            O_NOCTTY | O_NONBLOCK;
    fd = openat(ops->config.fd_dir, fd_name(path_fd).text, flags);
    /* A server of the network may know another owner. */
    if (fd < 0 && errno == EPERM && flags & O_NOATIME)
        fd = openat(ops->config.fd_dir, fd_name(path_fd).text,
                    flags & ~O_NOATIME);
    return fd < 0 ? -errno : fd;
}

int cred_become(const struct slot *slot, const struct ops_cred *cred)
{
    const struct owner *owner = &slot_rule(slot)->owner;
    uint32_t uid, gid;
    int rc = owner_host_uid(owner, cred->uid, &uid);

    if (!rc)
        rc = owner_host_gid(owner, cred->gid, &gid);
    if (rc)
        return rc;
    /* They tell nothing: ask for what holds with an id that is none. */
    (void)setfsgid(gid);
    (void)setfsuid(uid);
    if ((uint32_t)setfsgid((gid_t)-1) != gid ||
        (uint32_t)setfsuid((uid_t)-1) != uid) {
        cred_return();
        return -EPERM;
    }
    return 0;
}

void cred_return(void)
{
    (void)setfsuid(geteuid());
    (void)setfsgid(getegid());
}

/* ---- nodes ---- */

/* The root of a share by its name, pinned. */
static int find_share(struct ops *ops, const char *name, struct node **node_r)
{
    struct slot *s;
    int rc = -ENOENT;

    pthread_mutex_lock(&ops->lock);
    for (s = ops->slots; s && rc; s = s->next) {
        if (strcmp(s->name, name) ||
            atomic_load(&s->state) == SLOT_REVOKED)
            continue;
        s->root->pins++;
        *node_r = s->root;
        rc = 0;
    }
    pthread_mutex_unlock(&ops->lock);
    return rc;
}

static int lookup(struct ops *ops, struct node *dir, const char *name,
                  struct node **node_r)
{
    int rc = name_check(name);

    if (!rc)
        rc = slot_check(dir, false);
    if (rc)
        return rc;
    if (!dir->slot)
        return find_share(ops, name, node_r);
    if (dir->mode != S_IFDIR)
        return -ENOTDIR;
    return node_find(ops, dir, name, node_r);
}

int ops_lookup(struct ops *ops, uint64_t dir, const char *name,
               struct ops_entry *entry_r)
{
    struct node *d, *n = NULL;
    int rc = node_get(ops, dir, &d);

    if (rc)
        return rc;
    rc = lookup(ops, d, name, &n);
    if (!rc)
        rc = entry_of(ops, n, entry_r);
    node_put(ops, n);
    node_put(ops, d);
    return rc;
}

int ops_peek(struct ops *ops, uint64_t dir, const char *name,
             uint64_t *ino_r)
{
    struct node *d;
    struct stat st;
    int rc = node_get(ops, dir, &d), fd;

    if (rc)
        return rc;
    rc = name_check(name);
    if (!rc)
        rc = slot_check(d, false);
    if (!rc && !d->slot)
        rc = -EPERM;
    fd = rc ? rc : node_fd(ops, d);
    if (fd >= 0)
        rc = fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
    node_put(ops, d);
    if (fd < 0 || rc)
        return fd < 0 ? fd : rc;
    *ino_r = st.st_ino;
    return 0;
}

uint32_t ops_share_of(struct ops *ops, uint64_t node, uint64_t fh,
                      bool *audit_r)
{
    const struct slot *slot = NULL;
    struct file *f = NULL;
    struct node *n = NULL;

    *audit_r = false;
    if (fh && !file_get(ops, fh, &f))
        slot = f->node->slot;
    else if (!fh && !node_get(ops, node, &n))
        slot = n->slot;
    if (slot)
        *audit_r = slot_rule(slot)->audit;
    file_put(ops, f);
    node_put(ops, n);
    return slot ? slot->id : 0;
}

void ops_name(struct ops *ops, uint64_t node, char name[OPS_NAME_MAX + 1])
{
    struct node *n;

    name[0] = '\0';
    if (node_get(ops, node, &n))
        return;
    pthread_mutex_lock(&ops->lock);
    if (n->name)
        memcpy(name, n->name, strlen(n->name) + 1);
    pthread_mutex_unlock(&ops->lock);
    node_put(ops, n);
}

int ops_hold(struct ops *ops, uint64_t node)
{
    struct node *n;
    int rc = node_get(ops, node, &n);

    if (!rc)
        rc = node_refer(ops, n);
    node_put(ops, n);
    return rc;
}

void ops_forget(struct ops *ops, uint64_t node, uint64_t references)
{
    node_forget(ops, node, references);
}

int ops_parent(struct ops *ops, uint64_t dir, struct ops_entry *entry_r)
{
    struct node *d, *up = NULL;
    int rc = node_get(ops, dir, &d);

    if (rc)
        return rc;
    pthread_mutex_lock(&ops->lock);
    up = d->slot && d->slot->root != d ? d->parent : ops->root;
    if (up)
        up->pins++;
    pthread_mutex_unlock(&ops->lock);
    rc = up ? slot_check(d, false) : -ESTALE;
    if (!rc)
        rc = entry_of(ops, up, entry_r);
    node_put(ops, up);
    node_put(ops, d);
    return rc;
}

ssize_t ops_readlink(struct ops *ops, uint64_t node, char *buf, size_t size)
{
    struct node *n;
    ssize_t got;
    int rc = node_get(ops, node, &n), fd;

    if (rc)
        return rc;
    rc = slot_check(n, false);
    if (!rc && n->mode != S_IFLNK)
        rc = -EINVAL;
    fd = rc ? rc : node_fd(ops, n);
    if (fd < 0) {
        got = fd;
    } else {
        got = readlinkat(fd, "", buf, size);
        if (got < 0)
            got = -errno;
        else if ((size_t)got == size)
            got = -ERANGE;
    }
    node_put(ops, n);
    return got;
}

static void statfs_root(struct statvfs *st)
{
    memset(st, 0, sizeof(*st));
    st->f_bsize = st->f_frsize = 4096;
    st->f_namemax = OPS_NAME_MAX;
}

int ops_statfs(struct ops *ops, uint64_t node, struct statvfs *st,
               uint32_t *share_id_r)
{
    struct node *n;
    int rc = node_get(ops, node, &n), fd;

    if (rc)
        return rc;
    rc = slot_check(n, false);
    *share_id_r = n->slot ? n->slot->id : 0;
    if (!rc && !n->slot) {
        statfs_root(st);
    } else if (!rc) {
        fd = node_fd(ops, n);
        rc = fd < 0 ? fd : fstatvfs(fd, st) ? -errno : 0;
        if (!rc)
            quota_statfs(n->slot, st);
    }
    node_put(ops, n);
    return rc;
}

int ops_syncfs(struct ops *ops, uint64_t node)
{
    struct node *n;
    int rc = node_get(ops, node, &n), fd, own;

    if (rc)
        return rc;
    rc = slot_check(n, false);
    if (!rc && n->slot) {
        fd = slot_dup(ops, n->slot);
        own = fd < 0 || n->slot->type == SHARE_VOLUME
                  ? fd : fd_reopen(ops, n->slot->root, fd, O_RDONLY);
        rc = own < 0 ? own : syncfs(own) ? -errno : 0;
        if (own != fd)
            xk_close(&own);
        xk_close(&fd);
    }
    node_put(ops, n);
    return rc;
}

uint64_t ops_known(struct ops *ops)
{
    uint64_t count;

    pthread_mutex_lock(&ops->lock);
    count = ops->nodes.count;
    pthread_mutex_unlock(&ops->lock);
    return count;
}

/* ---- the whole ---- */

static int make_root(struct ops *ops)
{
    struct node *n = calloc(1, sizeof(*n));

    if (!n)
        return -ENOMEM;
    n->id = OPS_ROOT;
    n->fd = -1;
    n->mode = S_IFDIR;
    n->refs = 1;
    if (table_put(&ops->nodes, &n->by_id, table_hash_u64(n->id))) {
        free(n);
        return -ENOMEM;
    }
    ops->root = n;
    return 0;
}

int ops_open(struct ops **ops_r, const struct ops_config *config)
{
    struct ops *ops = calloc(1, sizeof(*ops));
    int rc;

    if (!ops)
        return -ENOMEM;
    ops->config = *config;
    ops->next_id = config->epoch << EPOCH_SHIFT | 2;
    pthread_mutex_init(&ops->lock, NULL);
    pthread_mutex_init(&ops->holders_lock, NULL);
    pthread_mutex_init(&ops->seal_lock, NULL);
    rc = make_root(ops);
    if (!rc)
        rc = xk_mac_new(&ops->mac, config->key);
    /* Paths of extended attributes are relative to it. */
    if (!rc && fchdir(config->fd_dir))
        rc = -errno;
    /* Becoming another user keeps what this one may: it is the guest that
     * looks at permissions. Refused without the capability, and then of no
     * consequence but for those. */
    (void)prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
    umask(0);
    if (rc)
        ops_close(ops);
    else
        *ops_r = ops;
    return rc;
}

static void free_link(struct table_link *link, void *arg)
{
    struct node *n = XK_CONTAINER_OF(link, struct node, by_id);

    (void)arg;
    xk_close(&n->fd);
    free(n->name);
    free(n);
}

static void free_alias(struct table_link *link, void *arg)
{
    (void)arg;
    free(XK_CONTAINER_OF(link, struct alias, by_id));
}

void ops_close(struct ops *ops)
{
    struct slot *slot, *next;

    if (!ops)
        return;
    file_drop_slot(ops, NULL);      /* of the root of all */
    for (slot = ops->slots; slot; slot = slot->next) {
        lock_drop_slot(ops, slot);
        file_drop_slot(ops, slot);
    }
    for (slot = ops->slots; slot; slot = next) {
        next = slot->next;
        slot_free(slot);
    }
    table_each(&ops->nodes, free_link, NULL);
    table_each(&ops->aliases, free_alias, NULL);
    table_dispose(&ops->aliases);
    table_dispose(&ops->nodes);
    table_dispose(&ops->identities);
    table_dispose(&ops->files);
    xk_mac_free(ops->mac);
    pthread_mutex_destroy(&ops->seal_lock);
    pthread_mutex_destroy(&ops->holders_lock);
    pthread_mutex_destroy(&ops->lock);
    xk_close(&ops->config.fd_dir);
    free(ops);
}
