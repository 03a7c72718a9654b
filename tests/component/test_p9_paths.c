/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways out of a share that 9P has: names, links, the way up, fids that
 * were not given, names of attributes, names that are swapped meanwhile; tried
 * over the rings against filed and a real server.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "outside.h"
#include "p9_play.h"

enum {
    LOPEN = 12, LCREATE = 14, SYMLINK = 16, MKNOD = 18, RENAME = 20,
    READLINK = 22, GETATTR = 24, SETATTR = 26, XATTRWALK = 30,
    XATTRCREATE = 32, READDIR = 40, LINK = 70, MKDIR = 72, RENAMEAT = 74,
    UNLINKAT = 76, ATTACH = 104, WALK = 110, READ = 116, WRITE = 118,
    CLUNK = 120, REMOVE = 122,
};

static struct files_play play;
static struct p9_front front;
static struct outside outside;
#define F (&front)
#define call(type, ...) p9_play_call(F, type, __VA_ARGS__)

static pid_t server;

static void start(bool bare)
{
    char items[100];

    files_play_init(&play);
    outside_make(&outside, play.dir, bare);
    snprintf(items, sizeof(items), "\"path=%s/data,stock-9p=1\"", play.dir);
    files_play_keep(&play, items);
    files_play_up(&play);
    ck_assert_int_eq(p9_play_find(F, play.guest.domid, "data"), 0);
    ck_assert_int_eq(p9_play_connect(F), 0);
    ck_assert_int_eq(p9_play_mount(F, "data"), 0);
    server = files_play_server(&play);
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
    ck_assert_uint_eq(p9_play_state(F), 4);
    ck_assert(outside_same(&outside));
    files_play_fini(&play);
}

static int walk1(uint32_t from, uint32_t to, const char *name)
{
    return call(WALK, "ddws", from, to, 1, name);
}

static int walk0(uint32_t from, uint32_t to)
{
    return call(WALK, "ddw", from, to, 0);
}

static void clunk(uint32_t fid)
{
    (void)call(CLUNK, "d", fid);
}

/* ---- names that are none ---- */

#define L16 "xxxxxxxxxxxxxxxx"
#define L256 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16
#define NAME(text) text, sizeof(text) - 1

static const struct {
    const char *text;
    size_t len;
} no_names[] = {
    { NAME("") }, { NAME(".") }, { NAME("/") }, { NAME("/etc/passwd") },
    { NAME("../outside/secret") }, { NAME("dir/inner") },
    { NAME("dir/../mine") }, { NAME("mine/") }, { NAME("/mine") },
    { NAME("absolute/secret") }, { NAME("mi\0ne") }, { NAME("mine\0") },
    { NAME("..\0") }, { NAME("../") }, { NAME("/..") }, { NAME(L256) },
    { NAME(L256 L256) }, { NAME("..") },
};

/* Each message with a name, from fids 1 (the share) and 2 (`mine`). */

/* Only a walk may go up, and not far. */
static int by_walk(const char *name, size_t len)
{
    if (len == 2 && !memcmp(name, "..", 2))
        return -EINVAL;
    return call(WALK, "ddwn", 0, 3, 1, len, name);
}

static int by_create(const char *name, size_t len)
{
    return call(LCREATE, "dnddd", 1, len, name, O_RDWR | O_TRUNC, 0600, 0);
}

static int by_symlink(const char *name, size_t len)
{
    return call(SYMLINK, "dnsd", 0, len, name, "x", 0);
}

static int by_mknod(const char *name, size_t len)
{
    return call(MKNOD, "dndddd", 0, len, name, S_IFIFO | 0600, 0, 0, 0);
}

static int by_rename(const char *name, size_t len)
{
    return call(RENAME, "ddn", 2, 0, len, name);
}

static int by_link(const char *name, size_t len)
{
    return call(LINK, "ddn", 0, 2, len, name);
}

static int by_mkdir(const char *name, size_t len)
{
    return call(MKDIR, "dndd", 0, len, name, 0700, 0);
}

static int by_rename_from(const char *name, size_t len)
{
    return call(RENAMEAT, "dnds", 0, len, name, 0, "new");
}

static int by_rename_to(const char *name, size_t len)
{
    return call(RENAMEAT, "dsdn", 0, "mine", 0, len, name);
}

static int by_unlink(const char *name, size_t len)
{
    return call(UNLINKAT, "dnd", 0, len, name, 0);
}

static int by_rmdir(const char *name, size_t len)
{
    return call(UNLINKAT, "dnd", 0, len, name, AT_REMOVEDIR);
}

static const struct {
    const char *what;
    int (*fn)(const char *name, size_t len);
} name_takers[] = {
    { "Twalk", by_walk }, { "Tlcreate", by_create },
    { "Tsymlink", by_symlink }, { "Tmknod", by_mknod },
    { "Trename", by_rename }, { "Tlink", by_link }, { "Tmkdir", by_mkdir },
    { "Trenameat from", by_rename_from }, { "Trenameat to", by_rename_to },
    { "Tunlinkat", by_unlink }, { "Tunlinkat of a directory", by_rmdir },
};

START_TEST(a_name_that_is_none)
{
    size_t i;
    int rc;

    for (i = 0; i < XK_ARRAY_SIZE(no_names); i++) {
        clunk(1);
        clunk(2);
        ck_assert_int_eq(walk0(0, 1), 0);
        ck_assert_int_eq(walk1(0, 2, "mine"), 0);
        rc = name_takers[_i].fn(no_names[i].text, no_names[i].len);
        ck_assert_msg(rc == -EINVAL || rc == -ENAMETOOLONG, "%s \"%s\": %d",
                      name_takers[_i].what, no_names[i].text, rc);
    }
    clunk(1);
    ck_assert_int_eq(walk1(0, 1, "mine"), 0);
}
END_TEST

/* Names of shares, and paths in their place. */
START_TEST(a_share_that_is_none)
{
    static const char *const names[] = {
        "other", "..", ".", "data/..", "data/dir", "/data/dir", "/etc",
        "//data", "data/", "DATA", L256,
    };
    size_t i;
    int rc;

    for (i = 0; i < XK_ARRAY_SIZE(names); i++) {
        rc = call(ATTACH, "ddssd", 9, ~0u, "root", names[i], 0);
        ck_assert_msg(rc == -ENOENT || rc == -EINVAL || rc == -ENAMETOOLONG,
                      "%s: %d", names[i], rc);
    }
}
END_TEST

static uint64_t ino_of(uint32_t fid)
{
    ck_assert_int_eq(call(GETATTR, "dq", fid, (uint64_t)0x7ff), 0);
    (void)p9_u64(&F->in);
    (void)p9_u8(&F->in);
    (void)p9_u32(&F->in);
    return p9_u64(&F->in);
}

/* As far up as a message can say, from everywhere: the share's own. */
START_TEST(the_way_up)
{
    uint64_t root = ino_of(0);

    ck_assert_int_eq(call(WALK, "ddwssssssssssssssss", 0, 1, 16, "..", "..",
                          "..", "..", "..", "..", "..", "..", "..", "..",
                          "..", "..", "..", "..", "..", ".."), 0);
    ck_assert_uint_eq(ino_of(1), root);
    ck_assert_int_eq(call(WALK, "ddwssss", 0, 2, 4, "dir", "..", "..",
                          "outside"), 0);
    ck_assert_uint_eq(p9_u16(&F->in), 3);
    ck_assert_int_eq(call(WALK, "ddwsss", 0, 2, 3, "mine", "..", "..", ".."),
                     0);
    ck_assert_uint_eq(p9_u16(&F->in), 1);   /* not from a file */
    ck_assert_int_eq(walk1(0, 3, "absolute"), 0);
    ck_assert_int_eq(walk1(3, 4, ".."), -ENOTDIR);
    ck_assert_int_eq(call(WALK, "ddw", 0, 5, 17), -EINVAL);
}
END_TEST

/* ---- links ---- */

START_TEST(a_link_of_dom0)
{
    const struct outside_link *l = &outside_links[_i];
    char target[96];

    outside_target(&outside, l, target, sizeof(target));
    /* The walk ends at the link. */
    ck_assert_int_eq(call(WALK, "ddwss", 0, 1, 2, l->name, "secret"), 0);
    ck_assert_uint_eq(p9_u16(&F->in), 1);
    ck_assert_int_eq(walk1(0, 1, l->name), 0);
    ck_assert_int_eq(walk1(1, 2, "secret"), -ENOTDIR);
    ck_assert_int_eq(call(LOPEN, "dd", 1, O_RDONLY), -ELOOP);
    ck_assert_int_eq(call(LOPEN, "dd", 1, O_RDWR | O_TRUNC), -ELOOP);
    ck_assert_int_eq(call(LCREATE, "dsddd", 1, "new", O_RDWR, 0600, 0),
                     -ENOTDIR);
    ck_assert_int_eq(call(MKDIR, "dsdd", 1, "new", 0700, 0), -ENOTDIR);
    ck_assert_int_eq(call(UNLINKAT, "dsd", 1, "secret", 0), -ENOTDIR);
    ck_assert_int_eq(call(RENAMEAT, "dsds", 1, "secret", 0, "new"),
                     -ENOTDIR);
    ck_assert_int_eq(call(RENAMEAT, "dsds", 0, "mine", 1, "new"), -ENOTDIR);
    ck_assert_int_eq(call(SETATTR, "dddddqqqqq", 1, 0x8, 0, 0, 0,
                          (uint64_t)0, (uint64_t)0, (uint64_t)0, (uint64_t)0,
                          (uint64_t)0), -EINVAL);
    ck_assert_int_eq(call(SETATTR, "dddddqqqqq", 1, 0x1, 0777, 0, 0,
                          (uint64_t)0, (uint64_t)0, (uint64_t)0, (uint64_t)0,
                          (uint64_t)0), -EOPNOTSUPP);
    ck_assert_int_eq(call(READLINK, "d", 1), 0);
    (void)p9_u16(&F->in);
    ck_assert_int_eq(memcmp(F->in.at, target, strlen(target)), 0);
    /* By its name, made or emptied. */
    ck_assert_int_eq(walk0(0, 3), 0);
    ck_assert_int_eq(call(LCREATE, "dsddd", 3, l->name, O_RDWR | O_TRUNC,
                          0600, 0), -ELOOP);
    /* The link itself can go. */
    ck_assert_int_eq(call(REMOVE, "d", 1), 0);
    ck_assert_int_eq(walk1(0, 1, l->name), -ENOENT);
}
END_TEST

/* ---- fids ---- */

START_TEST(a_fid_that_was_not_given)
{
    static const uint32_t fids[] = { 1, 77, 0x7fffffff, UINT32_MAX - 1,
                                     UINT32_MAX };
    static const uint8_t types[] = {
        LOPEN, LCREATE, SYMLINK, MKNOD, RENAME, READLINK, GETATTR, SETATTR,
        XATTRWALK, XATTRCREATE, READDIR, LINK, MKDIR, RENAMEAT, UNLINKAT,
        WALK, READ, WRITE, CLUNK, REMOVE, 8, 50, 52, 54,
    };
    size_t i, k;
    int rc;

    for (i = 0; i < XK_ARRAY_SIZE(fids); i++)
        for (k = 0; k < XK_ARRAY_SIZE(types); k++) {
            rc = call(types[k], "dqqqqqqqq", fids[i], (uint64_t)0,
                      (uint64_t)0, (uint64_t)0, (uint64_t)0, (uint64_t)0,
                      (uint64_t)0, (uint64_t)0, (uint64_t)0);
            ck_assert_msg(rc == -EBADF, "message %u: %d", types[k], rc);
        }
    /* One of two, and numbers that are taken or nobody's. */
    ck_assert_int_eq(walk1(0, 1, "mine"), 0);
    ck_assert_int_eq(call(LINK, "dds", 9, 1, "l"), -EBADF);
    ck_assert_int_eq(call(LINK, "dds", 0, 9, "l"), -EBADF);
    ck_assert_int_eq(call(RENAME, "dds", 1, 9, "l"), -EBADF);
    ck_assert_int_eq(call(RENAMEAT, "dsds", 0, "mine", 9, "l"), -EBADF);
    ck_assert_int_eq(walk1(0, 1, "mine"), -EINVAL);
    ck_assert_int_eq(walk1(0, ~0u, "mine"), -EINVAL);
    ck_assert_int_eq(call(READ, "dqd", 1, (uint64_t)0, 10), -EBADF);
    ck_assert_int_eq(call(READDIR, "dqd", 0, (uint64_t)0, 10), -EBADF);
    /* The root of a share has no name to be removed by. */
    ck_assert_int_eq(walk0(0, 2), 0);
    ck_assert_int_eq(call(RENAME, "dds", 2, 0, "l"), -EBUSY);
    ck_assert_int_eq(call(REMOVE, "d", 2), -EBUSY);
    ck_assert_int_eq(call(LINK, "dds", 0, 0, "l"), -EPERM);
}
END_TEST

START_TEST(what_is_no_file)
{
    static const char *const names[] = { "pipe", "null" };
    char path[64];
    size_t i;
    int rc;

    ck_assert_int_eq(call(MKNOD, "dsdddd", 0, "pipe", S_IFIFO | 0666, 0, 0,
                          0), 0);
    ck_assert_int_eq(call(MKNOD, "dsdddd", 0, "dev", S_IFCHR | 0666, 1, 3,
                          0), -EPERM);
    ck_assert_int_eq(call(MKNOD, "dsdddd", 0, "dev", S_IFBLK | 0666, 7, 0,
                          0), -EPERM);
    ck_assert_int_eq(call(MKNOD, "dsdddd", 0, "dev", S_IFLNK | 0666, 0, 0,
                          0), -EINVAL);
    snprintf(path, sizeof(path), "%s/data/null", play.dir);
    rc = mknod(path, S_IFCHR | 0666, makedev(1, 3));
    for (i = 0; i < XK_ARRAY_SIZE(names) - (rc != 0); i++) {
        clunk(1);
        clunk(2);
        ck_assert_int_eq(walk1(0, 1, names[i]), 0);
        ck_assert_int_eq(call(LOPEN, "dd", 1, O_RDONLY), -ENXIO);
        ck_assert_int_eq(call(LOPEN, "dd", 1, O_WRONLY), -ENXIO);
        ck_assert_int_eq(walk0(0, 2), 0);
        ck_assert_int_eq(call(LCREATE, "dsddd", 2, names[i], O_RDWR, 0600,
                              0), -ENXIO);
    }
}
END_TEST

/* ---- names of attributes ---- */

START_TEST(a_name_of_an_attribute)
{
    static const char *const names[] = {
        "trusted.", "security.", "user.xenkeep.trusted.x",
        "user.xenkeep.x", "system.x", "user.", "user", "../user.x", "os2.x",
    };
    char path[64], list[64];
    size_t i;
    int rc;

    snprintf(path, sizeof(path), "%s/data/mine", play.dir);
    ck_assert_int_eq(setxattr(path, "trusted.x", "own", 3, 0), 0);
    ck_assert_int_eq(walk1(0, 1, "mine"), 0);
    for (i = 0; i < XK_ARRAY_SIZE(names); i++) {
        rc = call(XATTRWALK, "dds", 1, 2, names[i]);
        ck_assert_msg(rc == -ENODATA || rc == -EOPNOTSUPP, "%s: %d",
                      names[i], rc);
        /* To set it is refused now, or when it is whole. */
        clunk(3);
        ck_assert_int_eq(walk0(1, 3), 0);
        rc = call(XATTRCREATE, "dsqd", 3, names[i], (uint64_t)1, 0);
        if (!rc)
            rc = call(WRITE, "dqz", 3, (uint64_t)0, 1, "v");
        if (!rc)
            rc = call(CLUNK, "d", 3);
        ck_assert_msg(rc < 0, "%s is set", names[i]);
    }
    /* Their list has none of them. */
    ck_assert_int_eq(call(XATTRWALK, "dds", 1, 2, ""), 0);
    ck_assert_uint_eq(p9_u64(&F->in), 0);
    ck_assert_int_eq(listxattr(path, list, sizeof(list)), 10);
}
END_TEST

/* ---- swapped while it is looked at ---- */

START_TEST(a_directory_that_becomes_a_link)
{
    static const char *const names[] = { "dir", "swap" };
    struct swapper s;
    unsigned int i, inside = 0;
    uint32_t n;

    ck_assert_int_eq(call(SYMLINK, "dssd", 0, "swap", "../outside", 0), 0);
    swapper_start(&s, &outside, "dir", "swap");
    for (i = 0; i < 800; i++) {
        clunk(1);
        if (call(WALK, "ddwss", 0, 1, 2, names[i & 1], "inner") ||
            p9_u16(&F->in) != 2 || call(LOPEN, "dd", 1, O_RDONLY) ||
            call(READ, "dqd", 1, (uint64_t)0, 100))
            continue;
        n = p9_u32(&F->in);
        ck_assert_uint_eq(n, strlen(OUTSIDE_INNER));
        ck_assert_int_eq(memcmp(F->in.at, OUTSIDE_INNER, n), 0);
        inside++;
    }
    swapper_stop(&s);
    ck_assert_uint_gt(inside, 0);
}
END_TEST

START_TEST(a_file_that_becomes_a_link)
{
    struct swapper s;
    unsigned int i;

    ck_assert_int_eq(call(SYMLINK, "dssd", 0, "swap", "../outside/secret",
                          0), 0);
    swapper_start(&s, &outside, "mine", "swap");
    for (i = 0; i < 800; i++) {
        clunk(1);
        if (!walk1(0, 1, i & 1 ? "mine" : "swap")) {
            (void)call(SETATTR, "dddddqqqqq", 1, 0x2b, 0666, 7, 7,
                       (uint64_t)0, (uint64_t)0, (uint64_t)0, (uint64_t)0,
                       (uint64_t)0);
            (void)call(LOPEN, "dd", 1, O_RDWR | O_TRUNC);
            (void)call(WRITE, "dqz", 1, (uint64_t)0, 4, "mine");
        }
        clunk(2);
        (void)walk0(0, 2);
        if (!call(LCREATE, "dsddd", 2, "mine", O_RDWR | O_TRUNC, 0600, 0))
            (void)call(WRITE, "dqz", 2, (uint64_t)0, 4, "mine");
    }
    swapper_stop(&s);
}
END_TEST

/* Moved beside the share: the way up is where it was found. */
START_TEST(a_directory_that_is_moved_out)
{
    char from[64], to[64];
    uint64_t root = ino_of(0);

    ck_assert_int_eq(walk1(0, 1, "dir"), 0);
    snprintf(from, sizeof(from), "%s/data/dir", play.dir);
    snprintf(to, sizeof(to), "%s/outside/dir", play.dir);
    ck_assert_int_eq(rename(from, to), 0);
    outside_note(&outside);
    ck_assert_int_eq(call(WALK, "ddwss", 1, 2, 2, "..", "secret"), 0);
    ck_assert_uint_eq(p9_u16(&F->in), 1);
    ck_assert_int_eq(walk1(1, 2, ".."), 0);
    ck_assert_uint_eq(ino_of(2), root);
    ck_assert_int_eq(walk1(1, 3, "secret"), -ENOENT);
    ck_assert_int_eq(walk1(0, 3, "dir"), -ENOENT);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("paths"), *b = tcase_create("races");
    Suite *s = suite_create("filed: paths of 9P that lead out");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_set_timeout(b, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_checked_fixture(b, setup_bare, teardown);
    tcase_add_loop_test(t, a_name_that_is_none, 0,
                        XK_ARRAY_SIZE(name_takers));
    tcase_add_test(t, a_share_that_is_none);
    tcase_add_test(t, the_way_up);
    tcase_add_loop_test(t, a_link_of_dom0, 0, (int)outside_nr_links);
    tcase_add_test(t, a_fid_that_was_not_given);
    tcase_add_test(t, what_is_no_file);
    tcase_add_test(t, a_name_of_an_attribute);
    tcase_add_test(t, a_directory_that_is_moved_out);
    tcase_add_test(b, a_directory_that_becomes_a_link);
    tcase_add_test(b, a_file_that_becomes_a_link);
    suite_add_tcase(s, t);
    suite_add_tcase(s, b);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
