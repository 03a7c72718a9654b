/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 9P2000.L messages on the real operations and a real directory; and the
 * bytes of its ring. The client here is written by the protocol alone.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/io/9pfs.h>

#include "ops.h"
#include "p9.h"
#include "p9_client.h"
#include "p9_msg.h"
#include "p9_ring.h"

#define MSIZE 32768u

static char dir[] = "/var/tmp/xk-p9.XXXXXX";
static int home = -1;
static struct ops *ops;
static struct p9 p9;
static uint8_t ask[MSIZE + 8], reply[MSIZE + 8];
static struct p9_in in;         /* of the answer, behind its header */

/* ---- a client ---- */

/* 0 or -errno of the answer; `in` stands behind its header. */
static int call(uint8_t type, const char *fields, ...)
{
    va_list ap;
    size_t n;
    long got;

    va_start(ap, fields);
    n = p9_client_build(ask, sizeof(ask), type, fields, ap);
    va_end(ap);
    got = p9_do(&p9, ask, n, reply);
    return got < 0 ? (int)got
                   : p9_client_answer(type, reply, (size_t)got, &in);
}

static int walk1(uint32_t from, uint32_t to, const char *name)
{
    return call(110, "ddws", from, to, 1, name);
}

static int walk0(uint32_t from, uint32_t to)
{
    return call(110, "ddw", from, to, 0);
}

static int clunk(uint32_t fid)
{
    return call(120, "d", fid);
}

/* ---- a share ---- */

static void fill(const char *name, const char *text)
{
    int fd = openat(home, name, O_CREAT | O_WRONLY | O_TRUNC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void setup_with(bool read_only)
{
    struct ops_config config = {
        .limits = { .nodes = 1000, .files = 100, .locks = 50,
                    .descriptors = 100 },
        .epoch = 1,
    };
    struct share share = { .name = "data", .type = SHARE_DIR,
                           .read_only = read_only };

    strcpy(dir, "/var/tmp/xk-p9.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    home = open(dir, O_RDONLY | O_DIRECTORY);
    fill("hello", "hello, world");
    mkdirat(home, "sub", 0755);
    fill("sub/inner", "inside");
    ck_assert_int_eq(symlinkat("/etc/passwd", home, "link"), 0);
    config.fd_dir = open("/proc/self/fd", O_PATH | O_DIRECTORY);
    ck_assert_int_eq(ops_open(&ops, &config), 0);
    ck_assert_int_eq(ops_share_add(ops, 1, &share,
                                   open(dir, O_PATH | O_DIRECTORY)), 0);
    p9_init(&p9, ops, "data", MSIZE);
    ck_assert_int_eq(call(100, "ds", MSIZE, "9P2000.L"), 0);
    ck_assert_int_eq(call(104, "ddssd", 0, ~0u, "root", "data", 0), 0);
}

static void setup(void)
{
    setup_with(false);
}

static void teardown(void)
{
    char cmd[64];

    /* Whatever happened, the session gave back what it held. */
    p9_dispose(&p9);
    ck_assert_uint_le(ops_known(ops), 2);
    ops_close(ops);
    close(home);
    ck_assert_int_eq(chdir("/"), 0);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    ck_assert_int_eq(system(cmd), 0);
}

/* ---- the session ---- */

START_TEST(version)
{
    char text[32];

    ck_assert_int_eq(call(100, "ds", 8192, "9P2000.L"), 0);
    ck_assert_uint_eq(p9_u32(&in), 8192);
    ck_assert_int_eq(call(100, "ds", 10 * MSIZE, "9P2000.L"), 0);
    ck_assert_uint_eq(p9_u32(&in), MSIZE);
    ck_assert_int_eq(call(100, "ds", 8192, "9P2000.u"), 0);
    (void)p9_u32(&in);
    p9_string(&in, text, sizeof(text));
    ck_assert_str_eq(text, "unknown");
    /* Without a version there is nothing to talk about. */
    ck_assert_int_eq(walk0(0, 1), -ESTALE);
    ck_assert_int_eq(call(108, "w", 5), 0);
    ck_assert_int_eq(call(100, "ds", 100, "9P2000.L"), 0);
    (void)p9_u32(&in);
    p9_string(&in, text, sizeof(text));
    ck_assert_str_eq(text, "unknown");
}
END_TEST

START_TEST(version_ends_the_session)
{
    ck_assert_int_eq(walk1(0, 1, "hello"), 0);
    ck_assert_int_eq(call(12, "dd", 1, 0), 0);
    ck_assert_int_eq(call(100, "ds", MSIZE, "9P2000.L"), 0);
    ck_assert_int_eq(walk0(0, 2), -EBADF);
    ck_assert_int_eq(clunk(1), -EBADF);
}
END_TEST

START_TEST(attach)
{
    ck_assert_int_eq(call(104, "ddssd", 5, ~0u, "me", "other", 0), -ENOENT);
    ck_assert_int_eq(call(104, "ddssd", 5, ~0u, "me", "../data", 0),
                     -ENOENT);
    ck_assert_int_eq(call(104, "ddssd", 5, ~0u, "me", "", 0), 0);
    ck_assert_int_eq(call(104, "ddssd", 6, ~0u, "me", "/data", 0), 0);
    ck_assert_int_eq(call(104, "ddssd", 0, ~0u, "me", "data", 0), -EINVAL);
    ck_assert_int_eq(call(104, "ddssd", ~0u, ~0u, "me", "data", 0),
                     -EINVAL);
    ck_assert_int_eq(call(102, "dssd", 7, "me", "data", 0), -EOPNOTSUPP);
}
END_TEST

START_TEST(walking)
{
    ck_assert_int_eq(call(110, "ddwss", 0, 1, 2, "sub", "inner"), 0);
    ck_assert_uint_eq(p9_u16(&in), 2);
    ck_assert_int_eq(clunk(1), 0);
    /* As far as it goes; no fid is made. */
    ck_assert_int_eq(call(110, "ddwsss", 0, 1, 3, "sub", "no", "x"), 0);
    ck_assert_uint_eq(p9_u16(&in), 1);
    ck_assert_int_eq(clunk(1), -EBADF);
    ck_assert_int_eq(walk1(0, 1, "no"), -ENOENT);
    ck_assert_int_eq(walk1(0, 1, ""), -EINVAL);
    ck_assert_int_eq(walk1(0, 1, "."), -EINVAL);
    ck_assert_int_eq(walk1(0, 1, "sub/inner"), -EINVAL);
    ck_assert_int_eq(call(110, "ddwss", 0, 1, 2, "hello", "x"), 0);
    ck_assert_uint_eq(p9_u16(&in), 1);
    ck_assert_int_eq(call(110, "ddw", 0, 1, 17), -EINVAL);
    ck_assert_int_eq(walk1(9, 1, "sub"), -EBADF);
    ck_assert_int_eq(walk1(0, 0, "sub"), 0);
    ck_assert_int_eq(walk1(0, 1, "inner"), 0);
    ck_assert_int_eq(walk1(0, 1, "inner"), -EINVAL);
}
END_TEST

static uint64_t ino_of(uint32_t fid)
{
    ck_assert_int_eq(call(24, "dq", fid, (uint64_t)0x7ff), 0);
    (void)p9_u64(&in);
    (void)p9_u8(&in);
    (void)p9_u32(&in);
    return p9_u64(&in);
}

/* The way up ends at the share. */
START_TEST(upwards)
{
    uint64_t root = ino_of(0);

    ck_assert_int_eq(walk1(0, 1, ".."), 0);
    ck_assert_uint_eq(ino_of(1), root);
    ck_assert_int_eq(call(110, "ddwsssss", 0, 2, 5, "sub", "..", "..", "..",
                          "sub"), 0);
    ck_assert_uint_eq(p9_u16(&in), 5);
    ck_assert_int_eq(call(110, "ddwss", 2, 3, 2, "..", ".."), 0);
    ck_assert_uint_eq(ino_of(3), root);
}
END_TEST

/* ---- files ---- */

START_TEST(read_and_write)
{
    char buf[32];

    ck_assert_int_eq(walk0(0, 1), 0);
    ck_assert_int_eq(call(14, "dsddd", 1, "new", O_RDWR | O_EXCL, 0640, 7),
                     0);
    ck_assert_int_eq(call(118, "dqz", 1, (uint64_t)3, 4, "data"), 0);
    ck_assert_uint_eq(p9_u32(&in), 4);
    ck_assert_int_eq(call(116, "dqd", 1, (uint64_t)0, 100), 0);
    ck_assert_uint_eq(p9_u32(&in), 7);
    ck_assert_int_eq(memcmp(in.at, "\0\0\0data", 7), 0);
    ck_assert_int_eq(call(116, "dqd", 1, (uint64_t)7, 100), 0);
    ck_assert_uint_eq(p9_u32(&in), 0);
    ck_assert_int_eq(call(50, "dd", 1, 1), 0);
    ck_assert_int_eq(call(50, "d", 1), 0);
    ck_assert_int_eq(clunk(1), 0);
    ck_assert_int_eq(walk0(0, 1), 0);
    ck_assert_int_eq(call(14, "dsddd", 1, "new", O_RDWR | O_EXCL, 0640, 7),
                     -EEXIST);
    ck_assert_int_eq(call(116, "dqd", 0, (uint64_t)0, 100), -EBADF);
    /* Never more than a message holds. */
    ck_assert_int_eq(walk1(0, 2, "hello"), 0);
    ck_assert_int_eq(call(12, "dd", 2, O_RDONLY), 0);
    ck_assert_int_eq(call(12, "dd", 2, O_RDONLY), -EBUSY);
    ck_assert_int_eq(call(116, "dqd", 2, (uint64_t)0, ~0u), 0);
    ck_assert_uint_eq(p9_u32(&in), 12);
    ck_assert_int_eq(call(118, "dqz", 2, (uint64_t)0, 1, "x"), -EBADF);
    ck_assert_int_eq(readlinkat(home, "new", buf, sizeof(buf)), -1);
}
END_TEST

START_TEST(append)
{
    struct stat st;

    ck_assert_int_eq(walk1(0, 1, "hello"), 0);
    ck_assert_int_eq(call(12, "dd", 1, O_WRONLY | O_APPEND), 0);
    ck_assert_int_eq(call(118, "dqz", 1, (uint64_t)0, 3, "!!!"), 0);
    ck_assert_int_eq(fstatat(home, "hello", &st, 0), 0);
    ck_assert_int_eq(st.st_size, 15);
}
END_TEST

START_TEST(listing)
{
    unsigned int names = 0, rounds = 0;
    uint64_t off = 0;
    char name[256];
    uint32_t n;

    ck_assert_int_eq(walk0(0, 1), 0);
    ck_assert_int_eq(call(12, "dd", 1, O_RDONLY | O_DIRECTORY), 0);
    /* Room for one or two at a time. */
    do {
        ck_assert_int_eq(call(40, "dqd", 1, off, 64), 0);
        n = p9_u32(&in);
        ck_assert_uint_le(n, 64);
        while (in.at < in.end) {
            (void)p9_bytes(&in, 13);
            off = p9_u64(&in);
            (void)p9_u8(&in);
            p9_string(&in, name, sizeof(name));
            names++;
        }
        ck_assert(!in.bad && rounds++ < 10);
    } while (n);
    ck_assert_uint_eq(names, 5);        /* . .. hello link sub */
    ck_assert_int_eq(call(40, "dqd", 0, (uint64_t)0, 64), -EBADF);
}
END_TEST

START_TEST(making)
{
    struct stat st;
    char buf[64] = "";

    ck_assert_int_eq(call(72, "dsdd", 0, "d", 0750, 5), 0);
    ck_assert_int_eq(call(72, "dsdd", 0, "d", 0750, 5), -EEXIST);
    ck_assert_int_eq(call(16, "dssd", 0, "s", "any/where", 0), 0);
    ck_assert_int_eq(readlinkat(home, "s", buf, sizeof(buf)), 9);
    ck_assert_int_eq(call(18, "dsdddd", 0, "p", S_IFIFO | 0600, 0, 0, 0), 0);
    ck_assert_int_eq(fstatat(home, "p", &st, AT_SYMLINK_NOFOLLOW), 0);
    ck_assert(S_ISFIFO(st.st_mode));
    /* No devices on a share that does not say so. */
    ck_assert_int_eq(call(18, "dsdddd", 0, "c", S_IFCHR | 0600, 1, 3, 0),
                     -EPERM);
    ck_assert_int_eq(walk1(0, 1, "hello"), 0);
    ck_assert_int_eq(call(70, "dds", 0, 1, "again"), 0);
    ck_assert_int_eq(fstatat(home, "again", &st, 0), 0);
    ck_assert_uint_eq(st.st_nlink, 2);
    ck_assert_int_eq(call(76, "dsd", 0, "again", 0), 0);
    ck_assert_int_eq(call(76, "dsd", 0, "d", 0), -EISDIR);
    ck_assert_int_eq(call(76, "dsd", 0, "d", AT_REMOVEDIR), 0);
    ck_assert_int_eq(call(76, "dsd", 0, "sub", AT_REMOVEDIR), -ENOTEMPTY);
    ck_assert_int_eq(call(76, "dsd", 0, "../x", 0), -EINVAL);
}
END_TEST

START_TEST(links_are_not_followed)
{
    char target[64] = "";

    ck_assert_int_eq(walk1(0, 1, "link"), 0);
    ck_assert_int_eq(call(22, "d", 1), 0);
    p9_string(&in, target, sizeof(target));
    ck_assert_str_eq(target, "/etc/passwd");
    ck_assert_int_eq(call(12, "dd", 1, O_RDONLY), -ELOOP);
    ck_assert_int_eq(call(110, "ddws", 1, 2, 1, "x"), -ENOTDIR);
    ck_assert_int_eq(call(22, "d", 0), -EINVAL);
}
END_TEST

START_TEST(renaming)
{
    struct stat st;

    ck_assert_int_eq(walk1(0, 1, "sub"), 0);
    ck_assert_int_eq(call(74, "dsds", 0, "hello", 1, "moved"), 0);
    ck_assert_int_eq(fstatat(home, "sub/moved", &st, 0), 0);
    ck_assert_int_eq(call(74, "dsds", 0, "hello", 1, "moved"), -ENOENT);
    ck_assert_int_eq(call(74, "dsds", 0, "sub", 1, "in"), -EINVAL);
    ck_assert_int_eq(walk1(1, 2, "inner"), 0);
    ck_assert_int_eq(call(20, "dds", 2, 0, "out"), 0);
    ck_assert_int_eq(fstatat(home, "out", &st, 0), 0);
    /* By the old name it is not any more. */
    ck_assert_int_eq(call(20, "dds", 2, 0, "out2"), -ENOENT);
}
END_TEST

/* Tremove takes what the fid is, not what has its name by now. */
START_TEST(removing)
{
    struct stat st;

    ck_assert_int_eq(walk1(0, 1, "hello"), 0);
    ck_assert_int_eq(renameat(home, "hello", home, "old"), 0);
    fill("hello", "another");
    ck_assert_int_eq(call(122, "d", 1), -ESTALE);
    ck_assert_int_eq(fstatat(home, "hello", &st, 0), 0);
    ck_assert_int_eq(clunk(1), -EBADF);
    ck_assert_int_eq(walk1(0, 1, "hello"), 0);
    ck_assert_int_eq(call(12, "dd", 1, O_RDWR), 0);
    ck_assert_int_eq(call(122, "d", 1), 0);
    ck_assert_int_eq(fstatat(home, "hello", &st, 0), -1);
    ck_assert_int_eq(call(122, "d", 0), -EBUSY);
    ck_assert_int_eq(walk0(0, 1), -EBADF);
}
END_TEST

/* What is open lives on without a name. */
START_TEST(unlinked)
{
    ck_assert_int_eq(walk1(0, 1, "hello"), 0);
    ck_assert_int_eq(call(12, "dd", 1, O_RDWR), 0);
    ck_assert_int_eq(call(76, "dsd", 0, "hello", 0), 0);
    ck_assert_int_eq(call(24, "dq", 1, (uint64_t)0x7ff), 0);
    ck_assert_int_eq(call(118, "dqz", 1, (uint64_t)0, 4, "more"), 0);
    ck_assert_int_eq(call(116, "dqd", 1, (uint64_t)0, 4), 0);
    ck_assert_int_eq(walk1(0, 2, "hello"), -ENOENT);
}
END_TEST

/* ---- attributes ---- */

static int setattr(uint32_t fid, uint32_t valid, uint32_t mode,
                   uint64_t size, uint64_t nsec)
{
    return call(26, "dddddqqqqq", fid, valid, mode, 5, 6, size,
                (uint64_t)1000, nsec, (uint64_t)2000, nsec);
}

START_TEST(attributes)
{
    struct stat st;

    ck_assert_int_eq(walk1(0, 1, "hello"), 0);
    ck_assert_int_eq(setattr(1, 0x1 | 0x8, 0600, 5, 0), 0);
    ck_assert_int_eq(setattr(1, 0x6, 0, 0, 0), 0);
    ck_assert_int_eq(setattr(1, 0x10 | 0x20 | 0x80 | 0x100, 0, 0, 9), 0);
    ck_assert_int_eq(fstatat(home, "hello", &st, 0), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_uint_eq(st.st_uid, 5);
    ck_assert_uint_eq(st.st_gid, 6);
    ck_assert_int_eq(st.st_size, 5);
    ck_assert_int_eq(st.st_atim.tv_sec, 1000);
    ck_assert_int_eq(st.st_mtim.tv_nsec, 9);
    ck_assert_int_eq(setattr(1, 0x1b0, 0, 0, 2000000000), -EINVAL);
    ck_assert_int_eq(setattr(1, 0x30, 0, 0, 0), 0);
    ck_assert_int_eq(fstatat(home, "hello", &st, 0), 0);
    ck_assert_int_gt(st.st_mtim.tv_sec, 2000);
    ck_assert_int_eq(call(8, "d", 1), 0);
    ck_assert_int_eq(call(8, "d", 99), -EBADF);
}
END_TEST

START_TEST(extended)
{
    char value[16];

    ck_assert_int_eq(walk1(0, 1, "hello"), 0);
    ck_assert_int_eq(call(32, "dsqd", 1, "user.a", (uint64_t)5, 0), 0);
    ck_assert_int_eq(call(24, "dq", 1, (uint64_t)0), -EBADF);
    ck_assert_int_eq(call(118, "dqz", 1, (uint64_t)0, 3, "abc"), 0);
    ck_assert_int_eq(call(118, "dqz", 1, (uint64_t)3, 3, "def"), -EINVAL);
    ck_assert_int_eq(call(118, "dqz", 1, (uint64_t)3, 2, "de"), 0);
    ck_assert_int_eq(clunk(1), 0);
    ck_assert_int_eq(walk1(0, 1, "hello"), 0);
    ck_assert_int_eq(call(30, "dds", 1, 2, "user.a"), 0);
    ck_assert_uint_eq(p9_u64(&in), 5);
    ck_assert_int_eq(call(116, "dqd", 2, (uint64_t)1, 100), 0);
    ck_assert_uint_eq(p9_u32(&in), 4);
    ck_assert_int_eq(memcmp(in.at, "bcde", 4), 0);
    ck_assert_int_eq(call(116, "dqd", 2, ~(uint64_t)0, 100), 0);
    ck_assert_uint_eq(p9_u32(&in), 0);
    ck_assert_int_eq(clunk(2), 0);
    ck_assert_int_eq(call(30, "dds", 1, 2, ""), 0);
    ck_assert_uint_ge(p9_u64(&in), 7);
    ck_assert_int_eq(call(30, "dds", 1, 3, "user.none"), -ENODATA);
    ck_assert_int_eq(clunk(3), -EBADF);
    /* Not all of it came: nothing is set. */
    ck_assert_int_eq(walk0(1, 4), 0);
    ck_assert_int_eq(call(32, "dsqd", 4, "user.b", (uint64_t)5, 0), 0);
    ck_assert_int_eq(clunk(4), -EIO);
    ck_assert_int_eq(walk0(1, 4), 0);
    ck_assert_int_eq(call(32, "dsqd", 4, "user.a", (uint64_t)70000, 0),
                     -E2BIG);
    ck_assert_int_eq(call(32, "dsqd", 4, "user.a", (uint64_t)0, 0), 0);
    ck_assert_int_eq(clunk(4), 0);
    ck_assert_int_eq(chdir(dir), 0);
    ck_assert_int_eq(getxattr("hello", "user.a", value, 16), -1);
    ck_assert_int_eq(getxattr("hello", "user.b", value, 16), -1);
    ck_assert_int_eq(chdir("/proc/self/fd"), 0);
}
END_TEST

/* A guest cannot make us hold values without end. */
START_TEST(values_are_bounded)
{
    unsigned int i;

    for (i = 1; i < 200; i++) {
        ck_assert_int_eq(walk1(0, i, "hello"), 0);
        if (call(32, "dsqd", i, "user.a", (uint64_t)65536, 0))
            break;
    }
    ck_assert_uint_eq(i, P9_XATTR_BYTES_MAX / 65536 + 1);
}
END_TEST

/* ---- locks ---- */

static int lock(uint32_t fid, int type, uint64_t start, uint64_t len,
                uint32_t process)
{
    int rc = call(52, "dbdqqds", fid, type, 0, start, len, process, "me");

    return rc ? rc : p9_u8(&in);
}

START_TEST(locks)
{
    struct flock fl = { .l_type = F_WRLCK, .l_start = 5, .l_len = 1 };
    int fd;

    ck_assert_int_eq(walk1(0, 1, "hello"), 0);
    ck_assert_int_eq(lock(1, F_WRLCK, 0, 10, 100), -EBADF);
    ck_assert_int_eq(call(12, "dd", 1, O_RDWR), 0);
    ck_assert_int_eq(lock(1, F_WRLCK, 0, 10, 100), 0);
    ck_assert_int_eq(lock(1, F_WRLCK, 5, 10, 100), 0);
    ck_assert_int_eq(lock(1, F_RDLCK, 5, 1, 101), 1);
    ck_assert_int_eq(lock(1, F_RDLCK, 15, 0, 101), 0);
    /* dom0 sees it. */
    fd = openat(home, "hello", O_RDWR);
    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &fl), -1);
    ck_assert_int_eq(call(54, "dbqqds", 1, F_WRLCK, (uint64_t)0,
                          (uint64_t)0, 102, "me"), 0);
    ck_assert_uint_eq(p9_u8(&in), F_WRLCK);
    ck_assert_uint_eq(p9_u64(&in), 0);
    ck_assert_uint_eq(p9_u64(&in), 15);
    ck_assert_int_eq(lock(1, F_UNLCK, 0, 0, 100), 0);
    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &fl), 0);
    ck_assert_int_eq(lock(1, 9, 0, 0, 100), -EINVAL);
    ck_assert_int_eq(lock(1, F_WRLCK, 5, ~(uint64_t)0, 100), -EINVAL);
    close(fd);
}
END_TEST

/* ---- nonsense ---- */

/* Each kind of message, cut at each length. */
START_TEST(cut)
{
    static const uint8_t types[] = {
        8, 12, 14, 16, 18, 20, 22, 24, 26, 30, 32, 40, 50, 52, 54, 70, 72,
        74, 76, 102, 104, 108, 110, 116, 118, 120, 122,
    };
    uint8_t msg[80];
    uint32_t n;
    long rc;

    for (size_t i = 0; i < sizeof(types); i++)
        for (n = P9_HEADER; n < sizeof(msg); n++) {
            memset(msg, 0xff, sizeof(msg));
            memcpy(msg, &n, 4);
            msg[4] = types[i];
            memset(msg + 7, 0, 4);      /* fid 0, which is there */
            rc = p9_do(&p9, msg, n, reply);
            ck_assert_int_ge(rc, P9_HEADER);
            ck_assert_int_le(rc, MSIZE);
            if (types[i] == 120 || types[i] == 122)
                (void)call(104, "ddssd", 0, ~0u, "root", "data", 0);
        }
}
END_TEST

START_TEST(no_message)
{
    uint8_t msg[16] = { 0 };

    ck_assert_int_eq(p9_do(&p9, msg, 0, reply), -EPROTO);
    ck_assert_int_eq(p9_do(&p9, msg, 6, reply), -EPROTO);
    ck_assert_int_eq(p9_do(&p9, msg, 16, reply), -EPROTO);
    ck_assert_int_eq(call(1, ""), -EOPNOTSUPP);
    ck_assert_int_eq(call(99, "d", 0), -EOPNOTSUPP);
    ck_assert_int_eq(call(255, "d", 0), -EOPNOTSUPP);
    ck_assert_int_eq(call(121, "d", 0), -EOPNOTSUPP);
}
END_TEST

static void setup_read_only(void)
{
    setup_with(true);
}

START_TEST(read_only)
{
    ck_assert_int_eq(walk1(0, 1, "hello"), 0);
    ck_assert_int_eq(call(12, "dd", 1, O_RDWR), -EROFS);
    ck_assert_int_eq(call(12, "dd", 1, O_RDONLY | O_TRUNC), -EROFS);
    ck_assert_int_eq(call(12, "dd", 1, O_RDONLY), 0);
    ck_assert_int_eq(call(14, "dsddd", 0, "n", O_RDWR, 0640, 7), -EROFS);
    ck_assert_int_eq(call(72, "dsdd", 0, "d", 0750, 5), -EROFS);
    ck_assert_int_eq(call(76, "dsd", 0, "hello", 0), -EROFS);
    ck_assert_int_eq(setattr(1, 0x1, 0600, 5, 0), -EROFS);
}
END_TEST

/* ---- the ring ---- */

#define ORDER 1u
#define RING 4096u              /* bytes of a direction */

static struct xen_9pfs_data_intf intf;
static uint8_t pages[2 * RING];
static struct p9_ring ring;

static void guest_writes(const void *bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        pages[RING + ((intf.out_prod + i) & (RING - 1))] =
            ((const uint8_t *)bytes)[i];
    intf.out_prod += n;
}

static void ring_setup(uint32_t at)
{
    memset(&intf, 0, sizeof(intf));
    intf.out_cons = intf.out_prod = intf.in_cons = intf.in_prod = at;
    ck_assert_int_eq(p9_ring_init(&ring, &intf, pages, ORDER), 0);
}

/* Messages of every length, over the end of the ring and of the numbers. */
START_TEST(ring_wraps)
{
    uint8_t msg[RING], got[RING];
    uint32_t n;

    ring_setup(UINT32_MAX - 5000);
    for (n = P9_HEADER; n < RING; n += 111) {
        memset(msg, (int)n, sizeof(msg));
        memcpy(msg, &n, 4);
        guest_writes(msg, 3);
        ck_assert_int_eq(p9_ring_get(&ring, got, RING), 0);
        guest_writes(msg + 3, n - 4);
        ck_assert_int_eq(p9_ring_get(&ring, got, RING), 0);
        guest_writes(msg + n - 1, 1);
        ck_assert_int_eq(p9_ring_get(&ring, got, RING), n);
        ck_assert_int_eq(memcmp(got, msg, n), 0);
        ck_assert_uint_eq(intf.out_cons, intf.out_prod);
        ck_assert_int_eq(p9_ring_put(&ring, msg, n), 0);
        ck_assert_int_eq(p9_ring_put(&ring, msg, RING - n + 1), -EAGAIN);
        for (uint32_t i = 0; i < n; i++)
            ck_assert_uint_eq(pages[(intf.in_cons + i) & (RING - 1)],
                              msg[i]);
        intf.in_cons = intf.in_prod;
    }
}
END_TEST

START_TEST(ring_nonsense)
{
    uint8_t got[RING];
    uint32_t size;

    ring_setup(10);
    intf.out_prod = 10 + RING + 1;
    ck_assert_int_eq(p9_ring_get(&ring, got, RING), -EPROTO);
    intf.out_prod = 9;
    ck_assert_int_eq(p9_ring_get(&ring, got, RING), -EPROTO);
    intf.in_cons = 11;
    ck_assert_int_eq(p9_ring_put(&ring, got, 8), -EPROTO);
    static const uint32_t sizes[] = { 0, 6, RING + 1, UINT32_MAX };
    for (size_t i = 0; i < 4; i++) {
        ring_setup(0);
        size = sizes[i];
        guest_writes(&size, 4);
        guest_writes("abcd", 4);
        ck_assert_int_eq(p9_ring_get(&ring, got, RING), -EPROTO);
    }
    /* More than the session's largest message. */
    ring_setup(0);
    size = 101;
    guest_writes(&size, 4);
    guest_writes("abcd", 4);
    ck_assert_int_eq(p9_ring_get(&ring, got, 100), -EPROTO);
    intf.out_prod = 5 + RING;
    intf.out_cons = 4;
    ck_assert_int_eq(p9_ring_init(&ring, &intf, pages, ORDER), -EPROTO);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("p9");
    TCase *t = tcase_create("messages"), *ro = tcase_create("read-only");
    TCase *r = tcase_create("ring");

    /* A busy machine is no failure. */
    tcase_set_timeout(t, 60);
    tcase_set_timeout(ro, 60);
    tcase_set_timeout(r, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, version);
    tcase_add_test(t, version_ends_the_session);
    tcase_add_test(t, attach);
    tcase_add_test(t, walking);
    tcase_add_test(t, upwards);
    tcase_add_test(t, read_and_write);
    tcase_add_test(t, append);
    tcase_add_test(t, listing);
    tcase_add_test(t, making);
    tcase_add_test(t, links_are_not_followed);
    tcase_add_test(t, renaming);
    tcase_add_test(t, removing);
    tcase_add_test(t, unlinked);
    tcase_add_test(t, attributes);
    tcase_add_test(t, extended);
    tcase_add_test(t, values_are_bounded);
    tcase_add_test(t, locks);
    tcase_add_test(t, cut);
    tcase_add_test(t, no_message);
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(ro, setup_read_only, teardown);
    tcase_add_test(ro, read_only);
    suite_add_tcase(s, ro);
    tcase_add_test(r, ring_wraps);
    tcase_add_test(r, ring_nonsense);
    suite_add_tcase(s, r);
    return s;
}

int main(void)
{
    SRunner *runner;
    int failed;

    /* Whom a file belongs to is set on the thread: only root can. */
    if (geteuid()) {
        puts("skipped: not root");
        return 77;
    }
    runner = srunner_create(suite());
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
