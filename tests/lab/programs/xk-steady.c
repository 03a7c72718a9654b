// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes, reads and renames files of a folder until it is told to stop, and
 * knows what each has to hold: nothing that close() or rename() acknowledged
 * may be lost or come twice, and no call may fail. Says the longest that one
 * call took.
 *
 *   xk-steady DIR STOPFILE    until STOPFILE is there; 0: all as it should be
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES 16
#define SIZE 30000

static double longest;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what, const char *name)
{
    printf("%s %s: %s\n", what, name, strerror(errno));
    exit(1);
}

static void fill(char *buf, unsigned int file, unsigned int round)
{
    int n = snprintf(buf, SIZE, "%u %u\n", file, round), i;

    for (i = n; i < SIZE; i++)
        buf[i] = (char)('a' + (i * 7 + (int)file + (int)round) % 26);
}

static void check(unsigned int file, unsigned int round)
{
    static char want[SIZE], got[SIZE];
    char name[32];
    int fd;

    if (!round)
        return;
    snprintf(name, sizeof(name), "f%u", file);
    fill(want, file, round);
    fd = open(name, O_RDONLY);
    if (fd < 0)
        die("open", name);
    if (read(fd, got, SIZE) != SIZE)
        die("read", name);
    if (memcmp(want, got, SIZE)) {
        printf("%s: round %u is not what was written: %.20s\n", name, round,
               got);
        exit(1);
    }
    if (close(fd))
        die("close", name);
}

static void write_new(unsigned int file, unsigned int round)
{
    static char buf[SIZE];
    char name[32], tmp[32];
    int fd;

    snprintf(name, sizeof(name), "f%u", file);
    snprintf(tmp, sizeof(tmp), "t%u", file);
    fill(buf, file, round);
    fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0)
        die("create", tmp);
    if (write(fd, buf, SIZE) != SIZE || (round % 5 == 0 && fsync(fd)))
        die("write", tmp);
    if (close(fd))
        die("close", tmp);
    if (rename(tmp, name))
        die("rename", tmp);
}

int main(int argc, char **argv)
{
    unsigned int rounds[FILES] = { 0 }, done = 0, file;
    double before, took;

    if (argc != 3 || chdir(argv[1])) {
        fprintf(stderr, "usage: xk-steady DIR STOPFILE\n");
        return 2;
    }
    while (access(argv[2], F_OK)) {
        file = done % FILES;
        before = now();
        check(file, rounds[file]);
        write_new(file, ++rounds[file]);
        took = now() - before;
        if (took > longest)
            longest = took;
        done++;
    }
    for (file = 0; file < FILES; file++)
        check(file, rounds[file]);
    printf("done %u longest_ms %.0f\n", done, longest * 1000);
    return 0;
}
