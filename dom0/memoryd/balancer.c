/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carrying plans out, see balancer.h.
 */
#include "balancer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <xenkeep/util.h>

#include "domain.h"
#include "operation.h"
#include "scene.h"

/* Between two looks when nothing is to be moved. */
#define SLOW_US 30000000u

/* Of one guest, at most. */
#define MOVES_IN_INTERVAL 4u

#define PAGES_PER_MIB 256u

static uint64_t interval_us(const struct memoryd *md)
{
    return (uint64_t)md->settings.balance_interval_ms * 1000;
}

/* Not later than this; an earlier look that is due stays. */
static void look_at(struct memoryd *md, uint64_t when_us)
{
    struct balancer *b = &md->balancer;
    uint64_t now = xk_now_us(), wait = when_us > now ? when_us - now : 0;
    struct timeval tv = {
        .tv_sec = (time_t)(wait / 1000000),
        .tv_usec = (suseconds_t)(wait % 1000000),
    };

    if (!b->timer || (b->due_us && b->due_us <= when_us))
        return;
    if (!evtimer_add(b->timer, &tv))
        b->due_us = when_us;
}

/* What was freed can be given now, and the guest's next step is known. */
static void on_resized(struct domain *dom, const struct resized *r)
{
    struct memoryd *md = dom->md;

    if (r->asked)
        dom->balance.step = policy_step(dom->balance.step,
                                        dom->balance.limit, r->asked,
                                        r->moved, r->duration_us,
                                        md->settings.balance_interval_ms);
    if (r->why)
        xk_debug("%s: balancing ended early: %s", dom->name, r->why);
    look_at(md, xk_now_us());
}

static void say_move(struct memoryd *md, const struct domain *dom,
                     uint64_t from, const struct policy_verdict *v)
{
    uint32_t more;

    if (xk_ratelimit_ok(&md->balancer.lines, xk_now_ms(), &more))
        xk_info("%s: balancing: %" PRIu64 " -> %" PRIu64 " MiB: %s (%u "
                "moves since the last line)", dom->name,
                from / PAGES_PER_MIB, v->target / PAGES_PER_MIB,
                policy_reason_names[v->reason], more);
}

/*
 * Not faster than its pace. A small move does not cost a whole interval: the
 * most of what the guest needs may be there a moment later. A part of it, for
 * guests whose jobs end at once.
 */
static uint64_t pause_after(const struct memoryd *md, const struct actor *a,
                            uint64_t pages)
{
    return xk_max_u64(interval_us(md) / MOVES_IN_INTERVAL,
                      pages * 1000000 / xk_max_u64(a->pace, 1));
}

static void move(struct memoryd *md, struct scene *s, size_t i)
{
    uint64_t size = s->guests[i].size, target = s->verdicts[i].target;
    struct actor *a = &s->actors[i];
    struct domain *dom = a->dom;

    dom->balance.step = s->guests[i].step;
    dom->balance.limit = a->limit;
    dom->balance.next_us = xk_now_us() +
                           pause_after(md, a, target > size ? target - size
                                                            : size - target);
    dom->balance.wanted -= xk_min_u64(dom->balance.wanted,
                                      target > size ? target - size : 0);
    say_move(md, dom, size, &s->verdicts[i]);
    if (!operation_resize(dom, target * 4, on_resized))
        md->totals.balance_moves++;
}

/* First what frees memory, then what gives it. */
static void carry_out(struct memoryd *md, struct scene *s)
{
    size_t i;

    for (i = 0; i < s->count; i++)
        if (s->verdicts[i].target < s->guests[i].size)
            move(md, s, i);
    for (i = 0; i < s->count; i++)
        if (s->verdicts[i].target > s->guests[i].size)
            move(md, s, i);
}

/* Until when nothing can be missed; 0: until somebody says something. */
static uint64_t next_look(const struct memoryd *md, const struct scene *s)
{
    bool any = false;
    size_t i;

    for (i = 0; i < s->count; i++) {
        any |= s->guests[i].connected;
        if (s->verdicts[i].target != s->guests[i].size ||
            s->verdicts[i].reason == POLICY_SHORT_WAITS ||
            s->verdicts[i].reason == POLICY_BUSY)
            return xk_now_us() + interval_us(md);
    }
    return any ? xk_now_us() + SLOW_US : 0;
}

static void say_foreign(struct balancer *b, const char *who)
{
    if (who && !b->foreign)
        xk_warn("%s; all else works", who);
    b->foreign = who != NULL;
}

static void look(struct memoryd *md)
{
    uint64_t next = xk_now_us() + SLOW_US;
    struct scene scene;
    int rc;

    rc = scene_take(md, &scene);
    if (rc) {
        xk_warn("balancing: %s", strerror(-rc));
        goto out;
    }
    say_foreign(&md->balancer, scene.foreign);
    if (scene.foreign)
        goto out;
    carry_out(md, &scene);
    next = next_look(md, &scene);
out:
    scene_dispose(&scene);
    if (next)
        look_at(md, next);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct memoryd *md = arg;

    (void)fd, (void)what;
    md->balancer.due_us = 0;
    md->balancer.last_us = xk_now_us();
    if (md->settings.balancer)
        look(md);
}

bool balancer_serves(const struct memoryd *md)
{
    return md->settings.balancer && !md->balancer.foreign;
}

/* What it wants stands for a while: its next word may be of something else,
 * and come before the next plan. */
static void note_want(struct domain *dom)
{
    const struct pressure *p = &dom->device.balloon.pressure;

    if (p->wanted) {
        dom->balance.wanted = p->wanted;
        dom->balance.wanted_us = p->at_us;
    }
}

void balancer_heard(struct domain *dom)
{
    struct policy_guest g = { .size = dom->info.tot_pages };
    struct memoryd *md = dom->md;

    note_want(dom);
    if (!md->settings.balancer)
        return;
    scene_word(dom, &g.word);
    /* Whoever talks all the time is not looked at more often for it. */
    if (policy_short(&g) && !md->balancer.foreign)
        look_at(md, md->balancer.last_us + interval_us(md));
    else
        look_at(md, xk_now_us() + SLOW_US);
}

int balancer_start(struct memoryd *md)
{
    md->balancer.lines = (struct xk_ratelimit)XK_RATELIMIT_INIT(60000, 30);
    md->balancer.timer = evtimer_new(md->loop.base, on_timer, md);
    return md->balancer.timer ? 0 : -ENOMEM;
}

void balancer_dispose(struct memoryd *md)
{
    if (md->balancer.timer)
        event_free(md->balancer.timer);
    md->balancer.timer = NULL;
}
