// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile back-end of xkfs: it shows a guest a share "s" with a few files
 * that are not there, answers most of what the guest's module asks as the
 * protocol says, and the rest as one mood after the other has it. A mood lasts
 * for one connection. It says what it did, for each mood.
 *
 *   xk-backend-dom0 DOMID SECONDS SEED [MOOD]
 *
 * 0: time is over; 1: the guest's module did not connect any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include <xk-keys.h>

#include "wire_ring.h"

#define PAGE 4096u
#define QUEUES (XK_XKFS_QUEUES + 1u)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* A connection, at least and at most: the module takes 60 in a minute. */
#define SHORTEST_MS 1100u
#define LONGEST_MS 2500u
/* How long the module may take to offer its rings; it need not when it cannot
 * like the limits. */
#define OFFER_MS 60000u
#define NO_OFFER_MS 3000u

enum { INITIALISING = 1, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED };

static struct xs_handle *xs;
static xengnttab_handle *xgt;
static xenevtchn_handle *xce;
static unsigned int domid;
static char fe[64], be[64];

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void nap(unsigned int us)
{
    struct timespec t = { .tv_nsec = (long)us * 1000 };

    nanosleep(&t, NULL);
}

/* ---- chance ---- */

static uint64_t seed;

static uint32_t chance(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static uint64_t odd(void)
{
    static const uint64_t values[] = {
        0, 1, 2, 3, 7, 255, 256, 4095, 4096, 65535, 65536, 1u << 20,
        (1u << 20) + 1, INT32_MAX, 0x80000000u, UINT32_MAX, INT64_MAX,
        INT64_MAX - 4095, UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 4095,
    };

    if (chance(4))
        return values[chance(COUNT(values))];
    return (uint64_t)chance(UINT32_MAX) << 32 | chance(UINT32_MAX);
}

/* ---- xenstore ---- */

static void put(const char *dir, const char *key, const char *value)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    (void)xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value));
}

static void put_number(const char *dir, const char *key, unsigned int value)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", value);
    put(dir, key, text);
}

static unsigned int get_number(const char *dir, const char *key)
{
    char path[160], *text;
    unsigned int len, value;

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    text = xs_read(xs, XBT_NULL, path, &len);
    value = text ? (unsigned int)strtoul(text, NULL, 10) : 0;
    free(text);
    return value;
}

static unsigned int fe_state(void)
{
    return get_number(fe, XK_KEY_FILES_FE_STATE);
}

static void set_state(unsigned int state)
{
    put_number(be, XK_KEY_FILES_BE_STATE, state);
}

static void make_dir(const char *path, unsigned int owner,
                     unsigned int reader)
{
    struct xs_permissions perms[2] = {
        { .id = owner, .perms = XS_PERM_NONE },
        { .id = reader, .perms = XS_PERM_READ },
    };

    (void)xs_mkdir(xs, XBT_NULL, path);
    (void)xs_set_permissions(xs, XBT_NULL, path, perms, 2);
}

static void put_limits(void)
{
    put_number(be, XK_KEY_FILES_BE_MAX_VERSION, XK_XKFS_VERSION);
    put_number(be, XK_KEY_FILES_BE_MAX_QUEUES, 2);
    put_number(be, XK_KEY_FILES_BE_MAX_RING_ORDER, 1);
    put_number(be, XK_KEY_FILES_BE_MAX_POOL_PAGES, 4096);
}

static void make_nodes(void)
{
    snprintf(fe, sizeof(fe), XK_PATH_FILES_FRONTEND, domid, 0u);
    snprintf(be, sizeof(be), XK_PATH_FILES_BACKEND, domid, 0u);
    make_dir(be, 0, domid);
    put(be, XK_KEY_FILES_BE_FRONTEND, fe);
    put_number(be, XK_KEY_FILES_BE_FRONTEND_ID, domid);
    put_number(be, XK_KEY_FILES_BE_ONLINE, 1);
    put_limits();
    set_state(INIT_WAIT);
    make_dir(fe, domid, 0);
    put(fe, XK_KEY_FILES_FE_BACKEND, be);
    put_number(fe, XK_KEY_FILES_FE_BACKEND_ID, 0);
    put_number(fe, XK_KEY_FILES_FE_STATE, INITIALISING);
}

static void remove_nodes(void)
{
    (void)xs_rm(xs, XBT_NULL, fe);
    (void)xs_rm(xs, XBT_NULL, be);
}

/* ---- the rings ---- */

static struct queue {
    xk_files_back_ring_t ring;
    void *page;
    int port;
} queues[QUEUES];

static unsigned int nr_queues, ring_pages, pool_pages;
static uint8_t *pool;

static void *map(uint32_t *refs, uint32_t count)
{
    return xengnttab_map_domain_grant_refs(xgt, count, domid, refs,
                                           PROT_READ | PROT_WRITE);
}

static bool map_queue(unsigned int q)
{
    uint32_t refs[1u << XK_XKFS_RING_ORDER], i;
    char key[64];

    for (i = 0; i < ring_pages; i++) {
        snprintf(key, sizeof(key), "queue/%u/ring/%u", q, i);
        refs[i] = get_number(fe, key);
    }
    queues[q].page = map(refs, ring_pages);
    if (!queues[q].page)
        return false;
    BACK_RING_INIT(&queues[q].ring,
                   (xk_files_sring_t *)queues[q].page, ring_pages * PAGE);
    snprintf(key, sizeof(key), "queue/%u/event-channel", q);
    queues[q].port = xenevtchn_bind_interdomain(xce, domid,
                                                get_number(fe, key));
    return queues[q].port > 0;
}

static bool map_pool(void)
{
    static uint32_t refs[XK_XKFS_POOL_MAX];
    uint32_t at, n, ref, *dir;
    char key[32];

    for (at = 0; at < pool_pages; at += n) {
        n = pool_pages - at;
        if (n > XK_XKFS_DIR_REFS)
            n = XK_XKFS_DIR_REFS;
        snprintf(key, sizeof(key), "pool/%u", at / XK_XKFS_DIR_REFS);
        ref = get_number(fe, key);
        dir = xengnttab_map_domain_grant_refs(xgt, 1, domid, &ref,
                                              PROT_READ);
        if (!dir)
            return false;
        memcpy(refs + at, dir, n * sizeof(*refs));
        (void)xengnttab_unmap(xgt, dir, 1);
    }
    pool = map(refs, pool_pages);
    return pool;
}

static bool map_all(void)
{
    unsigned int q;

    nr_queues = get_number(fe, XK_KEY_FILES_FE_QUEUES) + 1;
    ring_pages = 1u << (get_number(fe, XK_KEY_FILES_FE_RING_ORDER) & 3);
    pool_pages = get_number(fe, XK_KEY_FILES_FE_POOL_PAGES);
    if (nr_queues < 2 || nr_queues > QUEUES || !pool_pages ||
        pool_pages > XK_XKFS_POOL_MAX)
        return false;
    for (q = 0; q < nr_queues; q++)
        if (!map_queue(q))
            return false;
    return map_pool();
}

static void unmap_all(void)
{
    unsigned int q;

    for (q = 0; q < QUEUES; q++) {
        if (queues[q].port > 0)
            (void)xenevtchn_unbind(xce, (evtchn_port_t)queues[q].port);
        if (queues[q].page)
            (void)xengnttab_unmap(xgt, queues[q].page, ring_pages);
        memset(&queues[q], 0, sizeof(queues[q]));
    }
    if (pool)
        (void)xengnttab_unmap(xgt, pool, pool_pages);
    pool = NULL;
}

/* ---- files that are not there ---- */

struct node {
    uint64_t parent;
    char name[XK_XKFS_NAME + 1];
    uint32_t mode;
    uint64_t size;
};

/* By number; 0 and 1 are none of them. A free one has no mode. */
static struct node nodes[200];

static uint64_t add(uint64_t parent, const char *name, size_t len,
                    uint32_t mode)
{
    uint64_t n;

    if (len > XK_XKFS_NAME)
        len = XK_XKFS_NAME;
    for (n = 2; n < COUNT(nodes) && nodes[n].mode; n++)
        ;
    if (n == COUNT(nodes))      /* full: the last ones are used again */
        n = COUNT(nodes) - 1 - chance(100);
    memset(&nodes[n], 0, sizeof(nodes[n]));
    nodes[n].parent = parent;
    nodes[n].mode = mode;
    memcpy(nodes[n].name, name, len);
    return n;
}

static void make_files(void)
{
    uint64_t s, d;

    memset(nodes, 0, sizeof(nodes));
    s = add(XK_XKFS_ROOT, "s", 1, S_IFDIR | 0777);
    d = add(s, "d", 1, S_IFDIR | 0777);
    nodes[add(s, "f", 1, S_IFREG | 0666)].size = 5000;
    nodes[add(d, "g", 1, S_IFREG | 0666)].size = 300000;
    (void)add(s, "l", 1, S_IFLNK | 0777);
    (void)add(s, "p", 1, S_IFIFO | 0666);
    (void)add(d, "long", 4, S_IFLNK | 0777);
}

static uint64_t find(uint64_t parent, const void *name, size_t len)
{
    uint64_t n;

    for (n = 2; n < COUNT(nodes); n++)
        if (nodes[n].mode && nodes[n].parent == parent &&
            strlen(nodes[n].name) == len && !memcmp(nodes[n].name, name, len))
            return n;
    return 0;
}

/* ---- an answer, as it would be right ---- */

struct answer {
    struct xk_xkfs_req req;     /* a copy */
    uint8_t in[XK_XKFS_MSG_MAX];
    struct xk_xkfs_rsp rsp;
    uint8_t out[XK_XKFS_IO_MAX + 64];
    unsigned int queue;
    bool none;                  /* it is not answered (yet) */
};

static struct xk_xkfs_attr attr_of(uint64_t n)
{
    struct xk_xkfs_attr a = {
        .ino = n, .mode = S_IFDIR | 0555, .nlink = 2, .blksize = 4096,
        .share_id = n > XK_XKFS_ROOT, .mtime = { .sec = 1700000000 },
        .ctime = { .sec = 1700000000, .nsec = (uint32_t)n }, .version = 1,
    };

    if (n > XK_XKFS_ROOT && n < COUNT(nodes)) {
        a.mode = nodes[n].mode;
        a.size = nodes[n].size;
        a.blocks = a.size / 512;
    }
    return a;
}

static void put_out(struct answer *a, const void *what, size_t len)
{
    memcpy(a->out + a->rsp.out_len, what, len);
    a->rsp.out_len += (uint32_t)len;
}

static void put_attr(struct answer *a, uint64_t n)
{
    struct xk_xkfs_attr attr = attr_of(n);

    put_out(a, &attr, sizeof(attr));
}

static struct xk_xkfs_entry entry_of(uint64_t n)
{
    struct xk_xkfs_entry e = { .node = n, .generation = 1, .handle_len = 48,
                               .attr = attr_of(n) };

    memset(e.handle, (int)n, e.handle_len);
    return e;
}

static void put_entry(struct answer *a, uint64_t n)
{
    struct xk_xkfs_entry e = entry_of(n);

    put_out(a, &e, sizeof(e));
}

static void put_dirent(struct answer *a, uint64_t n, const char *name,
                       uint64_t next)
{
    size_t len = strlen(name);
    struct xk_xkfs_dirent d = {
        .ino = n, .next = next, .name_len = (uint16_t)len,
        .type = n < COUNT(nodes) && nodes[n].mode
                    ? (uint8_t)(nodes[n].mode >> 12) : 4,
        .plus = (a->req.flags & XK_XKFS_F_PLUS) && name[0] != '.',
    };

    if (a->rsp.out_len + 700 > a->req.out_len)
        return;
    put_out(a, &d, sizeof(d));
    put_out(a, name, len);
    a->rsp.out_len = (a->rsp.out_len + 7) & ~7u;
    if (d.plus)
        put_entry(a, n);
    a->rsp.value = next;
}

static void do_list(struct answer *a)
{
    uint64_t n, dir = a->req.fh >> 8, at = a->req.off;

    if (at < 1)
        put_dirent(a, dir, ".", 1);
    if (at < 2)
        put_dirent(a, dir, "..", 2);
    for (n = at < 2 ? 2 : at; n < COUNT(nodes); n++)
        if (nodes[n].mode && nodes[n].parent == dir)
            put_dirent(a, n, nodes[n].name, n + 1);
}

static void do_lookup(struct answer *a)
{
    uint64_t n = find(a->req.node, a->in, a->req.in_len);

    if (n)
        put_entry(a, n);
    else
        a->rsp.status = -ENOENT;
}

static void do_make(struct answer *a)
{
    static const uint32_t types[XK_XKFS_OPS] = {
        [XK_XKFS_MKDIR] = S_IFDIR, [XK_XKFS_SYMLINK] = S_IFLNK,
        [XK_XKFS_CREATE] = S_IFREG,
    };
    size_t len = a->req.op == XK_XKFS_SYMLINK ? a->req.name_len
                                              : a->req.in_len;
    uint32_t mode = types[a->req.op]
                        ? types[a->req.op] | 0777 : (uint32_t)a->req.arg[1];
    uint64_t n = find(a->req.node, a->in, len);

    if (n && a->req.op != XK_XKFS_CREATE) {
        a->rsp.status = -EEXIST;
        return;
    }
    a->rsp.value2 = !n;
    if (!n)
        n = add(a->req.node, (const char *)a->in, len, mode);
    a->rsp.value = n << 8 | 1;
    put_entry(a, n);
}

static void do_link(struct answer *a)
{
    put_entry(a, a->req.node2);
}

static void do_tmpfile(struct answer *a)
{
    uint64_t n = add(0, "", 0, S_IFREG | 0600);

    a->rsp.value = n << 8 | 1;
    put_entry(a, n);
}

static void do_remove(struct answer *a)
{
    uint64_t n = find(a->req.node, a->in, a->req.in_len);

    if (n)
        nodes[n].mode = 0;
    else
        a->rsp.status = -ENOENT;
}

static void do_rename(struct answer *a)
{
    uint32_t len = a->req.name_len, rest = a->req.in_len - len;
    uint64_t n, old;

    if (len > a->req.in_len || rest > XK_XKFS_NAME)
        return;
    n = find(a->req.node, a->in, len);
    old = find(a->req.node2, a->in + len, rest);
    if (old)
        nodes[old].mode = 0;
    if (!n) {
        a->rsp.status = -ENOENT;
        return;
    }
    memset(nodes[n].name, 0, sizeof(nodes[n].name));
    memcpy(nodes[n].name, a->in + len, rest);
    nodes[n].parent = a->req.node2;
}

static void do_getattr(struct answer *a)
{
    put_attr(a, a->req.node);
}

static void do_setattr(struct answer *a)
{
    struct xk_xkfs_setattr set;

    memcpy(&set, a->in, sizeof(set));
    if (set.valid & XK_XKFS_SET_SIZE && a->req.node < COUNT(nodes))
        nodes[a->req.node].size = set.size;
    put_attr(a, a->req.node);
}

static void do_open(struct answer *a)
{
    a->rsp.value = a->req.node << 8 | 1;
    if (a->req.out_len >= sizeof(struct xk_xkfs_attr))
        put_attr(a, a->req.node);
}

static struct node *of_file(struct answer *a)
{
    uint64_t n = a->req.fh >> 8;

    return n < COUNT(nodes) ? &nodes[n] : &nodes[0];
}

static void do_read(struct answer *a)
{
    uint64_t size = of_file(a)->size, n = a->req.out_len;

    if (a->req.off >= size)
        n = 0;
    else if (n > size - a->req.off)
        n = size - a->req.off;
    memset(a->out, 'x', n);
    a->rsp.out_len = (uint32_t)n;
}

static void do_write(struct answer *a)
{
    struct node *f = of_file(a);

    if (a->req.flags & XK_XKFS_F_APPEND)
        a->rsp.value2 = a->req.off = f->size;
    if (a->req.off + a->req.in_len > f->size)
        f->size = a->req.off + a->req.in_len;
    a->rsp.value = a->req.in_len;
}

static void do_copy(struct answer *a)
{
    a->rsp.value = a->req.arg[0];
}

static void do_lseek(struct answer *a)
{
    a->rsp.value = a->req.arg[0] == 4 ? of_file(a)->size : a->req.off;
}

static void do_readlink(struct answer *a)
{
    static const char target[] = "../s/f";

    put_out(a, target, sizeof(target) - 1);
}

static void do_statfs(struct answer *a)
{
    struct xk_xkfs_statfs st = { .blocks = 1000, .bfree = 500, .bavail = 500,
                                 .files = 99, .bsize = 4096, .namelen = 255,
                                 .share_id = 1 };

    put_out(a, &st, sizeof(st));
}

static uint64_t epoch;

static void do_hello(struct answer *a)
{
    struct xk_xkfs_hello hello = {
        .version = XK_XKFS_VERSION, .features = (uint32_t)a->req.arg[1],
        .epoch = epoch, .io_max = XK_XKFS_IO_MAX,
    };

    put_out(a, &hello, sizeof(hello));
}

static void do_getxattr(struct answer *a)
{
    if (memcmp(a->in, "user.", 5)) {
        a->rsp.status = -ENODATA;
        return;
    }
    a->rsp.value = 5;
    if (a->req.out_len >= 5)
        put_out(a, "value", 5);
}

static void do_listxattr(struct answer *a)
{
    a->rsp.value = 14;
    if (a->req.out_len >= 14)
        put_out(a, "user.a\0user.b\0", 14);
}

static void do_getlk(struct answer *a)
{
    struct xk_xkfs_lock lock;

    memcpy(&lock, a->in, sizeof(lock));
    lock.type = XK_XKFS_UNLCK;
    put_out(a, &lock, sizeof(lock));
}

static void do_restore(struct answer *a)
{
    uint64_t n = a->req.node ? a->req.node : a->in[0];

    if (n < COUNT(nodes) && nodes[n].mode)
        put_entry(a, n);
    else
        a->rsp.status = -ESTALE;
}

static void do_reopen(struct answer *a)
{
    a->rsp.value = a->req.fh;
}

static void do_notify(struct answer *a)
{
    a->none = true;
}

/* What is not here is answered with nothing but 0. */
static void (*const doers[XK_XKFS_OPS])(struct answer *a) = {
    [XK_XKFS_HELLO] = do_hello, [XK_XKFS_STATFS] = do_statfs,
    [XK_XKFS_LOOKUP] = do_lookup, [XK_XKFS_GETATTR] = do_getattr,
    [XK_XKFS_SETATTR] = do_setattr, [XK_XKFS_READLINK] = do_readlink,
    [XK_XKFS_OPEN] = do_open, [XK_XKFS_CREATE] = do_make,
    [XK_XKFS_READ] = do_read, [XK_XKFS_WRITE] = do_write,
    [XK_XKFS_READDIR] = do_list, [XK_XKFS_MKDIR] = do_make,
    [XK_XKFS_MKNOD] = do_make, [XK_XKFS_SYMLINK] = do_make,
    [XK_XKFS_LINK] = do_link, [XK_XKFS_UNLINK] = do_remove,
    [XK_XKFS_RMDIR] = do_remove, [XK_XKFS_RENAME] = do_rename,
    [XK_XKFS_LSEEK] = do_lseek, [XK_XKFS_COPY] = do_copy,
    [XK_XKFS_GETXATTR] = do_getxattr, [XK_XKFS_LISTXATTR] = do_listxattr,
    [XK_XKFS_GETLK] = do_getlk, [XK_XKFS_TMPFILE] = do_tmpfile,
    [XK_XKFS_NOTIFY] = do_notify, [XK_XKFS_RESTORE] = do_restore,
    [XK_XKFS_REOPEN] = do_reopen,
};

/* ---- sending ---- */

static void notify(unsigned int q)
{
    (void)xenevtchn_notify(xce, (evtchn_port_t)queues[q].port);
}

static void push(unsigned int q, const struct xk_xkfs_rsp *rsp)
{
    xk_files_back_ring_t *ring = &queues[q].ring;

    *RING_GET_RESPONSE(ring, ring->rsp_prod_pvt) = *rsp;
    ring->rsp_prod_pvt++;
    RING_PUSH_RESPONSES(ring);
    notify(q);
}

static bool in_pool(uint64_t off, uint64_t len)
{
    return off + len <= (uint64_t)pool_pages * PAGE;
}

static void send_answer(struct answer *a)
{
    uint32_t n = a->rsp.out_len;

    /* What it says that it wrote, and what it can write, differ at will. */
    if (n > a->req.out_len)
        n = a->req.out_len;
    if (n > sizeof(a->out))
        n = sizeof(a->out);
    if (in_pool(a->req.out_off, n))
        memcpy(pool + a->req.out_off, a->out, n);
    push(a->queue, &a->rsp);
}

/* ---- moods ---- */

static bool has_entry(const struct answer *a)
{
    return a->rsp.out_len == sizeof(struct xk_xkfs_entry);
}

static bool has_attr(const struct answer *a)
{
    return has_entry(a) || a->rsp.out_len == sizeof(struct xk_xkfs_attr);
}

static struct xk_xkfs_attr *the_attr(struct answer *a)
{
    return (void *)(a->out + (has_entry(a)
                              ? offsetof(struct xk_xkfs_entry, attr) : 0));
}

static void be_honest(struct answer *a)
{
    (void)a;
}

/* Attributes that could be, but are not what they were. */
static void other_attr(struct answer *a)
{
    struct xk_xkfs_attr *attr = the_attr(a);

    if (!has_attr(a))
        return;
    switch (chance(8)) {
    case 0:
        attr->size = odd() & INT64_MAX;
        break;
    case 1:
        attr->nlink = (uint32_t)odd();
        break;
    case 2:
        attr->mode ^= 1u << chance(12);
        break;
    case 3:
        attr->uid = (uint32_t)odd() & INT32_MAX;
        break;
    case 4:
        attr->mtime.sec = (int64_t)odd();
        attr->ctime.sec = (int64_t)odd();
        break;
    case 5:
        attr->share = (uint32_t)odd();
        break;
    case 6:
        attr->share_id = (uint32_t)odd();
        break;
    default:
        attr->ino = odd();
        attr->blocks = odd();
        attr->rdev = (uint32_t)odd();
        break;
    }
}

/* Attributes that cannot be: each word of them. */
static void no_attr(struct answer *a)
{
    uint32_t at = chance(sizeof(struct xk_xkfs_attr) / 4) * 4;
    uint32_t value = (uint32_t)odd();

    if (has_attr(a))
        memcpy((uint8_t *)the_attr(a) + at, &value, 4);
}

static void other_type(struct answer *a)
{
    static const uint32_t types[] = { S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO,
                                      S_IFSOCK, S_IFCHR, S_IFBLK, 0 };

    if (has_attr(a))
        the_attr(a)->mode = types[chance(COUNT(types))] | 0777;
}

/* Another node than was asked for: a parent, the root, one that is open. */
static void other_node(struct answer *a)
{
    struct xk_xkfs_entry e;

    if (!has_entry(a))
        return;
    memcpy(&e, a->out, sizeof(e));
    switch (chance(4)) {
    case 0:
        e.node = a->req.node;
        e.attr.mode = S_IFDIR | 0777;
        break;
    case 1:
        e = entry_of(2 + chance(8));
        break;
    case 2:
        e.node = odd();
        break;
    default:
        e.handle_len = (uint32_t)odd();
        break;
    }
    memcpy(a->out, &e, sizeof(e));
}

static void flip_bytes(struct answer *a)
{
    unsigned int n = 1 + chance(4);

    while (a->rsp.out_len && n--)
        a->out[chance(a->rsp.out_len)] ^= (uint8_t)(1u << chance(8));
}

static void other_length(struct answer *a)
{
    a->rsp.out_len = (uint32_t)odd();
}

static void shorter(struct answer *a)
{
    if (a->rsp.out_len)
        a->rsp.out_len = chance(a->rsp.out_len);
}

static void other_status(struct answer *a)
{
    static const int32_t all[] = {
        1, 4096, INT32_MAX, INT32_MIN, -4095, -4096, -1, -2, -5, -11, -512,
        -513, -516, -529, -116, -71,
    };

    a->rsp.status = all[chance(COUNT(all))];
}

/* Errors that are errors, for everything. */
static void plain_errors(struct answer *a)
{
    static const int32_t all[] = {
        -EIO, -ENOENT, -ESTALE, -EACCES, -ENOSPC, -EDQUOT, -ENOMEM, -EINTR,
        -EAGAIN, -ENOTDIR, -EISDIR, -ELOOP, -EEXIST, -EOPNOTSUPP, -ERANGE,
        -ENXIO, -EROFS, -ENODATA,
    };

    a->rsp.status = all[chance(COUNT(all))];
    a->rsp.out_len = 0;
}

static void other_value(struct answer *a)
{
    if (chance(2))
        a->rsp.value = odd();
    else
        a->rsp.value2 = odd();
}

static void other_id(struct answer *a)
{
    a->rsp.id = chance(2) ? a->rsp.id + (odd() & 0xffff) : odd();
}

static void other_queue(struct answer *a)
{
    a->queue = chance(nr_queues);
}

static void twice(struct answer *a)
{
    push(a->queue, &a->rsp);
}

static void never(struct answer *a)
{
    a->none = true;
}

static void other_index(struct answer *a)
{
    xk_files_sring_t *ring = queues[chance(nr_queues)].page;

    (void)a;
    switch (chance(3)) {
    case 0:
        ring->rsp_prod += (RING_IDX)odd();
        break;
    case 1:
        ring->req_event = (RING_IDX)odd();
        break;
    default:
        ring->rsp_event = (RING_IDX)odd();
        ring->req_prod = (RING_IDX)odd();
        break;
    }
    notify(a->queue);
}

/* Names that are none, cursors that go nowhere, entries of others. */
static void other_names(struct answer *a)
{
    static const char chars[] = "/\0.\xff";
    struct xk_xkfs_dirent d;

    if (a->req.op != XK_XKFS_READDIR || a->rsp.out_len < sizeof(d))
        return;
    memcpy(&d, a->out, sizeof(d));
    switch (chance(6)) {
    case 0:
        d.name_len = (uint16_t)odd();
        break;
    case 1:
        a->out[sizeof(d)] = (uint8_t)chars[chance(4)];
        break;
    case 2:
        d.next = odd();
        break;
    case 3:
        d.plus = (uint8_t)chance(256);
        break;
    case 4:
        d.type = (uint8_t)chance(256);
        d.ino = odd();
        break;
    default:
        a->rsp.out_len = chance(a->rsp.out_len);
        break;
    }
    memcpy(a->out, &d, sizeof(d));
}

/* One directory, over and over. */
static void endless_names(struct answer *a)
{
    if (a->req.op == XK_XKFS_READDIR) {
        a->rsp.out_len = 0;
        a->req.off = 0;
        do_list(a);
    }
}

static void other_target(struct answer *a)
{
    if (a->req.op != XK_XKFS_READLINK)
        return;
    a->rsp.out_len = chance(3) ? chance(XK_XKFS_TARGET + 200)
                               : XK_XKFS_TARGET;
    memset(a->out, chance(2) ? '/' : 'x', XK_XKFS_TARGET + 200);
    if (!chance(3))
        a->out[chance(XK_XKFS_TARGET)] = 0;
}

static void other_hello(struct answer *a)
{
    uint32_t at = chance(sizeof(struct xk_xkfs_hello) / 4) * 4;
    uint32_t value = (uint32_t)odd();

    if (a->req.op == XK_XKFS_HELLO)
        memcpy(a->out + at, &value, 4);
}

/* Nothing is known any more, or is another one now. */
static void forgetful(struct answer *a)
{
    if (a->req.op == XK_XKFS_RESTORE && chance(2))
        a->rsp.status = -ESTALE, a->rsp.out_len = 0;
    else if (a->req.op == XK_XKFS_RESTORE)
        other_type(a);
    else if (a->req.op == XK_XKFS_REOPEN)
        a->rsp.value = odd();
}

static void put_event(struct answer *a)
{
    struct xk_xkfs_event ev = {
        .kind = chance(8) ? 1 + chance(4) : (uint32_t)odd(),
        .share_id = chance(2), .node = chance(10),
        .name_len = (uint16_t)(chance(8) ? chance(9) : odd()),
    };
    uint8_t name[16];
    uint32_t i, n = ev.name_len > 16 ? 16 : ev.name_len;

    for (i = 0; i < sizeof(name); i++)
        name[i] = chance(4) ? "fdglp/.\0"[chance(8)] : (uint8_t)chance(256);
    put_out(a, &ev, sizeof(ev));
    put_out(a, name, n);
    a->rsp.out_len = (a->rsp.out_len + 7) & ~7u;
}

static void many_events(struct answer *a)
{
    unsigned int n = 1 + chance(20);

    if (a->req.op != XK_XKFS_NOTIFY)
        return;
    a->none = false;
    while (n--)
        put_event(a);
    if (!chance(4))
        a->rsp.out_len = chance(a->rsp.out_len);
}

/* The pool changes while the guest reads it: see scribble(). */
static bool scribbling;

/* One answer in `one_of` is as the mood has it. */
static const struct mood {
    const char *name;
    void (*fn)(struct answer *a);
    unsigned int one_of;
} moods[] = {
    { "honest", be_honest, 1 }, { "other-attr", other_attr, 2 },
    { "no-attr", no_attr, 20 }, { "other-type", other_type, 3 },
    { "other-node", other_node, 4 }, { "flip-bytes", flip_bytes, 8 },
    { "other-length", other_length, 20 }, { "shorter", shorter, 12 },
    { "other-status", other_status, 20 },
    { "plain-errors", plain_errors, 3 }, { "other-value", other_value, 6 },
    { "other-id", other_id, 20 }, { "other-queue", other_queue, 10 },
    { "twice", twice, 20 }, { "never", never, 10 },
    { "other-index", other_index, 20 }, { "other-names", other_names, 2 },
    { "endless-names", endless_names, 1 },
    { "other-target", other_target, 1 }, { "other-hello", other_hello, 1 },
    { "forgetful", forgetful, 2 }, { "many-events", many_events, 1 },
    { "scribble", flip_bytes, 50 }, { "flap", be_honest, 1 },
    { "limits", be_honest, 1 }, { "vanish", be_honest, 1 },
};

static const struct mood *mood;
static unsigned long answered[COUNT(moods)], wrong[COUNT(moods)];

static bool mood_is(const char *name)
{
    return !strcmp(mood->name, name);
}

static void *scribble(void *arg)
{
    uint32_t random = 1;

    (void)arg;
    while (__atomic_load_n(&scribbling, __ATOMIC_RELAXED)) {
        random = random * 1664525u + 1013904223u;
        ((volatile uint8_t *)pool)[(random >> 4) % (pool_pages * PAGE)] ^=
            (uint8_t)(random >> 24);
        if (!(random & 0x3ff))
            nap(50);
    }
    return NULL;
}

/* ---- serving ---- */

static void handle(unsigned int q, const struct xk_xkfs_req *req)
{
    static struct answer a;

    a.req = *req;
    a.queue = q;
    a.none = false;
    a.rsp = (struct xk_xkfs_rsp){ .id = req->id };
    if (req->op >= XK_XKFS_OPS || !in_pool(req->in_off, req->in_len))
        return;
    if (req->op != XK_XKFS_WRITE && req->in_len <= sizeof(a.in))
        memcpy(a.in, pool + req->in_off, req->in_len);
    if (doers[req->op])
        doers[req->op](&a);
    answered[mood - moods]++;
    /* Without a greeting there is nothing to see. */
    if ((req->op != XK_XKFS_HELLO || mood_is("other-hello")) &&
        !chance(mood->one_of)) {
        mood->fn(&a);
        wrong[mood - moods] += mood->fn != be_honest;
    }
    if (!a.none)
        send_answer(&a);
}

static bool serve_queue(unsigned int q)
{
    xk_files_back_ring_t *ring = &queues[q].ring;
    struct xk_xkfs_req req;
    RING_IDX prod = *(volatile RING_IDX *)&ring->sring->req_prod;
    bool some = false;

    xen_rmb();
    /* The guest is believed: it is this program that spoils indices. */
    if (prod - ring->req_cons > RING_SIZE(ring))
        return false;
    while (ring->req_cons != prod) {
        RING_COPY_REQUEST(ring, ring->req_cons, &req);
        ring->req_cons++;
        handle(q, &req);
        some = true;
    }
    ring->sring->req_event = ring->req_cons + 1;
    return some;
}

static void flap(void)
{
    static const unsigned int states[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 77 };

    set_state(states[chance(COUNT(states))]);
}

/* Bounds that are none; the next connection is made with them. */
static void spoil_limits(void)
{
    static const char *const keys[] = {
        XK_KEY_FILES_BE_MAX_VERSION, XK_KEY_FILES_BE_MAX_QUEUES,
        XK_KEY_FILES_BE_MAX_RING_ORDER, XK_KEY_FILES_BE_MAX_POOL_PAGES,
    };

    put_number(be, keys[chance(COUNT(keys))], (unsigned int)odd());
}

static void meanwhile(uint64_t since)
{
    if (mood_is("flap") && now_ms() - since > 300 && !chance(20))
        flap();
    if (mood_is("vanish") && now_ms() - since > 600)
        (void)xs_rm(xs, XBT_NULL, fe);
}

/* Until the connection is over, or the guest has had enough. */
static void serve(uint64_t until)
{
    uint64_t begun = now_ms(), looked = begun;
    unsigned int q, state;
    bool some;

    while (now_ms() < until) {
        for (q = 0, some = false; q < nr_queues; q++)
            some = serve_queue(q) || some;
        if (!some)
            nap(300);
        if (now_ms() - looked < 50)
            continue;
        looked = now_ms();
        meanwhile(begun);
        state = fe_state();
        if (state != INITIALISED && state != CONNECTED)
            return;
    }
}

static bool await_offer(void)
{
    uint64_t end = now_ms() + (mood_is("limits") ? NO_OFFER_MS : OFFER_MS);

    while (fe_state() != INITIALISED && now_ms() < end)
        nap(2000);
    return fe_state() == INITIALISED;
}

static void one_connection(void)
{
    uint64_t begun = now_ms();
    pthread_t thread;

    epoch = 1 + chance(3);
    scribbling = mood_is("scribble");
    set_state(CONNECTED);
    if (scribbling && pthread_create(&thread, NULL, scribble, NULL))
        scribbling = false;
    serve(begun + LONGEST_MS);
    if (scribbling) {
        __atomic_store_n(&scribbling, false, __ATOMIC_RELAXED);
        pthread_join(thread, NULL);
    }
    while (now_ms() - begun < SHORTEST_MS)
        nap(10000);
}

/* A device that is there for the module to find, again if need be. */
static void offer(void)
{
    if (!fe_state()) {
        remove_nodes();
        make_nodes();
    }
    if (mood_is("limits"))
        spoil_limits();
    else
        put_limits();
    set_state(INIT_WAIT);
}

static bool one_round(void)
{
    bool there;

    offer();
    there = await_offer();
    if (there && map_all())
        one_connection();
    unmap_all();
    return there || mood_is("limits");
}

static const struct mood *mood_by_name(const char *name)
{
    size_t i;

    for (i = 0; i < COUNT(moods); i++)
        if (!strcmp(moods[i].name, name))
            return &moods[i];
    exit(2);
}

static void tell(unsigned int rounds)
{
    size_t i;

    for (i = 0; i < COUNT(moods); i++)
        printf("%s: %lu answers, %lu of them wrong\n", moods[i].name,
               answered[i], wrong[i]);
    printf("%u connections\n", rounds);
}

int main(int argc, char **argv)
{
    const struct mood *only = argc == 5 ? mood_by_name(argv[4]) : NULL;
    unsigned int rounds = 0, missed = 0;
    uint64_t end;

    if (argc < 4 || argc > 5)
        return 2;
    domid = (unsigned int)strtoul(argv[1], NULL, 0);
    end = now_ms() + strtoul(argv[2], NULL, 0) * 1000;
    seed = strtoul(argv[3], NULL, 0);
    xs = xs_open(0);
    xgt = xengnttab_open(NULL, 0);
    xce = xenevtchn_open(NULL, 0);
    if (!xs || !xgt || !xce)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    make_files();
    make_nodes();
    while (now_ms() < end && missed < 2) {
        mood = only ? only : &moods[rounds % COUNT(moods)];
        printf("connection %u: %s\n", rounds, mood->name);
        missed = one_round() ? 0 : missed + 1;
        rounds++;
    }
    tell(rounds);
    set_state(CLOSING);
    nap(500000);
    remove_nodes();
    return missed ? 1 : 0;
}
