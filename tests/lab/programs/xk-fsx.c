// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on one file, each held against what it must contain. With
 * --range only those bytes are touched and held, so that another process, or
 * the other side of a share, works on the rest of the file meanwhile.
 */
#define _GNU_SOURCE             /* fallocate, copy_file_range */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u
#define LOG 40u

static const char usage[] =
    "usage: xk-fsx FILE [--ops N] [--seed S] [--size BYTES] [--range A-B]\n"
    "       xk-fsx FILE --sum [--range A-B]    only the checksum\n"
    "  --range: touches bytes A to B (without B) only; multiples of 4096;\n"
    "  the file is there, and at least as long;\n"
    "  ends with \"sum X\"; exit status: 0, 1 a mismatch, 2 usage\n";

static const char *path;
static unsigned long ops = 10000, at_op;
static uint64_t seed = 1;
static size_t max = 256 * 1024, lo, hi;
static bool ranged;
static unsigned char *model;        /* of bytes 0 to max */
static size_t size;
static int fd = -1, direct = -1;
static char history[LOG][96];

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static size_t below(size_t n)
{
    return n ? draw() % n : 0;
}

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
    va_list ap;

    for (unsigned long i = at_op > LOG ? at_op - LOG : 0; i <= at_op; i++)
        fprintf(stderr, "  %lu %s\n", i, history[i % LOG]);
    fprintf(stderr, "xk-fsx: %s: operation %lu: ", path, at_op);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static void __attribute__((format(printf, 1, 2))) did(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(history[at_op % LOG], sizeof(history[0]), fmt, ap);
    va_end(ap);
}

/* A call that must do all of it. */
static void must(const char *what, long rc, long want)
{
    if (rc != want)
        die("%s: %ld, not %ld: %s", what, rc, want,
            rc < 0 ? strerror(errno) : "short");
}

static void open_both(void)
{
    fd = open(path, O_RDWR);
    direct = open(path, O_RDWR | O_DIRECT);
    if (fd < 0 || direct < 0)
        die("open: %s", strerror(errno));
}

static void hold(const char *what, const unsigned char *got, size_t off,
                 size_t len)
{
    if (!memcmp(got, model + off, len))
        return;
    for (size_t i = 0; i < len; i++)
        if (got[i] != model[off + i])
            die("%s at %zu+%zu: byte %zu is %02x, not %02x (size %zu)", what,
                off, len, off + i, got[i], model[off + i], size);
}

/* A piece of what may be read, not beyond the end; false: there is none. */
static bool piece(size_t *off_r, size_t *len_r, size_t unit)
{
    size_t end = size < hi ? size : hi, off = lo + below(hi - lo);

    off -= off % unit;
    if (off >= end)
        return false;
    *off_r = off;
    *len_r = 1 + below(below(8) ? 16384 : 131072);
    if (*len_r > end - off)
        *len_r = end - off;
    return true;
}

/* A piece that may be written, also beyond the end. */
static void room(size_t *off_r, size_t *len_r, size_t unit)
{
    size_t limit = ranged ? hi : max, off = lo + below(limit - lo);

    off -= off % unit;
    *len_r = 1 + below(below(8) ? 16384 : 131072);
    if (*len_r > limit - off)
        *len_r = limit - off;
    *len_r = (*len_r + unit - 1) / unit * unit;
    *off_r = off;
}

/* New bytes in the model; what was between the end and them is zero. */
static void put(size_t off, size_t len)
{
    if (off > size)
        memset(model + size, 0, off - size);
    for (size_t i = 0; i < len; i++)
        model[off + i] = (unsigned char)(draw() >> 24);
    if (off + len > size)
        size = off + len;
}

static unsigned char buf[256 * 1024] __attribute__((aligned(PAGE)));

static void op_read(void)
{
    size_t off, len;

    if (!piece(&off, &len, 1))
        return;
    did("read %zu+%zu", off, len);
    must("read", pread(fd, buf, len, (off_t)off), (long)len);
    hold("read", buf, off, len);
}

static void op_write(void)
{
    size_t off, len;

    room(&off, &len, 1);
    did("write %zu+%zu", off, len);
    put(off, len);
    must("write", pwrite(fd, model + off, len, (off_t)off), (long)len);
}

static void op_direct_read(void)
{
    size_t off, len, whole;

    if (!piece(&off, &len, PAGE))
        return;
    whole = (len + PAGE - 1) / PAGE * PAGE;
    if (off + whole > hi)
        whole = hi - off;
    if (off + whole > size)
        len = size - off;
    else
        len = whole;
    did("direct read %zu+%zu", off, whole);
    must("direct read", pread(direct, buf, whole, (off_t)off), (long)len);
    hold("direct read", buf, off, len);
}

static void op_direct_write(void)
{
    size_t off, len;

    room(&off, &len, PAGE);
    did("direct write %zu+%zu", off, len);
    put(off, len);
    memcpy(buf, model + off, len);
    must("direct write", pwrite(direct, buf, len, (off_t)off), (long)len);
}

static unsigned char *map_of(size_t off, size_t len, unsigned char **base_r,
                             size_t *span_r)
{
    size_t start = off - off % PAGE;

    *span_r = off + len - start;
    *base_r = mmap(NULL, *span_r, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                   (off_t)start);
    if (*base_r == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    return *base_r + (off - start);
}

static void op_map_read(void)
{
    unsigned char *base, *at;
    size_t off, len, span;

    if (!piece(&off, &len, 1))
        return;
    did("map read %zu+%zu", off, len);
    at = map_of(off, len, &base, &span);
    hold("map", at, off, len);
    munmap(base, span);
}

static void op_map_write(void)
{
    unsigned char *base, *at;
    size_t off, len, span;

    if (!piece(&off, &len, 1))
        return;
    did("map write %zu+%zu", off, len);
    put(off, len);
    at = map_of(off, len, &base, &span);
    memcpy(at, model + off, len);
    if (!below(3))
        must("msync", msync(base, span, MS_SYNC), 0);
    munmap(base, span);
}

static void op_truncate(void)
{
    size_t to = below(max + 1);

    did("truncate %zu from %zu", to, size);
    must("truncate", ftruncate(fd, (off_t)to), 0);
    if (to > size)
        memset(model + size, 0, to - size);
    size = to;
}

static void falloc(const char *what, int mode, size_t off, size_t len)
{
    did("%s %zu+%zu", what, off, len);
    must(what, fallocate(fd, mode, (off_t)off, (off_t)len), 0);
}

static void clear(size_t off, size_t len)
{
    size_t end = off + len < size ? off + len : size;

    if (off < end)
        memset(model + off, 0, end - off);
}

static void op_punch(void)
{
    size_t off, len;

    room(&off, &len, 1);
    falloc("punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len);
    clear(off, len);
}

static void op_zero(void)
{
    bool keep = ranged || below(2);
    size_t off, len;

    room(&off, &len, 1);
    falloc("zero", FALLOC_FL_ZERO_RANGE | (keep ? FALLOC_FL_KEEP_SIZE : 0),
           off, len);
    if (!keep && off + len > size) {
        memset(model + size, 0, off + len - size);
        size = off + len;
    }
    clear(off, len);
}

static void op_allocate(void)
{
    size_t off, len;

    room(&off, &len, 1);
    falloc("allocate", 0, off, len);
    if (off + len > size) {
        memset(model + size, 0, off + len - size);
        size = off + len;
    }
}

static void op_collapse(void)
{
    size_t off, len;

    room(&off, &len, PAGE);
    if (off + len >= size)
        return;
    falloc("collapse", FALLOC_FL_COLLAPSE_RANGE, off, len);
    memmove(model + off, model + off + len, size - off - len);
    size -= len;
}

static void op_insert(void)
{
    size_t off, len;

    room(&off, &len, PAGE);
    if (off >= size || size + len > max)
        return;
    falloc("insert", FALLOC_FL_INSERT_RANGE, off, len);
    memmove(model + off + len, model + off, size - off);
    memset(model + off, 0, len);
    size += len;
}

static void op_copy(void)
{
    loff_t in, out;
    size_t off, len, to;
    ssize_t n;

    if (!piece(&off, &len, 1))
        return;
    to = lo + below((ranged ? hi : max) - lo);
    if (len > (ranged ? hi : max) - to)
        len = (ranged ? hi : max) - to;
    if (!len || (to < off + len && off < to + len))
        return;
    did("copy %zu+%zu to %zu", off, len, to);
    for (size_t done = 0; done < len; done += (size_t)n) {
        in = (loff_t)(off + done);
        out = (loff_t)(to + done);
        n = copy_file_range(fd, &in, fd, &out, len - done, 0);
        if (n <= 0)
            die("copy: %zd: %s", n, strerror(errno));
    }
    if (to > size)
        memset(model + size, 0, to - size);
    memcpy(model + to, model + off, len);
    if (to + len > size)
        size = to + len;
}

static void op_sync(void)
{
    did("fsync");
    must("fsync", below(2) ? fsync(fd) : fdatasync(fd), 0);
}

static void op_drop(void)
{
    did("sync and drop");
    must("fsync", fsync(fd), 0);
    must("fadvise", posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

static void op_reopen(void)
{
    did("reopen");
    close(fd);
    close(direct);
    open_both();
}

static void op_size(void)
{
    struct stat st = { 0 };

    did("size");
    must("fstat", fstat(fd, &st), 0);
    if (!ranged)
        must("size", st.st_size, (long)size);
}

static const struct op {
    void (*run)(void);
    unsigned int weight;
    bool resizes;               /* not on a range of a file */
} table[] = {
    { op_read, 20, false },        { op_write, 20, false },
    { op_map_read, 10, false },    { op_map_write, 10, false },
    { op_direct_read, 5, false },  { op_direct_write, 5, false },
    { op_truncate, 5, true },      { op_punch, 4, false },
    { op_zero, 3, false },         { op_allocate, 2, true },
    { op_collapse, 2, true },      { op_insert, 2, true },
    { op_copy, 3, false },         { op_sync, 2, false },
    { op_drop, 2, false },         { op_reopen, 2, false },
    { op_size, 3, false },
};
#define NR (sizeof(table) / sizeof(table[0]))

static void step(void)
{
    unsigned int total = 0, pick;

    for (size_t i = 0; i < NR; i++)
        total += table[i].weight;
    pick = (unsigned int)below(total);
    for (size_t i = 0; i < NR; i++) {
        if (pick < table[i].weight) {
            if (!ranged || !table[i].resizes)
                table[i].run();
            return;
        }
        pick -= table[i].weight;
    }
}

static uint64_t sum_of(const unsigned char *p, size_t n)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 1099511628211u;
    return h;
}

/* All of it, by a new descriptor. */
static void final(void)
{
    size_t end = size < hi ? size : hi, n = 0;
    ssize_t got;

    at_op++;
    did("end");
    must("fsync", fsync(fd), 0);
    op_reopen();
    for (size_t off = lo; off < end; off += n) {
        n = end - off < sizeof(buf) ? end - off : sizeof(buf);
        got = pread(fd, buf, n, (off_t)off);
        must("read", got, (long)n);
        hold("at the end", buf, off, n);
    }
    printf("sum %016llx\n",
           (unsigned long long)sum_of(model + lo, end > lo ? end - lo : 0));
}

static void prepare(void)
{
    struct stat st;

    if (!ranged) {
        close(open(path, O_CREAT | O_TRUNC | O_RDWR, 0644));
        open_both();
        return;
    }
    open_both();
    if (fstat(fd, &st) || (size_t)st.st_size < hi)
        die("it is shorter than %zu bytes", hi);
    size = hi;
    put(lo, hi - lo);
    must("fill", pwrite(fd, model + lo, hi - lo, (off_t)lo),
         (long)(hi - lo));
}

static int sum_only(void)
{
    struct stat st;
    ssize_t n;

    open_both();
    if (fstat(fd, &st))
        die("fstat: %s", strerror(errno));
    if (!ranged)
        hi = (size_t)st.st_size;
    model = realloc(model, hi + 1);
    for (size_t off = lo; off < hi; off += (size_t)n) {
        n = pread(fd, model + off, hi - off, (off_t)off);
        if (n <= 0)
            die("read at %zu: %s", off, n ? strerror(errno) : "the end");
    }
    printf("sum %016llx\n", (unsigned long long)sum_of(model + lo, hi - lo));
    return 0;
}

static int wrong(void)
{
    fputs(usage, stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "ops", required_argument, NULL, 'n' },
        { "seed", required_argument, NULL, 's' },
        { "size", required_argument, NULL, 'm' },
        { "range", required_argument, NULL, 'r' },
        { "sum", no_argument, NULL, 'c' },
        { NULL, 0, NULL, 0 },
    };
    bool sum = false;
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
        switch (c) {
        case 'n':
            ops = strtoul(optarg, NULL, 0);
            break;
        case 's':
            seed = strtoul(optarg, NULL, 0) * 2654435761u + 88172645463325252u;
            break;
        case 'm':
            max = strtoul(optarg, NULL, 0);
            break;
        case 'r':
            ranged = true;
            if (sscanf(optarg, "%zu-%zu", &lo, &hi) != 2 || lo >= hi ||
                lo % PAGE || hi % PAGE)
                return wrong();
            break;
        case 'c':
            sum = true;
            break;
        default:
            return wrong();
        }
    if (optind + 1 != argc || max % PAGE || max < PAGE)
        return wrong();
    path = argv[optind];
    if (ranged)
        max = hi;
    else
        hi = max;
    model = calloc(1, max + sizeof(buf));
    if (!model)
        die("no memory");
    if (sum)
        return sum_only();
    prepare();
    for (at_op = 0; at_op < ops; at_op++)
        step();
    final();
    return 0;
}
