/* SPDX-License-Identifier: GPL-2.0-only */
/* fallocate, SEEK_HOLE and SEEK_DATA, copy_file_range. */
#include "groups.h"

#include <linux/falloc.h>

#define MIB (1 << 20)

/* Byte i of a file that px_fill made, 0 where `hole` says so. */
static bool holds(int fd, size_t size, size_t from, size_t to)
{
    static char buf[2 * MIB];
    ssize_t n = pread(fd, buf, sizeof(buf), 0);

    if (n != (ssize_t)size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (buf[i] != (i >= from && i < to ? 0 : (char)i))
            return false;
    return true;
}

static const struct alloc {
    const char *name;
    int mode;
    off_t off, len;
    int error;
    size_t size;                /* after; before: 65536 */
    size_t zero_from, zero_to;
} allocs[] = {
    { "inside", 0, 1000, 5000, 0, 65536, 0, 0 },
    { "grow", 0, 60000, 10000, 0, 70000, 65536, 70000 },
    { "keep", FALLOC_FL_KEEP_SIZE, 60000, 100000, 0, 65536, 0, 0 },
    { "punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192, 0,
      65536, 4096, 12288 },
    { "punch-odd", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1000, 9000,
      0, 65536, 1000, 10000 },
    { "punch-small", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5, 3, 0,
      65536, 5, 8 },
    { "punch-end", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 60000,
      100000, 0, 65536, 60000, 65536 },
    { "punch-beyond", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100000,
      1000, 0, 65536, 0, 0 },
    { "zero", FALLOC_FL_ZERO_RANGE, 4096, 8192, 0, 65536, 4096, 12288 },
    { "zero-odd", FALLOC_FL_ZERO_RANGE, 4000, 1000, 0, 65536, 4000, 5000 },
    { "zero-grow", FALLOC_FL_ZERO_RANGE, 65000, 5000, 0, 70000, 65000,
      70000 },
    { "zero-keep", FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 65000, 5000,
      0, 65536, 65000, 65536 },
    { "no-length", 0, 0, 0, EINVAL, 65536, 0, 0 },
    { "negative", 0, -1, 10, EINVAL, 65536, 0, 0 },
    { "negative-length", 0, 0, -10, EINVAL, 65536, 0, 0 },
    { "too-large", 0, INT64_MAX - 10, 100, EFBIG, 65536, 0, 0 },
    { "punch-without-keep", FALLOC_FL_PUNCH_HOLE, 0, 4096, EOPNOTSUPP,
      65536, 0, 0 },
    { "unknown", 0x4000, 0, 4096, EOPNOTSUPP, 65536, 0, 0 },
    { "collapse-odd", FALLOC_FL_COLLAPSE_RANGE, 100, 4096, EINVAL, 65536, 0,
      0 },
    { "insert-odd", FALLOC_FL_INSERT_RANGE, 100, 4096, EINVAL, 65536, 0,
      0 },
    { "collapse-end", FALLOC_FL_COLLAPSE_RANGE, 61440, 4096, EINVAL, 65536,
      0, 0 },
};

static void alloc(const struct alloc *a)
{
    int fd;

    px_case("fallocate-%s", a->name);
    px_fill("f", 65536);
    fd = open("f", O_RDWR);
    px_rc("call", fallocate(fd, a->mode, a->off, a->len), a->error);
    px_eq("size", px_stat("f").st_size, (long long)a->size);
    px_true("data", holds(fd, a->size, a->zero_from, a->zero_to));
    px_close(fd);
    unlink("f");
}

static void moved_ranges(void)
{
    char buf[4] = "";
    int fd;

    px_case("collapse");
    px_fill("c", 65536);
    fd = open("c", O_RDWR);
    px_done("call", fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 4096, 8192));
    px_eq("size", px_stat("c").st_size, 65536 - 8192);
    px_done("punch-marks", pwrite(fd, "AB", 2, 4096) == 2 ? 0 : -1);
    px_done("insert", fallocate(fd, FALLOC_FL_INSERT_RANGE, 4096, 4096));
    px_eq("insert-size", px_stat("c").st_size, 65536 - 4096);
    px_eq("inserted", pread(fd, buf, 2, 4096), 2);
    px_true("inserted-zero", !buf[0] && !buf[1]);
    px_eq("shifted", pread(fd, buf, 2, 8192), 2);
    px_true("shifted-data", buf[0] == 'A' && buf[1] == 'B');
    px_close(fd);
}

static void alloc_kinds(void)
{
    int fd;

    px_case("fallocate-kind");
    px_make(PX_FIFO, "p");
    px_make(PX_DIR, "d");
    fd = open("p", O_RDWR);
    px_rc("fifo", fallocate(fd, 0, 0, 10), ESPIPE);
    px_close(fd);
    fd = open("d", O_RDONLY);
    px_rc("dir", fallocate(fd, 0, 0, 10), EBADF);
    px_close(fd);
    fd = open("reserve", O_CREAT | O_RDWR, 0644);
    px_done("reserve", fallocate(fd, 0, 0, MIB));
    px_eq("reserve-size", px_stat("reserve").st_size, MIB);
    px_true("reserve-blocks", px_stat("reserve").st_blocks >= 2048);
    px_true("reserve-zero", holds(fd, MIB, 0, MIB));
    px_done("give-back", fallocate(fd, FALLOC_FL_PUNCH_HOLE |
                                       FALLOC_FL_KEEP_SIZE, 0, MIB));
    px_true("give-back-blocks", px_stat("reserve").st_blocks < 2048);
    px_close(fd);
}

static void holes(void)
{
    int fd = open("h", O_CREAT | O_RDWR, 0644);

    px_case("seek");
    px_eq("write-1", pwrite(fd, "data", 4, 0), 4);
    px_eq("write-2", pwrite(fd, "data", 4, MIB), 4);
    px_done("fsync", fsync(fd));
    px_eq("data-0", lseek(fd, 0, SEEK_DATA), 0);
    px_true("hole-0", lseek(fd, 0, SEEK_HOLE) >= 4 &&
                          lseek(fd, 0, SEEK_HOLE) <= 65536);
    px_true("data-next", lseek(fd, 100000, SEEK_DATA) <= MIB &&
                             lseek(fd, 100000, SEEK_DATA) > MIB - 65537);
    px_eq("hole-inside", lseek(fd, 500000, SEEK_HOLE), 500000);
    px_eq("hole-end", lseek(fd, MIB, SEEK_HOLE), MIB + 4);
    px_rc("data-end", lseek(fd, MIB + 4, SEEK_DATA), ENXIO);
    px_rc("hole-beyond", lseek(fd, MIB + 4, SEEK_HOLE), ENXIO);
    px_rc("data-negative", lseek(fd, -1, SEEK_DATA), ENXIO);
    px_done("cut", ftruncate(fd, 4096));
    px_eq("hole-of-cut", lseek(fd, 0, SEEK_HOLE), 4096);
    px_close(fd);
    fd = open("h2", O_CREAT | O_RDWR, 0644);
    px_rc("empty-data", lseek(fd, 0, SEEK_DATA), ENXIO);
    px_rc("empty-hole", lseek(fd, 0, SEEK_HOLE), ENXIO);
    px_done("grow", ftruncate(fd, MIB));
    px_rc("all-hole-data", lseek(fd, 0, SEEK_DATA), ENXIO);
    px_eq("all-hole", lseek(fd, 5, SEEK_HOLE), 5);
    /* Not written back yet, and data all the same. */
    px_eq("dirty-write", pwrite(fd, "x", 1, 200000), 1);
    px_true("dirty-data", lseek(fd, 0, SEEK_DATA) <= 200000 &&
                              lseek(fd, 0, SEEK_DATA) >= 0);
    px_close(fd);
}

static void copies(void)
{
    static char buf[MIB];
    loff_t in, out;
    int from, to, ro;

    px_case("copy");
    px_fill("from", 300000);
    from = open("from", O_RDWR);
    to = open("to", O_CREAT | O_RDWR, 0644);
    in = 0, out = 0;
    px_eq("all", copy_file_range(from, &in, to, &out, MIB, 0), 300000);
    px_eq("in", in, 300000);
    px_eq("out", out, 300000);
    px_eq("size", px_stat("to").st_size, 300000);
    px_true("data", holds(to, 300000, 0, 0));
    in = 100, out = 500000;
    px_eq("part", copy_file_range(from, &in, to, &out, 5000, 0), 5000);
    px_eq("part-read", pread(to, buf, 5000, 500000), 5000);
    px_true("part-data", buf[0] == 100 && buf[4999] == (char)5099);
    px_eq("gap", pread(to, buf, 10, 400000), 10);
    px_true("gap-zero", !buf[0] && !buf[9]);
    in = 300000, out = 0;
    px_eq("at-end", copy_file_range(from, &in, to, &out, 10, 0), 0);
    in = 0, out = 0;
    px_eq("none", copy_file_range(from, &in, to, &out, 0, 0), 0);
    px_rc("flags", copy_file_range(from, &in, to, &out, 10, 8), EINVAL);
    in = 0, out = 100;
    px_rc("overlap", copy_file_range(from, &in, from, &out, 1000, 0),
          EINVAL);
    in = 0, out = 100000;
    px_eq("same-file", copy_file_range(from, &in, from, &out, 1000, 0),
          1000);
    px_eq("same-read", pread(from, buf, 1000, 100000), 1000);
    px_true("same-data", !buf[0] && buf[1] == 1 && buf[999] == (char)999);
    ro = open("to", O_RDONLY);
    in = 0, out = 0;
    px_rc("to-read-only", copy_file_range(from, &in, ro, &out, 10, 0),
          EBADF);
    px_close(ro);
    ro = open(".", O_RDONLY);
    px_rc("dir", copy_file_range(ro, NULL, to, &out, 10, 0), EISDIR);
    px_close(ro);
    ro = open("to", O_WRONLY | O_APPEND);
    px_rc("append", copy_file_range(from, &in, ro, NULL, 10, 0), EBADF);
    px_close(ro);
    px_eq("own-offsets", (lseek(from, 0, SEEK_SET), lseek(to, 0, SEEK_SET),
                          copy_file_range(from, NULL, to, NULL, 7, 0)), 7);
    px_eq("moved-in", lseek(from, 0, SEEK_CUR), 7);
    px_eq("moved-out", lseek(to, 0, SEEK_CUR), 7);
    px_close(from);
    px_close(to);
}

void px_space(void)
{
    for (size_t i = 0; i < PX_COUNT(allocs); i++)
        alloc(&allocs[i]);
    moved_ranges();
    alloc_kinds();
    holes();
    copies();
}
