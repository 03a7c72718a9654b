/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libxenstore for dom0, and the same tree for the test as any domain. Where
 * the real library would wait (xs_read_watch), this one fails with EAGAIN:
 * in one process nobody else could end the wait.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenstore.h>

#include "fds.h"
#include "state.h"

#define HOME "/local/domain/0/"

struct fk_watch {
    struct fk_watch *next;
    char *path;                 /* absolute, or @special */
    char *token;
    bool relative;
};

struct fk_queued {
    struct fk_queued *next;
    char *path, *token;
};

struct xs_handle {
    struct xs_handle *next;
    pid_t pid;
    int fd;
    bool filter;                /* XS_UNWATCH_FILTER */
    struct fk_watch *watches;
    struct fk_queued *queue;
};

static void enqueue(struct xs_handle *h, const struct fk_watch *w,
                    const char *path)
{
    struct fk_queued *q = fk_alloc(sizeof(*q)), **at;

    if (w->relative && !strncmp(path, HOME, strlen(HOME)))
        path += strlen(HOME);
    q->path = fk_strdup(path);
    q->token = fk_strdup(w->token);
    for (at = &h->queue; *at; at = &(*at)->next)
        ;
    *at = q;
    fk_fd_set(h->fd, true);
}

static bool below(const char *path, const char *top)
{
    size_t len = strlen(top);

    if (!strcmp(top, "/"))
        return path[0] == '/';
    return !strncmp(path, top, len) && (!path[len] || path[len] == '/');
}

void fk_xs_fire(const char *path, bool exact)
{
    struct xs_handle *h;
    struct fk_watch *w;

    for (h = fk->store.handles; h; h = h->next)
        for (w = h->watches; w; w = w->next)
            if (exact ? !strcmp(path, w->path) : below(path, w->path))
                enqueue(h, w, path);
}

static void drop_queued(struct xs_handle *h, struct fk_queued **at)
{
    struct fk_queued *q = *at;

    *at = q->next;
    fk_strfree(q->path);
    fk_strfree(q->token);
    fk_free(q, sizeof(*q));
    if (!h->queue)
        fk_fd_set(h->fd, false);
}

static void drop_watch(struct fk_watch **at)
{
    struct fk_watch *w = *at;

    *at = w->next;
    fk_strfree(w->path);
    fk_strfree(w->token);
    fk_free(w, sizeof(*w));
}

static void close_handle(struct xs_handle *h)
{
    struct fk_txn *txn, *next;
    struct xs_handle **at;

    for (txn = fk->store.txns; txn; txn = next) {
        next = txn->next;
        if (txn->owner == h)
            fk_txn_end(txn, true);
    }
    while (h->watches)
        drop_watch(&h->watches);
    while (h->queue)
        drop_queued(h, &h->queue);
    for (at = &fk->store.handles; *at != h; at = &(*at)->next)
        ;
    *at = h->next;
    fk_fd_put(h->fd);
    fk_free(h, sizeof(*h));
}

void fk_xs_reap(pid_t pid)
{
    struct xs_handle *h, *next;

    for (h = fk->store.handles; h; h = next) {
        next = h->next;
        if (h->pid == pid)
            close_handle(h);
    }
}

struct xs_handle *xs_open(unsigned long flags)
{
    struct xs_handle *h = NULL;
    int fd;

    fk_lock();
    fd = fk_fd_get();
    if (fd >= 0) {
        h = fk_alloc(sizeof(*h));
        h->pid = getpid();
        h->fd = fd;
        h->filter = flags & XS_UNWATCH_FILTER;
        h->next = fk->store.handles;
        fk->store.handles = h;
    }
    fk_leave(0);
    return h;
}

struct xs_handle *xs_daemon_open(void)
{
    return xs_open(0);
}

void xs_close(struct xs_handle *xsh)
{
    if (!xsh)
        return;
    fk_lock();
    close_handle(xsh);
    fk_unlock();
}

void xs_daemon_close(struct xs_handle *h)
{
    xs_close(h);
}

int xs_fileno(struct xs_handle *h)
{
    return h->fd;
}

/* Relative paths are below the caller's own directory. */
static void absolute(char *buf, size_t size, const char *path)
{
    snprintf(buf, size, "%s%s", path[0] == '/' || path[0] == '@' ? "" : HOME,
             path);
}

/*
 * Finds the transaction and the full path. False: errno is set and the call
 * is over; true: the lock is held.
 */
static bool enter_xs(struct xs_handle *h, enum fake_call call,
                     xs_transaction_t t, const char *path,
                     struct fk_txn **txn_r, char full[FK_XS_PATH_MAX + 32])
{
    if (!fk_enter(call, NULL))
        return false;
    *txn_r = NULL;
    absolute(full, FK_XS_PATH_MAX + 32, path);
    if (!fk_path_ok(full)) {
        fk_leave_rc(-EINVAL);
        return false;
    }
    if (t == XBT_NULL)
        return true;
    *txn_r = fk_txn_find(h, t);
    if (*txn_r)
        return true;
    fk_leave_rc(-ENOENT);
    return false;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
              unsigned int *len)
{
    char full[FK_XS_PATH_MAX + 32];
    const struct fk_node *node;
    struct fk_txn *txn;
    char *value = NULL;

    if (!enter_xs(h, FAKE_CALL_XS_READ, t, path, &txn, full))
        return NULL;
    node = fk_node(txn, full);
    errno = ENOENT;
    if (node) {
        value = malloc(node->len + 1);
        if (value)
            memcpy(value, node->value, node->len + 1);
        if (len)
            *len = (unsigned int)node->len;
    }
    fk_leave(0);
    return value;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t,
                    const char *path, unsigned int *num)
{
    char full[FK_XS_PATH_MAX + 32], **list = NULL, *at;
    const struct fk_node *node, *c;
    struct fk_txn *txn;
    size_t bytes = 0, n = 0;

    if (!enter_xs(h, FAKE_CALL_XS_READ, t, path, &txn, full))
        return NULL;
    node = fk_node(txn, full);
    errno = ENOENT;
    if (!node)
        goto out;
    for (c = node->child; c; c = c->next, n++)
        bytes += strlen(c->name) + 1;
    /* One block for the list and the names. */
    list = malloc(n * sizeof(*list) + bytes + 1);
    if (!list)
        goto out;
    at = (char *)(list + n);
    for (n = 0, c = node->child; c; c = c->next, n++) {
        list[n] = at;
        at = stpcpy(at, c->name) + 1;
    }
    *num = (unsigned int)n;
out:
    fk_leave(0);
    return list;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
              const void *data, unsigned int len)
{
    char full[FK_XS_PATH_MAX + 32];
    struct fk_txn *txn;

    if (!enter_xs(h, FAKE_CALL_XS_CHANGE, t, path, &txn, full))
        return false;
    return fk_leave_rc(fk_node_write(txn, 0, full, data, len)) == 0;
}

bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    char full[FK_XS_PATH_MAX + 32];
    struct fk_txn *txn;

    if (!enter_xs(h, FAKE_CALL_XS_CHANGE, t, path, &txn, full))
        return false;
    return fk_leave_rc(fk_node_mkdir(txn, 0, full)) == 0;
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    char full[FK_XS_PATH_MAX + 32];
    struct fk_txn *txn;

    if (!enter_xs(h, FAKE_CALL_XS_CHANGE, t, path, &txn, full))
        return false;
    return fk_leave_rc(fk_node_rm(txn, 0, full)) == 0;
}

struct xs_permissions *xs_get_permissions(struct xs_handle *h,
                                          xs_transaction_t t,
                                          const char *path,
                                          unsigned int *num)
{
    char full[FK_XS_PATH_MAX + 32];
    struct xs_permissions *perms = NULL;
    const struct fk_node *node;
    struct fk_txn *txn;
    unsigned int i;

    if (!enter_xs(h, FAKE_CALL_XS_READ, t, path, &txn, full))
        return NULL;
    node = fk_node(txn, full);
    errno = ENOENT;
    if (node)
        perms = calloc(node->nr_perms, sizeof(*perms));
    for (i = 0; perms && i < node->nr_perms; i++)
        perms[i] = (struct xs_permissions){
            .id = node->perms[i].id, .perms = node->perms[i].bits,
        };
    if (perms)
        *num = node->nr_perms;
    fk_leave(0);
    return perms;
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t,
                        const char *path, struct xs_permissions *perms,
                        unsigned int num_perms)
{
    char full[FK_XS_PATH_MAX + 32];
    struct fk_perm list[FK_XS_PERMS_MAX];
    struct fk_txn *txn;
    unsigned int i;

    if (!enter_xs(h, FAKE_CALL_XS_CHANGE, t, path, &txn, full))
        return false;
    if (num_perms > FK_XS_PERMS_MAX)
        return fk_leave_rc(-ENOSPC) == 0;
    for (i = 0; i < num_perms; i++)
        list[i] = (struct fk_perm){
            (uint16_t)perms[i].id, (uint8_t)perms[i].perms,
        };
    return fk_leave_rc(fk_node_chmod(txn, 0, full, list, num_perms)) == 0;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    char full[FK_XS_PATH_MAX + 32];
    struct fk_watch *w, **at;

    if (!fk_enter(FAKE_CALL_XS_WATCH, NULL))
        return false;
    absolute(full, sizeof(full), path);
    if (full[0] != '@' && !fk_path_ok(full))
        return fk_leave_rc(-EINVAL) == 0;
    for (at = &h->watches; *at; at = &(*at)->next)
        if (!strcmp((*at)->path, full) && !strcmp((*at)->token, token))
            return fk_leave_rc(-EEXIST) == 0;
    w = fk_alloc(sizeof(*w));
    w->path = fk_strdup(full);
    w->token = fk_strdup(token);
    w->relative = path[0] != '/' && path[0] != '@';
    *at = w;
    /* Each watch fires once when it is set. */
    enqueue(h, w, full);
    return fk_leave_rc(0) == 0;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    char full[FK_XS_PATH_MAX + 32];
    struct fk_watch **at;
    struct fk_queued **q;

    if (!fk_enter(FAKE_CALL_XS_WATCH, NULL))
        return false;
    absolute(full, sizeof(full), path);
    for (at = &h->watches; *at; at = &(*at)->next)
        if (!strcmp((*at)->path, full) && !strcmp((*at)->token, token))
            break;
    if (!*at)
        return fk_leave_rc(-ENOENT) == 0;
    drop_watch(at);
    /* Without the filter, events that are on their way still arrive. */
    for (q = &h->queue; h->filter && *q;) {
        if (!strcmp((*q)->token, token) && below((*q)->path, path))
            drop_queued(h, q);
        else
            q = &(*q)->next;
    }
    return fk_leave_rc(0) == 0;
}

static char **next_event(struct xs_handle *h, unsigned int *num)
{
    struct fk_queued *q;
    char **event = NULL;
    size_t path, token;

    fk_lock();
    q = h->queue;
    errno = EAGAIN;
    if (q) {
        path = strlen(q->path) + 1;
        token = strlen(q->token) + 1;
        event = malloc(2 * sizeof(*event) + path + token);
    }
    if (event) {
        event[XS_WATCH_PATH] = (char *)(event + 2);
        event[XS_WATCH_TOKEN] = event[XS_WATCH_PATH] + path;
        memcpy(event[XS_WATCH_PATH], q->path, path);
        memcpy(event[XS_WATCH_TOKEN], q->token, token);
        drop_queued(h, &h->queue);
        if (num)
            *num = 2;
    }
    fk_leave(0);
    return event;
}

char **xs_check_watch(struct xs_handle *h)
{
    return next_event(h, NULL);
}

char **xs_read_watch(struct xs_handle *h, unsigned int *num)
{
    return next_event(h, num);
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    uint32_t id;

    if (!fk_enter(FAKE_CALL_XS_READ, NULL))
        return XBT_NULL;
    id = fk_txn_start(h)->id;
    fk_leave(0);
    return id;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t,
                        bool abort_it)
{
    struct fk_txn *txn;

    if (!fk_enter(FAKE_CALL_XS_CHANGE, NULL))
        return false;
    txn = fk_txn_find(h, t);
    return fk_leave_rc(txn ? fk_txn_end(txn, abort_it) : -ENOENT) == 0;
}

char *xs_get_domain_path(struct xs_handle *h, unsigned int domid)
{
    char *path;

    (void)h;
    if (asprintf(&path, "/local/domain/%u", domid) < 0)
        return NULL;
    return path;
}

bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid)
{
    const struct fk_domain *d;

    (void)h;
    fk_lock();
    d = fk_dom((uint16_t)domid);
    fk_unlock();
    return d && !d->gone;
}

/* ---- The test's side ------------------------------------------------ */

int fake_xs_write(uint16_t as, const char *path, const char *value)
{
    int rc;

    fk_lock();
    rc = fk_store_write(as, path, value, strlen(value));
    fk_unlock();
    return rc;
}

int fake_xs_read(uint16_t as, const char *path, char *buf, size_t size)
{
    const struct fk_node *node;
    int rc;

    fk_lock();
    node = fk_node(NULL, path);
    if (!node) {
        rc = -ENOENT;
    } else if (!fk_node_allows(node, as, XS_PERM_READ)) {
        rc = -EACCES;
    } else if (node->len >= size) {
        rc = -E2BIG;
    } else {
        memcpy(buf, node->value, node->len + 1);
        rc = (int)node->len;
    }
    fk_unlock();
    return rc;
}

int fake_xs_rm(uint16_t as, const char *path)
{
    int rc;

    fk_lock();
    rc = fk_store_rm(as, path);
    fk_unlock();
    return rc;
}

int fake_xs_mkdir(uint16_t as, const char *path)
{
    int rc;

    fk_lock();
    rc = fk_node_mkdir(NULL, as, path);
    fk_unlock();
    return rc;
}

bool fake_xs_exists(const char *path)
{
    bool found;

    fk_lock();
    found = fk_node(NULL, path) != NULL;
    fk_unlock();
    return found;
}

int fake_xs_perms(const char *path, char *buf, size_t size)
{
    const struct fk_node *node;
    unsigned int i;
    size_t at = 0;

    fk_lock();
    node = fk_node(NULL, path);
    for (i = 0; node && i < node->nr_perms && at < size; i++)
        at += (size_t)snprintf(buf + at, size - at, "%s%c%u", i ? "," : "",
                               "nrwb"[node->perms[i].bits & 3],
                               node->perms[i].id);
    fk_unlock();
    return node ? 0 : -ENOENT;
}

void fake_xs_conflicts(unsigned int count)
{
    fk_lock();
    fk->store.conflicts = count;
    fk_unlock();
}
