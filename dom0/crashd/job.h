/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One dump being made: the guest's image, its classification, the writer and
 * the container, in a thread of its own. The loop hears of its end by a byte
 * on a pipe.
 */
#ifndef XK_CRASHD_JOB_H
#define XK_CRASHD_JOB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "causes.h"
#include "dump.h"
#include "hv.h"
#include "recipients.h"
#include "seal.h"
#include "store.h"

#define XK_JOB_WHY 192

struct xk_job {
    /* What is to be done; the caller's until the end. */
    struct xk_hv *hv;           /* this job's alone */
    struct xk_dominfo info;
    const char *name;           /* of the guest */
    const struct xk_causes *causes;
    uint64_t ram_pages;         /* 0: by its limit */
    uint64_t note_pfn;          /* where VMCOREINFO may be; or all ones */
    uint64_t uptime_s;          /* all ones: not known */
    uint32_t starts;            /* of the guest in the last ten minutes */
    bool dead;                  /* it died, or is about to and waits */
    bool still;                 /* nothing of it runs, whatever Xen says */
    const char *store;
    char id[XK_STORE_ID_SIZE];  /* begun in the store */
    struct xk_seal_plan plan;
    struct xk_recipient_room room;      /* of the plan */
    unsigned int workers;
    int notify_fd;              /* takes a byte at the end */

    /* How far it is, in pages; and the wish that it stops. */
    _Atomic uint64_t done, total;
    atomic_bool cancel;

    /* What came of it, once `ended` is true. */
    atomic_bool ended;
    int rc;
    char why[XK_JOB_WHY];       /* one clause when rc is not 0 */
    struct xk_dump_stats stats;
    uint64_t file_bytes, duration_us;
    uint64_t sealed[XK_CLASSES];        /* bytes of the file, by class */
    uint8_t dump_id[16];
    char release[XK_UTS_FIELD];         /* of the guest's kernel; "" */
    char stop[200], title[256];         /* the stop code; in words, or "" */
    char advice[512];                   /* the first of what to do, or "" */
    pthread_t thread;
};

int xk_job_start(struct xk_job *job);

/* Waits for the thread, which has written its byte. */
void xk_job_join(struct xk_job *job);

#endif /* XK_CRASHD_JOB_H */
