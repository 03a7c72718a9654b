/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks. See ops.h. Each owner of the guest's has an open file of its own in
 * the node, because the host's locks belong to open files: so two owners are
 * in each other's way as they should be, and dom0's processes with them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <xenkeep/util.h>

#include "state.h"

static struct holder **find(struct ops *ops, const struct node *n,
                            enum ops_lock_kind kind, uint64_t owner)
{
    struct holder **at;

    for (at = &ops->holders; *at; at = &(*at)->next)
        if ((*at)->node == n && (*at)->kind == kind && (*at)->owner == owner)
            break;
    return at;
}

static void drop(struct ops *ops, struct holder **at)
{
    struct holder *h = *at;

    *at = h->next;
    ops->nr_holders--;
    xk_close(&h->fd);
    free(h);
}

/* Under the lock of ops: the node goes. */
void lock_drop_node(struct ops *ops, struct node *node)
{
    struct holder **at = &ops->holders;

    pthread_mutex_lock(&ops->holders_lock);
    while (*at) {
        if ((*at)->node == node)
            drop(ops, at);
        else
            at = &(*at)->next;
    }
    pthread_mutex_unlock(&ops->holders_lock);
}

void lock_drop_slot(struct ops *ops, struct slot *slot)
{
    struct holder **at = &ops->holders;

    pthread_mutex_lock(&ops->holders_lock);
    while (*at) {
        if ((*at)->node->slot == slot)
            drop(ops, at);
        else
            at = &(*at)->next;
    }
    pthread_mutex_unlock(&ops->holders_lock);
}

/* Open for writing where it can be: a lock for writing needs it. */
static int open_holder(struct ops *ops, struct node *n)
{
    bool ro = slot_check(n, true) != 0;
    int fd;

    if (n->slot->type == SHARE_VOLUME)
        return -EOPNOTSUPP;
    fd = node_fd(ops, n);
    if (fd < 0)
        return fd;
    return fd_reopen(ops, n, fd, ro || n->mode == S_IFDIR ? O_RDONLY : O_RDWR);
}

/* Makes the owner's holder, unless it has one. The node is pinned. */
static int have_holder(struct ops *ops, struct node *n,
                       const struct ops_lock *lock)
{
    struct holder **at, *h;
    int rc = 0;

    pthread_mutex_lock(&ops->holders_lock);
    at = find(ops, n, lock->kind, lock->owner);
    if (!*at)
        rc = ops->nr_holders < ops->config.limits.locks ? 1 : -ENOLCK;
    pthread_mutex_unlock(&ops->holders_lock);
    if (rc <= 0)
        return rc;
    h = calloc(1, sizeof(*h));
    rc = h ? open_holder(ops, n) : -ENOMEM;
    if (rc < 0) {
        free(h);
        return rc;
    }
    *h = (struct holder){ .node = n, .kind = lock->kind,
                          .owner = lock->owner, .fd = rc };
    pthread_mutex_lock(&ops->holders_lock);
    at = find(ops, n, lock->kind, lock->owner);
    if (!*at) {
        h->next = ops->holders;
        ops->holders = xk_steal_ptr(&h);
        ops->nr_holders++;
    }
    pthread_mutex_unlock(&ops->holders_lock);
    if (h)
        xk_close(&h->fd);
    free(h);
    return 0;
}

/* An owner that holds nothing keeps nothing open. */
static void let_go(struct ops *ops, struct node *n,
                   const struct ops_lock *lock)
{
    struct holder **at;

    pthread_mutex_lock(&ops->holders_lock);
    at = find(ops, n, lock->kind, lock->owner);
    if (*at)
        drop(ops, at);
    pthread_mutex_unlock(&ops->holders_lock);
}

static int range(const struct ops_lock *lock, struct flock *fl)
{
    if (lock->start > INT64_MAX ||
        (lock->end != UINT64_MAX &&
         (lock->end < lock->start || lock->end > INT64_MAX)) ||
        (lock->type != F_RDLCK && lock->type != F_WRLCK &&
         lock->type != F_UNLCK))
        return -EINVAL;
    *fl = (struct flock){
        .l_type = (short)lock->type, .l_whence = SEEK_SET,
        .l_start = (off_t)lock->start,
        .l_len = lock->end >= INT64_MAX
                     ? 0 : (off_t)(lock->end - lock->start + 1),
    };
    return 0;
}

static int set_flock(int fd, int type)
{
    int how = type == F_RDLCK ? LOCK_SH : type == F_WRLCK ? LOCK_EX : LOCK_UN;

    return flock(fd, how | LOCK_NB) ? -errno : 0;
}

static bool whole(const struct ops_lock *lock)
{
    return lock->kind == OPS_LOCK_FLOCK ||
           (!lock->start && lock->end >= INT64_MAX);
}

/* None of these waits, so the holders stay as they are meanwhile. */
static int do_lock(int fd, const struct ops_lock *lock, int command,
                   struct flock *fl)
{
    if (lock->kind == OPS_LOCK_FLOCK)
        return set_flock(fd, lock->type);
    return fcntl(fd, command, fl) ? -errno : 0;
}

static int with_holder(struct ops *ops, struct node *n,
                       const struct ops_lock *lock, int command,
                       struct flock *fl)
{
    struct holder **at;
    int rc = have_holder(ops, n, lock);

    if (rc)
        return rc;
    pthread_mutex_lock(&ops->holders_lock);
    at = find(ops, n, lock->kind, lock->owner);
    rc = *at ? do_lock((*at)->fd, lock, command, fl) : -EAGAIN;
    pthread_mutex_unlock(&ops->holders_lock);
    return rc == -EACCES ? -EAGAIN : rc;
}

static int set_lock(struct ops *ops, struct node *n,
                    const struct ops_lock *lock)
{
    struct flock fl;
    int rc = range(lock, &fl);

    if (rc)
        return rc;
    if (lock->type == F_UNLCK && whole(lock)) {
        let_go(ops, n, lock);
        return 0;
    }
    return with_holder(ops, n, lock, F_OFD_SETLK, &fl);
}

static int node_for(struct ops *ops, uint64_t fh, struct file **file_r)
{
    int rc = file_get(ops, fh, file_r);

    if (rc)
        return rc;
    if ((*file_r)->node->slot && ((*file_r)->node->mode == S_IFREG ||
                                  (*file_r)->node->mode == S_IFDIR))
        return 0;
    file_put(ops, *file_r);
    return -EBADF;
}

int ops_setlk(struct ops *ops, uint64_t fh, const struct ops_lock *lock)
{
    struct file *f;
    int rc = node_for(ops, fh, &f);

    if (rc)
        return rc;
    rc = set_lock(ops, f->node, lock);
    file_put(ops, f);
    return rc;
}

int ops_getlk(struct ops *ops, uint64_t fh, struct ops_lock *lock)
{
    struct flock fl;
    struct file *f;
    int rc = node_for(ops, fh, &f);

    if (rc)
        return rc;
    rc = lock->kind == OPS_LOCK_FLOCK ? -EINVAL : range(lock, &fl);
    if (!rc)
        rc = with_holder(ops, f->node, lock, F_OFD_GETLK, &fl);
    if (!rc) {
        lock->type = fl.l_type;
        lock->pid = 0;
        if (fl.l_type != F_UNLCK) {
            lock->start = (uint64_t)fl.l_start;
            lock->end = fl.l_len ? (uint64_t)(fl.l_start + fl.l_len - 1)
                                 : UINT64_MAX;
        }
    }
    file_put(ops, f);
    return rc;
}
