// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several processes, of one side or of several, take locks on one file and
 * do under them what goes wrong at once when two have the same lock: a slot
 * is taken in their name, looked at again, counted up, given back.
 */
#define _GNU_SOURCE             /* O_DIRECT, locks of open files */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOT 4096u
#define SLOTS 8u

static const char usage[] =
    "usage: xk-locks FILE --kind posix|ofd|flock [--processes N]\n"
    "                [--rounds N] [--side NUMBER] [--direct]\n"
    "       xk-locks FILE --init          makes it, all counts zero\n"
    "       xk-locks FILE --total         the sum of all counts\n"
    "  --side: another number for each machine; --direct: data past the\n"
    "  page cache; without it a lock must bring what others wrote\n"
    "  exit status: 0, 1 two had one lock, or an error, 2 usage\n";

struct slot {
    uint64_t owner;             /* 0: nobody has the lock */
    uint64_t count;
};

enum kind { POSIX, OFD, FLOCK, KINDS };

static const char *const kind_names[KINDS] = { "posix", "ofd", "flock" };

static const char *path;
static enum kind kind = KINDS;
static bool direct;
static unsigned int side = 1, processes = 4, rounds = 200;
static unsigned char page[SLOT] __attribute__((aligned(SLOT)));

static int fail(const char *what)
{
    fprintf(stderr, "xk-locks: side %u, process %d: %s: %s\n", side,
            (int)getpid(), what, strerror(errno));
    return 1;
}

static int lock(int fd, unsigned int slot, short type)
{
    struct flock fl = { .l_type = type, .l_whence = SEEK_SET,
                        .l_start = slot * SLOT, .l_len = SLOT };

    if (kind == FLOCK)
        return flock(fd, type == F_UNLCK ? LOCK_UN :
                         type == F_RDLCK ? LOCK_SH : LOCK_EX);
    return fcntl(fd, kind == OFD ? F_OFD_SETLKW : F_SETLKW, &fl);
}

static int load(int fd, unsigned int slot, struct slot *s)
{
    if (pread(fd, page, SLOT, slot * SLOT) != SLOT)
        return fail("read");
    memcpy(s, page, sizeof(*s));
    return 0;
}

static int store(int fd, unsigned int slot, const struct slot *s)
{
    memcpy(page, s, sizeof(*s));
    return pwrite(fd, page, SLOT, slot * SLOT) == SLOT ? 0 : fail("write");
}

static int two(const char *when, unsigned int slot, const struct slot *s)
{
    fprintf(stderr, "xk-locks: side %u, process %d: %s, slot %u is of %llx,"
            " count %llu\n", side, (int)getpid(), when, slot,
            (unsigned long long)s->owner, (unsigned long long)s->count);
    return 1;
}

static int write_round(int fd, unsigned int slot, uint64_t me)
{
    struct slot s;

    if (lock(fd, slot, F_WRLCK))
        return fail("lock");
    if (load(fd, slot, &s))
        return 1;
    if (s.owner)
        return two("locked", slot, &s);
    s.owner = me;
    if (store(fd, slot, &s))
        return 1;
    usleep(500);
    if (load(fd, slot, &s))
        return 1;
    if (s.owner != me)
        return two("a moment later", slot, &s);
    s.owner = 0;
    s.count++;
    if (store(fd, slot, &s))
        return 1;
    return lock(fd, slot, F_UNLCK) ? fail("unlock") : 0;
}

static int read_round(int fd, unsigned int slot)
{
    struct slot a, b;

    if (lock(fd, slot, F_RDLCK))
        return fail("lock");
    if (load(fd, slot, &a))
        return 1;
    usleep(500);
    if (load(fd, slot, &b))
        return 1;
    if (a.owner || b.owner || a.count != b.count)
        return two("shared", slot, &b);
    return lock(fd, slot, F_UNLCK) ? fail("unlock") : 0;
}

static int work(unsigned int number)
{
    uint64_t me = (uint64_t)side << 32 | (unsigned int)getpid();
    unsigned int seed = side * 7919 + number;
    int fd = open(path, O_RDWR | (direct ? O_DIRECT : 0));

    if (fd < 0)
        return fail("open");
    for (unsigned int i = 0; i < rounds; i++) {
        unsigned int slot = kind == FLOCK ? 0 :
                            (unsigned int)rand_r(&seed) % SLOTS;

        if (write_round(fd, slot, me) || (i % 4 == 0 &&
                                          read_round(fd, slot)))
            return 1;
    }
    return 0;
}

static int run(void)
{
    int status, bad = 0;

    for (unsigned int i = 0; i < processes; i++)
        switch (fork()) {
        case 0:
            _exit(work(i));
        case -1:
            return fail("fork");
        }
    while (wait(&status) > 0)
        bad += status != 0;
    printf("%u done, %d bad\n", processes * rounds, bad);
    return bad != 0;
}

static int total(void)
{
    uint64_t sum = 0;
    struct slot s;
    int fd = open(path, O_RDONLY | O_DIRECT);

    if (fd < 0)
        return fail("open");
    for (unsigned int i = 0; i < SLOTS; i++) {
        if (load(fd, i, &s))
            return 1;
        if (s.owner)
            return two("at the end", i, &s);
        sum += s.count;
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}

static int init(void)
{
    struct slot s = { 0 };
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);

    if (fd < 0)
        return fail("open");
    for (unsigned int i = 0; i < SLOTS; i++)
        if (store(fd, i, &s))
            return 1;
    return fsync(fd) ? fail("fsync") : 0;
}

static int wrong(void)
{
    fputs(usage, stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "kind", required_argument, NULL, 'k' },
        { "processes", required_argument, NULL, 'p' },
        { "rounds", required_argument, NULL, 'r' },
        { "side", required_argument, NULL, 's' },
        { "direct", no_argument, NULL, 'd' },
        { "init", no_argument, NULL, 'i' },
        { "total", no_argument, NULL, 't' },
        { NULL, 0, NULL, 0 },
    };
    int (*what)(void) = run;
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
        switch (c) {
        case 'k':
            for (kind = POSIX; kind < KINDS; kind++)
                if (!strcmp(optarg, kind_names[kind]))
                    break;
            break;
        case 'p':
            processes = (unsigned int)atoi(optarg);
            break;
        case 'r':
            rounds = (unsigned int)atoi(optarg);
            break;
        case 's':
            side = (unsigned int)atoi(optarg);
            break;
        case 'd':
            direct = true;
            break;
        case 'i':
            what = init;
            break;
        case 't':
            what = total;
            break;
        default:
            return wrong();
        }
    if (optind + 1 != argc || (what == run && kind == KINDS))
        return wrong();
    path = argv[optind];
    return what();
}
