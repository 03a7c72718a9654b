/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When passes of recovery begin, see background.h. What is known to be
 * shattered is worth one; what nobody has seen is not, or each start of
 * memoryd would move all guests' memory about.
 */
#include "background.h"

#include <stdbool.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "recovery.h"
#include "report.h"

/* To the first pass: what has just been restored has other things to do. */
#define FIRST_MS 2000u

/* To the next one, twice as long after each in vain; and so many of them. */
#define NEXT_MS 10000u
#define VAIN_MAX 4u

static bool wanted(const struct domain *dom)
{
    const struct settings *s = &dom->md->settings;
    const struct rule *rule = settings_rule(s, dom->name);

    if (rule && rule->recover != RULE_UNSAID)
        return rule->recover == RULE_YES;
    return s->recover_background;
}

static void again(struct domain *dom, unsigned int ms)
{
    struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

    (void)evtimer_add(dom->background.timer, &tv);
}

static void on_done(struct domain *dom, const struct recovery_report *report,
                    const char *why)
{
    struct background *b = &dom->background;

    if (report->recovered)
        b->in_vain = 0;
    else if (!why)
        b->in_vain++;
    if (why)
        xk_debug("%s: recovery stopped for now: %s", dom->name, why);
    /* What is never moved is not waited for. */
    if (why || (report->busy + report->refused && b->in_vain < VAIN_MAX))
        again(dom, NEXT_MS << b->in_vain);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct domain *dom = arg;
    const char *why;

    (void)fd, (void)what;
    if (!dom->map.totals[MAP_SHATTERED] ||
        dom->device.state != DEVICE_CONNECTED)
        return;
    why = recovery_run(dom, on_done);
    if (why)
        again(dom, NEXT_MS);
}

void background_soon(struct domain *dom)
{
    struct background *b = &dom->background;

    if (!wanted(dom) || dom->recovery)
        return;
    if (!b->timer)
        b->timer = evtimer_new(dom->md->loop.base, on_timer, dom);
    if (!b->timer || evtimer_pending(b->timer, NULL))
        return;
    b->in_vain = 0;
    again(dom, FIRST_MS);
}

void background_dispose(struct domain *dom)
{
    if (dom->background.timer)
        event_free(dom->background.timer);
    dom->background.timer = NULL;
}
