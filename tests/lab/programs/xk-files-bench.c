// SPDX-License-Identifier: GPL-2.0-only
/*
 * Times what programs do with files, in the folder that is named. Each job
 * prints its name and microseconds; the caches are dropped before those that
 * are about what is not cached. Linked statically, for the lab's guests.
 *
 *   xk-files-bench DIR JOB...
 *
 * DIR holds what `prepare` makes: data (64 MiB), tree/ (100 directories of 100
 * files each).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB (1u << 20)
#define DATA (64u * MIB)
#define DIRS 100
#define FILES 100
#define RANDOM 1000
#define UNPACKED 2000

static char *buf;

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static int must_open(const char *name, int flags)
{
    int fd = open(name, flags, 0644);

    if (fd < 0)
        die(name);
    return fd;
}

static void write_file(const char *name, size_t size, int sync)
{
    int fd = must_open(name, O_WRONLY | O_CREAT | O_TRUNC);
    size_t at, n;

    for (at = 0; at < size; at += n) {
        n = size - at < MIB ? size - at : MIB;
        if (write(fd, buf, n) != (ssize_t)n)
            die(name);
    }
    if ((sync && fsync(fd)) || close(fd))
        die(name);
}

static void prepare(void)
{
    char name[64];
    int d, f;

    write_file("data", DATA, 1);
    mkdir("tree", 0755);
    for (d = 0; d < DIRS; d++) {
        snprintf(name, sizeof(name), "tree/%d", d);
        mkdir(name, 0755);
        for (f = 0; f < FILES; f++) {
            snprintf(name, sizeof(name), "tree/%d/file%d", d, f);
            write_file(name, 100, 0);
        }
    }
}

static void seq_read(void)
{
    int fd = must_open("data", O_RDONLY);

    while (read(fd, buf, MIB) > 0)
        ;
    close(fd);
}

static void seq_write(void)
{
    write_file("written", DATA, 1);
    unlink("written");
}

static void random_io(int flags, int write_too)
{
    int fd = must_open("data", flags), i;
    unsigned int at = 1;

    for (i = 0; i < RANDOM; i++) {
        off_t off;

        at = at * 1103515245 + 12345;
        off = (off_t)(at % (DATA / 4096)) * 4096;
        if ((write_too ? pwrite(fd, buf, 4096, off) :
             pread(fd, buf, 4096, off)) != 4096)
            die("random");
    }
    close(fd);
}

static void rand_read(void)
{
    random_io(O_RDONLY, 0);
}

static void rand_read_direct(void)
{
    random_io(O_RDONLY | O_DIRECT, 0);
}

static void rand_write_direct(void)
{
    random_io(O_WRONLY | O_DIRECT, 1);
}

static void stat_tree(int dirs)
{
    char name[64];
    struct stat st;
    int d, f;

    for (d = 0; d < dirs; d++)
        for (f = 0; f < FILES; f++) {
            snprintf(name, sizeof(name), "tree/%d/file%d", d, f);
            if (lstat(name, &st))
                die(name);
        }
}

static void stat_warm(void)
{
    int i;

    for (i = 0; i < 5; i++)
        stat_tree(5);
}

static void find_in(const char *dir)
{
    DIR *stream = opendir(dir);
    struct dirent *entry;
    char name[256];
    struct stat st;

    if (!stream)
        die(dir);
    while ((entry = readdir(stream))) {
        if (entry->d_name[0] == '.')
            continue;
        if (fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
            die(entry->d_name);
        if (S_ISDIR(st.st_mode)) {
            snprintf(name, sizeof(name), "%s/%.200s", dir, entry->d_name);
            find_in(name);
        }
    }
    closedir(stream);
}

static void find(void)
{
    find_in("tree");
}

static void unpack(void)
{
    struct timespec t[2] = { { 1000, 0 }, { 1000, 0 } };
    char name[64];
    int i, fd;

    mkdir("unpacked", 0755);
    for (i = 0; i < UNPACKED; i++) {
        if (i % 50 == 0) {
            snprintf(name, sizeof(name), "unpacked/%d", i / 50);
            mkdir(name, 0755);
        }
        snprintf(name, sizeof(name), "unpacked/%d/f%d", i / 50, i);
        fd = must_open(name, O_WRONLY | O_CREAT | O_EXCL);
        if (write(fd, buf, 3000) != 3000 || fchmod(fd, 0640) ||
            futimens(fd, t) || close(fd))
            die(name);
    }
}

static void rm_tree(void)
{
    char name[64];
    int i;

    for (i = 0; i < UNPACKED; i++) {
        snprintf(name, sizeof(name), "unpacked/%d/f%d", i / 50, i);
        if (unlink(name))
            die(name);
        if (i % 50 == 49) {
            snprintf(name, sizeof(name), "unpacked/%d", i / 50);
            if (rmdir(name))
                die(name);
        }
    }
    if (rmdir("unpacked"))
        die("unpacked");
}

static void drop_caches(void)
{
    int fd = must_open("/proc/sys/vm/drop_caches", O_WRONLY);

    sync();
    if (write(fd, "3", 1) != 1)
        die("drop_caches");
    close(fd);
}

static const struct {
    const char *name;
    void (*run)(void);
    void (*before)(void);
} jobs[] = {
    { "prepare", prepare, NULL },
    { "seq-read", seq_read, drop_caches },
    { "seq-write", seq_write, NULL },
    { "rand-read", rand_read, drop_caches },
    { "rand-read-direct", rand_read_direct, drop_caches },
    { "rand-write-direct", rand_write_direct, NULL },
    { "meta-find", find, drop_caches },
    { "meta-stat-warm", stat_warm, find },
    { "meta-unpack", unpack, NULL },
    { "meta-rm", rm_tree, NULL },
};

static void run(const char *job)
{
    struct timespec a, b;
    size_t i;

    for (i = 0; i < sizeof(jobs) / sizeof(*jobs); i++)
        if (!strcmp(jobs[i].name, job)) {
            if (jobs[i].before)
                jobs[i].before();
            clock_gettime(CLOCK_MONOTONIC, &a);
            jobs[i].run();
            clock_gettime(CLOCK_MONOTONIC, &b);
            printf("%s %lld\n", job,
                   (long long)(b.tv_sec - a.tv_sec) * 1000000 +
                   (b.tv_nsec - a.tv_nsec) / 1000);
            return;
        }
    fprintf(stderr, "%s: no such job\n", job);
    exit(2);
}

int main(int argc, char **argv)
{
    int i;

    buf = aligned_alloc(4096, MIB);
    if (argc < 3 || !buf || chdir(argv[1])) {
        fprintf(stderr, "usage: xk-files-bench DIR JOB...\n");
        return 2;
    }
    memset(buf, 'x', MIB);
    for (i = 2; i < argc; i++)
        run(argv[i]);
    return 0;
}
