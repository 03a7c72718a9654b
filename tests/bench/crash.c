// SPDX-License-Identifier: GPL-2.0-only
/*
 * What writing a dump costs, on a recorded memory image and without Xen.
 *
 *   crash write IMAGE FILE RUNS    in turn "plain", compressed into FILE, and
 *                                  "sealed", also sealed: microseconds, and
 *                                  those of processors
 *   crash sparse GIB FILE          the writer's own memory for a guest of so
 *                                  much, sealed into FILE: "kib N"
 *
 * Two threads, as crashd has on two processors; FILE is not synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "classify.h"
#include "dump.h"
#include "seal.h"
#include "unseal.h"

#define WORKERS 2

static void fail(const char *what, int rc)
{
    fprintf(stderr, "%s: %s\n", what, strerror(-rc));
    exit(1);
}

/* ---- an image in memory: a copy is all that reading it costs, as it is with
 * a guest's pages that are mapped ---------------------------------------- */

struct held {
    struct xk_image img;
    struct xk_image *file;
    uint8_t *memory;
};

static int held_read(struct xk_image *img, const uint64_t *pfns, size_t count,
                     void *buf, uint8_t *state)
{
    struct held *h = XK_CONTAINER_OF(img, struct held, img);
    size_t i;

    for (i = 0; i < count; i++) {
        state[i] = pfns[i] < img->max_pfn ? XK_PAGE_RAM : XK_PAGE_ABSENT;
        if (state[i] == XK_PAGE_RAM)
            memcpy((uint8_t *)buf + i * XK_PAGE_SIZE,
                   h->memory + pfns[i] * XK_PAGE_SIZE, XK_PAGE_SIZE);
    }
    return 0;
}

static bool held_next(struct xk_image *img, uint64_t from, uint64_t *first_r,
                      uint64_t *end_r)
{
    struct held *h = XK_CONTAINER_OF(img, struct held, img);

    return xk_image_next(h->file, from, first_r, end_r);
}

static void hold(struct held *h, const char *path)
{
    char why[128] = "";
    struct stat st;
    int fd, rc;

    rc = xk_image_open_file(&h->file, path, why, sizeof(why));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (rc || fd < 0 || fstat(fd, &st))
        fail(path, rc ? rc : -errno);
    h->memory = mmap(NULL, (size_t)st.st_size, PROT_READ,
                     MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    if (h->memory == MAP_FAILED)
        fail(path, -errno);
    h->img = *h->file;
    h->img.read = held_read;
    h->img.next = held_next;
    h->img.max_pfn = xk_min_u64(h->img.max_pfn,
                                (uint64_t)st.st_size / XK_PAGE_SIZE);
}

/* A guest of zeroes, but for one page of each block. */
static int sparse_read(struct xk_image *img, const uint64_t *pfns,
                       size_t count, void *buf, uint8_t *state)
{
    size_t i;

    memset(buf, 0, count * XK_PAGE_SIZE);
    for (i = 0; i < count; i++) {
        state[i] = pfns[i] >= img->max_pfn ? XK_PAGE_ABSENT
                   : pfns[i] % XK_PAGES_BLOCK ? XK_PAGE_ZERO : XK_PAGE_RAM;
        if (state[i] == XK_PAGE_RAM)
            memcpy((uint8_t *)buf + i * XK_PAGE_SIZE, &pfns[i],
                   sizeof(pfns[i]));
    }
    return 0;
}

/* ---- writing ------------------------------------------------------------ */

static int to_file(void *ctx, enum xk_class cls, uint64_t offset,
                   const void *data, size_t len)
{
    (void)cls;
    return pwrite(*(int *)ctx, data, len, (off_t)offset) == (ssize_t)len
               ? 0 : -EIO;
}

static int to_stream(void *ctx, const void *data, size_t len)
{
    return write(*(int *)ctx, data, len) == (ssize_t)len ? 0 : -EIO;
}

struct guest {
    struct xk_image *img;
    const struct xk_kernel *kernel;     /* may be NULL */
    struct xk_classifier *classifier;
};

static int write_to(const struct guest *g, const struct xk_sink *sink)
{
    static const struct xk_dump_options options = {
        .workers = WORKERS, .store = XK_DUMP_STORE_DEFAULT,
        .compression = XK_COMPRESS_ZSTD,
    };
    struct xk_dump_stats stats;

    return xk_dump_write(g->img, g->kernel, g->classifier, &options, sink,
                         &stats);
}

/* Without certificates: the content is encrypted all the same. */
static int write_sealed(const struct guest *g, int fd)
{
    struct xk_seal_plan plan = {
        .classes = XK_DUMP_STORE_DEFAULT, .plain = XK_DUMP_STORE_DEFAULT,
    };
    struct xk_sink sink = { .extent = xk_seal_extent };
    struct xk_signer *host;
    struct xk_seal *seal;
    int rc;

    rc = xk_signer_new(&host);
    plan.signer = host;
    if (!rc)
        rc = xk_seal_new(&seal, &plan, to_stream, &fd);
    if (rc)
        return rc;
    sink.ctx = seal;
    rc = write_to(g, &sink);
    if (!rc)
        rc = xk_seal_end(seal);
    xk_seal_free(seal);
    xk_signer_free(host);
    return rc;
}

struct cost {
    uint64_t wall, cpu;         /* microseconds */
};

static struct cost now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (struct cost){ xk_now_us(), (uint64_t)t.tv_sec * 1000000 +
                                       (uint64_t)t.tv_nsec / 1000 };
}

static int fresh(const char *path)
{
    int fd;

    (void)unlink(path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        fail(path, -errno);
    return fd;
}

/* All that crashd does between the corpse and the file. */
static struct cost once(struct xk_image *img, const char *path, bool sealed)
{
    static struct xk_kernel kernel;
    struct xk_classifier classifier;
    struct guest g = { img, NULL, &classifier };
    int fd = fresh(path), rc;
    struct xk_sink sink = { to_file, &fd };
    struct cost start = now(), end;

    if (!xk_kernel_find(&kernel, img, UINT64_MAX))
        g.kernel = &kernel;
    rc = xk_classifier_init(&classifier, g.kernel);
    if (!rc)
        rc = sealed ? write_sealed(&g, fd) : write_to(&g, &sink);
    end = now();
    xk_classifier_dispose(&classifier);
    close(fd);
    if (rc)
        fail(path, rc);
    return (struct cost){ end.wall - start.wall, end.cpu - start.cpu };
}

static void tell(const char *what, struct cost cost)
{
    printf("%s %llu %llu\n", what, (unsigned long long)cost.wall,
           (unsigned long long)cost.cpu);
    fflush(stdout);
}

static void write_runs(const char *image, const char *path, int runs)
{
    struct held h;
    int i;

    hold(&h, image);
    printf("pages %llu\n", (unsigned long long)h.img.max_pfn);
    for (i = 0; i < runs; i++) {
        tell("plain", once(&h.img, path, false));
        tell("sealed", once(&h.img, path, true));
    }
}

/* As crashd does before it calls it a dump. */
static void look(const char *path)
{
    const struct xk_unseal_key key = { .look_only = true };
    char why[XK_UNSEAL_WHY];
    struct xk_unseal *u;
    int fd, rc;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    rc = fd < 0 ? -errno : xk_unseal_open(&u, fd, &key, why);
    if (rc)
        fail(path, rc);
    xk_unseal_close(u);
    close(fd);
}

static void write_sparse(unsigned long gib, const char *path)
{
    struct xk_image img = {
        .type = XK_GUEST_PVH, .max_pfn = (uint64_t)gib << 18,
        .read = sparse_read,
    };
    struct rusage usage;

    (void)once(&img, path, true);
    look(path);
    getrusage(RUSAGE_SELF, &usage);
    printf("kib %ld\n", usage.ru_maxrss);
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "write"))
        write_runs(argv[2], argv[3], atoi(argv[4]));
    else if (argc == 4 && !strcmp(argv[1], "sparse"))
        write_sparse(strtoul(argv[2], NULL, 10), argv[3]);
    else
        return 2;
    (void)unlink(argv[3]);
    return 0;
}
