// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory whose contents are known: fills anonymous memory of a guest with
 * words that follow from a seed and their own place, keeps it, and checks it
 * when asked. A page that was lost, swapped with another or overwritten
 * cannot stay unnoticed. Linked statically, for the lab's guests.
 *
 *   xk-fill start DIR MIB SEED [zero-every N]   returns when it is filled
 *   xk-fill check DIR                           0: all as it was
 *   xk-fill churn DIR MIB SEED SECONDS          writes and checks all the time
 *   xk-fill stop DIR
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define WORDS (PAGE / sizeof(uint64_t))

struct fill {
    uint64_t *mem;
    size_t pages;
    uint64_t seed;
    size_t zero_every;      /* each so many pages is left zero; 0: none */
};

/* splitmix64: each place has its own word. */
static uint64_t word(uint64_t seed, uint64_t place)
{
    uint64_t z = seed + place * 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool is_zero_page(const struct fill *f, size_t page)
{
    return f->zero_every && page % f->zero_every == 0;
}

static void fill_page(struct fill *f, size_t page)
{
    uint64_t *p = f->mem + page * WORDS;
    size_t i;

    for (i = 0; i < WORDS; i++)
        p[i] = is_zero_page(f, page) ? 0 : word(f->seed, page * WORDS + i);
}

static bool page_good(const struct fill *f, size_t page)
{
    const uint64_t *p = f->mem + page * WORDS;
    size_t i;

    for (i = 0; i < WORDS; i++)
        if (p[i] != (is_zero_page(f, page)
                         ? 0 : word(f->seed, page * WORDS + i)))
            return false;
    return true;
}

static void put(const char *dir, const char *name, const char *text)
{
    char tmp[512], path[512];
    int fd;

    snprintf(tmp, sizeof(tmp), "%s/.%s", dir, name);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd) ||
        rename(tmp, path))
        _exit(9);
}

static bool here(const char *dir, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void gone(const char *dir, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    (void)unlink(path);
}

static void verify(struct fill *f, const char *dir)
{
    char text[64] = "ok";
    size_t page, bad = 0, first = 0;

    for (page = 0; page < f->pages; page++)
        if (!page_good(f, page) && !bad++)
            first = page;
    if (bad)
        snprintf(text, sizeof(text), "%zu pages bad, the first %zu", bad,
                 first);
    put(dir, "result", text);
}

static void keep(struct fill *f, const char *dir)
{
    struct timespec nap = { .tv_nsec = 50000000 };
    size_t page;

    for (page = 0; page < f->pages; page++)
        fill_page(f, page);
    put(dir, "ready", "1");
    for (;;) {
        if (here(dir, "check")) {
            gone(dir, "check");
            verify(f, dir);
        }
        nanosleep(&nap, NULL);
    }
}

/* Pages in a random order: check, write with a new seed, zero some. */
static void churn(struct fill *f, const char *dir, long seconds)
{
    struct timespec start, now;
    uint64_t *seeds = calloc(f->pages, sizeof(*seeds)), step = 0;
    uint64_t base = f->seed;
    size_t page;

    if (!seeds)
        _exit(9);
    put(dir, "ready", "1");
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        page = word(base, ++step) % f->pages;
        f->seed = seeds[page];
        f->zero_every = seeds[page] ? 0 : 1;
        if (!page_good(f, page)) {
            put(dir, "result", "a page changed by itself");
            _exit(1);
        }
        seeds[page] = step % 3 ? word(base, step) | 1 : 0;
        f->seed = seeds[page];
        f->zero_every = seeds[page] ? 0 : 1;
        fill_page(f, page);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec < seconds);
    for (page = 0; page < f->pages; page++) {
        f->seed = seeds[page];
        f->zero_every = seeds[page] ? 0 : 1;
        if (!page_good(f, page)) {
            put(dir, "result", "a page changed by itself");
            _exit(1);
        }
    }
    put(dir, "result", "ok");
    _exit(0);
}

static int wait_file(const char *dir, const char *name, int seconds)
{
    struct timespec nap = { .tv_nsec = 20000000 };
    int n;

    for (n = 0; n < seconds * 50; n++) {
        if (here(dir, name))
            return 0;
        nanosleep(&nap, NULL);
    }
    fprintf(stderr, "xk-fill: %s/%s did not come\n", dir, name);
    return 1;
}

static int start(const char *dir, size_t mib, uint64_t seed, size_t zero_every,
                 long churn_seconds)
{
    struct fill f = { .pages = mib * 256, .seed = seed,
                      .zero_every = zero_every };
    char pid_text[32];
    pid_t pid;

    (void)mkdir(dir, 0755);
    gone(dir, "ready");
    gone(dir, "result");
    f.mem = mmap(NULL, f.pages * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (f.mem == MAP_FAILED) {
        perror("xk-fill: mmap");
        return 1;
    }
    pid = fork();
    if (pid < 0)
        return 1;
    if (pid == 0) {
        /* A daemon: it holds none of the caller's files, and is the last
         * that the kernel kills for memory. */
        int null = open("/dev/null", O_RDWR);

        setsid();
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        if (churn_seconds)
            churn(&f, dir, churn_seconds);
        keep(&f, dir);
    }
    snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
    put(dir, "pid", pid_text);
    return wait_file(dir, "ready", 120);
}

static int result(const char *dir, int seconds)
{
    char path[512], text[128] = "";
    FILE *file;

    if (wait_file(dir, "result", seconds))
        return 1;
    snprintf(path, sizeof(path), "%s/result", dir);
    file = fopen(path, "r");
    if (!file || !fgets(text, sizeof(text), file))
        return 1;
    fclose(file);
    if (!strcmp(text, "ok"))
        return 0;
    fprintf(stderr, "xk-fill: %s\n", text);
    return 1;
}

static int stop(const char *dir)
{
    char path[512], text[32] = "";
    FILE *file;

    snprintf(path, sizeof(path), "%s/pid", dir);
    file = fopen(path, "r");
    if (!file || !fgets(text, sizeof(text), file))
        return 1;
    fclose(file);
    return kill((pid_t)atol(text), SIGKILL) ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc >= 5 && !strcmp(argv[1], "start"))
        return start(argv[2], strtoul(argv[3], NULL, 10),
                     strtoull(argv[4], NULL, 10),
                     argc > 6 ? strtoul(argv[6], NULL, 10) : 0, 0);
    if (argc == 6 && !strcmp(argv[1], "churn"))
        return start(argv[2], strtoul(argv[3], NULL, 10),
                     strtoull(argv[4], NULL, 10), 0,
                     strtol(argv[5], NULL, 10));
    if (argc == 3 && !strcmp(argv[1], "check")) {
        gone(argv[2], "result");
        put(argv[2], "check", "1");
        return result(argv[2], 120);
    }
    if (argc == 4 && !strcmp(argv[1], "result"))
        return result(argv[2], atoi(argv[3]));
    if (argc == 3 && !strcmp(argv[1], "stop"))
        return stop(argv[2]);
    fputs("usage: xk-fill start DIR MIB SEED [zero-every N] | churn DIR MIB "
          "SEED SECONDS |\n       check DIR | result DIR SECONDS | stop DIR\n",
          stderr);
    return 2;
}
