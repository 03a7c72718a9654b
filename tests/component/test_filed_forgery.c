/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers and handles that a guest was never given, or not for this; things in
 * a share that are no files; and what dom0 mounts in a share or moves out of
 * it while the guest has it. Tried against filed and a real server: none leads
 * out, nothing of what lies beside the shares changes, and the server lives on.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "files_play.h"
#include "outside.h"

static struct files_play play;
static struct outside outside;
#define G (&play.guest)

static pid_t server;
static uint64_t root, dir, mine, other;     /* other: the second share */
static struct xk_xkfs_entry mine_entry;
static struct xk_xkfs_rsp rsp;

static uint64_t node_of(uint64_t in, const char *name)
{
    struct xk_xkfs_entry e;

    ck_assert_int_eq(files_lookup(G, in, name, &e), 0);
    return e.node;
}

static void path_of(char path[96], const char *name)
{
    snprintf(path, 96, "%s/%s", play.dir, name);
}

static void make_dir(const char *name)
{
    char path[96];

    path_of(path, name);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

/* Two shares, a directory that something may be mounted on, and another guest
 * that has the first share too. Its mount hands on what is mounted in it. */
static void setup(void)
{
    char items[200];

    files_play_init(&play);
    ck_assert_int_eq(mount(play.dir, play.dir, NULL, MS_BIND, NULL), 0);
    ck_assert_int_eq(mount(NULL, play.dir, NULL, MS_SHARED, NULL), 0);
    outside_make(&outside, play.dir, false);
    make_dir("second");
    make_dir("data/mount");
    snprintf(items, sizeof(items), "\"path=%s/data\", \"path=%s/second\"",
             play.dir, play.dir);
    files_play_keep(&play, items);
    files_play_keep_for(&play, "two", items);
    files_play_up(&play);
    ck_assert_int_eq(files_connect(G), 0);
    server = files_play_server(&play);
    root = node_of(XK_XKFS_ROOT, "data");
    other = node_of(XK_XKFS_ROOT, "second");
    dir = node_of(root, "dir");
    ck_assert_int_eq(files_lookup(G, root, "mine", &mine_entry), 0);
    mine = mine_entry.node;
}

static void teardown(void)
{
    ck_assert_int_eq(files_play_server(&play), server);
    ck_assert(outside_same(&outside));
    files_play_kill(&play);
    ck_assert_int_eq(umount2(play.dir, MNT_DETACH), 0);
    files_play_fini(&play);
}

static int ask(struct xk_xkfs_req req, const void *a, size_t a_len,
               const void *b, size_t b_len)
{
    return files_ask(G, &req, a, a_len, b, b_len, &rsp);
}

/* ---- numbers ---- */

/* Each operation that has a node, with one that it was not given. */
START_TEST(a_node_that_was_not_given)
{
    static const struct xk_xkfs_setattr set = { .valid = XK_XKFS_SET_MODE };
    static const uint64_t never[] = {
        0, 2, 3, 17, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 1,
    };
    static const uint16_t named[] = {
        XK_XKFS_LOOKUP, XK_XKFS_CREATE, XK_XKFS_MKDIR, XK_XKFS_MKNOD,
        XK_XKFS_UNLINK, XK_XKFS_RMDIR, XK_XKFS_GETXATTR, XK_XKFS_RMXATTR,
    };
    static const uint16_t bare[] = {
        XK_XKFS_GETATTR, XK_XKFS_STATFS, XK_XKFS_READLINK, XK_XKFS_OPEN,
        XK_XKFS_SYNCFS, XK_XKFS_TMPFILE, XK_XKFS_LISTXATTR,
    };
    struct xk_xkfs_req req = { .arg = { O_RDWR, 0644 } };
    uint64_t nodes[XK_ARRAY_SIZE(never) + 4];
    size_t i, k;

    memcpy(nodes, never, sizeof(never));
    k = XK_ARRAY_SIZE(never);
    nodes[k++] = mine + 1000;
    nodes[k++] = mine ^ (UINT64_C(1) << 40);    /* of another epoch */
    nodes[k++] = mine | UINT64_C(1) << 63;
    nodes[k++] = G->hello.epoch << 40;
    for (i = 0; i < k; i++) {
        req.node = req.node2 = nodes[i];
        for (size_t n = 0; n < XK_ARRAY_SIZE(named); n++) {
            req.op = named[n];
            ck_assert_int_eq(ask(req, "user.x", 6, NULL, 0), -ESTALE);
        }
        for (size_t n = 0; n < XK_ARRAY_SIZE(bare); n++) {
            req.op = bare[n];
            ck_assert_int_eq(ask(req, NULL, 0, NULL, 0), -ESTALE);
        }
        req.op = XK_XKFS_RENAME;
        ck_assert_int_eq(ask(req, "a", 1, "b", 1), -ESTALE);
        req.op = XK_XKFS_SYMLINK;
        ck_assert_int_eq(ask(req, "a", 1, "b", 1), -ESTALE);
        req.op = XK_XKFS_SETXATTR;
        ck_assert_int_eq(ask(req, "user.x", 6, "b", 1), -ESTALE);
        req.op = XK_XKFS_SETATTR;
        ck_assert_int_eq(ask(req, &set, sizeof(set), NULL, 0), -ESTALE);
        /* One of two. */
        req.node = root;
        req.op = XK_XKFS_RENAME;
        ck_assert_int_eq(ask(req, "mine", 4, "b", 1), -ESTALE);
        req.op = XK_XKFS_LINK;
        ck_assert_int_eq(ask(req, "b", 1, NULL, 0), -ESTALE);
    }
}
END_TEST

static int forget(uint64_t node, uint64_t references)
{
    struct xk_xkfs_forget f = { node, references };

    return ask((struct xk_xkfs_req){ .op = XK_XKFS_FORGET }, &f, sizeof(f),
               NULL, 0);
}

START_TEST(a_node_that_was_forgotten)
{
    uint64_t fh;

    ck_assert_int_eq(files_open(G, mine, O_RDWR, &fh), 0);
    /* More than there are, of this and of what is always there. */
    ck_assert_int_eq(forget(mine, UINT64_MAX), 0);
    ck_assert_int_eq(forget(XK_XKFS_ROOT, UINT64_MAX), 0);
    ck_assert_int_eq(forget(root, UINT64_MAX), 0);
    ck_assert_int_eq(forget(12345, 1), 0);
    /* It is open: the number stays until that is over. */
    ck_assert_int_eq(files_simple(G, XK_XKFS_GETATTR, mine, fh, 0), 0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_GETATTR, mine, 0, 0), -ESTALE);
    ck_assert_int_eq(files_open(G, mine, O_RDWR, &fh), -ESTALE);
    ck_assert_int_eq(files_lookup(G, root, "mine", NULL), 0);
    ck_assert_uint_eq(node_of(XK_XKFS_ROOT, "data"), root);
}
END_TEST

static int by_fh(uint16_t op, uint64_t fh, uint64_t fh2)
{
    static const struct xk_xkfs_lock lock = { .end = 1,
                                              .type = XK_XKFS_RDLCK };
    struct xk_xkfs_req req = { .op = op, .fh = fh, .fh2 = fh2,
                               .arg = { 1, 0 } };
    bool locks = op == XK_XKFS_GETLK || op == XK_XKFS_SETLK;

    return ask(req, &lock, locks ? sizeof(lock) : 4, NULL, 0);
}

START_TEST(a_file_that_was_not_opened)
{
    static const uint16_t ops[] = {
        XK_XKFS_READ, XK_XKFS_WRITE, XK_XKFS_FSYNC, XK_XKFS_READDIR,
        XK_XKFS_FALLOCATE, XK_XKFS_LSEEK, XK_XKFS_COPY, XK_XKFS_GETLK,
        XK_XKFS_SETLK, XK_XKFS_RELEASE,
    };
    uint64_t fh, at[6] = { 0, 1, 3, UINT64_MAX };
    size_t i, k;

    ck_assert_int_eq(files_open(G, mine, O_RDWR, &fh), 0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
    at[4] = fh;             /* closed */
    at[5] = mine;           /* a node */
    for (i = 0; i < XK_ARRAY_SIZE(at); i++)
        for (k = 0; k < XK_ARRAY_SIZE(ops); k++)
            ck_assert_int_eq(by_fh(ops[k], at[i], at[i]), -EBADF);
}
END_TEST

/* An open file with the node of another, and for what it is not open for. */
START_TEST(a_file_of_something_else)
{
    struct xk_xkfs_setattr size = { .valid = XK_XKFS_SET_SIZE };
    struct xk_xkfs_req req = { .op = XK_XKFS_SETATTR, .node = dir };
    struct xk_xkfs_entry e;
    uint64_t fh, ro, d;

    ck_assert_int_eq(files_open(G, mine, O_RDWR, &fh), 0);
    ck_assert_int_eq(files_open(G, mine, O_RDONLY, &ro), 0);
    ck_assert_int_eq(files_open(G, dir, O_RDONLY, &d), 0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_GETATTR, dir, fh, 0), -EBADF);
    req.fh = fh;
    ck_assert_int_eq(ask(req, &size, sizeof(size), NULL, 0), -EBADF);
    ck_assert_int_eq(files_write(G, ro, 0, "x", 1), -EBADF);
    ck_assert_int_eq(files_write(G, d, 0, "x", 1), -EISDIR);
    ck_assert_int_eq(by_fh(XK_XKFS_READ, d, 0), -EISDIR);
    ck_assert_int_eq(by_fh(XK_XKFS_READDIR, fh, 0), -ENOTDIR);
    ck_assert_int_eq(by_fh(XK_XKFS_FALLOCATE, ro, 0), -EBADF);
    ck_assert_int_eq(by_fh(XK_XKFS_COPY, ro, ro), -EBADF);
    ck_assert_int_eq(by_fh(XK_XKFS_COPY, fh, d), -EISDIR);
    /* A number that is taken is not given a second time. */
    ck_assert_int_eq(files_simple(G, XK_XKFS_REOPEN, mine, fh, O_RDWR),
                     -EEXIST);
    ck_assert_int_eq(files_simple(G, XK_XKFS_REOPEN, mine, 0, O_RDWR),
                     -EINVAL);
    ck_assert_int_eq(files_simple(G, XK_XKFS_REOPEN, dir, 77, O_RDWR),
                     -EISDIR);
    /* The next ones that the server would choose itself. */
    ck_assert_int_eq(files_simple(G, XK_XKFS_REOPEN, mine, d + 1, O_RDONLY),
                     0);
    ck_assert_int_eq(files_create(G, root, "new", O_RDWR, 0600, &e, &fh), 0);
    ck_assert_int_eq(files_write(G, fh, 0, "new", 3), 3);
    ck_assert_int_eq(files_simple(G, XK_XKFS_GETATTR, e.node, fh, 0), 0);
}
END_TEST

/* ---- handles ---- */

static int restore(uint64_t node, const void *handle, size_t len,
                   uint64_t in, const char *name)
{
    struct xk_xkfs_req req = { .op = XK_XKFS_RESTORE, .node = node,
                               .node2 = in };

    return ask(req, handle, len, name, name ? strlen(name) : 0);
}

START_TEST(a_handle_that_was_not_given)
{
    struct xk_xkfs_entry e = mine_entry;
    uint8_t longer[XK_XKFS_HANDLE + 1] = { 0 };
    uint32_t len;

    for (len = 1; len <= XK_XKFS_HANDLE; len++)
        if (len != e.handle_len)
            ck_assert_int_eq(restore(0, e.handle, len, 0, NULL), -ESTALE);
    ck_assert_int_eq(restore(0, longer, sizeof(longer), 0, NULL), -EPROTO);
    ck_assert_int_eq(restore(0, NULL, 0, 0, NULL), -ESTALE);
    /* A forged one is not made good by a name, nor a good one by another's. */
    e.handle[8] ^= 1;
    ck_assert_int_eq(restore(mine, e.handle, e.handle_len, root, "mine"),
                     -ESTALE);
    e.handle[8] ^= 1;
    ck_assert_int_eq(restore(mine, e.handle, e.handle_len, root, "mine"), 0);
    ck_assert_int_eq(forget(mine, UINT64_MAX), 0);
    ck_assert_int_eq(restore(mine, e.handle, e.handle_len, root, "dir"),
                     -ESTALE);
    ck_assert_int_eq(restore(mine, e.handle, e.handle_len, root, "file"),
                     -ESTALE);
    /* By a name alone it is what the name stands for, and no more. */
    ck_assert_int_eq(restore(4711, NULL, 0, root, ".."), -EINVAL);
    ck_assert_int_eq(restore(4711, NULL, 0, XK_XKFS_ROOT, "outside"),
                     -ESTALE);
}
END_TEST

/* Numbers that are others' already, or everybody's. */
START_TEST(a_handle_with_a_number_of_another)
{
    const struct xk_xkfs_entry *e = &mine_entry;

    ck_assert_int_eq(restore(XK_XKFS_ROOT, e->handle, e->handle_len, 0,
                             NULL), -EINVAL);
    ck_assert_int_eq(restore(dir, e->handle, e->handle_len, 0, NULL),
                     -EEXIST);
    ck_assert_int_eq(restore(other, e->handle, e->handle_len, 0, NULL),
                     -EEXIST);
    /* The number that comes next is the guest's to spoil, for itself. */
    ck_assert_int_eq(restore(mine + 1, e->handle, e->handle_len, 0, NULL),
                     0);
    ck_assert_int_eq(files_lookup(G, dir, "inner", NULL), 0);
    ck_assert_int_eq(files_lookup(G, root, "passwd", NULL), 0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_GETATTR, mine, 0, 0), 0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_GETATTR, mine + 1, 0, 0), 0);
}
END_TEST

START_TEST(a_handle_of_another_guest)
{
    struct files_guest two;
    struct xk_xkfs_entry e;
    uint64_t node;

    files_play_guest("two", &two);
    ck_assert_int_eq(files_connect(&two), 0);
    ck_assert_int_eq(files_lookup(&two, XK_XKFS_ROOT, "data", &e), 0);
    node = e.node;
    ck_assert_int_eq(files_lookup(&two, node, "mine", &e), 0);
    /* The same file, the same share: but sealed for the other one. */
    ck_assert_uint_eq(e.attr.ino, mine_entry.attr.ino);
    ck_assert_uint_eq(e.handle_len, mine_entry.handle_len);
    ck_assert_int_eq(restore(0, e.handle, e.handle_len, 0, NULL), -ESTALE);
    ck_assert_int_eq(restore(e.node, e.handle, e.handle_len, root, "mine"),
                     -ESTALE);
    /* Its numbers are not ours. */
    ck_assert_int_eq(files_simple(G, XK_XKFS_GETATTR, e.node, 0, 0),
                     -ESTALE);
    files_disconnect(&two);
}
END_TEST

START_TEST(a_handle_of_a_share_that_is_gone)
{
    struct xk_xkfs_entry e;
    uint64_t fh, d;
    int tries;

    ck_assert_int_eq(files_create(G, other, "f", O_RDWR, 0600, &e, &fh), 0);
    ck_assert_int_eq(files_open(G, other, O_RDONLY, &d), 0);
    ck_assert_int_eq(files_control(&play, "revoke", "{\"domain\":\"web\","
                                   "\"name\":\"second\",\"now\":true}"), 0);
    for (tries = 0; tries < 2000; tries++) {
        if (files_lookup(G, XK_XKFS_ROOT, "second", NULL) == -ENOENT)
            break;
        usleep(1000);
    }
    ck_assert_int_eq(restore(e.node, e.handle, e.handle_len, 0, NULL),
                     -ESTALE);
    ck_assert_int_eq(restore(0, e.handle, e.handle_len, root, "mine"),
                     -ESTALE);
    ck_assert_int_eq(files_open(G, e.node, O_RDONLY, &fh), -ESTALE);
    ck_assert_int_eq(files_simple(G, XK_XKFS_REOPEN, e.node, 66, O_RDONLY),
                     -ESTALE);
    ck_assert_int_eq(by_fh(XK_XKFS_READDIR, d, 0), -EBADF);
    ck_assert_int_eq(files_lookup(G, other, "f", NULL), -ESTALE);
    ck_assert_int_eq(files_simple(G, XK_XKFS_SYNCFS, other, 0, 0), -ESTALE);
}
END_TEST

/* Removed, and its number on the disk is another file's. */
START_TEST(a_handle_of_a_file_that_is_gone)
{
    struct xk_xkfs_entry e, next;
    char name[16];
    uint64_t fh;
    int i;

    ck_assert_int_eq(files_create(G, root, "gone", O_RDWR, 0600, &e, &fh),
                     0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
    ck_assert_int_eq(files_named(G, XK_XKFS_UNLINK, root, "gone", NULL,
                                 &rsp), 0);
    ck_assert_int_eq(forget(e.node, UINT64_MAX), 0);
    for (i = 0; i < 64; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        ck_assert_int_eq(files_create(G, root, name, O_RDWR, 0600, &next,
                                      &fh), 0);
        ck_assert_int_eq(restore(0, e.handle, e.handle_len, root, name),
                         -ESTALE);
    }
}
END_TEST

/* ---- from share to share ---- */

START_TEST(from_share_to_share)
{
    struct xk_xkfs_entry e;
    struct xk_xkfs_req req;
    uint64_t fh, fh2;
    int flags;

    ck_assert_int_eq(files_create(G, other, "f", O_RDWR, 0600, &e, &fh), 0);
    ck_assert_int_eq(files_open(G, mine, O_RDWR, &fh2), 0);
    for (flags = 0; flags <= 2; flags++) {
        req = (struct xk_xkfs_req){ .op = XK_XKFS_RENAME, .node = root,
                                    .node2 = other, .arg = { (uint64_t)flags,
                                                             0 } };
        ck_assert_int_eq(ask(req, "mine", 4, "f", 1), -EXDEV);
        ck_assert_int_eq(ask(req, "dir", 3, "dir", 3), -EXDEV);
        req.node2 = XK_XKFS_ROOT;
        ck_assert_int_eq(ask(req, "dir", 3, "second", 6), -EPERM);
    }
    req = (struct xk_xkfs_req){ .op = XK_XKFS_LINK, .node = other,
                                .node2 = mine };
    ck_assert_int_eq(ask(req, "l", 1, NULL, 0), -EXDEV);
    req.node2 = root;
    ck_assert_int_eq(ask(req, "l", 1, NULL, 0), -EXDEV);
    req.node2 = other;              /* a directory */
    ck_assert_int_eq(ask(req, "l", 1, NULL, 0), -EPERM);
    req.node2 = XK_XKFS_ROOT;
    ck_assert_int_eq(ask(req, "l", 1, NULL, 0), -EXDEV);
    ck_assert_int_eq(by_fh(XK_XKFS_COPY, fh2, fh), -EXDEV);
    ck_assert_int_eq(files_simple(G, XK_XKFS_GETATTR, other, fh2, 0),
                     -EBADF);
    ck_assert_int_eq(restore(e.node, mine_entry.handle,
                             mine_entry.handle_len, other, "f"), -EEXIST);
    /* Whiteouts are devices. */
    req = (struct xk_xkfs_req){ .op = XK_XKFS_RENAME, .node = root,
                                .node2 = root, .arg = { 4 } };
    ck_assert_int_eq(ask(req, "mine", 4, "b", 1), -EPERM);
    req.arg[0] = 8;
    ck_assert_int_eq(ask(req, "mine", 4, "b", 1), -EINVAL);
}
END_TEST

START_TEST(read_only_from_one_call_to_the_next)
{
    static const struct xk_xkfs_setattr set = { .valid = XK_XKFS_SET_MODE };
    struct xk_xkfs_req req = { .op = XK_XKFS_SETATTR, .node = mine };
    struct xk_xkfs_entry e;
    uint64_t fh, fh2;
    int tries;

    ck_assert_int_eq(files_open(G, mine, O_RDWR, &fh), 0);
    ck_assert_int_eq(files_control(&play, "set", "{\"domain\":\"web\","
                                   "\"name\":\"data\",\"set\":[\"mode=ro\"]}"),
                     0);
    for (tries = 0; tries < 2000 && files_write(G, fh, 0, "m", 1) > 0;
         tries++)
        usleep(1000);
    ck_assert_int_eq(files_write(G, fh, 0, "m", 1), -EROFS);
    ck_assert_int_eq(by_fh(XK_XKFS_FALLOCATE, fh, 0), -EROFS);
    ck_assert_int_eq(by_fh(XK_XKFS_COPY, fh, fh), -EROFS);
    ck_assert_int_eq(ask(req, &set, sizeof(set), NULL, 0), -EROFS);
    req.fh = fh;
    ck_assert_int_eq(ask(req, &set, sizeof(set), NULL, 0), -EROFS);
    ck_assert_int_eq(files_open(G, mine, O_WRONLY, &fh2), -EROFS);
    ck_assert_int_eq(files_open(G, mine, O_RDONLY | O_TRUNC, &fh2), -EROFS);
    ck_assert_int_eq(files_simple(G, XK_XKFS_REOPEN, mine, 99, O_RDWR),
                     -EROFS);
    ck_assert_int_eq(files_create(G, root, "x", O_RDONLY, 0600, &e, &fh2),
                     -EROFS);
    req = (struct xk_xkfs_req){ .op = XK_XKFS_SETXATTR, .node = mine };
    ck_assert_int_eq(ask(req, "user.x", 6, "v", 1), -EROFS);
    req = (struct xk_xkfs_req){ .op = XK_XKFS_TMPFILE, .node = root,
                                .arg = { O_RDWR, 0600 } };
    ck_assert_int_eq(ask(req, NULL, 0, NULL, 0), -EROFS);
}
END_TEST

/* ---- what is no file ---- */

static void must_not_open(const char *name)
{
    struct xk_xkfs_setattr size = { .valid = XK_XKFS_SET_SIZE };
    struct xk_xkfs_req req = { .op = XK_XKFS_SETATTR };
    struct xk_xkfs_entry e;
    uint64_t fh, node = node_of(root, name), start = xk_now_ms();

    ck_assert_int_eq(files_open(G, node, O_RDONLY, &fh), -ENXIO);
    ck_assert_int_eq(files_open(G, node, O_RDWR, &fh), -ENXIO);
    ck_assert_int_eq(files_open(G, node, O_WRONLY | O_TRUNC, &fh), -ENXIO);
    ck_assert_int_eq(files_simple(G, XK_XKFS_REOPEN, node, 88, O_RDWR),
                     -ENXIO);
    ck_assert_int_eq(files_create(G, root, name, O_RDWR | O_TRUNC, 0600, &e,
                                  &fh), -ENXIO);
    req.node = node;
    ck_assert_int_eq(ask(req, &size, sizeof(size), NULL, 0), -EINVAL);
    ck_assert_int_eq(files_simple(G, XK_XKFS_READLINK, node, 0, 0), -EINVAL);
    ck_assert_int_eq(files_lookup(G, node, "x", &e), -ENOTDIR);
    /* Opening one could wait for ever. */
    ck_assert_uint_lt(xk_now_ms() - start, 5000);
}

static int make(const char *name, uint32_t mode, unsigned int major_nr,
                unsigned int minor_nr)
{
    struct xk_xkfs_req req = {
        .op = XK_XKFS_MKNOD, .node = root,
        .arg = { (uint64_t)major_nr << 20 | minor_nr, mode },
    };

    return ask(req, name, strlen(name), NULL, 0);
}

START_TEST(a_pipe_or_socket)
{
    ck_assert_int_eq(make("pipe", S_IFIFO | 0666, 0, 0), 0);
    ck_assert_int_eq(make("socket", S_IFSOCK | 0666, 0, 0), 0);
    must_not_open("pipe");
    must_not_open("socket");
}
END_TEST

/* dom0's own devices in the share, and such as the guest would make. */
START_TEST(a_device)
{
    static const uint32_t modes[] = {
        S_IFCHR | 0666, S_IFBLK | 0666, S_IFDIR | 0777, S_IFLNK | 0777, 0666,
        S_IFMT | 0666, 0xffffffff,
    };
    char path[96];
    size_t i;
    int rc;

    for (i = 0; i < XK_ARRAY_SIZE(modes); i++) {
        rc = make("made", modes[i], 1, 3);
        ck_assert_msg(rc == -EPERM || rc == -EINVAL, "mode %o: %d",
                      modes[i], rc);
    }
    ck_assert_int_eq(files_lookup(G, root, "made", NULL), -ENOENT);
    path_of(path, "data/null");
    rc = mknod(path, S_IFCHR | 0666, makedev(1, 3));
    if (rc)
        return;         /* not in this container */
    path_of(path, "data/disk");
    ck_assert_int_eq(mknod(path, S_IFBLK | 0666, makedev(7, 0)), 0);
    must_not_open("null");
    must_not_open("disk");
}
END_TEST

/* Set-id bits are kept for the guest's eyes; here nothing runs from it. */
START_TEST(a_program_of_dom0s_root)
{
    struct xk_xkfs_entry e;
    char path[96];
    uint64_t fh;

    ck_assert_int_eq(files_create(G, root, "prog", O_RDWR, 04755, &e, &fh),
                     0);
    ck_assert_int_eq(files_write(G, fh, 0, "#!/bin/sh\n", 10), 10);
    path_of(path, "data/prog");
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert_uint_eq(e.attr.share & XK_XKFS_SHARE_SUID, 0);
    ck_assert_uint_eq(e.attr.share & XK_XKFS_SHARE_DEV, 0);
}
END_TEST

/* ---- what dom0 does meanwhile ---- */

/* What dom0 mounts in a share is not of the share. */
START_TEST(a_mount_in_the_share)
{
    char path[96], file[96 + 8];
    uint64_t node, fh;
    struct xk_xkfs_entry e;
    FILE *f;
    int rc;

    node = node_of(root, "mount");
    path_of(path, "data/mount");
    rc = mount("none", path, "tmpfs", 0, NULL);
    ck_assert_int_eq(rc, 0);
    snprintf(file, sizeof(file), "%s/secret", path);
    f = fopen(file, "we");
    ck_assert_ptr_nonnull(f);
    fclose(f);
    /* By the node from before, and by its name. */
    ck_assert_int_eq(files_lookup(G, node, "secret", NULL), -ENOENT);
    rc = files_lookup(G, root, "mount", &e);
    if (!rc)
        ck_assert_int_eq(files_lookup(G, e.node, "secret", NULL), -ENOENT);
    else
        ck_assert_int_eq(rc, -EXDEV);
    rc = files_create(G, node, "new", O_RDWR, 0600, &e, &fh);
    snprintf(file, sizeof(file), "%s/new", path);
    ck_assert_int_ne(access(file, F_OK), 0);
    ck_assert_int_eq(umount2(path, MNT_DETACH), 0);
}
END_TEST

/* A directory that the guest holds is moved beside the share. It stays what
 * it was to the guest, as an open file would, and is no way to more. */
START_TEST(a_directory_that_is_moved_out)
{
    static const char *const names[] = {
        "..", "../secret", "secret", "../data", "../../../etc/passwd",
    };
    char from[96], to[96];
    struct xk_xkfs_req req;
    struct xk_xkfs_entry up;
    uint64_t node = node_of(dir, "inner"), fh;
    size_t i;
    int rc;

    ck_assert_int_eq(files_open(G, dir, O_RDONLY, &fh), 0);
    path_of(from, "data/dir");
    path_of(to, "outside/dir");
    ck_assert_int_eq(rename(from, to), 0);
    outside_note(&outside);
    for (i = 0; i < XK_ARRAY_SIZE(names); i++) {
        rc = files_lookup(G, dir, names[i], NULL);
        ck_assert_msg(rc == -EINVAL || rc == -ENOENT, "%s: %d", names[i],
                      rc);
    }
    ck_assert_int_eq(files_lookup(G, root, "dir", NULL), -ENOENT);
    /* Upwards is where it was found, not where it is. */
    rc = ask((struct xk_xkfs_req){ .op = XK_XKFS_LOOKUP, .node = dir }, NULL,
             0, NULL, 0);
    ck_assert_int_eq(rc, 0);
    memcpy(&up, G->pool + FILES_OUT, sizeof(up));
    ck_assert_uint_eq(up.node, root);
    /* The secret that is its neighbour now cannot be named through it. */
    req = (struct xk_xkfs_req){ .op = XK_XKFS_RENAME, .node = dir,
                                .node2 = root };
    ck_assert_int_eq(ask(req, "../secret", 9, "got", 3), -EINVAL);
    ck_assert_int_eq(ask(req, "secret", 6, "got", 3), -ENOENT);
    req = (struct xk_xkfs_req){ .op = XK_XKFS_RENAME, .node = root,
                                .node2 = dir };
    ck_assert_int_eq(ask(req, "mine", 4, "../mine", 7), -EINVAL);
    /* Once it is let go of it is gone. */
    ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
    ck_assert_int_eq(forget(node, UINT64_MAX), 0);
    ck_assert_int_eq(forget(dir, UINT64_MAX), 0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_GETATTR, dir, 0, 0), -ESTALE);
    ck_assert_int_eq(files_lookup(G, root, "dir", NULL), -ENOENT);
}
END_TEST

/* The share's own directory is removed, and another takes its name. */
START_TEST(a_share_whose_place_is_taken)
{
    char path[96], away[96], params[160];

    path_of(path, "second");
    path_of(away, "away");
    ck_assert_int_eq(rename(path, away), 0);
    path_of(away, "outside");
    ck_assert_int_eq(symlink(away, path), 0);
    ck_assert_int_eq(files_lookup(G, other, "secret", NULL), -ENOENT);
    ck_assert_int_eq(files_lookup(G, node_of(XK_XKFS_ROOT, "second"),
                                  "secret", NULL), -ENOENT);
    /* Not the next server either: the link is not followed. */
    ck_assert_int_eq(files_control(&play, "revoke", "{\"domain\":\"web\","
                                   "\"name\":\"second\",\"now\":true}"), 0);
    snprintf(params, sizeof(params), "{\"domain\":\"web\",\"share\":"
             "\"path=%s\"}", path);
    ck_assert_int_lt(files_control(&play, "add", params), 0);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("forgery");
    Suite *s = suite_create("filed: what was not given");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_node_that_was_not_given);
    tcase_add_test(t, a_node_that_was_forgotten);
    tcase_add_test(t, a_file_that_was_not_opened);
    tcase_add_test(t, a_file_of_something_else);
    tcase_add_test(t, a_handle_that_was_not_given);
    tcase_add_test(t, a_handle_with_a_number_of_another);
    tcase_add_test(t, a_handle_of_another_guest);
    tcase_add_test(t, a_handle_of_a_share_that_is_gone);
    tcase_add_test(t, a_handle_of_a_file_that_is_gone);
    tcase_add_test(t, from_share_to_share);
    tcase_add_test(t, read_only_from_one_call_to_the_next);
    tcase_add_test(t, a_pipe_or_socket);
    tcase_add_test(t, a_device);
    tcase_add_test(t, a_program_of_dom0s_root);
    tcase_add_test(t, a_mount_in_the_share);
    tcase_add_test(t, a_directory_that_is_moved_out);
    tcase_add_test(t, a_share_whose_place_is_taken);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
