/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filed and a server of its own, from the front-end's side: what a guest can
 * do with its shares, what it cannot, and what dom0's commands do to them.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <xenkeep/control.h>
#include <xenkeep/util.h>

#include "files_play.h"

static struct files_play play;
#define G (&play.guest)

static void setup(void)
{
    char items[200];

    files_play_init(&play);
    snprintf(items, sizeof(items), "\"path=%s/data\"", play.dir);
    files_play_keep(&play, items);
    files_play_up(&play);
    ck_assert_int_eq(files_connect(G), 0);
}

static void teardown(void)
{
    files_play_fini(&play);
}

static uint64_t share(const char *name)
{
    struct xk_xkfs_entry e;

    ck_assert_int_eq(files_lookup(G, XK_XKFS_ROOT, name, &e), 0);
    return e.node;
}

/* Control calls that take a share's text. */
static int add(const char *path, const char *more)
{
    char params[400];

    snprintf(params, sizeof(params), "{\"domain\":\"web\",\"share\":"
             "\"path=%s%s\"}", path, more);
    return files_control(&play, "add", params);
}

/* Until a lookup of the share's name says so, for what comes by the link. */
static bool comes(const char *name, int status)
{
    struct xk_xkfs_entry e;
    int tries;

    for (tries = 0; tries < 2000; tries++) {
        if (files_lookup(G, XK_XKFS_ROOT, name, &e) == status)
            return true;
        usleep(1000);
    }
    return false;
}

START_TEST(hello_tells_epoch)
{
    ck_assert_uint_eq(G->hello.version, XK_XKFS_VERSION);
    ck_assert_uint_ne(G->hello.epoch, 0);
    ck_assert_uint_eq(G->hello.io_max, XK_XKFS_IO_MAX);
}
END_TEST

START_TEST(what_is_written_is_in_dom0)
{
    char text[] = "trusted", back[32] = "", path[80];
    struct xk_xkfs_entry e;
    struct stat st;
    uint64_t fh, dir = share("data");
    FILE *f;

    ck_assert_int_eq(files_create(G, dir, "a", O_RDWR | O_EXCL, 0640, &e,
                                  &fh), 0);
    ck_assert_int_eq(files_write(G, fh, 0, text, sizeof(text)),
                     sizeof(text));
    ck_assert_int_eq(files_read(G, fh, 0, back, sizeof(back)), sizeof(text));
    ck_assert_str_eq(back, text);
    snprintf(path, sizeof(path), "%s/data/a", play.dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode, S_IFREG | 0640);
    ck_assert_uint_eq(st.st_ino, e.attr.ino);
    f = fopen(path, "re");
    ck_assert_uint_eq(fread(back, 1, sizeof(back), f), sizeof(text));
    fclose(f);
    ck_assert_int_eq(files_simple(G, XK_XKFS_FSYNC, 0, fh, 0), 0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), -EBADF);
}
END_TEST

START_TEST(a_name_is_one_component)
{
    static const char *const names[] = {
        ".", "..", "a/b", "/", "/etc/passwd", "../outside", "a/", "./a",
    };
    uint64_t dir = share("data"), fh;
    struct xk_xkfs_entry e;
    char longest[258];
    struct xk_xkfs_req req = {
        .op = XK_XKFS_LOOKUP, .node = dir, .in_len = 3, .out_off = FILES_OUT,
        .out_len = 4096,
    };
    struct xk_xkfs_rsp rsp;
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(names); i++) {
        ck_assert_int_eq(files_lookup(G, dir, names[i], &e), -EINVAL);
        ck_assert_int_eq(files_create(G, dir, names[i], O_RDWR, 0600, &e,
                                      &fh), -EINVAL);
    }
    memset(longest, 'x', sizeof(longest));
    longest[256] = '\0';
    ck_assert_int_eq(files_lookup(G, dir, longest, &e), -ENAMETOOLONG);
    memcpy(G->pool, "a\0b", 3);
    ck_assert_int_eq(files_call(G, 1, &req, &rsp), -EINVAL);
}
END_TEST

START_TEST(a_link_is_not_followed)
{
    char path[80], target[80];
    struct xk_xkfs_entry e;
    uint64_t dir = share("data"), fh;

    snprintf(path, sizeof(path), "%s/data/l", play.dir);
    snprintf(target, sizeof(target), "%s/outside", play.dir);
    ck_assert_int_eq(symlink(target, path), 0);
    ck_assert_int_eq(files_lookup(G, dir, "l", &e), 0);
    ck_assert(S_ISLNK(e.attr.mode));
    ck_assert_int_eq(files_open(G, e.node, O_RDONLY, &fh), -ELOOP);
    ck_assert_int_eq(files_lookup(G, e.node, "secret", NULL), -ENOTDIR);
    ck_assert_int_eq(files_create(G, dir, "l", O_RDWR, 0600, &e, &fh),
                     -ELOOP);
}
END_TEST

START_TEST(shares_come_change_and_go)
{
    char path[80], params[200];
    struct xk_xkfs_entry e;
    uint64_t dir, fh;

    snprintf(path, sizeof(path), "%s/outside", play.dir);
    ck_assert_int_eq(add(path, ",name=two"), 0);
    ck_assert(comes("two", 0));
    dir = share("two");
    ck_assert_int_eq(files_create(G, dir, "f", O_RDWR, 0600, &e, &fh), 0);
    ck_assert_int_eq(files_write(G, fh, 0, "x", 1), 1);
    /* Once more under that name: refused, and nothing changed. */
    ck_assert_int_eq(add(path, ",name=two"), XK_RPC_REFUSED);
    snprintf(params, sizeof(params), "{\"domain\":\"web\",\"name\":\"two\","
             "\"set\":[\"mode=ro\"]}");
    ck_assert_int_eq(files_control(&play, "set", params), 0);
    for (int i = 0; i < 2000 && files_write(G, fh, 0, "y", 1) > 0; i++)
        usleep(1000);
    ck_assert_int_eq(files_write(G, fh, 0, "y", 1), -EROFS);
    ck_assert_int_eq(files_named(G, XK_XKFS_UNLINK, dir, "f", NULL,
                                 &(struct xk_xkfs_rsp){ 0 }), -EROFS);
    snprintf(params, sizeof(params), "{\"domain\":\"web\",\"name\":\"two\","
             "\"now\":true}");
    ck_assert_int_eq(files_control(&play, "revoke", params), 0);
    ck_assert(comes("two", -ENOENT));
    ck_assert_int_eq(files_read(G, fh, 0, params, 1), -EBADF);
    ck_assert_int_eq(files_lookup(G, dir, "f", &e), -ESTALE);
    ck_assert_int_eq(files_control(&play, "revoke", params),
                     XK_RPC_PARAMS);
}
END_TEST

START_TEST(draining_waits_for_what_is_open)
{
    struct xk_xkfs_entry e;
    uint64_t dir = share("data"), fh;
    char c;

    ck_assert_int_eq(files_create(G, dir, "f", O_RDWR, 0600, &e, &fh), 0);
    ck_assert_int_eq(files_write(G, fh, 0, "x", 1), 1);
    ck_assert_int_eq(files_control(&play, "revoke", "{\"domain\":\"web\","
                                   "\"name\":\"data\"}"), 0);
    usleep(300000);
    ck_assert_int_eq(files_read(G, fh, 0, &c, 1), 1);
    ck_assert_int_eq(files_open(G, e.node, O_RDONLY, &dir), -ESTALE);
    ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
    ck_assert(comes("data", -ENOENT));
}
END_TEST

START_TEST(not_for_lending)
{
    static const char *const paths[] = {
        "/", "/proc", "/proc/self", "/sys", "/dev", "/dev/null", "/run",
        "/etc", "/var", "/var/lib/xenkeep", "/etc/xen", "/etc/xenkeep",
    };
    char link[80];
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(paths); i++)
        ck_assert_msg(add(paths[i], ",name=x") < 0, "%s is lent", paths[i]);
    ck_assert_int_eq(add("/nowhere/at/all", ",name=x"), XK_RPC_PARAMS);
    ck_assert_int_eq(add("relative", ",name=x"), XK_RPC_PARAMS);
    ck_assert_int_eq(add("/tmp/../etc", ",name=x"), XK_RPC_PARAMS);
    snprintf(link, sizeof(link), "%s/way", play.dir);
    ck_assert_int_eq(symlink("/etc", link), 0);
    ck_assert_int_lt(add(link, ",name=x"), 0);
    ck_assert_int_eq(files_lookup(G, XK_XKFS_ROOT, "x", NULL), -ENOENT);
}
END_TEST

START_TEST(no_more_than_the_limit)
{
    static char block[65536];
    char path[80];
    struct xk_xkfs_entry e;
    uint64_t dir, fh, at;
    long n = 0;
    unsigned int i;
    char name[16];

    snprintf(path, sizeof(path), "%s/outside", play.dir);
    ck_assert_int_eq(add(path, ",name=q,size=1m,files=8"), 0);
    ck_assert(comes("q", 0));
    dir = share("q");
    ck_assert_int_eq(files_create(G, dir, "f", O_RDWR, 0600, &e, &fh), 0);
    memset(block, 'b', sizeof(block));
    for (at = 0; at < 4u << 20; at += sizeof(block)) {
        n = files_write(G, fh, at, block, sizeof(block));
        if (n < 0)
            break;
    }
    ck_assert_int_eq(n, -EDQUOT);
    ck_assert_uint_le(at, 1u << 20);
    ck_assert_uint_ge(at, 700u << 10);
    /* What goes makes room. */
    ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
    ck_assert_int_eq(files_named(G, XK_XKFS_UNLINK, dir, "f", NULL,
                                 &(struct xk_xkfs_rsp){ 0 }), 0);
    for (i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        n = files_create(G, dir, name, O_RDWR, 0600, &e, &fh);
        if (n)
            break;
    }
    ck_assert_int_eq(n, -EDQUOT);
    ck_assert_uint_eq(i, 8);
}
END_TEST

/* Directories below each other, each with a file. */
static void make_deep(const char *name, unsigned int depth)
{
    char path[80];
    int dir, below;

    snprintf(path, sizeof(path), "%s/%s", play.dir, name);
    dir = open(path, O_PATH | O_DIRECTORY);
    ck_assert_int_ge(dir, 0);
    while (depth--) {
        ck_assert_int_eq(mknodat(dir, "f", S_IFREG | 0600, 0), 0);
        ck_assert_int_eq(mkdirat(dir, "d", 0755), 0);
        ck_assert_int_eq(mkdirat(dir, "e", 0755), 0);
        below = openat(dir, "d", O_PATH | O_DIRECTORY);
        ck_assert_int_ge(below, 0);
        close(dir);
        dir = below;
    }
    close(dir);
}

/* Nor where it is deep: all of it counts, and not more. */
START_TEST(depth_is_no_hiding_place)
{
    struct xk_xkfs_req req = { .op = XK_XKFS_STATFS };
    struct xk_xkfs_statfs st;
    struct xk_xkfs_rsp rsp;
    char path[80];

    make_deep("outside", 700);
    snprintf(path, sizeof(path), "%s/outside", play.dir);
    ck_assert_int_eq(add(path, ",name=q,files=3000"), 0);
    ck_assert(comes("q", 0));
    req.node = share("q");
    req.out_off = FILES_OUT;
    req.out_len = sizeof(st);
    ck_assert_int_eq(files_call(G, 1, &req, &rsp), 0);
    memcpy(&st, G->pool + FILES_OUT, sizeof(st));
    ck_assert_uint_eq(st.files, 3000);
    ck_assert_uint_eq(st.ffree, 3000 - 3 * 700);
}
END_TEST

START_TEST(a_forged_handle_is_none)
{
    struct xk_xkfs_entry e;
    uint64_t fh;
    unsigned int i;

    ck_assert_int_eq(files_create(G, share("data"), "f", O_RDWR, 0600, &e,
                                  &fh), 0);
    ck_assert_uint_gt(e.handle_len, 16);
    for (i = 0; i <= e.handle_len; i++) {
        struct xk_xkfs_req req = {
            .op = XK_XKFS_RESTORE, .node = e.node, .in_len = e.handle_len,
            .name_len = e.handle_len, .out_off = FILES_OUT, .out_len = 4096,
        };
        struct xk_xkfs_rsp rsp;

        memcpy(G->pool, e.handle, e.handle_len);
        if (i < e.handle_len)
            G->pool[i] ^= 1;
        ck_assert_int_eq(files_call(G, 1, &req, &rsp),
                         i < e.handle_len ? -ESTALE : 0);
    }
}
END_TEST

/* Any request at all: an answer or a lost device, never a dead server, and
 * nothing beside the share changes. */
START_TEST(every_field_may_lie)
{
    static const uint64_t odd[] = {
        0, 1, 2, 3, 4095, 4096, 65535, 65536, 1u << 20, INT32_MAX, UINT32_MAX,
        INT64_MAX, UINT64_MAX, UINT64_C(1) << 63,
    };
    struct xk_xkfs_req req;
    struct xk_xkfs_entry e;
    uint64_t fh = 0, dir, *word = (uint64_t *)(void *)&req;
    unsigned int round, i, k, q;
    char path[80];

    srandom(7);
    for (round = 0; round < 12; round++) {
        dir = share("data");
        snprintf(path, sizeof(path), "f%u", round);
        ck_assert_int_eq(files_create(G, dir, path, O_RDWR, 0600, &e, &fh),
                         0);
        for (i = 0; i < 40 && files_backend_state(G) == 4; i++) {
            memset(&req, 0, sizeof(req));
            req.node = random() % 2 ? dir : e.node;
            req.fh = fh;
            req.in_len = (uint32_t)(random() % 300);
            req.out_off = FILES_OUT;
            req.out_len = 4096;
            req.op = (uint16_t)(1 + random() % (XK_XKFS_OPS + 2));
            for (k = 0; k < 3; k++)
                word[2 + random() % 14] = odd[random() % XK_ARRAY_SIZE(odd)];
            for (k = 0; k < 300; k++)
                G->pool[k] = (uint8_t)random();
            q = random() % 3 ? 1 : 0;
            if (!RING_FULL(&G->ring[q]))
                files_send(G, q, &req);
        }
        usleep(20000);
        /* 4: served; 6: it broke the protocol too often. 2 would be a server
         * that ended unasked. */
        k = files_backend_state(G);
        ck_assert_msg(k == 4 || k == 6, "round %u: state %u", round, k);
        if (k == 4)
            files_break(G);
        ck_assert_int_eq(files_connect_after(&play), 0);
    }
    snprintf(path, sizeof(path), "%s/outside", play.dir);
    ck_assert_int_eq(rmdir(path), 0);   /* still empty */
}
END_TEST

/* SETXATTR of the value "v"; the status. */
static int set_xattr(uint64_t node, const char *name)
{
    struct xk_xkfs_req more = { .name_len = (uint16_t)strlen(name) };
    struct xk_xkfs_rsp rsp;
    char text[300];

    snprintf(text, sizeof(text), "%sv", name);
    return files_named(G, XK_XKFS_SETXATTR, node, text, &more, &rsp);
}

/* What means something to the guest's kernel must mean nothing to dom0's. */
START_TEST(attributes_of_the_guest_are_kept_apart)
{
    static const char listed[] = "user.own\0trusted.t\0security.s";
    struct xk_xkfs_rsp rsp;
    struct xk_xkfs_entry e;
    char path[80], back[8];
    uint64_t fh;
    size_t at;

    ck_assert_int_eq(files_create(G, share("data"), "x", O_RDWR, 0644, &e,
                                  &fh), 0);
    ck_assert_int_eq(set_xattr(e.node, "user.own"), 0);
    ck_assert_int_eq(set_xattr(e.node, "trusted.t"), 0);
    ck_assert_int_eq(set_xattr(e.node, "security.s"), 0);
    ck_assert_int_eq(set_xattr(e.node, "user.xenkeep.trusted.u"),
                     -EOPNOTSUPP);
    ck_assert_int_eq(set_xattr(e.node, "system.other"), -EOPNOTSUPP);

    snprintf(path, sizeof(path), "%s/data/x", play.dir);
    ck_assert_int_eq(getxattr(path, "trusted.t", back, 8), -1);
    ck_assert_int_eq(getxattr(path, "security.s", back, 8), -1);
    ck_assert_int_eq(getxattr(path, "user.xenkeep.trusted.t", back, 8), 1);
    ck_assert_int_eq(setxattr(path, "user.xenkeep.odd", "v", 1, 0), 0);

    ck_assert_int_eq(files_named(G, XK_XKFS_LISTXATTR, e.node, "", NULL,
                                 &rsp), 0);
    ck_assert_uint_eq(rsp.out_len, sizeof(listed));
    for (at = 0; at < sizeof(listed); at += strlen(listed + at) + 1)
        ck_assert_ptr_nonnull(memmem(G->pool + FILES_OUT, rsp.out_len,
                                     listed + at, strlen(listed + at) + 1));
}
END_TEST

/* A guest asks only where there is something. */
START_TEST(an_acl_is_announced)
{
    /* rw for the owner, r for user 1 and all others: as the kernel has it. */
    static const uint8_t acl[] = {
        2, 0, 0, 0,
        0x01, 0, 6, 0, 255, 255, 255, 255,
        0x02, 0, 4, 0, 1, 0, 0, 0,
        0x04, 0, 4, 0, 255, 255, 255, 255,
        0x10, 0, 4, 0, 255, 255, 255, 255,
        0x20, 0, 4, 0, 255, 255, 255, 255,
    };
    uint64_t fh, dir = share("data");
    struct xk_xkfs_entry e;
    char path[80];

    ck_assert_int_eq(files_create(G, dir, "acl", O_RDWR, 0644, &e, &fh), 0);
    ck_assert_uint_ne(e.attr.share & XK_XKFS_SHARE_NO_ACL, 0);
    snprintf(path, sizeof(path), "%s/data/acl", play.dir);
    if (setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0)) {
        ck_assert_int_eq(errno, EOPNOTSUPP);
        return;     /* this file system knows none */
    }
    ck_assert_int_eq(files_lookup(G, dir, "acl", &e), 0);
    ck_assert_uint_eq(e.attr.share & XK_XKFS_SHARE_NO_ACL, 0);
}
END_TEST

/* Reading leaves the atime to the guest, which says when somebody read. */
START_TEST(who_read_says_so)
{
    struct timespec old[2] = { { .tv_sec = 1000000000 },
                               { .tv_sec = 1000000000 } };
    struct xk_xkfs_setattr set = { .valid = XK_XKFS_SET_ACCESSED };
    struct xk_xkfs_req req = {
        .op = XK_XKFS_SETATTR, .in_len = sizeof(set), .out_off = FILES_OUT,
        .out_len = sizeof(struct xk_xkfs_attr),
    };
    struct xk_xkfs_rsp rsp;
    struct xk_xkfs_entry e;
    char path[80], back[4];
    struct stat was, is;
    uint64_t fh;

    snprintf(path, sizeof(path), "%s/data/r", play.dir);
    ck_assert_int_eq(files_create(G, share("data"), "r",
                                  O_RDWR | O_NOATIME, 0644, &e, &fh), 0);
    ck_assert_int_eq(files_write(G, fh, 0, "text", 4), 4);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
    ck_assert_int_eq(files_read(G, fh, 0, back, 4), 4);
    ck_assert_int_eq(stat(path, &was), 0);
    ck_assert_int_eq(was.st_atime, old[0].tv_sec);

    req.node = e.node;
    memcpy(G->pool + FILES_IN, &set, sizeof(set));
    ck_assert_int_eq(files_call(G, 1, &req, &rsp), 0);
    ck_assert_int_eq(stat(path, &is), 0);
    ck_assert_int_ne(is.st_atime, was.st_atime);
    ck_assert_int_eq(is.st_mtime, was.st_mtime);
    ck_assert_int_eq(is.st_ctim.tv_sec, was.st_ctim.tv_sec);
    ck_assert_int_eq(is.st_ctim.tv_nsec, was.st_ctim.tv_nsec);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("filed");
    Suite *s = suite_create("filed");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, hello_tells_epoch);
    tcase_add_test(t, what_is_written_is_in_dom0);
    tcase_add_test(t, a_name_is_one_component);
    tcase_add_test(t, a_link_is_not_followed);
    tcase_add_test(t, shares_come_change_and_go);
    tcase_add_test(t, draining_waits_for_what_is_open);
    tcase_add_test(t, not_for_lending);
    tcase_add_test(t, no_more_than_the_limit);
    tcase_add_test(t, depth_is_no_hiding_place);
    tcase_add_test(t, a_forged_handle_is_none);
    tcase_add_test(t, attributes_of_the_guest_are_kept_apart);
    tcase_add_test(t, an_acl_is_announced);
    tcase_add_test(t, who_read_says_so);
    tcase_add_test(t, every_field_may_lie);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
