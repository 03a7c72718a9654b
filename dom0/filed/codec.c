/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests of the file protocol, see codec.h: a table of operations.
 */
#include "codec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xenkeep/util.h>

/* Locks and NOTIFYs that wait, of one guest; more are refused. */
#define WAITS_MAX 1024u
#define EVENTS_MAX 256u

struct codec_wait {
    struct codec_wait *next;
    struct xk_xkfs_req req;     /* checked */
    struct ops_lock lock;       /* of a SETLK */
    bool notify;
    int status;                 /* once it is due */
};

struct codec_event {
    struct codec_event *next;
    struct xk_xkfs_event event;
};

/* One request on its way. */
struct call {
    struct codec *codec;
    struct ops *ops;
    const struct xk_xkfs_req *req;
    struct xk_xkfs_rsp *rsp;
    bool wait;
    uint8_t *in;                /* private copy, ends with a NUL */
    const uint8_t *data;        /* of a WRITE: in the pool */
    uint8_t *out;               /* in the pool: only to be written */
    struct ops_cred cred;
};

/* Returned by an operation that is answered later. */
#define LATER 1

/* ---- answers ---- */

static int put(struct call *c, const void *answer, size_t len)
{
    if (len > c->req->out_len)
        return -EPROTO;
    memcpy(c->out, answer, len);
    c->rsp->out_len = (uint32_t)len;
    return 0;
}

static struct xk_xkfs_time wire_time(const struct timespec *t)
{
    return (struct xk_xkfs_time){
        .sec = t->tv_sec, .nsec = (uint32_t)t->tv_nsec,
    };
}

static void wire_attr(const struct ops_attr *a, struct xk_xkfs_attr *w)
{
    *w = (struct xk_xkfs_attr){
        .ino = a->ino, .size = a->size, .blocks = a->blocks,
        .atime = wire_time(&a->atime), .mtime = wire_time(&a->mtime),
        .ctime = wire_time(&a->ctime), .btime = wire_time(&a->btime),
        .mode = a->mode, .nlink = a->nlink, .uid = a->uid, .gid = a->gid,
        .rdev = a->rdev_major << 20 | (a->rdev_minor & 0xfffff),
        .blksize = a->blksize, .share = a->share, .share_id = a->share_id,
        .version = a->version,
    };
}

static void wire_entry(const struct ops_entry *e, struct xk_xkfs_entry *w)
{
    memset(w, 0, sizeof(*w));
    w->node = e->node;
    w->generation = e->generation;
    w->handle_len = e->handle_len;
    memcpy(w->handle, e->handle, e->handle_len);
    wire_attr(&e->attr, &w->attr);
}

static int put_attr(struct call *c, const struct ops_attr *attr)
{
    struct xk_xkfs_attr wire;

    wire_attr(attr, &wire);
    return put(c, &wire, sizeof(wire));
}

static int put_entry(struct call *c, const struct ops_entry *entry)
{
    struct xk_xkfs_entry wire;

    wire_entry(entry, &wire);
    return put(c, &wire, sizeof(wire));
}

/* ---- strings ---- */

/* A single one fills `in`; a NUL in it would hide the rest. */
static int string(struct call *c, const char **s_r)
{
    *s_r = (const char *)c->in;
    return memchr(c->in, 0, c->req->in_len) ? -EINVAL : 0;
}

/* Two, the first name_len bytes long: that one moves to `buf`. The second is
 * bytes, rest_len of them and a NUL. */
static int split(struct call *c, char buf[XK_XKFS_NAME + 1],
                 const uint8_t **rest_r, uint32_t *rest_len_r)
{
    uint32_t len = c->req->name_len;

    if (len > c->req->in_len)
        return -EPROTO;
    if (len > XK_XKFS_NAME)
        return -ENAMETOOLONG;
    if (memchr(c->in, 0, len))
        return -EINVAL;
    memcpy(buf, c->in, len);
    buf[len] = '\0';
    *rest_r = c->in + len;
    *rest_len_r = c->req->in_len - len;
    return 0;
}

static int two_strings(struct call *c, char first[XK_XKFS_NAME + 1],
                       const char **second_r)
{
    const uint8_t *rest;
    uint32_t len;
    int rc = split(c, first, &rest, &len);

    if (!rc && memchr(rest, 0, len))
        rc = -EINVAL;
    *second_r = (const char *)rest;
    return rc;
}

/* ---- operations ---- */

static int do_hello(struct call *c)
{
    struct xk_xkfs_hello hello = {
        .version = XK_XKFS_VERSION, .epoch = c->codec->epoch,
        .features = (uint32_t)c->req->arg[1] & CODEC_FEATURES,
        .known = ops_known(c->ops), .io_max = XK_XKFS_IO_MAX,
    };

    if (c->req->arg[0] < XK_XKFS_VERSION)
        return -EPROTONOSUPPORT;
    atomic_store(&c->codec->greeted, true);
    return put(c, &hello, sizeof(hello));
}

static int do_statfs(struct call *c)
{
    struct xk_xkfs_statfs wire = { 0 };
    struct statvfs st;
    uint32_t share_id;
    int rc = ops_statfs(c->ops, c->req->node, &st, &share_id);

    if (rc)
        return rc;
    wire.bsize = (uint32_t)st.f_frsize;
    wire.blocks = st.f_blocks;
    wire.bfree = st.f_bfree;
    wire.bavail = st.f_bavail;
    wire.files = st.f_files;
    wire.ffree = st.f_ffree;
    wire.namelen = (uint32_t)xk_min_u64(st.f_namemax, XK_XKFS_NAME);
    wire.share_id = share_id;
    return put(c, &wire, sizeof(wire));
}

static int do_lookup(struct call *c)
{
    struct ops_entry entry;
    const char *name;
    int rc = string(c, &name);

    if (!rc)
        rc = name[0] ? ops_lookup(c->ops, c->req->node, name, &entry) :
             ops_parent(c->ops, c->req->node, &entry);
    return rc ? rc : put_entry(c, &entry);
}

static int do_forget(struct call *c)
{
    struct xk_xkfs_forget f;
    uint32_t at;

    if (c->req->in_len % sizeof(f))
        return -EPROTO;
    for (at = 0; at < c->req->in_len; at += sizeof(f)) {
        memcpy(&f, c->in + at, sizeof(f));
        ops_forget(c->ops, f.node, f.references);
    }
    return 0;
}

static int do_getattr(struct call *c)
{
    struct ops_attr attr;
    int rc = ops_getattr(c->ops, c->req->node, c->req->fh, &attr);

    return rc ? rc : put_attr(c, &attr);
}

static struct timespec host_time(const struct xk_xkfs_time *t)
{
    return (struct timespec){ .tv_sec = t->sec, .tv_nsec = t->nsec };
}

static int do_setattr(struct call *c)
{
    struct xk_xkfs_setattr wire;
    struct ops_setattr set;
    struct ops_attr attr;
    int rc;

    memcpy(&wire, c->in, sizeof(wire));
    set = (struct ops_setattr){
        .valid = wire.valid, .mode = wire.mode, .uid = wire.uid,
        .gid = wire.gid, .size = wire.size,
        .atime = host_time(&wire.atime), .mtime = host_time(&wire.mtime),
    };
    rc = ops_setattr(c->ops, c->req->node, c->req->fh, &set, &attr);
    return rc ? rc : put_attr(c, &attr);
}

static int do_readlink(struct call *c)
{
    char target[XK_XKFS_TARGET + 1];
    ssize_t n = ops_readlink(c->ops, c->req->node, target, sizeof(target));

    if (n < 0)
        return (int)n;
    return (uint64_t)n > c->req->out_len ? -ERANGE
                                         : put(c, target, (size_t)n);
}

static int do_open(struct call *c)
{
    struct ops_attr attr;
    int rc = ops_open_node(c->ops, c->req->node, (int)c->req->arg[0],
                           &c->rsp->value);

    /* The attributes only save a question. */
    if (!rc && c->req->out_len >= sizeof(struct xk_xkfs_attr) &&
        !ops_getattr(c->ops, c->req->node, c->rsp->value, &attr))
        rc = put_attr(c, &attr);
    return rc;
}

/* The file is as good as not opened if its entry has no place. */
static int opened(struct call *c, const struct ops_entry *entry)
{
    int rc = put_entry(c, entry);

    if (rc) {
        (void)ops_release(c->ops, c->rsp->value);
        ops_forget(c->ops, entry->node, 1);
    }
    return rc;
}

static int do_create(struct call *c)
{
    struct ops_entry entry;
    const char *name;
    bool made = false;
    int rc = string(c, &name);

    if (!rc)
        rc = ops_create(c->ops, c->req->node, name, (int)c->req->arg[0],
                        (uint32_t)c->req->arg[1], &c->cred, &entry,
                        &c->rsp->value, &made);
    c->rsp->value2 = made;
    return rc ? rc : opened(c, &entry);
}

static int do_tmpfile(struct call *c)
{
    struct ops_entry entry;
    int rc = ops_tmpfile(c->ops, c->req->node, (int)c->req->arg[0],
                         (uint32_t)c->req->arg[1], &c->cred, &entry,
                         &c->rsp->value);

    return rc ? rc : opened(c, &entry);
}

static int do_release(struct call *c)
{
    return ops_release(c->ops, c->req->fh);
}

static int do_read(struct call *c)
{
    ssize_t n = ops_read(c->ops, c->req->fh, c->req->off, c->out,
                         c->req->out_len, c->wait);

    if (n < 0)
        return (int)n;
    c->rsp->out_len = (uint32_t)n;
    return 0;
}

static int do_write(struct call *c)
{
    ssize_t n = ops_write(c->ops, c->req->fh, c->req->off, c->data,
                          c->req->in_len, c->req->flags & XK_XKFS_F_APPEND,
                          &c->rsp->value2);

    if (n < 0)
        return (int)n;
    c->rsp->value = (uint64_t)n;
    return 0;
}

static int do_fsync(struct call *c)
{
    return ops_fsync(c->ops, c->req->fh, c->req->arg[0] != 0);
}

static int do_syncfs(struct call *c)
{
    return ops_syncfs(c->ops, c->req->node);
}

struct listing {
    struct call *c;
    uint32_t used;
    uint64_t next;
};

static uint32_t round8(uint32_t n)
{
    return (n + 7) & ~UINT32_C(7);
}

static void fill(struct listing *l, const void *what, size_t len)
{
    static const uint8_t zero[8];
    uint32_t end = l->used + (uint32_t)len;

    memcpy(l->c->out + l->used, what, len);
    memcpy(l->c->out + end, zero, round8(end) - end);
    l->used = round8(end);
}

static bool on_dirent(void *arg, const struct ops_dirent *d)
{
    struct listing *l = arg;
    size_t len = strlen(d->name);
    struct {
        struct xk_xkfs_dirent head;
        char name[XK_XKFS_NAME];
    } wire = { .head = { .ino = d->ino, .next = d->next,
                         .name_len = (uint16_t)len, .type = d->type } };
    struct xk_xkfs_entry entry = { 0 };
    bool plus = l->c->req->flags & XK_XKFS_F_PLUS &&
                strcmp(d->name, ".") && strcmp(d->name, "..");
    uint32_t need;

    if (len > XK_XKFS_NAME)
        return true;    /* a name that the protocol cannot say */
    need = round8((uint32_t)(sizeof(wire.head) + len));
    need += plus ? round8(sizeof(entry)) : 0;
    /* Both are multiples of 8. */
    if (need > (l->c->req->out_len & ~UINT32_C(7)) - l->used)
        return false;
    wire.head.plus = plus;
    memcpy(wire.name, d->name, len);
    fill(l, &wire, sizeof(wire.head) + len);
    if (plus) {
        if (d->entry)
            wire_entry(d->entry, &entry);
        fill(l, &entry, sizeof(entry));
    }
    l->next = d->next;
    return true;
}

static int do_readdir(struct call *c)
{
    struct listing l = { .c = c, .next = c->req->off };
    int rc = ops_readdir(c->ops, c->req->fh, c->req->off,
                         c->req->flags & XK_XKFS_F_PLUS, on_dirent, &l);

    if (rc && !l.used)
        return rc;
    c->rsp->out_len = l.used;
    c->rsp->value = l.next;
    return 0;
}

static int do_mkdir(struct call *c)
{
    struct ops_entry entry;
    const char *name;
    int rc = string(c, &name);

    if (!rc)
        rc = ops_mkdir(c->ops, c->req->node, name, (uint32_t)c->req->arg[1],
                       &c->cred, &entry);
    return rc ? rc : put_entry(c, &entry);
}

static int do_mknod(struct call *c)
{
    struct ops_entry entry;
    const char *name;
    uint32_t rdev = (uint32_t)c->req->arg[0];
    int rc = string(c, &name);

    if (!rc)
        rc = ops_mknod(c->ops, c->req->node, name, (uint32_t)c->req->arg[1],
                       rdev >> 20, rdev & 0xfffff, &c->cred, &entry);
    return rc ? rc : put_entry(c, &entry);
}

static int do_symlink(struct call *c)
{
    char name[XK_XKFS_NAME + 1];
    struct ops_entry entry;
    const char *target;
    int rc = two_strings(c, name, &target);

    if (!rc && strlen(target) > XK_XKFS_TARGET)
        rc = -ENAMETOOLONG;
    if (!rc)
        rc = ops_symlink(c->ops, c->req->node, name, target, &c->cred,
                         &entry);
    return rc ? rc : put_entry(c, &entry);
}

static int do_link(struct call *c)
{
    struct ops_entry entry;
    const char *name;
    int rc = string(c, &name);

    if (!rc)
        rc = ops_link(c->ops, c->req->node, name, c->req->node2, &entry);
    return rc ? rc : put_entry(c, &entry);
}

static int do_unlink(struct call *c)
{
    const char *name;
    int rc = string(c, &name);

    return rc ? rc : ops_unlink(c->ops, c->req->node, name);
}

static int do_rmdir(struct call *c)
{
    const char *name;
    int rc = string(c, &name);

    return rc ? rc : ops_rmdir(c->ops, c->req->node, name);
}

static int do_rename(struct call *c)
{
    char name[XK_XKFS_NAME + 1];
    const char *new_name;
    int rc = two_strings(c, name, &new_name);

    return rc ? rc : ops_rename(c->ops, c->req->node, name, c->req->node2,
                                new_name, (unsigned int)c->req->arg[0]);
}

static int do_fallocate(struct call *c)
{
    return ops_fallocate(c->ops, c->req->fh, (int)c->req->arg[1],
                         c->req->off, c->req->arg[0]);
}

static int do_lseek(struct call *c)
{
    return ops_lseek(c->ops, c->req->fh, c->req->off, (int)c->req->arg[0],
                     &c->rsp->value);
}

static int do_copy(struct call *c)
{
    return ops_copy(c->ops, c->req->fh, c->req->off, c->req->fh2,
                    c->req->off2, c->req->arg[0], &c->rsp->value);
}

/* Into a private buffer first: the host's call could read back. */
static int get_bytes(struct call *c, const char *name)
{
    size_t room = xk_min_size(c->req->out_len, XK_XKFS_MSG_MAX);
    xk_cleanup_free char *buf = malloc(room ? room : 1);
    ssize_t n;

    if (!buf)
        return -ENOMEM;
    n = name ? ops_getxattr(c->ops, c->req->node, name, buf, room)
             : ops_listxattr(c->ops, c->req->node, buf, room);
    if (n < 0)
        return (int)n;
    if (!room) {
        c->rsp->value = (uint64_t)n;
        return 0;
    }
    return put(c, buf, (size_t)n);
}

static int do_getxattr(struct call *c)
{
    const char *name;
    int rc = string(c, &name);

    return rc ? rc : get_bytes(c, name);
}

static int do_listxattr(struct call *c)
{
    return get_bytes(c, NULL);
}

static int do_setxattr(struct call *c)
{
    char name[XK_XKFS_NAME + 1];
    const uint8_t *value;
    uint32_t len;
    int rc = split(c, name, &value, &len);

    return rc ? rc : ops_setxattr(c->ops, c->req->node, name, value, len,
                                  (int)c->req->arg[0]);
}

static int do_rmxattr(struct call *c)
{
    const char *name;
    int rc = string(c, &name);

    return rc ? rc : ops_removexattr(c->ops, c->req->node, name);
}

/* ---- locks ---- */

static const int lock_types[] = {
    [XK_XKFS_RDLCK] = F_RDLCK, [XK_XKFS_WRLCK] = F_WRLCK,
    [XK_XKFS_UNLCK] = F_UNLCK,
};

static const enum ops_lock_kind lock_kinds[] = {
    [XK_XKFS_LOCK_POSIX] = OPS_LOCK_POSIX, [XK_XKFS_LOCK_OFD] = OPS_LOCK_OFD,
    [XK_XKFS_LOCK_FLOCK] = OPS_LOCK_FLOCK,
};

static int read_lock(struct call *c, struct ops_lock *lock)
{
    struct xk_xkfs_lock wire;

    memcpy(&wire, c->in, sizeof(wire));
    if (wire.kind >= XK_ARRAY_SIZE(lock_kinds) ||
        wire.type >= XK_ARRAY_SIZE(lock_types))
        return -EINVAL;
    *lock = (struct ops_lock){
        .kind = lock_kinds[wire.kind], .type = lock_types[wire.type],
        .start = wire.start, .end = wire.end, .owner = wire.owner,
        .pid = wire.pid,
    };
    return 0;
}

static uint8_t wire_type(int type)
{
    return type == F_RDLCK ? XK_XKFS_RDLCK
           : type == F_WRLCK ? XK_XKFS_WRLCK : XK_XKFS_UNLCK;
}

static int do_getlk(struct call *c)
{
    struct xk_xkfs_lock wire = { 0 };
    struct ops_lock lock;
    int rc = read_lock(c, &lock);

    if (!rc)
        rc = ops_getlk(c->ops, c->req->fh, &lock);
    if (rc)
        return rc;
    wire.start = lock.start;
    wire.end = lock.end;
    wire.kind = c->in[offsetof(struct xk_xkfs_lock, kind)];
    wire.type = wire_type(lock.type);
    return put(c, &wire, sizeof(wire));
}

static int wait_for(struct call *c, const struct ops_lock *lock)
{
    struct codec *codec = c->codec;
    struct codec_wait *w = calloc(1, sizeof(*w)), **at;

    if (!w)
        return -ENOMEM;
    w->req = *c->req;
    w->notify = !lock;
    if (lock)
        w->lock = *lock;
    pthread_mutex_lock(&codec->lock);
    if (codec->nr_waits == WAITS_MAX) {
        pthread_mutex_unlock(&codec->lock);
        free(w);
        return -ENOLCK;
    }
    for (at = &codec->waits; *at; at = &(*at)->next)
        ;
    *at = w;
    codec->nr_waits++;
    pthread_mutex_unlock(&codec->lock);
    return LATER;
}

static int do_setlk(struct call *c)
{
    struct ops_lock lock;
    int rc = read_lock(c, &lock);

    if (!rc)
        rc = ops_setlk(c->ops, c->req->fh, &lock);
    if (!rc && lock.type == F_UNLCK)
        (void)codec_retry(c->codec);
    if (rc == -EAGAIN && (c->req->flags & XK_XKFS_F_WAIT) &&
        lock.type != F_UNLCK)
        rc = wait_for(c, &lock);
    return rc;
}

static void answer(struct codec *codec, const struct codec_wait *w, int status,
                   uint32_t out_len)
{
    struct xk_xkfs_rsp rsp = {
        .id = w->req.id, .status = status, .out_len = out_len,
    };

    codec->send(codec->arg, &rsp);
}

/* Takes those out of the list for which due() has an answer; the list is in
 * order, so who came first is asked first. */
static struct codec_wait *take(struct codec *codec,
                               bool (*due)(struct codec *codec,
                                           struct codec_wait *w, void *arg),
                               void *arg)
{
    struct codec_wait **at = &codec->waits, *taken = NULL, **end = &taken;
    struct codec_wait *w;

    while ((w = *at)) {
        if (!due(codec, w, arg)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = NULL;
        *end = w;
        end = &w->next;
        codec->nr_waits--;
    }
    return taken;
}

static void answer_all(struct codec *codec, struct codec_wait *w)
{
    struct codec_wait *next;

    for (; w; w = next) {
        next = w->next;
        answer(codec, w, w->status, 0);
        free(w);
    }
}

static bool lock_due(struct codec *codec, struct codec_wait *w, void *arg)
{
    (void)arg;
    if (w->notify)
        return false;
    w->status = ops_setlk(codec->ops, w->req.fh, &w->lock);
    return w->status != -EAGAIN;
}

bool codec_retry(struct codec *codec)
{
    struct codec_wait *done, *w;

    pthread_mutex_lock(&codec->lock);
    done = take(codec, lock_due, NULL);
    for (w = codec->waits; w && w->notify; w = w->next)
        ;
    pthread_mutex_unlock(&codec->lock);
    answer_all(codec, done);
    return w != NULL;
}

static bool interrupt_due(struct codec *codec, struct codec_wait *w, void *arg)
{
    (void)codec;
    w->status = -EINTR;
    return !w->notify && w->req.id == *(const uint64_t *)arg;
}

static int do_interrupt(struct call *c)
{
    struct codec *codec = c->codec;
    struct codec_wait *done;
    uint64_t id = c->req->arg[0];

    pthread_mutex_lock(&codec->lock);
    done = take(codec, interrupt_due, &id);
    pthread_mutex_unlock(&codec->lock);
    answer_all(codec, done);
    return 0;
}

/* ---- events ---- */

/* The oldest events into what the first NOTIFY lent; the lock is held. */
static struct codec_wait *deliver(struct codec *codec, uint32_t *len_r)
{
    struct codec_wait **at = &codec->waits, *w;
    struct codec_event *e;
    uint32_t used = 0;

    while (*at && !(*at)->notify)
        at = &(*at)->next;
    w = *at;
    if (!w || !codec->events)
        return NULL;
    *at = w->next;
    codec->nr_waits--;
    while ((e = codec->events) &&
           w->req.out_len - used >= sizeof(e->event)) {
        memcpy(codec->pool + w->req.out_off + used, &e->event,
               sizeof(e->event));
        used += sizeof(e->event);
        codec->events = e->next;
        codec->nr_events--;
        free(e);
    }
    *len_r = used;
    return w;
}

static void deliver_all(struct codec *codec)
{
    struct codec_wait *w;
    uint32_t len = 0;

    do {
        pthread_mutex_lock(&codec->lock);
        w = deliver(codec, &len);
        pthread_mutex_unlock(&codec->lock);
        if (w)
            answer(codec, w, 0, len);
        free(w);
    } while (w);
}

void codec_tell(struct codec *codec, uint32_t kind, uint32_t share_id)
{
    struct codec_event *e = calloc(1, sizeof(*e)), **at;

    if (!e)
        return;
    e->event.kind = kind;
    e->event.share_id = share_id;
    pthread_mutex_lock(&codec->lock);
    if (codec->nr_events < EVENTS_MAX) {
        for (at = &codec->events; *at; at = &(*at)->next)
            ;
        *at = e;
        codec->nr_events++;
        e = NULL;
    }
    pthread_mutex_unlock(&codec->lock);
    free(e);
    deliver_all(codec);
}

static int do_notify(struct call *c)
{
    if (c->req->out_len < sizeof(struct xk_xkfs_event))
        return -EPROTO;
    return wait_for(c, NULL);
}

/* ---- after a restart ---- */

static int do_restore(struct call *c)
{
    char handle_text[XK_XKFS_HANDLE];
    struct ops_entry entry;
    uint32_t len = c->req->name_len;
    const char *name;
    int rc;

    /* The handle is the first of the two, and not a string. */
    if (!c->req->node2)
        len = c->req->in_len;
    if (len > c->req->in_len || len > sizeof(handle_text))
        return -EPROTO;
    memcpy(handle_text, c->in, len);
    name = (const char *)c->in + len;
    if (memchr(name, 0, c->req->in_len - len))
        return -EINVAL;
    rc = ops_restore(c->ops, c->req->node, handle_text, len, c->req->node2,
                     name, &entry);
    return rc ? rc : put_entry(c, &entry);
}

static int do_reopen(struct call *c)
{
    c->rsp->value = c->req->fh;
    return ops_reopen(c->ops, c->req->node, c->req->fh,
                      (int)c->req->arg[0]);
}

/* ---- the table ---- */

#define CONTROL 0x1u    /* on the control queue only */
#define EITHER 0x2u     /* on any queue */
#define SLOW 0x4u       /* always for a worker */
#define DATA 0x8u       /* `in` or `out` is file data */
#define NAMES 0x10u     /* needs a string in `in` */

static const struct op {
    int (*fn)(struct call *c);
    unsigned int flags;
    uint32_t in;                /* at least */
    uint32_t out;               /* at least */
} table[XK_XKFS_OPS] = {
    [XK_XKFS_HELLO] = { do_hello, CONTROL, 0, sizeof(struct xk_xkfs_hello) },
    [XK_XKFS_STATFS] = { do_statfs, 0, 0, sizeof(struct xk_xkfs_statfs) },
    [XK_XKFS_LOOKUP] = { do_lookup, 0, 0, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_FORGET] = { do_forget, EITHER, 0, 0 },
    [XK_XKFS_GETATTR] = { do_getattr, 0, 0, sizeof(struct xk_xkfs_attr) },
    [XK_XKFS_SETATTR] = { do_setattr, 0, sizeof(struct xk_xkfs_setattr),
                          sizeof(struct xk_xkfs_attr) },
    [XK_XKFS_READLINK] = { do_readlink, 0, 0, 0 },
    [XK_XKFS_OPEN] = { do_open, 0, 0, 0 },
    [XK_XKFS_CREATE] = { do_create, NAMES, 1, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_RELEASE] = { do_release, EITHER, 0, 0 },
    [XK_XKFS_READ] = { do_read, DATA, 0, 0 },
    [XK_XKFS_WRITE] = { do_write, DATA, 0, 0 },
    [XK_XKFS_FSYNC] = { do_fsync, SLOW, 0, 0 },
    [XK_XKFS_SYNCFS] = { do_syncfs, SLOW, 0, 0 },
    [XK_XKFS_READDIR] = { do_readdir, DATA, 0, 0 },
    [XK_XKFS_MKDIR] = { do_mkdir, NAMES, 1, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_MKNOD] = { do_mknod, NAMES, 1, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_SYMLINK] = { do_symlink, NAMES, 1,
                          sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_LINK] = { do_link, NAMES, 1, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_UNLINK] = { do_unlink, NAMES, 1, 0 },
    [XK_XKFS_RMDIR] = { do_rmdir, NAMES, 1, 0 },
    [XK_XKFS_RENAME] = { do_rename, NAMES, 2, 0 },
    [XK_XKFS_FALLOCATE] = { do_fallocate, SLOW, 0, 0 },
    [XK_XKFS_LSEEK] = { do_lseek, 0, 0, 0 },
    [XK_XKFS_COPY] = { do_copy, SLOW, 0, 0 },
    [XK_XKFS_GETXATTR] = { do_getxattr, NAMES, 1, 0 },
    [XK_XKFS_SETXATTR] = { do_setxattr, NAMES, 1, 0 },
    [XK_XKFS_LISTXATTR] = { do_listxattr, 0, 0, 0 },
    [XK_XKFS_RMXATTR] = { do_rmxattr, NAMES, 1, 0 },
    [XK_XKFS_GETLK] = { do_getlk, EITHER, sizeof(struct xk_xkfs_lock),
                        sizeof(struct xk_xkfs_lock) },
    [XK_XKFS_SETLK] = { do_setlk, EITHER, sizeof(struct xk_xkfs_lock), 0 },
    [XK_XKFS_TMPFILE] = { do_tmpfile, 0, 0, sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_INTERRUPT] = { do_interrupt, CONTROL, 0, 0 },
    [XK_XKFS_NOTIFY] = { do_notify, CONTROL, 0, 0 },
    [XK_XKFS_RESTORE] = { do_restore, EITHER, 0,
                          sizeof(struct xk_xkfs_entry) },
    [XK_XKFS_REOPEN] = { do_reopen, EITHER, 0, 0 },
};

static bool within(const struct codec *codec, uint32_t off, uint32_t len,
                   uint32_t max)
{
    return len <= max && (uint64_t)off + len <= codec->pool_size;
}

/* Its shape: right queue, and everything it points at within the pool. */
static const struct op *check(const struct codec *codec,
                              const struct xk_xkfs_req *req, bool control)
{
    const struct op *op;
    uint32_t max;

    if (!req->id || req->op >= XK_XKFS_OPS || !table[req->op].fn)
        return NULL;
    op = &table[req->op];
    if (req->op != XK_XKFS_HELLO && !atomic_load(&codec->greeted))
        return NULL;
    if (control != !!(op->flags & CONTROL) && !(op->flags & EITHER))
        return NULL;
    if ((req->flags & XK_XKFS_F_WAIT) && !control)
        return NULL;
    max = op->flags & DATA ? XK_XKFS_IO_MAX : XK_XKFS_MSG_MAX;
    if (!within(codec, req->in_off, req->in_len, max) ||
        !within(codec, req->out_off, req->out_len, max) ||
        req->in_len < op->in || req->out_len < op->out)
        return NULL;
    return op;
}

/* What is a name or a structure comes out of the pool, once. */
static int copy_in(struct call *c, const struct op *op, uint8_t *small,
                   size_t size)
{
    const struct xk_xkfs_req *req = c->req;

    if (op->flags & DATA) {
        c->data = c->codec->pool + req->in_off;
        return 0;
    }
    c->in = req->in_len < size ? small : malloc(req->in_len + 1);
    if (!c->in)
        return -ENOMEM;
    memcpy(c->in, c->codec->pool + req->in_off, req->in_len);
    c->in[req->in_len] = '\0';
    return 0;
}

enum codec_result codec_do(struct codec *codec, const struct xk_xkfs_req *req,
                           bool control, bool wait, struct xk_xkfs_rsp *rsp)
{
    uint8_t small[512];
    struct call c = {
        .codec = codec, .ops = codec->ops, .req = req, .rsp = rsp,
        .wait = wait, .cred = { req->uid, req->gid },
    };
    const struct op *op = check(codec, req, control);
    int rc;

    *rsp = (struct xk_xkfs_rsp){ .id = req->id, .status = -EPROTO };
    if (!op) {
        atomic_fetch_add(&codec->faults, 1);
        return CODEC_DONE;
    }
    if (!wait && (op->flags & SLOW))
        return CODEC_WORKER;
    c.out = codec->pool + req->out_off;
    rc = copy_in(&c, op, small, sizeof(small));
    if (!rc)
        rc = op->fn(&c);
    if (c.in != small)
        free(c.in);
    if (rc == LATER) {
        if (req->op == XK_XKFS_NOTIFY)
            deliver_all(codec);
        return CODEC_LATER;
    }
    if (rc == -EAGAIN && !wait && req->op == XK_XKFS_READ)
        return CODEC_WORKER;
    if (rc == -EPROTO)
        atomic_fetch_add(&codec->faults, 1);
    rsp->status = rc;
    if (rc)
        rsp->out_len = 0, rsp->value = rsp->value2 = 0;
    return CODEC_DONE;
}

bool codec_broken(struct codec *codec)
{
    return atomic_load(&codec->faults) >= CODEC_FAULTS;
}

void codec_init(struct codec *codec)
{
    pthread_mutex_init(&codec->lock, NULL);
}

void codec_dispose(struct codec *codec)
{
    struct codec_wait *w;
    struct codec_event *e;

    while ((w = codec->waits)) {
        codec->waits = w->next;
        free(w);
    }
    while ((e = codec->events)) {
        codec->events = e->next;
        free(e);
    }
    pthread_mutex_destroy(&codec->lock);
}
