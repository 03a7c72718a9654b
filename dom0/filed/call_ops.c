/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations of the file protocol, each one call of ops.h. See call.h.
 */
#include "call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

int call_hello(struct call *c)
{
    struct xk_xkfs_hello hello = {
        .version = XK_XKFS_VERSION, .epoch = c->codec->epoch,
        .features = (uint32_t)c->req->arg[1] & CODEC_FEATURES,
        .known = ops_known(c->ops), .io_max = XK_XKFS_IO_MAX,
    };

    if (c->req->arg[0] < XK_XKFS_VERSION)
        return -EPROTONOSUPPORT;
    if (!c->req->off)       /* its ids begin anew, too */
        memory_clear(&c->codec->memory);
    atomic_store(&c->codec->greeted, true);
    return call_put(c, &hello, sizeof(hello));
}

int call_statfs(struct call *c)
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
    return call_put(c, &wire, sizeof(wire));
}

int call_lookup(struct call *c)
{
    struct ops_entry entry;
    const char *name;
    int rc = call_string(c, &name);

    if (!rc)
        rc = name[0] ? ops_lookup(c->ops, c->req->node, name, &entry) :
             ops_parent(c->ops, c->req->node, &entry);
    return rc ? rc : call_put_entry(c, &entry);
}

int call_forget(struct call *c)
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

int call_getattr(struct call *c)
{
    struct ops_attr attr;
    int rc = ops_getattr(c->ops, c->req->node, c->req->fh, &attr);

    return rc ? rc : call_put_attr(c, &attr);
}

static struct timespec host_time(const struct xk_xkfs_time *t)
{
    return (struct timespec){ .tv_sec = t->sec, .tv_nsec = t->nsec };
}

int call_setattr(struct call *c)
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
    return rc ? rc : call_put_attr(c, &attr);
}

int call_readlink(struct call *c)
{
    char target[XK_XKFS_TARGET + 1];
    ssize_t n = ops_readlink(c->ops, c->req->node, target, sizeof(target));

    if (n < 0)
        return (int)n;
    return (uint64_t)n > c->req->out_len ? -ERANGE
                                         : call_put(c, target, (size_t)n);
}

int call_open(struct call *c)
{
    struct ops_attr attr;
    int rc = ops_open_node(c->ops, c->req->node, (int)c->req->arg[0],
                           &c->rsp->value);

    /* The attributes only save a question. */
    if (!rc && c->req->out_len >= sizeof(struct xk_xkfs_attr) &&
        !ops_getattr(c->ops, c->req->node, c->rsp->value, &attr))
        rc = call_put_attr(c, &attr);
    return rc;
}

/* The file is as good as not call_put_opened if its entry has no place. */
int call_put_opened(struct call *c, const struct ops_entry *entry)
{
    int rc = call_put_entry(c, entry);

    if (rc) {
        (void)ops_release(c->ops, c->rsp->value);
        ops_forget(c->ops, entry->node, 1);
    }
    return rc;
}

int call_create(struct call *c)
{
    struct ops_entry entry;
    const char *name;
    bool made = false;
    int rc = call_string(c, &name);

    if (!rc)
        rc = ops_create(c->ops, c->req->node, name, (int)c->req->arg[0],
                        (uint32_t)c->req->arg[1], &c->cred, &entry,
                        &c->rsp->value, &made);
    c->rsp->value2 = made;
    return rc ? rc : call_put_opened(c, &entry);
}

int call_tmpfile(struct call *c)
{
    struct ops_entry entry;
    int rc = ops_tmpfile(c->ops, c->req->node, (int)c->req->arg[0],
                         (uint32_t)c->req->arg[1], &c->cred, &entry,
                         &c->rsp->value);

    return rc ? rc : call_put_opened(c, &entry);
}

int call_release(struct call *c)
{
    return ops_release(c->ops, c->req->fh);
}

int call_read(struct call *c)
{
    ssize_t n = ops_read(c->ops, c->req->fh, c->req->off, c->out,
                         c->req->out_len, c->wait);

    if (n < 0)
        return (int)n;
    c->rsp->out_len = (uint32_t)n;
    return 0;
}

int call_write(struct call *c)
{
    ssize_t n = ops_write(c->ops, c->req->fh, c->req->off, c->data,
                          c->req->in_len, c->req->flags & XK_XKFS_F_APPEND,
                          &c->rsp->value2);

    if (n < 0)
        return (int)n;
    c->rsp->value = (uint64_t)n;
    return 0;
}

int call_fsync(struct call *c)
{
    return ops_fsync(c->ops, c->req->fh, c->req->arg[0] != 0);
}

int call_syncfs(struct call *c)
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
            call_wire_entry(d->entry, &entry);
        fill(l, &entry, sizeof(entry));
    }
    l->next = d->next;
    return true;
}

int call_readdir(struct call *c)
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

int call_mkdir(struct call *c)
{
    struct ops_entry entry;
    const char *name;
    int rc = call_string(c, &name);

    if (!rc)
        rc = ops_mkdir(c->ops, c->req->node, name, (uint32_t)c->req->arg[1],
                       &c->cred, &entry);
    return rc ? rc : call_put_entry(c, &entry);
}

int call_mknod(struct call *c)
{
    struct ops_entry entry;
    const char *name;
    uint32_t rdev = (uint32_t)c->req->arg[0];
    int rc = call_string(c, &name);

    if (!rc)
        rc = ops_mknod(c->ops, c->req->node, name, (uint32_t)c->req->arg[1],
                       rdev >> 20, rdev & 0xfffff, &c->cred, &entry);
    return rc ? rc : call_put_entry(c, &entry);
}

int call_symlink(struct call *c)
{
    char name[XK_XKFS_NAME + 1];
    struct ops_entry entry;
    const char *target;
    int rc = call_two_strings(c, name, &target);

    if (!rc && strlen(target) > XK_XKFS_TARGET)
        rc = -ENAMETOOLONG;
    if (!rc)
        rc = ops_symlink(c->ops, c->req->node, name, target, &c->cred,
                         &entry);
    return rc ? rc : call_put_entry(c, &entry);
}

int call_link(struct call *c)
{
    struct ops_entry entry;
    const char *name;
    int rc = call_string(c, &name);

    if (!rc)
        rc = ops_link(c->ops, c->req->node, name, c->req->node2, &entry);
    return rc ? rc : call_put_entry(c, &entry);
}

int call_unlink(struct call *c)
{
    const char *name;
    int rc = call_string(c, &name);

    return rc ? rc : ops_unlink(c->ops, c->req->node, name);
}

int call_rmdir(struct call *c)
{
    const char *name;
    int rc = call_string(c, &name);

    return rc ? rc : ops_rmdir(c->ops, c->req->node, name);
}

int call_rename(struct call *c)
{
    char name[XK_XKFS_NAME + 1];
    const char *new_name;
    int rc = call_two_strings(c, name, &new_name);

    return rc ? rc : ops_rename(c->ops, c->req->node, name, c->req->node2,
                                new_name, (unsigned int)c->req->arg[0]);
}

int call_fallocate(struct call *c)
{
    return ops_fallocate(c->ops, c->req->fh, (int)c->req->arg[1],
                         c->req->off, c->req->arg[0]);
}

int call_lseek(struct call *c)
{
    return ops_lseek(c->ops, c->req->fh, c->req->off, (int)c->req->arg[0],
                     &c->rsp->value);
}

int call_copy(struct call *c)
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
    return call_put(c, buf, (size_t)n);
}

int call_getxattr(struct call *c)
{
    const char *name;
    int rc = call_string(c, &name);

    return rc ? rc : get_bytes(c, name);
}

int call_listxattr(struct call *c)
{
    return get_bytes(c, NULL);
}

int call_setxattr(struct call *c)
{
    char name[XK_XKFS_NAME + 1];
    const uint8_t *value;
    uint32_t len;
    int rc = call_split(c, name, &value, &len);

    return rc ? rc : ops_setxattr(c->ops, c->req->node, name, value, len,
                                  (int)c->req->arg[0]);
}

int call_rmxattr(struct call *c)
{
    const char *name;
    int rc = call_string(c, &name);

    return rc ? rc : ops_removexattr(c->ops, c->req->node, name);
}

/* ---- after a restart ---- */

int call_restore(struct call *c)
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
    return rc ? rc : call_put_entry(c, &entry);
}

int call_reopen(struct call *c)
{
    c->rsp->value = c->req->fh;
    return ops_reopen(c->ops, c->req->node, c->req->fh,
                      (int)c->req->arg[0]);
}
