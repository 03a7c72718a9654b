/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests that are answered later. See call.h.
 */
#include "call.h"

#include <errno.h>
#include <stdlib.h>

int wait_add(struct call *c, const struct ops_lock *lock)
{
    struct codec *codec = c->codec;
    struct codec_wait *w = calloc(1, sizeof(*w)), **at;

    if (!w)
        return -ENOMEM;
    w->req = *c->req;
    w->notify = !lock;
    if (lock)
        w->lock = *lock;
    pthread_mutex_lock(&codec->lock);
    if (codec->nr_waits == WAITS_MAX) {
        pthread_mutex_unlock(&codec->lock);
        free(w);
        return -ENOLCK;
    }
    for (at = &codec->waits; *at; at = &(*at)->next)
        ;
    *at = w;
    codec->nr_waits++;
    pthread_mutex_unlock(&codec->lock);
    return CALL_LATER;
}

void wait_answer(struct codec *codec, const struct codec_wait *w, int status,
                 uint32_t out_len)
{
    struct xk_xkfs_rsp rsp = {
        .id = w->req.id, .status = status, .out_len = out_len,
    };

    codec->send(codec->arg, &rsp);
}

/* Takes those out of the list for which due() has an answer; the list is in
 * order, so who came first is asked first. */
struct codec_wait *wait_take(struct codec *codec,
                             bool (*due)(struct codec *codec,
                                         struct codec_wait *w, void *arg),
                             void *arg)
{
    struct codec_wait **at = &codec->waits, *taken = NULL, **end = &taken;
    struct codec_wait *w;

    while ((w = *at)) {
        if (!due(codec, w, arg)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = NULL;
        *end = w;
        end = &w->next;
        codec->nr_waits--;
    }
    return taken;
}

void wait_answer_all(struct codec *codec, struct codec_wait *w)
{
    struct codec_wait *next;

    for (; w; w = next) {
        next = w->next;
        wait_answer(codec, w, w->status, 0);
        free(w);
    }
}
