/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of 9P2000.L, see p9.h: a table of them. */
#include "p9.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <xenkeep/util.h>

#include "p9_msg.h"

#define VERSION "9P2000.L"
#define WALK_MAX 16u
#define RLERROR 7u
#define NOBODY 65534u
#define V9FS_MAGIC 0x01021997u

/* The kinds of a qid that Linux knows. */
#define QID_DIR 0x80u
#define QID_LINK 0x02u
#define QID_SIZE 13u

enum {
    TSTATFS = 8, TLOPEN = 12, TLCREATE = 14, TSYMLINK = 16, TMKNOD = 18,
    TRENAME = 20, TREADLINK = 22, TGETATTR = 24, TSETATTR = 26,
    TXATTRWALK = 30, TXATTRCREATE = 32, TREADDIR = 40, TFSYNC = 50,
    TLOCK = 52, TGETLOCK = 54, TLINK = 70, TMKDIR = 72, TRENAMEAT = 74,
    TUNLINKAT = 76, TVERSION = 100, TAUTH = 102, TATTACH = 104,
    TFLUSH = 108, TWALK = 110, TGET = 116, TPUT = 118, TCLUNK = 120,
    TREMOVE = 122, TYPES
};

/* One message on its way. */
struct call {
    struct p9 *p9;
    struct ops *ops;
    struct p9_in in;
    struct p9_out out;
};

/* ---- what several messages need ---- */

/* The message is read to its end: it must have been all there. */
static int whole(const struct call *c)
{
    return c->in.bad ? -EINVAL : 0;
}

static int fid_of(struct call *c, struct p9_fid **f_r)
{
    *f_r = p9_fid_find(&c->p9->fids, p9_u32(&c->in));
    return *f_r ? 0 : -EBADF;
}

/* One that is a node, not an attribute's value. */
static int node_of(struct call *c, struct p9_fid **f_r)
{
    int rc = fid_of(c, f_r);

    return !rc && (*f_r)->kind != P9_NODE ? -EBADF : rc;
}

static void put_qid(struct call *c, const struct ops_attr *a)
{
    uint32_t type = a->mode & S_IFMT;

    p9_put_u8(&c->out, type == S_IFDIR ? QID_DIR :
                       type == S_IFLNK ? QID_LINK : 0);
    p9_put_u32(&c->out, (uint32_t)(a->mtime.tv_sec ^ a->mtime.tv_nsec ^
                                   (int64_t)(a->size << 8)));
    p9_put_u64(&c->out, a->ino);
}

/* The answer of what makes a node: its qid, and no reference. */
static int made(struct call *c, int rc, const struct ops_entry *entry)
{
    if (rc)
        return rc;
    put_qid(c, &entry->attr);
    ops_forget(c->ops, entry->node, 1);
    return 0;
}

static struct ops_cred cred_of(const struct p9_fid *f, uint32_t gid)
{
    return (struct ops_cred){ .uid = f->cred.uid, .gid = gid };
}

static void put_time(struct call *c, const struct timespec *t)
{
    p9_put_u64(&c->out, (uint64_t)t->tv_sec);
    p9_put_u64(&c->out, (uint64_t)t->tv_nsec);
}

/* The most data that an answer with a count takes. */
static uint32_t bounded(const struct call *c, uint32_t count)
{
    uint32_t room = (uint32_t)(c->out.end - c->out.at);

    room = room > 4 ? room - 4 : 0;
    return count < room ? count : room;
}

/* ---- the session ---- */

static int do_version(struct call *c)
{
    struct p9 *p9 = c->p9;
    uint32_t msize = p9_u32(&c->in);
    const char *answer = VERSION;
    char version[32];

    p9_string(&c->in, version, sizeof(version));
    if (whole(c))
        return -EINVAL;
    /* A new session: what was known of the old is gone. */
    p9_fids_dispose(&p9->fids);
    p9_fids_init(&p9->fids, p9->ops);
    if (msize > p9->msize_max)
        msize = p9->msize_max;
    p9->msize = msize;
    if (strcmp(version, VERSION) || msize < P9_MSIZE_MIN) {
        p9->msize = 0;
        answer = "unknown";
    }
    p9_put_u32(&c->out, msize);
    p9_put_string(&c->out, answer, strlen(answer));
    return 0;
}

static int do_auth(struct call *c)
{
    (void)c;
    return -EOPNOTSUPP;         /* Xen says who the guest is */
}

static int do_attach(struct call *c)
{
    char uname[OPS_NAME_MAX + 1], aname[OPS_NAME_MAX + 2];
    const char *want = aname;
    struct ops_entry entry;
    struct ops_cred cred;
    struct p9_fid *f;
    uint32_t fid = p9_u32(&c->in);
    int rc;

    (void)p9_u32(&c->in);       /* of an authentication that is not */
    p9_string(&c->in, uname, sizeof(uname));
    p9_string(&c->in, aname, sizeof(aname));
    cred.uid = p9_u32(&c->in);
    if (cred.uid == UINT32_MAX)
        cred.uid = strcmp(uname, "root") ? NOBODY : 0;
    cred.gid = cred.uid;
    if (whole(c))
        return -EINVAL;
    if (*want == '/')
        want++;
    if (*want && strcmp(want, c->p9->share))
        return -ENOENT;
    rc = ops_lookup(c->ops, OPS_ROOT, c->p9->share, &entry);
    if (rc)
        return rc;
    rc = p9_fid_new(&c->p9->fids, fid, entry.node, 0, NULL, &cred, &f);
    if (rc) {
        ops_forget(c->ops, entry.node, 1);
        return rc;
    }
    put_qid(c, &entry.attr);
    return 0;
}

/* Each message is answered before the next is looked at: there is nothing
 * left to flush. */
static int do_flush(struct call *c)
{
    (void)p9_u16(&c->in);
    return whole(c);
}

/* ---- walking ---- */

struct walk {
    struct ops_entry at;        /* held */
    uint64_t dir;               /* where it was found; held; 0: none */
    char name[OPS_NAME_MAX + 1];
};

/* ".." stays in the share: its root is its own parent. */
static int step_up(struct call *c, struct walk *w, struct ops_entry *next)
{
    int rc = ops_parent(c->ops, w->at.node, next);

    if (rc)
        return rc;
    if (next->node == OPS_ROOT) {
        ops_forget(c->ops, next->node, 1);
        *next = w->at;
        return ops_hold(c->ops, next->node);
    }
    w->name[0] = '\0';
    return 0;
}

static int step(struct call *c, struct walk *w, const char *name)
{
    struct ops_entry next;
    int rc;

    if (!S_ISDIR(w->at.attr.mode))
        return -ENOTDIR;
    if (!strcmp(name, "..")) {
        rc = step_up(c, w, &next);
        if (rc)
            return rc;
        if (w->dir)
            ops_forget(c->ops, w->dir, 1);
        ops_forget(c->ops, w->at.node, 1);
        w->dir = 0;
    } else {
        rc = ops_lookup(c->ops, w->at.node, name, &next);
        if (rc)
            return rc;
        if (w->dir)
            ops_forget(c->ops, w->dir, 1);
        w->dir = w->at.node;    /* with its reference */
        memcpy(w->name, name, strlen(name) + 1);
    }
    w->at = next;
    put_qid(c, &next.attr);
    return 0;
}

static int walk_begin(struct call *c, const struct p9_fid *f, struct walk *w)
{
    int rc = ops_getattr(c->ops, f->node, f->fh, &w->at.attr);

    w->at.node = f->node;
    w->dir = 0;
    if (!rc)
        rc = ops_hold(c->ops, f->node);
    if (!rc && f->dir && !ops_hold(c->ops, f->dir)) {
        w->dir = f->dir;
        memcpy(w->name, f->name, strlen(f->name) + 1);
    }
    return rc;
}

static void walk_end(struct call *c, struct walk *w)
{
    if (w->dir)
        ops_forget(c->ops, w->dir, 1);
    ops_forget(c->ops, w->at.node, 1);
}

static int walk_take(struct call *c, struct p9_fid *f, uint32_t new_fid,
                     struct walk *w)
{
    struct p9_fids *fids = &c->p9->fids;
    struct p9_fid *made_fid;
    int rc = ops_hold(c->ops, w->at.node);      /* the fid's own */

    if (rc)
        return rc;
    if (new_fid == f->fid)
        rc = f->fh ? -EBUSY : p9_fid_move(fids, f, w->at.node, w->dir,
                                          w->name);
    else
        rc = p9_fid_new(fids, new_fid, w->at.node, w->dir, w->name, &f->cred,
                        &made_fid);
    if (rc)
        ops_forget(c->ops, w->at.node, 1);
    return rc;
}

static int do_walk(struct call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct p9_fid *f;
    struct walk w;
    uint8_t *count;
    uint16_t names, n;
    uint32_t new_fid;
    int rc = node_of(c, &f);

    new_fid = p9_u32(&c->in);
    names = p9_u16(&c->in);
    if (rc)
        return rc;
    if (names > WALK_MAX || whole(c))
        return -EINVAL;
    rc = walk_begin(c, f, &w);
    if (rc)
        return rc;
    count = c->out.at;
    p9_put_u16(&c->out, 0);
    for (n = 0; !rc && n < names; n++) {
        p9_string(&c->in, name, sizeof(name));
        rc = whole(c) ? -ENAMETOOLONG : step(c, &w, name);
    }
    /* As far as it went is an answer too, but makes no fid. */
    if (rc && n > 1) {
        n--;
        rc = 0;
    } else if (!rc) {
        rc = walk_take(c, f, new_fid, &w);
    }
    walk_end(c, &w);
    if (!rc) {
        count[0] = (uint8_t)n;
        count[1] = 0;
    }
    return rc;
}

static int do_clunk(struct call *c)
{
    struct p9_fid *f;
    int rc = fid_of(c, &f);

    if (rc)
        return rc;
    if (f->kind == P9_XATTR_WRITE) {
        if (f->value_len != f->value_room)
            rc = -EIO;          /* it was not written whole */
        else if (!f->value_len)
            rc = ops_removexattr(c->ops, f->node, f->attr);
        else
            rc = ops_setxattr(c->ops, f->node, f->attr, f->value,
                              f->value_len, f->flags);
    }
    p9_fid_drop(&c->p9->fids, f);
    return rc;
}

/* ---- attributes ---- */

#define GETATTR_BASIC 0x7ffu
#define GETATTR_BTIME 0x800u

/* A device's number as 9P2000.L has it: Linux's new encoding. */
static uint64_t wire_rdev(const struct ops_attr *a)
{
    uint32_t minor = a->rdev_minor;

    return (minor & 0xff) | (uint64_t)a->rdev_major << 8 |
           (uint64_t)(minor & ~0xffu) << 12;
}

static int do_getattr(struct call *c)
{
    struct ops_attr a;
    struct p9_fid *f;
    int rc = node_of(c, &f);

    (void)p9_u64(&c->in);       /* what it asks for: it gets all */
    if (!rc)
        rc = whole(c);
    if (!rc)
        rc = ops_getattr(c->ops, f->node, f->fh, &a);
    if (rc)
        return rc;
    p9_put_u64(&c->out, GETATTR_BASIC | GETATTR_BTIME);
    put_qid(c, &a);
    p9_put_u32(&c->out, a.mode);
    p9_put_u32(&c->out, a.uid);
    p9_put_u32(&c->out, a.gid);
    p9_put_u64(&c->out, a.nlink);
    p9_put_u64(&c->out, wire_rdev(&a));
    p9_put_u64(&c->out, a.size);
    p9_put_u64(&c->out, a.blksize);
    p9_put_u64(&c->out, a.blocks);
    put_time(c, &a.atime);
    put_time(c, &a.mtime);
    put_time(c, &a.ctime);
    put_time(c, &a.btime);
    p9_put_u64(&c->out, 0);     /* generation */
    p9_put_u64(&c->out, a.version);
    return 0;
}

/* Bits of Tsetattr, and what they are here. CTIME comes by itself. */
#define SETATTR_ATIME 0x010u
#define SETATTR_MTIME 0x020u
#define SETATTR_ATIME_SET 0x080u
#define SETATTR_MTIME_SET 0x100u

static uint32_t set_bits(uint32_t wire)
{
    uint32_t valid = wire & (OPS_SET_MODE | OPS_SET_UID | OPS_SET_GID |
                             OPS_SET_SIZE);

    if (wire & SETATTR_ATIME)
        valid |= wire & SETATTR_ATIME_SET ? OPS_SET_ATIME
                                          : OPS_SET_ATIME_NOW;
    if (wire & SETATTR_MTIME)
        valid |= wire & SETATTR_MTIME_SET ? OPS_SET_MTIME
                                          : OPS_SET_MTIME_NOW;
    return valid;
}

static struct timespec get_time(struct call *c)
{
    struct timespec t;

    t.tv_sec = (time_t)p9_u64(&c->in);
    t.tv_nsec = (long)p9_u64(&c->in);
    return t;
}

static bool time_ok(const struct timespec *t)
{
    return t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

static int do_setattr(struct call *c)
{
    struct ops_setattr set;
    struct ops_attr a;
    struct p9_fid *f;
    int rc = node_of(c, &f);

    set.valid = set_bits(p9_u32(&c->in));
    set.mode = p9_u32(&c->in);
    set.uid = p9_u32(&c->in);
    set.gid = p9_u32(&c->in);
    set.size = p9_u64(&c->in);
    set.atime = get_time(c);
    set.mtime = get_time(c);
    if (!rc)
        rc = whole(c);
    if (!rc && (!time_ok(&set.atime) || !time_ok(&set.mtime)))
        rc = -EINVAL;
    return rc ? rc : ops_setattr(c->ops, f->node, f->fh, &set, &a);
}

static int do_readlink(struct call *c)
{
    char target[PATH_MAX];
    struct p9_fid *f;
    ssize_t n = node_of(c, &f);

    if (!n)
        n = ops_readlink(c->ops, f->node, target, sizeof(target));
    if (n < 0)
        return (int)n;
    p9_put_string(&c->out, target, (size_t)n);
    return 0;
}

static int do_statfs(struct call *c)
{
    struct statvfs st;
    struct p9_fid *f;
    uint32_t share;
    int rc = node_of(c, &f);

    if (!rc)
        rc = ops_statfs(c->ops, f->node, &st, &share);
    if (rc)
        return rc;
    p9_put_u32(&c->out, V9FS_MAGIC);
    p9_put_u32(&c->out, (uint32_t)st.f_bsize);
    p9_put_u64(&c->out, st.f_blocks);
    p9_put_u64(&c->out, st.f_bfree);
    p9_put_u64(&c->out, st.f_bavail);
    p9_put_u64(&c->out, st.f_files);
    p9_put_u64(&c->out, st.f_ffree);
    p9_put_u64(&c->out, share);
    p9_put_u32(&c->out, (uint32_t)st.f_namemax);
    return 0;
}

/* ---- opening and making ---- */

/* Data of Rread fills the rest of a message by itself: no unit. */
static int do_lopen(struct call *c)
{
    struct ops_attr a;
    struct p9_fid *f;
    uint64_t fh;
    int rc = node_of(c, &f), flags = (int)p9_u32(&c->in);

    if (!rc)
        rc = whole(c);
    if (!rc && f->fh)
        rc = -EBUSY;
    if (!rc)
        rc = ops_open_node(c->ops, f->node, flags & ~O_CREAT, &fh);
    if (rc)
        return rc;
    rc = ops_getattr(c->ops, f->node, fh, &a);
    if (rc) {
        (void)ops_release(c->ops, fh);
        return rc;
    }
    f->fh = fh;
    f->append = flags & O_APPEND;
    put_qid(c, &a);
    p9_put_u32(&c->out, 0);
    return 0;
}

static int do_lcreate(struct call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct ops_entry entry;
    struct ops_cred cred;
    struct p9_fid *f;
    uint32_t mode;
    uint64_t fh;
    bool is_new;
    int rc = node_of(c, &f), flags;

    p9_string(&c->in, name, sizeof(name));
    flags = (int)p9_u32(&c->in);
    mode = p9_u32(&c->in);
    if (rc || whole(c))
        return rc ? rc : -EINVAL;
    cred = cred_of(f, p9_u32(&c->in));
    if (whole(c) || f->fh)
        return -EINVAL;
    rc = ops_create(c->ops, f->node, name, flags | O_CREAT, mode, &cred,
                    &entry, &fh, &is_new);
    if (rc)
        return rc;
    rc = p9_fid_move(&c->p9->fids, f, entry.node, f->node, name);
    if (rc) {
        (void)ops_release(c->ops, fh);
        ops_forget(c->ops, entry.node, 1);
        return rc;
    }
    f->fh = fh;
    f->append = flags & O_APPEND;
    put_qid(c, &entry.attr);
    p9_put_u32(&c->out, 0);
    return 0;
}

static int do_symlink(struct call *c)
{
    char name[OPS_NAME_MAX + 2], target[P9_STRING_MAX + 1];
    struct ops_entry entry;
    struct ops_cred cred;
    struct p9_fid *f;
    int rc = node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    p9_string(&c->in, target, sizeof(target));
    if (rc)
        return rc;
    cred = cred_of(f, p9_u32(&c->in));
    if (whole(c))
        return -EINVAL;
    rc = ops_symlink(c->ops, f->node, name, target, &cred, &entry);
    return made(c, rc, &entry);
}

static int do_mknod(struct call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct ops_entry entry;
    struct ops_cred cred;
    struct p9_fid *f;
    uint32_t mode, major, minor;
    int rc = node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    mode = p9_u32(&c->in);
    major = p9_u32(&c->in);
    minor = p9_u32(&c->in);
    if (rc)
        return rc;
    cred = cred_of(f, p9_u32(&c->in));
    if (whole(c))
        return -EINVAL;
    rc = ops_mknod(c->ops, f->node, name, mode, major, minor, &cred, &entry);
    return made(c, rc, &entry);
}

static int do_mkdir(struct call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct ops_entry entry;
    struct ops_cred cred;
    struct p9_fid *f;
    uint32_t mode;
    int rc = node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    mode = p9_u32(&c->in);
    if (rc)
        return rc;
    cred = cred_of(f, p9_u32(&c->in));
    if (whole(c))
        return -EINVAL;
    rc = ops_mkdir(c->ops, f->node, name, mode, &cred, &entry);
    return made(c, rc, &entry);
}

static int do_link(struct call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct ops_entry entry;
    struct p9_fid *dir, *f;
    int rc = node_of(c, &dir), rc2 = node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    if (rc || rc2 || whole(c))
        return rc ? rc : rc2 ? rc2 : -EINVAL;
    rc = ops_link(c->ops, dir->node, name, f->node, &entry);
    if (!rc)
        ops_forget(c->ops, entry.node, 1);
    return rc;
}

/* ---- renaming and removing ---- */

static int do_renameat(struct call *c)
{
    char from[OPS_NAME_MAX + 2], to[OPS_NAME_MAX + 2];
    struct p9_fid *a, *b;
    int rc = node_of(c, &a), rc2;

    p9_string(&c->in, from, sizeof(from));
    rc2 = node_of(c, &b);
    p9_string(&c->in, to, sizeof(to));
    if (rc || rc2 || whole(c))
        return rc ? rc : rc2 ? rc2 : -EINVAL;
    return ops_rename(c->ops, a->node, from, b->node, to, 0);
}

/* The name under which a fid was found, if that is still its node's. */
static int still_there(struct call *c, const struct p9_fid *f,
                       uint32_t *mode_r)
{
    struct ops_entry entry;
    bool same;
    int rc;

    if (!f->dir || !f->name[0])
        return -EBUSY;
    rc = ops_lookup(c->ops, f->dir, f->name, &entry);
    if (rc)
        return rc;
    same = entry.node == f->node;
    *mode_r = entry.attr.mode;
    ops_forget(c->ops, entry.node, 1);
    return same ? 0 : -ESTALE;
}

static int do_rename(struct call *c)
{
    char to[OPS_NAME_MAX + 2];
    struct p9_fid *f, *dir;
    uint32_t mode;
    int rc = node_of(c, &f), rc2 = node_of(c, &dir);

    p9_string(&c->in, to, sizeof(to));
    if (rc || rc2 || whole(c))
        return rc ? rc : rc2 ? rc2 : -EINVAL;
    rc = still_there(c, f, &mode);
    if (!rc)
        rc = ops_rename(c->ops, f->dir, f->name, dir->node, to, 0);
    return rc;
}

static int do_unlinkat(struct call *c)
{
    char name[OPS_NAME_MAX + 2];
    struct p9_fid *f;
    uint32_t flags;
    int rc = node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    flags = p9_u32(&c->in);
    if (rc || whole(c))
        return rc ? rc : -EINVAL;
    if (flags & AT_REMOVEDIR)
        return ops_rmdir(c->ops, f->node, name);
    return ops_unlink(c->ops, f->node, name);
}

/* The fid is gone whatever becomes of the name. */
static int do_remove(struct call *c)
{
    struct p9_fid *f;
    uint32_t mode;
    int rc = node_of(c, &f);

    if (rc)
        return rc;
    rc = still_there(c, f, &mode);
    if (!rc)
        rc = S_ISDIR(mode) ? ops_rmdir(c->ops, f->dir, f->name)
                           : ops_unlink(c->ops, f->dir, f->name);
    p9_fid_drop(&c->p9->fids, f);
    return rc;
}

/* ---- data ---- */

static int read_value(struct call *c, const struct p9_fid *f, uint64_t off,
                      uint32_t count)
{
    size_t left = off < f->value_len ? f->value_len - (size_t)off : 0;
    size_t n = count < left ? count : left;

    p9_put_u32(&c->out, (uint32_t)n);
    if (n)
        memcpy(c->out.at, f->value + off, n);
    c->out.at += n;
    return 0;
}

static int do_read(struct call *c)
{
    uint32_t count;
    struct p9_fid *f;
    uint64_t off;
    ssize_t n;
    int rc = fid_of(c, &f);

    off = p9_u64(&c->in);
    count = bounded(c, p9_u32(&c->in));
    if (!rc)
        rc = whole(c);
    if (rc)
        return rc;
    if (f->kind == P9_XATTR_READ)
        return read_value(c, f, off, count);
    if (!f->fh)
        return -EBADF;
    n = ops_read(c->ops, f->fh, off, c->out.at + 4, count, true);
    if (n < 0)
        return (int)n;
    p9_put_u32(&c->out, (uint32_t)n);
    c->out.at += n;
    return 0;
}

static int write_value(struct p9_fid *f, uint64_t off, const uint8_t *data,
                       uint32_t count)
{
    /* In order, as Linux writes them. */
    if (off != f->value_len || count > f->value_room - f->value_len)
        return -EINVAL;
    memcpy(f->value + off, data, count);
    f->value_len += count;
    return 0;
}

static int do_write(struct call *c)
{
    const uint8_t *data;
    struct p9_fid *f;
    uint32_t count;
    uint64_t off;
    ssize_t n;
    int rc = fid_of(c, &f);

    off = p9_u64(&c->in);
    count = p9_u32(&c->in);
    data = p9_bytes(&c->in, count);
    if (!rc)
        rc = whole(c);
    if (rc)
        return rc;
    if (f->kind == P9_XATTR_WRITE) {
        n = write_value(f, off, data, count);
        if (!n)
            n = (ssize_t)count;
    } else if (!f->fh) {
        n = -EBADF;
    } else {
        n = ops_write(c->ops, f->fh, off, data, count, f->append, NULL);
    }
    if (n < 0)
        return (int)n;
    p9_put_u32(&c->out, (uint32_t)n);
    return 0;
}

static int do_fsync(struct call *c)
{
    struct p9_fid *f;
    uint32_t datasync = 0;
    int rc = node_of(c, &f);

    /* Older clients do not say. */
    if (c->in.at < c->in.end)
        datasync = p9_u32(&c->in);
    if (!rc && !f->fh)
        rc = -EBADF;
    return rc ? rc : ops_fsync(c->ops, f->fh, datasync);
}

static bool put_dirent(void *arg, const struct ops_dirent *d)
{
    struct call *c = arg;
    size_t n = strlen(d->name);

    if ((size_t)(c->out.end - c->out.at) < QID_SIZE + 8 + 1 + 2 + n)
        return false;
    p9_put_u8(&c->out, d->type == DT_DIR ? QID_DIR :
                       d->type == DT_LNK ? QID_LINK : 0);
    p9_put_u32(&c->out, 0);
    p9_put_u64(&c->out, d->ino);
    p9_put_u64(&c->out, d->next);
    p9_put_u8(&c->out, d->type);
    p9_put_string(&c->out, d->name, n);
    return true;
}

static int do_readdir(struct call *c)
{
    struct p9_fid *f;
    uint32_t count;
    uint64_t off;
    uint8_t *head, *end = c->out.end;
    int rc = node_of(c, &f);

    off = p9_u64(&c->in);
    count = bounded(c, p9_u32(&c->in));
    if (!rc)
        rc = whole(c);
    if (!rc && !f->fh)
        rc = -EBADF;
    if (rc)
        return rc;
    head = c->out.at;
    p9_put_u32(&c->out, 0);
    c->out.end = c->out.at + count;
    rc = ops_readdir(c->ops, f->fh, off, false, put_dirent, c);
    count = (uint32_t)(c->out.at - head) - 4;
    c->out.end = end;
    c->out.at = head;
    p9_put_u32(&c->out, count);
    c->out.at += count;
    return rc;
}

/* ---- extended attributes ---- */

static ssize_t get_value(struct call *c, uint64_t node, const char *name,
                         void *buf, size_t size)
{
    return *name ? ops_getxattr(c->ops, node, name, buf, size)
                 : ops_listxattr(c->ops, node, buf, size);
}

static int do_xattrwalk(struct call *c)
{
    char name[XATTR_NAME_MAX + 1];
    struct p9_fid *f, *value = NULL;
    uint32_t new_fid;
    ssize_t n;
    int rc = node_of(c, &f);

    new_fid = p9_u32(&c->in);
    p9_string(&c->in, name, sizeof(name));
    if (rc || whole(c))
        return rc ? rc : -EINVAL;
    n = get_value(c, f->node, name, NULL, 0);
    if (n < 0)
        return (int)n;
    rc = ops_hold(c->ops, f->node);
    if (rc)
        return rc;
    rc = p9_fid_new(&c->p9->fids, new_fid, f->node, 0, NULL, &f->cred,
                    &value);
    if (rc) {
        ops_forget(c->ops, f->node, 1);
        return rc;
    }
    value->kind = P9_XATTR_READ;
    rc = p9_fid_room(&c->p9->fids, value, (size_t)n);
    if (!rc && n) {
        /* Another may have changed it since. */
        n = get_value(c, value->node, name, value->value, (size_t)n);
        rc = n < 0 ? (int)n : 0;
    }
    if (rc) {
        p9_fid_drop(&c->p9->fids, value);
        return rc;
    }
    value->value_len = (size_t)n;
    p9_put_u64(&c->out, (uint64_t)n);
    return 0;
}

static int do_xattrcreate(struct call *c)
{
    char name[XATTR_NAME_MAX + 1];
    struct p9_fid *f;
    uint64_t size;
    uint32_t flags;
    int rc = node_of(c, &f);

    p9_string(&c->in, name, sizeof(name));
    size = p9_u64(&c->in);
    flags = p9_u32(&c->in);
    if (rc || whole(c))
        return rc ? rc : -EINVAL;
    if (f->fh || flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
        return -EINVAL;
    if (size > P9_XATTR_MAX)
        return -E2BIG;
    free(f->attr);
    f->attr = strdup(name);
    if (!f->attr)
        return -ENOMEM;
    rc = p9_fid_room(&c->p9->fids, f, (size_t)size);
    if (rc)
        return rc;
    f->kind = P9_XATTR_WRITE;
    f->flags = (int)flags;
    return 0;
}

/* ---- locks ---- */

enum { LOCK_DONE, LOCK_BLOCKED, LOCK_ERROR };

/* Who has a lock: a process of a client, by names that the guest chose. */
static uint64_t owner_of(const char *client, uint32_t process)
{
    return table_hash(client, strlen(client), process);
}

static int get_lock(struct call *c, struct ops_lock *lock, char *client,
                    size_t size, bool with_flags)
{
    uint64_t length;

    lock->kind = OPS_LOCK_POSIX;
    lock->type = p9_u8(&c->in);
    if (with_flags)
        (void)p9_u32(&c->in);   /* who would wait asks again */
    lock->start = p9_u64(&c->in);
    length = p9_u64(&c->in);
    lock->pid = p9_u32(&c->in);
    p9_string(&c->in, client, size);
    lock->owner = owner_of(client, lock->pid);
    lock->end = length ? lock->start + length - 1 : UINT64_MAX;
    if (whole(c) || lock->type > F_UNLCK || lock->end < lock->start)
        return -EINVAL;
    return 0;
}

static int do_lock(struct call *c)
{
    char client[OPS_NAME_MAX + 1];
    struct ops_lock lock;
    struct p9_fid *f;
    int rc = node_of(c, &f), rc2;

    rc2 = get_lock(c, &lock, client, sizeof(client), true);
    if (rc || rc2)
        return rc ? rc : rc2;
    if (!f->fh)
        return -EBADF;
    rc = ops_setlk(c->ops, f->fh, &lock);
    if (rc && rc != -EAGAIN)
        return rc;
    p9_put_u8(&c->out, rc ? LOCK_BLOCKED : LOCK_DONE);
    return 0;
}

static int do_getlock(struct call *c)
{
    char client[OPS_NAME_MAX + 1];
    struct ops_lock lock;
    struct p9_fid *f;
    uint64_t length;
    int rc = node_of(c, &f), rc2;

    rc2 = get_lock(c, &lock, client, sizeof(client), false);
    if (rc || rc2)
        return rc ? rc : rc2;
    if (!f->fh)
        return -EBADF;
    rc = ops_getlk(c->ops, f->fh, &lock);
    if (rc)
        return rc;
    length = lock.end == UINT64_MAX ? 0 : lock.end - lock.start + 1;
    p9_put_u8(&c->out, (uint8_t)lock.type);
    p9_put_u64(&c->out, lock.start);
    p9_put_u64(&c->out, length);
    p9_put_u32(&c->out, lock.pid);
    p9_put_string(&c->out, client, strlen(client));
    return 0;
}

/* ---- from a message to its answer ---- */

static int (*const table[TYPES])(struct call *c) = {
    [TSTATFS] = do_statfs, [TLOPEN] = do_lopen, [TLCREATE] = do_lcreate,
    [TSYMLINK] = do_symlink, [TMKNOD] = do_mknod, [TRENAME] = do_rename,
    [TREADLINK] = do_readlink, [TGETATTR] = do_getattr,
    [TSETATTR] = do_setattr, [TXATTRWALK] = do_xattrwalk,
    [TXATTRCREATE] = do_xattrcreate, [TREADDIR] = do_readdir,
    [TFSYNC] = do_fsync, [TLOCK] = do_lock, [TGETLOCK] = do_getlock,
    [TLINK] = do_link, [TMKDIR] = do_mkdir, [TRENAMEAT] = do_renameat,
    [TUNLINKAT] = do_unlinkat, [TVERSION] = do_version, [TAUTH] = do_auth,
    [TATTACH] = do_attach, [TFLUSH] = do_flush, [TWALK] = do_walk,
    [TGET] = do_read, [TPUT] = do_write, [TCLUNK] = do_clunk,
    [TREMOVE] = do_remove,
};

void p9_init(struct p9 *p9, struct ops *ops, const char *share,
             uint32_t msize_max)
{
    *p9 = (struct p9){ .ops = ops, .msize_max = msize_max };
    memcpy(p9->share, share, strnlen(share, OPS_NAME_MAX));
    p9_fids_init(&p9->fids, ops);
}

void p9_dispose(struct p9 *p9)
{
    p9_fids_dispose(&p9->fids);
}

/* Without a version, or when it was agreed on with an earlier server, there
 * is nothing that a message could be about. */
static int dispatch(struct call *c, uint8_t type)
{
    if (type >= TYPES || !table[type])
        return -EOPNOTSUPP;
    if (!c->p9->msize && type != TVERSION && type != TFLUSH)
        return -ESTALE;
    return table[type](c);
}

long p9_do(struct p9 *p9, const uint8_t *msg, size_t size, uint8_t *out)
{
    struct call c = {
        .p9 = p9, .ops = p9->ops,
        .in = { .at = msg, .end = msg + size },
        .out = { .at = out + P9_HEADER,
                 .end = out + (p9->msize ? p9->msize : p9->msize_max) },
    };
    struct p9_out head = { .at = out, .end = out + P9_HEADER };
    uint32_t told = p9_u32(&c.in);
    uint8_t type = p9_u8(&c.in);
    uint16_t tag = p9_u16(&c.in);
    int rc;

    if (whole(&c) || told != size)
        return -EPROTO;
    rc = dispatch(&c, type);
    if (!rc && c.out.bad)
        rc = -EMSGSIZE;
    if (rc) {
        c.out.at = out + P9_HEADER;
        c.out.bad = false;
        p9_put_u32(&c.out, (uint32_t)-rc);
    }
    p9_put_u32(&head, (uint32_t)(c.out.at - out));
    p9_put_u8(&head, rc ? RLERROR : (uint8_t)(type + 1));
    p9_put_u16(&head, tag);
    return c.out.at - out;
}
