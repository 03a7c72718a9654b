/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths that lead out of a share, tried by a guest against filed and a real
 * server: names that are no names, links of all kinds, names of attributes,
 * names that are swapped while the server looks. None leads out, nothing of
 * what lies beside the share changes, and the server lives on.
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

#include <xenkeep/util.h>

#include "files_play.h"
#include "outside.h"
#include "settings.h"

static struct files_play play;
static struct outside outside;
#define G (&play.guest)

static pid_t server;
static uint64_t root, dir;      /* the share, and `dir` in it */

static void tune(struct settings *s)
{
    s->descriptors = 4;     /* most nodes are found again by their names */
}

static void start(bool bare)
{
    char items[100];
    struct xk_xkfs_entry e;

    files_play_init(&play);
    play.tune = tune;
    outside_make(&outside, play.dir, bare);
    snprintf(items, sizeof(items), "\"path=%s/data\"", play.dir);
    files_play_keep(&play, items);
    files_play_up(&play);
    ck_assert_int_eq(files_connect(G), 0);
    server = files_play_server(&play);
    ck_assert_int_eq(files_lookup(G, XK_XKFS_ROOT, "data", &e), 0);
    root = e.node;
    ck_assert_int_eq(files_lookup(G, root, "dir", &e), 0);
    dir = e.node;
}

static void setup(void)
{
    start(false);
}

static void setup_bare(void)
{
    start(true);
}

static void teardown(void)
{
    ck_assert_int_eq(files_play_server(&play), server);
    ck_assert(outside_same(&outside));
    files_play_fini(&play);
}

static struct xk_xkfs_rsp rsp;

/* One name, or two. */
static int ask(uint16_t op, uint64_t node, const void *a, size_t a_len,
               const void *b, size_t b_len)
{
    struct xk_xkfs_req req = {
        .op = op, .node = node, .node2 = node,
        .arg = { O_RDWR, S_IFREG | 0644 },
    };

    return files_ask(G, &req, a, a_len, b, b_len, &rsp);
}

/* ---- names that are none ---- */

#define L16 "xxxxxxxxxxxxxxxx"
#define L256 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16

#define NAME(text) text, sizeof(text) - 1

static const struct {
    const char *text;
    size_t len;
} no_names[] = {
    { NAME(".") }, { NAME("..") }, { NAME("/") }, { NAME("//") },
    { NAME("/etc/passwd") }, { NAME("../outside/secret") },
    { NAME("../outside") }, { NAME("dir/inner") }, { NAME("dir/../mine") },
    { NAME("dir/../../outside/secret") }, { NAME("mine/") },
    { NAME("/mine") }, { NAME("./mine") }, { NAME("absolute/secret") },
    { NAME("proc/etc/passwd") }, { NAME("mi\0ne") }, { NAME("mine\0") },
    { NAME("\0") }, { NAME("..\0") }, { NAME("mine\0/../../x") },
    { NAME(L256) }, { NAME(L256 L256 L256) },
};

static int as_first(uint16_t op, const char *name, size_t len)
{
    return ask(op, root, name, len, "other", 5);
}

static int as_second(uint16_t op, const char *name, size_t len)
{
    return ask(op, root, "mine", 4, name, len);
}

static int alone(uint16_t op, const char *name, size_t len)
{
    return ask(op, root, name, len, NULL, 0);
}

static int linked(uint16_t op, const char *name, size_t len)
{
    struct xk_xkfs_req req = { .op = op, .node = root };
    struct xk_xkfs_entry e;

    ck_assert_int_eq(files_lookup(G, root, "mine", &e), 0);
    req.node2 = e.node;
    return files_ask(G, &req, name, len, NULL, 0, &rsp);
}

/* Behind a handle of no bytes. */
static int restored(uint16_t op, const char *name, size_t len)
{
    return ask(op, root, NULL, 0, name, len);
}

static const struct {
    const char *what;
    uint16_t op;
    int (*fn)(uint16_t op, const char *name, size_t len);
} name_takers[] = {
    { "LOOKUP", XK_XKFS_LOOKUP, alone }, { "CREATE", XK_XKFS_CREATE, alone },
    { "MKDIR", XK_XKFS_MKDIR, alone }, { "MKNOD", XK_XKFS_MKNOD, alone },
    { "UNLINK", XK_XKFS_UNLINK, alone }, { "RMDIR", XK_XKFS_RMDIR, alone },
    { "LINK", XK_XKFS_LINK, linked }, { "RESTORE", XK_XKFS_RESTORE, restored },
    { "SYMLINK", XK_XKFS_SYMLINK, as_first },
    { "RENAME from", XK_XKFS_RENAME, as_first },
    { "RENAME to", XK_XKFS_RENAME, as_second },
};

START_TEST(a_name_that_is_none)
{
    size_t i;
    int rc;

    for (i = 0; i < XK_ARRAY_SIZE(no_names); i++) {
        rc = name_takers[_i].fn(name_takers[_i].op, no_names[i].text,
                                no_names[i].len);
        ck_assert_msg(rc == -EINVAL || rc == -ENAMETOOLONG, "%s \"%s\": %d",
                      name_takers[_i].what, no_names[i].text, rc);
    }
    ck_assert_int_eq(files_lookup(G, root, "mine", NULL), 0);
    ck_assert_int_eq(files_lookup(G, root, "other", NULL), -ENOENT);
}
END_TEST

/* The device's own directory has the shares, and nothing can be made there. */
START_TEST(the_roots_own_names)
{
    static const char *const names[] = { "data", "new", "..", "mine" };
    size_t i, k;
    int rc;

    for (i = 0; i < XK_ARRAY_SIZE(name_takers); i++) {
        if (name_takers[i].op == XK_XKFS_LOOKUP ||
            name_takers[i].op == XK_XKFS_RESTORE)
            continue;
        for (k = 0; k < XK_ARRAY_SIZE(names); k++) {
            rc = ask(name_takers[i].op, XK_XKFS_ROOT, names[k],
                     strlen(names[k]), "x", 1);
            ck_assert_msg(rc == -EPERM || rc == -EINVAL, "%s %s: %d",
                          name_takers[i].what, names[k], rc);
        }
    }
    ck_assert_int_eq(files_lookup(G, XK_XKFS_ROOT, "..", NULL), -EINVAL);
    /* The way up from the share ends there too. */
    ck_assert_int_eq(ask(XK_XKFS_LOOKUP, root, NULL, 0, NULL, 0), 0);
    ck_assert_uint_eq(*(uint64_t *)(void *)(G->pool + FILES_OUT),
                      XK_XKFS_ROOT);
    ck_assert_int_eq(ask(XK_XKFS_LOOKUP, XK_XKFS_ROOT, NULL, 0, NULL, 0), 0);
    ck_assert_uint_eq(*(uint64_t *)(void *)(G->pool + FILES_OUT),
                      XK_XKFS_ROOT);
}
END_TEST

/* ---- links ---- */

static int set(uint64_t node, const struct xk_xkfs_setattr *s)
{
    struct xk_xkfs_req req = { .op = XK_XKFS_SETATTR, .node = node };

    return files_ask(G, &req, s, sizeof(*s), NULL, 0, &rsp);
}

static int setxattr_as(uint64_t node, const char *name, size_t len)
{
    struct xk_xkfs_req req = { .op = XK_XKFS_SETXATTR, .node = node };

    return files_ask(G, &req, name, len, "value", 5, &rsp);
}

/* What could go through a link, by its node and by its name. */
static void through(const char *name, uint64_t node)
{
    static const struct xk_xkfs_setattr size = { .valid = XK_XKFS_SET_SIZE };
    static const struct xk_xkfs_setattr mode = { .valid = XK_XKFS_SET_MODE,
                                                 .mode = 0777 };
    static const struct xk_xkfs_setattr owner = {
        .valid = XK_XKFS_SET_UID | XK_XKFS_SET_GID, .uid = 7, .gid = 7,
    };
    static const struct xk_xkfs_setattr times = {
        .valid = XK_XKFS_SET_ATIME_NOW | XK_XKFS_SET_MTIME_NOW,
    };
    struct xk_xkfs_req req = { .op = XK_XKFS_TMPFILE, .node = node,
                               .arg = { O_RDWR, 0600 } };
    struct xk_xkfs_entry e;
    uint64_t fh;

    ck_assert_int_eq(files_open(G, node, O_RDONLY, &fh), -ELOOP);
    ck_assert_int_eq(files_open(G, node, O_RDWR | O_TRUNC, &fh), -ELOOP);
    ck_assert_int_eq(files_open(G, node, O_DIRECTORY, &fh), -ELOOP);
    ck_assert_int_eq(files_simple(G, XK_XKFS_REOPEN, node, 999, O_RDONLY),
                     -ELOOP);
    ck_assert_int_eq(files_create(G, root, name, O_RDWR | O_TRUNC, 0600, &e,
                                  &fh), -ELOOP);
    ck_assert_int_eq(files_create(G, root, name, O_RDWR | O_EXCL, 0600, &e,
                                  &fh), -EEXIST);
    ck_assert_int_eq(files_lookup(G, node, "secret", &e), -ENOTDIR);
    ck_assert_int_eq(files_create(G, node, "new", O_RDWR, 0600, &e, &fh),
                     -ENOTDIR);
    ck_assert_int_eq(ask(XK_XKFS_MKDIR, node, "new", 3, NULL, 0), -ENOTDIR);
    ck_assert_int_eq(ask(XK_XKFS_UNLINK, node, "secret", 6, NULL, 0),
                     -ENOTDIR);
    ck_assert_int_eq(ask(XK_XKFS_SYMLINK, node, "new", 3, "x", 1), -ENOTDIR);
    ck_assert_int_eq(ask(XK_XKFS_RENAME, node, "secret", 6, "new", 3),
                     -ENOTDIR);
    ck_assert_int_eq(files_ask(G, &req, NULL, 0, NULL, 0, &rsp), -ENOTDIR);
    req = (struct xk_xkfs_req){ .op = XK_XKFS_RENAME, .node = root,
                                .node2 = node };
    ck_assert_int_eq(files_ask(G, &req, "mine", 4, "new", 3, &rsp),
                     -ENOTDIR);
    ck_assert_int_eq(set(node, &size), -EINVAL);
    ck_assert_int_eq(set(node, &mode), -EOPNOTSUPP);
    ck_assert_int_eq(set(node, &owner), 0);     /* of the link itself */
    ck_assert_int_eq(set(node, &times), 0);
    ck_assert_int_eq(setxattr_as(node, "user.x", 6), -EOPNOTSUPP);
    ck_assert_int_eq(ask(XK_XKFS_GETXATTR, node, "user.x", 6, NULL, 0),
                     -ENODATA);
    ck_assert_int_eq(ask(XK_XKFS_RMXATTR, node, "user.x", 6, NULL, 0),
                     -EOPNOTSUPP);
    ck_assert_int_eq(ask(XK_XKFS_RMDIR, root, name, strlen(name), NULL, 0),
                     -ENOTDIR);
    ck_assert(outside_same(&outside));
}

START_TEST(a_link_of_dom0)
{
    const struct outside_link *l = &outside_links[_i];
    struct xk_xkfs_entry e;
    char target[96];

    ck_assert_int_eq(files_lookup(G, root, l->name, &e), 0);
    ck_assert(S_ISLNK(e.attr.mode));
    through(l->name, e.node);
    outside_target(&outside, l, target, sizeof(target));
    ck_assert_int_eq(files_simple(G, XK_XKFS_READLINK, e.node, 0, 0), 0);
    ck_assert_int_eq(memcmp(G->pool + FILES_OUT, target, strlen(target)), 0);
}
END_TEST

/* A link that the guest makes, a second name of it, and one moved about. */
START_TEST(a_link_of_the_guest)
{
    const struct outside_link *l = &outside_links[_i];
    struct xk_xkfs_req req = { .op = XK_XKFS_LINK, .node = dir };
    struct xk_xkfs_entry e, again;
    char target[96];

    outside_target(&outside, l, target, sizeof(target));
    ck_assert_int_eq(ask(XK_XKFS_SYMLINK, root, "own", 3, target,
                         strlen(target)), 0);
    memcpy(&e, G->pool + FILES_OUT, sizeof(e));
    through("own", e.node);
    /* The second name is one of the link. */
    req.node2 = e.node;
    ck_assert_int_eq(files_ask(G, &req, "own2", 4, NULL, 0, &rsp), 0);
    ck_assert_int_eq(files_lookup(G, dir, "own2", &again), 0);
    ck_assert(S_ISLNK(again.attr.mode) && again.attr.ino == e.attr.ino);
    /* Over a directory's name, and the directory over it. */
    req = (struct xk_xkfs_req){ .op = XK_XKFS_RENAME, .node = root,
                                .node2 = root, .arg = { 2 } };
    ck_assert_int_eq(files_ask(G, &req, "own", 3, "dir", 3, &rsp), 0);
    ck_assert_int_eq(files_lookup(G, root, "dir", &again), 0);
    through("dir", again.node);
    /* The directory, held since before, is what it was. */
    ck_assert_int_eq(files_lookup(G, dir, "inner", NULL), 0);
}
END_TEST

/* ---- names of attributes ---- */

static const struct {
    const char *name;
    size_t len;
    bool usable;
} attributes[] = {
    { NAME("user.x"), true }, { NAME("user."), false },
    { NAME("user"), false }, { NAME("userx.y"), false },
    /* The guest's own; see that dom0's of that name is another one. */
    { NAME("trusted.x"), true }, { NAME("security.selinux"), true },
    { NAME("security.ima"), true }, { NAME("security.capability.x"), true },
    { NAME("trusted."), false }, { NAME("security."), false },
    { NAME("trusted"), false }, { NAME("user.xenkeep.trusted.x"), false },
    { NAME("user.xenkeep.security.ima"), false },
    { NAME("user.xenkeep.x"), false }, { NAME("system.x"), false },
    { NAME("system.posix_acl_accessx"), false },
    { NAME("system.nfs4_acl"), false }, { NAME("os2.x"), false },
    { NAME("btrfs.compression"), false }, { NAME("../user.x"), false },
    { NAME("user.x\0y"), false }, { NAME("\0"), false },
    { NAME("user." L256), false }, { NAME("trusted." L256), false },
};

START_TEST(a_name_of_an_attribute)
{
    struct xk_xkfs_entry e;
    char path[64], list[64], value[8] = "";
    size_t i;
    int rc;

    ck_assert_int_eq(files_lookup(G, root, "mine", &e), 0);
    snprintf(path, sizeof(path), "%s/data/mine", play.dir);
    /* dom0's own are not there for it. */
    ck_assert_int_eq(setxattr(path, "trusted.x", "own", 3, 0), 0);
    for (i = 0; i < XK_ARRAY_SIZE(attributes); i++) {
        rc = setxattr_as(e.node, attributes[i].name, attributes[i].len);
        if (rc == -EOPNOTSUPP && attributes[i].usable)
            continue;       /* a file system without them */
        ck_assert_msg(!rc == attributes[i].usable, "%s: %d",
                      attributes[i].name, rc);
        rc = ask(XK_XKFS_GETXATTR, e.node, attributes[i].name,
                 attributes[i].len, NULL, 0);
        ck_assert_msg(!rc == attributes[i].usable, "%s: %d",
                      attributes[i].name, rc);
        rc = ask(XK_XKFS_RMXATTR, e.node, attributes[i].name,
                 attributes[i].len, NULL, 0);
        ck_assert_msg(!rc == attributes[i].usable, "%s: %d",
                      attributes[i].name, rc);
    }
    ck_assert_int_eq(ask(XK_XKFS_LISTXATTR, e.node, NULL, 0, NULL, 0), 0);
    ck_assert_uint_eq(rsp.out_len, 0);
    ck_assert_int_eq(listxattr(path, list, sizeof(list)), 10);
    ck_assert_str_eq(list, "trusted.x");
    ck_assert_int_eq(getxattr(path, "trusted.x", value, sizeof(value)), 3);
    ck_assert_str_eq(value, "own");
    /* Of the root of all there are none. */
    ck_assert_int_eq(setxattr_as(XK_XKFS_ROOT, "user.x", 6), -EPERM);
}
END_TEST

/* ---- swapped while it is looked at ---- */

#define ROUNDS 800

static void read_is(uint64_t fh, const char *text)
{
    char buf[64] = "";
    long n = files_read(G, fh, 0, buf, sizeof(buf) - 1);

    ck_assert_msg(n <= 0 || !strcmp(buf, text), "read: %s", buf);
}

/* More nodes than have descriptors: `dir` is found again by its name. */
static void crowd(uint64_t nodes[8])
{
    struct xk_xkfs_entry e;
    char name[8];
    uint64_t fh;
    size_t i;

    for (i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "c%zu", i);
        ck_assert_int_eq(files_create(G, root, name, O_RDWR, 0600, &e, &fh),
                         0);
        ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
        nodes[i] = e.node;
    }
}

static void make_link(const char *name, const char *target)
{
    ck_assert_int_eq(ask(XK_XKFS_SYMLINK, root, name, strlen(name), target,
                         strlen(target)), 0);
}

/* The name of a directory is a link to the outside every other moment. */
START_TEST(a_directory_that_becomes_a_link)
{
    struct xk_xkfs_entry d, e;
    struct swapper s;
    unsigned int i, inside = 0;
    uint64_t fh, nodes[8];

    make_link("swap", "../outside");
    crowd(nodes);
    swapper_start(&s, &outside, "dir", "swap");
    for (i = 0; i < ROUNDS; i++) {
        (void)files_simple(G, XK_XKFS_GETATTR, nodes[i % 8], 0, 0);
        if (files_lookup(G, root, i & 1 ? "dir" : "swap", &d) ||
            files_lookup(G, d.node, "inner", &e) ||
            files_open(G, e.node, O_RDONLY, &fh))
            continue;
        read_is(fh, OUTSIDE_INNER);
        ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
        inside++;
    }
    swapper_stop(&s);
    ck_assert_uint_gt(inside, 0);
}
END_TEST

/* The same, while names are made and removed in it. */
START_TEST(a_directory_that_is_written_to)
{
    struct xk_xkfs_entry d, e;
    struct swapper s;
    uint64_t fh, nodes[8];
    unsigned int i;

    make_link("swap", "../outside");
    crowd(nodes);
    swapper_start(&s, &outside, "dir", "swap");
    for (i = 0; i < ROUNDS; i++) {
        (void)files_simple(G, XK_XKFS_GETATTR, nodes[i % 8], 0, 0);
        if (files_lookup(G, root, i & 1 ? "dir" : "swap", &d))
            continue;
        if (!files_create(G, d.node, "new", O_RDWR | O_EXCL, 0600, &e, &fh))
            ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
        (void)ask(XK_XKFS_MKDIR, d.node, "sub", 3, NULL, 0);
        (void)ask(XK_XKFS_UNLINK, d.node, "new", 3, NULL, 0);
        (void)ask(XK_XKFS_RMDIR, d.node, "sub", 3, NULL, 0);
        (void)ask(XK_XKFS_RENAME, d.node, "secret", 6, "taken", 5);
        (void)ask(XK_XKFS_UNLINK, d.node, "secret", 6, NULL, 0);
    }
    swapper_stop(&s);
}
END_TEST

/* The name of a file is a link to the secret every other moment. */
START_TEST(a_file_that_becomes_a_link)
{
    static const struct xk_xkfs_setattr all = {
        .valid = XK_XKFS_SET_MODE | XK_XKFS_SET_SIZE | XK_XKFS_SET_UID |
                 XK_XKFS_SET_MTIME_NOW, .mode = 0666, .uid = 7,
    };
    struct xk_xkfs_entry e;
    struct swapper s;
    uint64_t fh, nodes[8];
    unsigned int i;

    make_link("swap", "../outside/secret");
    crowd(nodes);
    swapper_start(&s, &outside, "mine", "swap");
    for (i = 0; i < ROUNDS; i++) {
        (void)files_simple(G, XK_XKFS_GETATTR, nodes[i % 8], 0, 0);
        if (!files_create(G, root, "mine", O_RDWR | O_TRUNC, 0600, &e,
                          &fh)) {
            read_is(fh, "");
            (void)files_write(G, fh, 0, "mine", 4);
            ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
        }
        if (files_lookup(G, root, i & 1 ? "mine" : "swap", &e))
            continue;
        (void)set(e.node, &all);
        (void)setxattr_as(e.node, "user.x", 6);
        (void)files_simple(G, XK_XKFS_SYNCFS, e.node, 0, 0);
        if (!files_open(G, e.node, O_RDWR | O_TRUNC, &fh))
            ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
    }
    swapper_stop(&s);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("paths"), *r = tcase_create("races");
    Suite *s = suite_create("filed: paths that lead out");
    SRunner *run;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_set_timeout(r, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_checked_fixture(r, setup_bare, teardown);
    tcase_add_loop_test(t, a_name_that_is_none, 0,
                        XK_ARRAY_SIZE(name_takers));
    tcase_add_test(t, the_roots_own_names);
    tcase_add_loop_test(t, a_link_of_dom0, 0, (int)outside_nr_links);
    tcase_add_loop_test(t, a_link_of_the_guest, 0, (int)outside_nr_links);
    tcase_add_test(t, a_name_of_an_attribute);
    tcase_add_test(r, a_directory_that_becomes_a_link);
    tcase_add_test(r, a_directory_that_is_written_to);
    tcase_add_test(r, a_file_that_becomes_a_link);
    suite_add_tcase(s, t);
    suite_add_tcase(s, r);
    run = srunner_create(s);
    srunner_run_all(run, CK_ENV);
    failed = srunner_ntests_failed(run);
    srunner_free(run);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
