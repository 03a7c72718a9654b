/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dom0 tells the guest on its own. See call.h.
 */
#include "call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 256u

struct codec_event {
    struct codec_event *next;
    struct xk_xkfs_event event;
};

/* The oldest events into what the first NOTIFY lent; the lock is held. */
static struct codec_wait *deliver(struct codec *codec, uint32_t *len_r)
{
    struct codec_wait **at = &codec->waits, *w;
    struct codec_event *e;
    uint32_t used = 0;

    while (*at && !(*at)->notify)
        at = &(*at)->next;
    w = *at;
    if (!w || !codec->events)
        return NULL;
    *at = w->next;
    codec->nr_waits--;
    while ((e = codec->events) &&
           w->req.out_len - used >= sizeof(e->event)) {
        memcpy(codec->pool + w->req.out_off + used, &e->event,
               sizeof(e->event));
        used += sizeof(e->event);
        codec->events = e->next;
        codec->nr_events--;
        free(e);
    }
    *len_r = used;
    return w;
}

void codec_deliver(struct codec *codec)
{
    struct codec_wait *w;
    uint32_t len = 0;

    do {
        pthread_mutex_lock(&codec->lock);
        w = deliver(codec, &len);
        pthread_mutex_unlock(&codec->lock);
        if (w)
            wait_answer(codec, w, 0, len);
        free(w);
    } while (w);
}

void codec_tell(struct codec *codec, uint32_t kind, uint32_t share_id)
{
    struct codec_event *e = calloc(1, sizeof(*e)), **at;

    if (!e)
        return;
    e->event.kind = kind;
    e->event.share_id = share_id;
    pthread_mutex_lock(&codec->lock);
    if (codec->nr_events < EVENTS_MAX) {
        for (at = &codec->events; *at; at = &(*at)->next)
            ;
        *at = e;
        codec->nr_events++;
        e = NULL;
    }
    pthread_mutex_unlock(&codec->lock);
    free(e);
    codec_deliver(codec);
}

int call_notify(struct call *c)
{
    if (c->req->out_len < sizeof(struct xk_xkfs_event))
        return -EPROTO;
    return wait_add(c, NULL);
}

void codec_forget_events(struct codec *codec)
{
    struct codec_event *e;

    while ((e = codec->events)) {
        codec->events = e->next;
        free(e);
    }
}
