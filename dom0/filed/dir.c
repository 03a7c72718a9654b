/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading directories. See ops.h.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "state.h"

/* Names read from the host at a time, bytes. */
#define BATCH 32768u

/* As getdents64 gives them. */
struct entry64 {
    uint64_t ino;
    int64_t next;
    unsigned short len;
    unsigned char type;
    char name[];
};

struct reading {
    struct ops *ops;
    struct node *dir;
    bool plus;
    ops_dirent_fn *fn;
    void *arg;
};

static bool dots(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Tells it to fn, with its entry if that can be had. */
static bool tell(struct reading *r, struct ops_dirent *d, struct node *child)
{
    struct ops_entry entry;
    bool taken;

    if (child && !entry_of(r->ops, child, &entry))
        d->entry = &entry;
    taken = r->fn(r->arg, d);
    if (d->entry && !taken)
        node_forget(r->ops, entry.node, 1);
    d->entry = NULL;
    return taken;
}

/* ---- the root of all: its shares ---- */

/* The n-th share that is not revoked, its root pinned; NULL: no more. */
static struct slot *nth_share(struct ops *ops, uint64_t n)
{
    struct slot *s;

    pthread_mutex_lock(&ops->lock);
    for (s = ops->slots; s; s = s->next)
        if (atomic_load(&s->state) != SLOT_REVOKED && !n--)
            break;
    if (s)
        s->root->pins++;
    pthread_mutex_unlock(&ops->lock);
    return s;
}

static int read_root(struct reading *r, uint64_t off)
{
    struct ops_dirent d;
    struct slot *s;
    bool taken = true;

    for (; taken && off < 2; off++) {
        d = (struct ops_dirent){
            .ino = OPS_ROOT, .next = off + 1, .type = DT_DIR,
            .name = off ? ".." : ".",
        };
        taken = r->fn(r->arg, &d);
    }
    while (taken && (s = nth_share(r->ops, off - 2))) {
        d = (struct ops_dirent){
            .ino = s->root->ino, .next = ++off,
            .type = s->type == SHARE_DIR ? DT_DIR : DT_REG, .name = s->name,
        };
        taken = tell(r, &d, r->plus ? s->root : NULL);
        node_put(r->ops, s->root);
    }
    return 0;
}

/* ---- directories ---- */

static bool tell_entry(struct reading *r, const struct entry64 *e)
{
    struct ops_dirent d = {
        .ino = e->ino, .next = (uint64_t)e->next, .type = e->type,
        .name = e->name,
    };
    struct node *child = NULL;
    bool taken;

    if (r->plus && !dots(e->name) &&
        node_find(r->ops, r->dir, e->name, &child))
        child = NULL;       /* gone meanwhile, or the table is full */
    taken = tell(r, &d, child);
    node_put(r->ops, child);
    return taken;
}

static int read_dir(struct reading *r, int fd, uint64_t off)
{
    _Alignas(struct entry64) char buf[BATCH];
    const struct entry64 *e;
    long got, at;

    if (lseek(fd, (off_t)off, SEEK_SET) < 0)
        return -EINVAL;
    while ((got = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
        for (at = 0; at < got; at += e->len) {
            e = (const struct entry64 *)(const void *)(buf + at);
            if (!tell_entry(r, e))
                return 0;
        }
    }
    return got < 0 ? -errno : 0;
}

int ops_readdir(struct ops *ops, uint64_t fh, uint64_t off, bool plus,
                ops_dirent_fn *fn, void *arg)
{
    struct reading r = { .ops = ops, .plus = plus, .fn = fn, .arg = arg };
    struct file *f;
    int rc = file_get(ops, fh, &f);

    if (rc)
        return rc;
    r.dir = f->node;
    if (f->node->mode != S_IFDIR || off > INT64_MAX) {
        rc = f->node->mode != S_IFDIR ? -ENOTDIR : -EINVAL;
    } else if (!f->node->slot) {
        rc = read_root(&r, off);
    } else {
        pthread_mutex_lock(&f->position);
        rc = read_dir(&r, f->fd, off);
        pthread_mutex_unlock(&f->position);
    }
    file_put(ops, f);
    return rc;
}
