/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The worker threads, see workers.h. They live as long as the process.
 */
#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "table.h"

struct worker {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct workers_job *first, **end;
    pthread_t thread;
};

struct workers {
    unsigned int count;
    struct worker worker[];
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct workers_job *job;

    for (;;) {
        pthread_mutex_lock(&w->lock);
        while (!w->first)
            pthread_cond_wait(&w->more, &w->lock);
        job = w->first;
        w->first = job->next;
        if (!w->first)
            w->end = &w->first;
        pthread_mutex_unlock(&w->lock);
        job->run(job);
    }
    return NULL;
}

int workers_open(struct workers **workers_r, unsigned int count)
{
    struct workers *ws = calloc(1, sizeof(*ws) + count * sizeof(*ws->worker));
    unsigned int i;

    if (!ws)
        return -ENOMEM;
    ws->count = count;
    for (i = 0; i < count; i++) {
        pthread_mutex_init(&ws->worker[i].lock, NULL);
        pthread_cond_init(&ws->worker[i].more, NULL);
        ws->worker[i].end = &ws->worker[i].first;
        if (pthread_create(&ws->worker[i].thread, NULL, work,
                           &ws->worker[i]))
            return -EAGAIN;     /* the process ends */
    }
    *workers_r = ws;
    return 0;
}

void workers_add(struct workers *workers, uint64_t key,
                 struct workers_job *job)
{
    struct worker *w = &workers->worker[table_hash_u64(key) % workers->count];

    job->next = NULL;
    pthread_mutex_lock(&w->lock);
    *w->end = job;
    w->end = &job->next;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}
