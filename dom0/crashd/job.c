/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The thread that makes a dump, see job.h.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "fault.h"
#include "image_domain.h"
#include "inquest.h"
#include "unseal.h"

static int __attribute__((format(printf, 3, 4)))
fail(struct xk_job *job, int rc, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(job->why, sizeof(job->why), fmt, args);
    va_end(args);
    return rc;
}

/* A frame of the container; a kill here tears the file. */
static int to_file(void *ctx, const void *data, size_t len)
{
    int fd = *(const int *)ctx;
    ssize_t n;

    xk_fault("dump-frame");
    for (; len; data = (const char *)data + n, len -= (size_t)n) {
        n = write(fd, data, len);
        if (n < 0)
            return -errno;
    }
    return 0;
}

static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct xk_job *job = ctx;

    job->total = total;
    job->done = done;
    return !job->cancel;
}

/*
 * Is it still there? Xen gives a domain's number again only when all others
 * had their turn. The uuid is no sign: rename-restart changes that of a corpse.
 */
static int still_there(struct xk_job *job)
{
    struct xk_dominfo now;

    if (xk_hv_dominfo(job->hv, job->info.domid, &now) || now.dying ||
        (job->info.shutdown && !now.shutdown))
        return fail(job, -ESRCH, "the guest was destroyed while its memory "
                    "was read");
    return 0;
}

static int write_dump(struct xk_job *job, struct xk_image *img,
                      const struct xk_kernel *kernel,
                      const struct xk_classifier *classifier, int fd)
{
    struct xk_dump_options options = {
        .workers = job->workers,
        .store = job->plan.classes,
        .compression = XK_COMPRESS_ZSTD,
        .seconds = job->plan.time,
        .progress = on_progress,
        .progress_ctx = job,
    };
    struct xk_sink sink = { .extent = xk_seal_extent };
    struct xk_seal *seal = NULL;
    unsigned int cls;
    int rc;

    rc = xk_seal_new(&seal, &job->plan, to_file, &fd);
    if (rc)
        return rc;
    sink.ctx = seal;
    rc = xk_dump_write(img, kernel, classifier, &options, &sink,
                       &job->stats);
    if (!rc)
        rc = xk_seal_end(seal);
    memcpy(job->dump_id, xk_seal_id(seal), sizeof(job->dump_id));
    for (cls = 0; cls < XK_CLASSES; cls++)
        job->sealed[cls] = xk_seal_class_bytes(seal, (enum xk_class)cls);
    xk_seal_free(seal);
    return rc;
}

/* The file as the disk has it: whole, and signed by this host. */
static int look_again(struct xk_job *job, int fd)
{
    uint8_t host[XK_PUBLIC_SIZE];
    const struct xk_unseal_key key = { .host = host, .look_only = true };
    char why[XK_UNSEAL_WHY];
    struct xk_unseal *u;
    int rc;

    rc = xk_signer_public(job->plan.signer, host);
    if (rc)
        return rc;
    rc = xk_unseal_open(&u, fd, &key, why);
    if (rc)
        return fail(job, rc, "what was written cannot be read: %.120s", why);
    if (xk_unseal_torn(u, NULL))
        rc = fail(job, -EIO, "what was written is not whole on the disk");
    xk_unseal_close(u);
    return rc;
}

static int store_dump(struct xk_job *job, struct xk_image *img,
                      const struct xk_kernel *kernel,
                      const struct xk_classifier *classifier)
{
    char path[XK_STORE_PATH];
    xk_cleanup_fd int fd = -1;
    int rc;

    xk_store_path(job->store, job->id, true, XK_STORE_DUMP, path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(job, -errno, "the store: %s", strerror(errno));
    rc = write_dump(job, img, kernel, classifier, fd);
    if (!rc && fsync(fd))
        rc = -errno;
    if (!rc)
        rc = still_there(job);
    if (!rc)
        rc = look_again(job, fd);
    job->file_bytes = (uint64_t)lseek(fd, 0, SEEK_END);
    return rc;
}

static int with_kernel(struct xk_job *job, struct xk_image *img)
{
    xk_cleanup_free struct xk_kernel *kernel = calloc(1, sizeof(*kernel));
    struct xk_classifier classifier;
    bool found;
    int rc;

    if (!kernel)
        return -ENOMEM;
    found = !xk_kernel_find(kernel, img, job->note_pfn);
    if (found)
        xk_log_safe(job->release, sizeof(job->release), kernel->uts.release);
    rc = xk_classifier_init(&classifier, found ? kernel : NULL);
    if (rc)
        return rc;
    rc = store_dump(job, img, found ? kernel : NULL, &classifier);
    xk_classifier_dispose(&classifier);
    if (!rc && job->dead)
        xk_inquest(job, found ? kernel : NULL);
    return rc;
}

static int make(struct xk_job *job)
{
    struct xk_image *img;
    int rc;

    rc = xk_image_open_domain(&img, job->hv, job->info.domid, job->ram_pages,
                              job->still);
    if (rc == -EOPNOTSUPP)
        return fail(job, rc, "it is a PV guest: only PVH and HVM guests are "
                    "dumped");
    if (rc == -EBUSY)
        return fail(job, rc, "it runs with populate-on-demand memory, which "
                    "reading would fill, or is being migrated");
    if (rc)
        return fail(job, rc, "its memory cannot be looked at: %s",
                    strerror(-rc));
    rc = with_kernel(job, img);
    xk_image_close(img);
    return rc;
}

static void *run(void *arg)
{
    struct xk_job *job = arg;
    uint64_t start = xk_now_us();

    job->rc = make(job);
    if (job->rc && !job->why[0])
        (void)fail(job, job->rc, "%s", strerror(-job->rc));
    job->duration_us = xk_now_us() - start;
    job->ended = true;
    (void)!write(job->notify_fd, "", 1);
    return NULL;
}

int xk_job_start(struct xk_job *job)
{
    return -pthread_create(&job->thread, NULL, run, job);
}

void xk_job_join(struct xk_job *job)
{
    (void)pthread_join(job->thread, NULL);
}
