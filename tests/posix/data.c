/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading and writing: offsets, holes, vectors, limits, O_DIRECT, sync. */
#include "groups.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static bool is_pattern(const char *buf, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (buf[i] != (char)(at + i))
            return false;
    return true;
}

static bool is_zero(const char *buf, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (buf[i])
            return false;
    return true;
}

static void sizes(void)
{
    static const size_t list[] = {
        0, 1, 511, 512, 513, 4095, 4096, 4097, 8192, 65535, 65536, 65537,
        131072, 1048575, 1048576, 1048577, 2500000,
    };
    static char buf[2500001];
    int fd;

    for (size_t i = 0; i < PX_COUNT(list); i++) {
        px_case("size-%zu", list[i]);
        px_done("fill", px_fill("s", list[i]));
        px_eq("stat", px_stat("s").st_size, (long long)list[i]);
        fd = open("s", O_RDONLY);
        px_eq("read", read(fd, buf, list[i] + 1), (long long)list[i]);
        px_true("data", is_pattern(buf, 0, list[i]));
        px_eq("end", read(fd, buf, 1), 0);
        px_eq("offset", lseek(fd, 0, SEEK_CUR), (long long)list[i]);
        px_close(fd);
    }
}

static void offsets(void)
{
    /* Not known to the compiler, which would refuse it. */
    void *volatile nowhere = (void *)8;
    static char buf[9000];
    int fd;

    px_case("offsets");
    px_fill("o", 9000);
    fd = open("o", O_RDWR);
    px_eq("pread-middle", pread(fd, buf, 100, 4090), 100);
    px_true("pread-middle-data", is_pattern(buf, 4090, 100));
    px_eq("pread-at-end", pread(fd, buf, 100, 8950), 50);
    px_eq("pread-beyond", pread(fd, buf, 100, 9000), 0);
    px_eq("pread-far", pread(fd, buf, 100, 1L << 40), 0);
    px_rc("pread-negative", pread(fd, buf, 1, -1), EINVAL);
    px_rc("pwrite-negative", pwrite(fd, buf, 1, -1), EINVAL);
    px_eq("offset-unmoved", lseek(fd, 0, SEEK_CUR), 0);
    px_eq("pwrite-overwrite", pwrite(fd, "XYZ", 3, 4095), 3);
    px_eq("pread-back", pread(fd, buf, 5, 4094), 5);
    px_true("pread-back-data", !memcmp(buf, "\xfeXYZ\x02", 5));
    px_eq("pwrite-hole", pwrite(fd, "E", 1, 20000), 1);
    px_eq("hole-size", px_stat("o").st_size, 20001);
    px_eq("hole-read", pread(fd, buf, 9000, 9000), 9000);
    px_true("hole-zero", is_zero(buf, 9000));
    px_eq("end", lseek(fd, 0, SEEK_END), 20001);
    px_eq("end-minus", lseek(fd, -1, SEEK_END), 20000);
    px_eq("read-last", read(fd, buf, 10), 1);
    px_true("read-last-data", buf[0] == 'E');
    px_rc("seek-negative", lseek(fd, -5, SEEK_SET), EINVAL);
    px_rc("seek-whence", lseek(fd, 0, 77), EINVAL);
    px_eq("seek-beyond", lseek(fd, 1L << 40, SEEK_SET), 1L << 40);
    px_eq("seek-no-size", px_stat("o").st_size, 20001);
    px_eq("read-zero", read(fd, buf, 0), 0);
    px_eq("write-zero", write(fd, buf, 0), 0);
    px_eq("write-zero-no-size", px_stat("o").st_size, 20001);
    px_rc("read-fault", pread(fd, nowhere, 10, 0), EFAULT);
    px_rc("write-fault", pwrite(fd, nowhere, 10, 0), EFAULT);
    px_close(fd);
}

static void vectors(void)
{
    char a[3] = "abc", b[5] = "defgh", c[100];
    struct iovec out[] = { { a, 3 }, { NULL, 0 }, { b, 5 } };
    struct iovec in[] = { { c, 2 }, { c + 50, 50 } };
    volatile int negative = -1;
    int fd = open("v", O_CREAT | O_RDWR, 0644);

    px_case("vectors");
    px_eq("writev", writev(fd, out, 3), 8);
    px_eq("preadv", preadv(fd, in, 2, 1), 7);
    px_true("first", !memcmp(c, "bc", 2));
    px_true("second", !memcmp(c + 50, "defgh", 5));
    px_eq("pwritev", pwritev(fd, out, 3, 5000), 8);
    px_eq("size", px_stat("v").st_size, 5008);
    px_rc("negative-count", readv(fd, in, negative), EINVAL);
    px_eq("none", readv(fd, in, 0), 0);
    px_eq("nowait-or-again", preadv2(fd, in, 2, 5000, 0), 8);
    px_close(fd);
}

static void direct(void)
{
    char *buf;
    int fd, plain;

    px_case("direct");
    if (posix_memalign((void **)&buf, 4096, 16384))
        return;
    fd = open("dio", O_CREAT | O_RDWR | O_DIRECT, 0644);
    px_true("open", fd >= 0);
    memset(buf, 'D', 16384);
    px_eq("write", pwrite(fd, buf, 8192, 0), 8192);
    px_eq("size", px_stat("dio").st_size, 8192);
    plain = open("dio", O_RDWR);
    memset(buf, 0, 16384);
    px_eq("buffered-read", pread(plain, buf, 8192, 0), 8192);
    px_true("buffered-data", buf[0] == 'D' && buf[8191] == 'D');
    px_eq("buffered-write", pwrite(plain, "bb", 2, 4096), 2);
    memset(buf, 0, 16384);
    px_eq("read", pread(fd, buf, 8192, 0), 8192);
    px_true("sees-buffered", buf[4096] == 'b' && buf[4098] == 'D');
    memset(buf, 'E', 4096);
    px_eq("write-cached", pwrite(fd, buf, 4096, 4096), 4096);
    memset(buf, 0, 4096);
    px_eq("buffered-again", pread(plain, buf, 4096, 4096), 4096);
    px_true("sees-direct", buf[0] == 'E' && buf[4095] == 'E');
    px_eq("beyond", pread(fd, buf, 4096, 8192), 0);
    px_eq("over-end", pread(fd, buf, 8192, 4096), 4096);
    px_close(plain);
    px_close(fd);
    free(buf);
}

/* What is written is still read after unlink, chmod and rename. */
static void open_while(void)
{
    char buf[8] = "";
    int fd = open("w", O_CREAT | O_RDWR, 0644);

    px_case("open-while");
    px_eq("write", write(fd, "1234", 4), 4);
    px_done("chmod", chmod("w", 0));
    px_eq("write-after-chmod", write(fd, "5", 1), 1);
    px_done("rename", rename("w", "w2"));
    px_eq("write-after-rename", write(fd, "6", 1), 1);
    px_eq("size", px_stat("w2").st_size, 6);
    px_done("unlink", unlink("w2"));
    px_eq("write-after-unlink", write(fd, "7", 1), 1);
    px_eq("read", pread(fd, buf, 8, 0), 7);
    px_same("data", buf, "1234567");
    px_done("truncate", ftruncate(fd, 3));
    px_done("fsync", fsync(fd));
    px_done("fdatasync", fdatasync(fd));
    px_eq("end", lseek(fd, 0, SEEK_END), 3);
    px_close(fd);
}

/* The limit is for the output too: nothing is reported while it is low. */
static void limit(void)
{
    struct rlimit old, small;
    char buf[4096] = "";
    int fd = open("lim", O_CREAT | O_RDWR, 0644), at_error, cut_error;
    ssize_t below, across, at;
    int cut, cut_to;

    px_case("limit");
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 10000;
    setrlimit(RLIMIT_FSIZE, &small);
    below = pwrite(fd, buf, 4096, 0);
    across = pwrite(fd, buf, 4096, 8000);
    at = pwrite(fd, buf, 1, 10000);
    at_error = errno;
    cut = ftruncate(fd, 10001);
    cut_error = errno;
    cut_to = ftruncate(fd, 10000);
    setrlimit(RLIMIT_FSIZE, &old);
    px_eq("below", below, 4096);
    px_eq("across", across, 2000);
    px_eq("at", at, -1);
    px_eq("at-error", at_error, EFBIG);
    px_eq("truncate", cut, -1);
    px_eq("truncate-error", cut_error, EFBIG);
    px_eq("truncate-to", cut_to, 0);
    px_eq("size", px_stat("lim").st_size, 10000);
    px_close(fd);
}

static void syncs(void)
{
    int fd = open("sy", O_CREAT | O_RDWR, 0644), dir;

    px_case("sync");
    px_eq("write", write(fd, "data", 4), 4);
    px_done("fsync", fsync(fd));
    px_done("fdatasync", fdatasync(fd));
    px_done("syncfs", syncfs(fd));
    px_done("range", sync_file_range(fd, 0, 4,
                                     SYNC_FILE_RANGE_WAIT_BEFORE |
                                     SYNC_FILE_RANGE_WRITE |
                                     SYNC_FILE_RANGE_WAIT_AFTER));
    px_close(fd);
    fd = open("sy", O_RDONLY);
    px_done("read-only", fsync(fd));
    px_close(fd);
    dir = open(".", O_RDONLY | O_DIRECTORY);
    px_done("directory", fsync(dir));
    px_close(dir);
    fd = open("sy", O_WRONLY | O_DSYNC);
    px_eq("dsync", write(fd, "more", 4), 4);
    px_close(fd);
    fd = open("sy", O_PATH);
    px_rc("path", fsync(fd), EBADF);
    px_close(fd);
}

static void between_files(void)
{
    static char buf[70000];
    int from, to, p[2];
    off_t at = 5;
    loff_t in = 0;

    px_case("sendfile");
    px_fill("from", 66000);
    from = open("from", O_RDONLY);
    to = open("to", O_CREAT | O_TRUNC | O_RDWR, 0644);
    px_eq("copied", sendfile(to, from, &at, 65000), 65000);
    px_eq("offset", at, 65005);
    px_eq("size", px_stat("to").st_size, 65000);
    px_eq("read", pread(to, buf, 65000, 0), 65000);
    px_true("data", is_pattern(buf, 5, 65000));
    px_done("pipe", pipe(p));
    px_eq("splice", splice(from, &in, p[1], NULL, 4096, 0), 4096);
    in = 100;
    px_eq("splice-out", splice(p[0], NULL, to, &in, 4096, 0), 4096);
    px_eq("spliced", pread(to, buf, 4096, 100), 4096);
    px_true("spliced-data", is_pattern(buf, 0, 4096));
    px_close(p[0]);
    px_close(p[1]);
    px_close(from);
    px_close(to);
}

/* Two descriptors, and two processes, see each other's writes at once. */
static void coherent(void)
{
    char buf[8];
    int a = open("co", O_CREAT | O_RDWR, 0644), b = open("co", O_RDWR);
    char what[32];

    px_case("coherent");
    for (int i = 0; i < 5; i++) {
        snprintf(buf, sizeof(buf), "w%d", i);
        snprintf(what, sizeof(what), "write-%d", i);
        px_eq(what, pwrite(a, buf, 2, i * 3000), 2);
        memset(buf, 0, sizeof(buf));
        snprintf(what, sizeof(what), "read-%d", i);
        px_eq(what, pread(b, buf, 2, i * 3000), 2);
        snprintf(what, sizeof(what), "data-%d", i);
        px_true(what, buf[0] == 'w' && buf[1] == '0' + i);
    }
    px_done("truncate", ftruncate(b, 1));
    px_eq("read-cut", pread(a, buf, 8, 0), 1);
    px_close(a);
    px_close(b);
}

void px_data(void)
{
    sizes();
    offsets();
    vectors();
    direct();
    open_while();
    limit();
    syncs();
    between_files();
    coherent();
}
