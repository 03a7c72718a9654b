// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk whose contents are known: writes blocks that follow from a seed and
 * their own place, and reads them back to compare, past the page cache, until
 * DIR/stop is there. Each transfer uses another place of a pool of memory,
 * which is zero when it has been used: memory that a sweep takes, and that
 * whoever emulates the disk then writes to. Linked statically, for the lab's
 * guests.
 *
 *   xk-disk start DIR DEVICE MIB POOL-MIB SEED
 *   xk-disk stop DIR        0: each block was what it should be; says how many
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 65536u
#define WORDS (BLOCK / sizeof(uint64_t))
#define MIB 1048576u

struct disk {
    int fd;
    char *pool;
    size_t blocks, places;
    uint64_t *seeds;            /* of each block; 0: not written yet */
    uint64_t random;
    unsigned long wrote, read;
};

/* splitmix64: each place has its own word. */
static uint64_t word(uint64_t seed, uint64_t place)
{
    uint64_t z = seed + place * 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t dice(struct disk *d, uint64_t sides)
{
    d->random++;
    return word(d->random, d->random) % sides;
}

static void put(const char *dir, const char *name, const char *text)
{
    char tmp[512], path[512];
    FILE *f;

    snprintf(tmp, sizeof(tmp), "%s/.%s", dir, name);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(tmp, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) || rename(tmp, path))
        _exit(9);
}

static bool here(const char *dir, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static bool write_block(struct disk *d, size_t block, uint64_t *buf)
{
    uint64_t seed = dice(d, UINT64_MAX) | 1;
    size_t i;

    for (i = 0; i < WORDS; i++)
        buf[i] = word(seed, i);
    d->seeds[block] = seed;
    d->wrote++;
    return pwrite(d->fd, buf, BLOCK, (off_t)(block * BLOCK)) == BLOCK;
}

static bool read_block(struct disk *d, size_t block, uint64_t *buf)
{
    size_t i;

    if (pread(d->fd, buf, BLOCK, (off_t)(block * BLOCK)) != BLOCK)
        return false;
    d->read++;
    for (i = 0; i < WORDS; i++)
        if (buf[i] != word(d->seeds[block], i))
            return false;
    return true;
}

static bool one(struct disk *d)
{
    void *buf = d->pool + dice(d, d->places) * BLOCK;
    size_t block = dice(d, d->blocks);
    bool good;

    good = d->seeds[block] && dice(d, 3) ? read_block(d, block, buf)
                                         : write_block(d, block, buf);
    memset(buf, 0, BLOCK);
    return good;
}

static void work(struct disk *d, const char *dir)
{
    char text[96];
    bool good = true;

    put(dir, "ready", "1");
    while (good && !here(dir, "stop"))
        good = one(d);
    snprintf(text, sizeof(text), "%s: %lu blocks written, %lu read\n",
             good ? "ok" : "bad", d->wrote, d->read);
    put(dir, "result", text);
    _exit(0);
}

static int wait_file(const char *dir, const char *name)
{
    struct timespec nap = { .tv_nsec = 20000000 };
    int n;

    for (n = 0; n < 60 * 50; n++) {
        if (here(dir, name))
            return 0;
        nanosleep(&nap, NULL);
    }
    fprintf(stderr, "xk-disk: %s/%s did not come\n", dir, name);
    return 1;
}

static int start(char **arg)
{
    struct disk d = {
        .blocks = strtoul(arg[2], NULL, 10) * (MIB / BLOCK),
        .places = strtoul(arg[3], NULL, 10) * (MIB / BLOCK),
        .random = strtoull(arg[4], NULL, 10) | 1,
    };

    (void)mkdir(arg[0], 0755);
    d.fd = open(arg[1], O_RDWR | O_DIRECT);
    d.seeds = calloc(d.blocks + 1, sizeof(*d.seeds));
    d.pool = mmap(NULL, d.places * BLOCK, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (d.fd < 0 || !d.blocks || !d.places || !d.seeds ||
        d.pool == MAP_FAILED) {
        perror("xk-disk");
        return 1;
    }
    if (!fork()) {
        int null = open("/dev/null", O_RDWR);

        setsid();
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        work(&d, arg[0]);
    }
    return wait_file(arg[0], "ready");
}

static int stop(const char *dir)
{
    char path[512], text[96] = "";
    FILE *f;

    put(dir, "stop", "1");
    if (wait_file(dir, "result"))
        return 1;
    snprintf(path, sizeof(path), "%s/result", dir);
    f = fopen(path, "r");
    if (!f || !fgets(text, sizeof(text), f))
        return 1;
    fclose(f);
    fputs(text, stdout);
    return strncmp(text, "ok", 2) != 0;
}

int main(int argc, char **argv)
{
    if (argc == 7 && !strcmp(argv[1], "start"))
        return start(argv + 2);
    if (argc == 3 && !strcmp(argv[1], "stop"))
        return stop(argv[2]);
    fputs("usage: xk-disk start DIR DEVICE MIB POOL-MIB SEED | stop DIR\n",
          stderr);
    return 2;
}
