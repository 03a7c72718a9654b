// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a file system has to do for programs, in the folder that is named: each
 * step does something and looks at the result, by other ways than it was made.
 * The conformance set asks far more; this takes a second, and says the line
 * that failed. Linked statically, for the lab's guests.
 *
 *   xk-vfs DIR            all steps
 *   xk-vfs hold FILE      opens FILE, maps a page of it shared, says "held";
 *                         then for each line of stdin: "check" compares what
 *                         is read with what was first, "write TEXT" writes at
 *                         the start, "map" prints the page's first line,
 *                         "lock" takes a lock (flock) and keeps it
 *   xk-vfs keep FILE STOPFILE
 *                         locks FILE and appends numbered lines to it until
 *                         STOPFILE is there, then says how many
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MIB (1u << 20)

static int failed;

#define OK(cond) do {                                                        \
        if (!(cond)) {                                                       \
            printf("line %d: %s: %s\n", __LINE__, #cond, strerror(errno));   \
            failed++;                                                        \
        }                                                                    \
    } while (0)

static uint8_t *pattern(size_t size, unsigned int seed)
{
    uint8_t *buf = aligned_alloc(4096, size);
    size_t i;

    if (!buf)
        abort();
    for (i = 0; i < size; i++) {
        seed = seed * 1103515245 + 12345;
        buf[i] = (uint8_t)(seed >> 16);
    }
    return buf;
}

static int make(const char *name, const void *data, size_t size)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

    OK(fd >= 0);
    OK(write(fd, data, size) == (ssize_t)size);
    return fd;
}

static bool same(int fd, const void *data, size_t size, off_t off)
{
    uint8_t *buf = aligned_alloc(4096, size);
    bool is = buf && pread(fd, buf, size, off) == (ssize_t)size &&
              !memcmp(buf, data, size);

    free(buf);
    return is;
}

static void step_data(void)
{
    size_t size = 3 * MIB + 777;
    uint8_t *p = pattern(size, 1);
    int fd = make("data", p, size), fd2;
    struct stat st;

    OK(same(fd, p, size, 0));
    OK(!fsync(fd) && !close(fd));
    fd = open("data", O_RDONLY);
    OK(fd >= 0 && same(fd, p, size, 0));
    OK(!fstat(fd, &st) && st.st_size == (off_t)size && st.st_nlink == 1);
    /* The middle, past the page cache, seen through it. */
    fd2 = open("data", O_RDWR | O_DIRECT);
    OK(fd2 >= 0);
    memset(p + 8192, 'x', 8192);
    OK(pwrite(fd2, p + 8192, 8192, 8192) == 8192);
    OK(same(fd, p, size, 0));
    OK(same(fd2, p, MIB, 0));
    OK(!close(fd2) && !close(fd));
    OK(!truncate("data", 5000) && !truncate("data", 20000));
    fd = open("data", O_RDONLY);
    memset(p + 5000, 0, 15000);
    OK(same(fd, p, 20000, 0));
    OK(!close(fd));
    fd = open("data", O_WRONLY | O_APPEND);
    OK(write(fd, "end", 3) == 3 && !close(fd));
    OK(!stat("data", &st) && st.st_size == 20003);
    free(p);
}

/* Parts of a page, beside each other and apart; none takes the rest along. */
static void step_parts(void)
{
    static const struct { off_t at; size_t len; } parts[] = {
        { 10, 5 }, { 15, 5 }, { 600, 7 }, { 5, 3 }, { 995, 5 }, { 1000, 40 },
        { 8000, 30 },
    };
    uint8_t *p = pattern(8030, 2), *q = pattern(8030, 3);
    int fd = make("parts", p, 1000);
    size_t i, size = 1000;

    memset(p + 1000, 0, 7030);
    OK(!fsync(fd));
    for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        off_t at = parts[i].at;
        size_t len = parts[i].len;

        memcpy(p + at, q + at, len);
        OK(pwrite(fd, q + at, len, at) == (ssize_t)len);
        if ((size_t)at + len > size)
            size = (size_t)at + len;
        if (i % 2)
            OK(!fsync(fd));
        OK(same(fd, p, size, 0));
    }
    OK(!fsync(fd) && same(fd, p, size, 0));
    OK(!posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
    OK(same(fd, p, size, 0) && !close(fd));
    free(p);
    free(q);
}

static void step_map(void)
{
    uint8_t *p = pattern(64 * 1024, 2), *m, *priv;
    int fd = make("map", p, 64 * 1024);

    m = mmap(NULL, 64 * 1024, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    priv = mmap(NULL, 64 * 1024, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    OK(m != MAP_FAILED && priv != MAP_FAILED);
    if (m == MAP_FAILED || priv == MAP_FAILED)
        return;
    OK(!memcmp(m, p, 64 * 1024) && !memcmp(priv, p, 64 * 1024));
    memcpy(m + 5000, "shared", 6);
    memcpy(p + 5000, "shared", 6);
    memcpy(priv + 9000, "private", 7);
    OK(same(fd, p, 64 * 1024, 0));
    OK(!msync(m, 64 * 1024, MS_SYNC));
    OK(!munmap(m, 64 * 1024) && !munmap(priv, 64 * 1024));
    OK(!close(fd));
    fd = open("map", O_RDONLY | O_DIRECT);
    OK(same(fd, p, 64 * 1024, 0) && !close(fd));
    free(p);
}

static void step_names(void)
{
    struct stat st, st2;
    char buf[64] = "";
    int fd;

    OK(!mkdir("dir", 0755) && mkdir("dir", 0755) && errno == EEXIST);
    fd = open("dir/a", O_CREAT | O_EXCL | O_WRONLY, 0600);
    OK(fd >= 0 && !close(fd));
    OK(open("dir/a", O_CREAT | O_EXCL | O_WRONLY, 0600) < 0 &&
       errno == EEXIST);
    OK(!link("dir/a", "dir/b") && !stat("dir/a", &st) && !stat("dir/b", &st2));
    OK(st.st_ino == st2.st_ino && st.st_nlink == 2);
    OK(!symlink("../dir/a", "dir/s") && readlink("dir/s", buf, 64) == 8);
    OK(!strcmp(buf, "../dir/a") && !stat("dir/s", &st2));
    OK(st.st_ino == st2.st_ino);
    OK(!mkfifo("dir/f", 0600) && !stat("dir/f", &st) && S_ISFIFO(st.st_mode));
    OK(rmdir("dir") && errno == ENOTEMPTY);
    OK(!rename("dir/b", "dir/c") && access("dir/b", F_OK));
    OK(renameat2(AT_FDCWD, "dir/c", AT_FDCWD, "dir/a", RENAME_NOREPLACE) &&
       errno == EEXIST);
    OK(!renameat2(AT_FDCWD, "dir/f", AT_FDCWD, "dir/s", RENAME_EXCHANGE));
    OK(!lstat("dir/s", &st) && S_ISFIFO(st.st_mode));
    OK(!rename("dir", "dir2") && !access("dir2/a", F_OK));
    OK(!unlink("dir2/a") && !unlink("dir2/c") && !unlink("dir2/s"));
    OK(!unlink("dir2/f") && !rmdir("dir2"));
    OK(access("dir2", F_OK) && errno == ENOENT);
}

static void step_unlinked(void)
{
    uint8_t *p = pattern(10000, 3);
    int fd = make("gone", p, 10000);
    struct stat st;

    OK(!unlink("gone") && access("gone", F_OK));
    OK(same(fd, p, 10000, 0));
    OK(!fstat(fd, &st) && st.st_nlink == 0 && st.st_size == 10000);
    OK(pwrite(fd, "later", 5, 20000) == 5 && !fsync(fd));
    OK(!fstat(fd, &st) && st.st_size == 20005);
    OK(!ftruncate(fd, 10) && !fstat(fd, &st) && st.st_size == 10);
    OK(!close(fd));
    fd = open(".", O_TMPFILE | O_RDWR, 0600);
    OK(fd >= 0 || errno == EOPNOTSUPP);
    if (fd >= 0)
        OK(write(fd, p, 10000) == 10000 && same(fd, p, 10000, 0) &&
           !close(fd));
    free(p);
}

static void step_many(void)
{
    struct dirent *d;
    char name[32];
    int i, seen = 0, bad = 0;
    DIR *dir;

    OK(!mkdir("many", 0755));
    for (i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "many/%d", i);
        OK(!close(open(name, O_CREAT | O_WRONLY, 0644)));
    }
    dir = opendir("many");
    OK(dir);
    if (!dir)
        return;
    while ((d = readdir(dir)))
        if (d->d_name[0] != '.') {
            seen++;
            bad += d->d_type != DT_REG;
        }
    OK(seen == 1000 && !bad);
    rewinddir(dir);
    while ((d = readdir(dir)))
        if (d->d_name[0] != '.')
            OK(!unlinkat(dirfd(dir), d->d_name, 0));
    OK(!closedir(dir) && !rmdir("many"));
}

static void step_space(void)
{
    uint8_t *p = pattern(MIB, 4), zero[4096] = { 0 };
    int fd = make("space", p, MIB), to;
    struct statfs fs;
    struct stat st;
    loff_t in = 0, out = 100;

    OK(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 65536,
                  65536));
    OK(same(fd, zero, 4096, 65536 + 4096) && same(fd, p, 4096, 0));
    OK(lseek(fd, 0, SEEK_HOLE) == 65536);
    OK(lseek(fd, 65536, SEEK_DATA) == 131072);
    OK(!fallocate(fd, 0, 0, 2 * MIB) && !fstat(fd, &st));
    OK(st.st_size == 2 * MIB);
    to = make("copy", "", 0);
    OK(copy_file_range(fd, &in, to, &out, 50000, 0) == 50000);
    OK(same(to, p, 50000, 100));
    OK(!fstatfs(fd, &fs) && fs.f_blocks);
    OK(!close(fd) && !close(to));
    free(p);
}

static void step_attr(void)
{
    struct timespec t[2] = { { 1000, 1 }, { 2000, 123456789 } };
    struct statx stx;
    struct stat st;
    char buf[64];
    int fd = make("attr", "x", 1);

    OK(!fchmod(fd, 0640) && !futimens(fd, t) && !fstat(fd, &st));
    OK((st.st_mode & 07777) == 0640 && st.st_mtim.tv_sec == 2000 &&
       st.st_mtim.tv_nsec == 123456789);
    OK(!fchown(fd, 12, 34) && !fstat(fd, &st));
    OK(st.st_uid == 12 && st.st_gid == 34);
    OK(!fsetxattr(fd, "user.colour", "green", 5, 0));
    OK(fgetxattr(fd, "user.colour", buf, 64) == 5 && !memcmp(buf, "green", 5));
    OK(flistxattr(fd, buf, 64) >= 12);
    OK(!fremovexattr(fd, "user.colour"));
    OK(fgetxattr(fd, "user.colour", buf, 64) < 0 && errno == ENODATA);
    OK(!statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &stx));
    OK(stx.stx_mask & STATX_BTIME);
    OK(!close(fd));
}

static void step_locks(void)
{
    struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
    int fd = make("lock", "0123456789", 10), status;
    pid_t child;

    OK(!fcntl(fd, F_SETLK, &fl));
    child = fork();
    if (!child) {
        int other = open("lock", O_RDWR);

        fl.l_type = F_WRLCK;
        if (!fcntl(other, F_SETLK, &fl) || errno != EAGAIN)
            _exit(1);
        if (fcntl(other, F_GETLK, &fl) || fl.l_type != F_WRLCK)
            _exit(2);
        fl.l_type = F_WRLCK;
        _exit(fcntl(other, F_SETLKW, &fl) ? 3 : 0);
    }
    usleep(200000);
    fl.l_type = F_UNLCK;
    OK(!fcntl(fd, F_SETLK, &fl));
    OK(waitpid(child, &status, 0) == child && status == 0);
    OK(!flock(fd, LOCK_EX | LOCK_NB));
    child = fork();
    if (!child) {
        int other = open("lock", O_RDWR);

        _exit(flock(other, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK ? 0 : 1);
    }
    OK(waitpid(child, &status, 0) == child && status == 0);
    OK(!close(fd));
}

static void step_handles(void)
{
    union {
        struct file_handle h;
        char room[sizeof(struct file_handle) + 128];
    } u = { .h.handle_bytes = 128 };
    int mount, fd, root = open(".", O_RDONLY | O_DIRECTORY);
    char buf[5];

    fd = make("handle", "again", 5);
    OK(!close(fd));
    OK(!name_to_handle_at(AT_FDCWD, "handle", &u.h, &mount, 0));
    fd = open_by_handle_at(root, &u.h, O_RDONLY);
    OK(fd >= 0 && read(fd, buf, 5) == 5 && !memcmp(buf, "again", 5));
    OK(!close(fd) && !close(root));
}

static const struct {
    const char *name;
    void (*run)(void);
} steps[] = {
    { "data", step_data }, { "parts", step_parts }, { "map", step_map },
    { "names", step_names },
    { "unlinked", step_unlinked }, { "many", step_many },
    { "space", step_space }, { "attr", step_attr }, { "locks", step_locks },
    { "handles", step_handles },
};

static int hold(const char *name)
{
    char first[4096], now[4096], line[256];
    int fd = open(name, O_RDWR);
    char *map;

    if (fd < 0 || pread(fd, first, sizeof(first), 0) < 0)
        return perror(name), 1;
    map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return perror("mmap"), 1;
    setlinebuf(stdout);
    puts("held");
    while (fgets(line, sizeof(line), stdin)) {
        if (!strncmp(line, "write ", 6)) {
            size_t n = strlen(line + 6);

            if (pwrite(fd, line + 6, n, 0) != (ssize_t)n || fsync(fd))
                return perror("write"), 1;
            memcpy(first, line + 6, n);
            puts("written");
        } else if (!strncmp(line, "lock", 4)) {
            puts(flock(fd, LOCK_EX) ? "not locked" : "locked");
        } else if (!strncmp(line, "map", 3)) {
            printf("%.*s\n", (int)strcspn(map, "\n"), map);
        } else {
            if (pread(fd, now, sizeof(now), 0) < 0)
                return perror("read"), 1;
            puts(memcmp(first, now, sizeof(now)) ? "differs" : "same");
        }
    }
    return 0;
}

/* Each line once, in order, whatever becomes of dom0's server meanwhile. */
static int keep(const char *name, const char *stop)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0644), n, len;
    char line[32];

    if (fd < 0 || flock(fd, LOCK_EX))
        return perror(name), 1;
    for (n = 0; access(stop, F_OK); n++) {
        len = snprintf(line, sizeof(line), "%d\n", n);
        if (write(fd, line, (size_t)len) != len || (n % 8 == 0 && fsync(fd)))
            return perror("append"), 1;
        usleep(20000);
    }
    if (close(fd))
        return perror("close"), 1;
    printf("kept %d\n", n);
    return 0;
}

int main(int argc, char **argv)
{
    size_t i;

    if (argc == 4 && !strcmp(argv[1], "keep"))
        return keep(argv[2], argv[3]);
    if (argc == 3 && !strcmp(argv[1], "hold"))
        return hold(argv[2]);
    if (argc != 2 || chdir(argv[1])) {
        fprintf(stderr, "usage: xk-vfs DIR | hold FILE | keep FILE STOP\n");
        return 2;
    }
    umask(022);
    for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        int before = failed;

        steps[i].run();
        if (failed != before)
            printf("%s: %d failed\n", steps[i].name, failed - before);
    }
    if (!failed)
        printf("all well\n");
    return failed != 0;
}
