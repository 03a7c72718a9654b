/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests that wait to be dumped, see hold.h. Of the page two words are read,
 * each once a request, and both may be anything.
 */
#include "hold.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <xenkeep/log.h>
#include <xenkeep/proto/crash.h>
#include <xenkeep/util.h>

#include "corpse.h"
#include "dumping.h"
#include "xenbus.h"
#include "xk-keys.h"

/* Who asks again before, after a dump began or was answered, is answered at
 * once. */
#define AGAIN_MS 60000u

static struct xk_crash_page *page_of(struct xk_guest *g)
{
    return g->hold.chan.page;
}

/* Anything, of a channel that is open. */
static uint32_t kind_of(struct xk_guest *g)
{
    return __atomic_load_n(&page_of(g)->kind, __ATOMIC_RELAXED);
}

static bool asked_just_now(const struct xk_guest *g)
{
    return g->hold.answered_ms &&
           xk_now_ms() - g->hold.answered_ms < AGAIN_MS;
}

static void begin(struct xk_guest *g, uint32_t untrusted_kind)
{
    g->held = untrusted_kind == XK_CRASH_OOPS ? XK_HELD_OOPS : XK_HELD_PANIC;
    g->died = (uint64_t)time(NULL);
    /* Also of one that does not wait for the answer: its module may go and
     * come again meanwhile, and ask for the next dump. */
    g->hold.answered_ms = xk_now_ms();
    xk_corpse_weigh(g);
    g->state = XK_GUEST_QUEUED;
    xk_info("%s (domain %u) %s, and waits to be dumped", g->name,
            g->info.domid, g->held == XK_HELD_OOPS ? "had an oops"
                                                   : "panics");
    xk_dumping_start(g);
}

/* The oops that it was dumped for was the end of it (panic_on_oops). */
static void oops_was_last(struct xk_guest *g)
{
    if (!g->hold.oops[0] || !asked_just_now(g) ||
        kind_of(g) != XK_CRASH_PANIC)
        return;
    g->taken = !xk_corpse_turn(g, g->hold.oops);
    g->hold.oops[0] = '\0';
}

void xk_hold_look(struct xk_guest *g)
{
    if (!g->hold.waits || !xk_chan_is_open(&g->hold.chan) || g->job ||
        g->state == XK_GUEST_QUEUED)
        return;
    oops_was_last(g);
    if (g->state != XK_GUEST_ALIVE || asked_just_now(g) ||
        xk_guest_stateless(g))
        xk_hold_answer(g);
    else
        begin(g, kind_of(g));
}

static void on_asked(struct xk_chan *chan, void *arg)
{
    const struct xk_crash_page *page = chan->page;
    struct xk_guest *g = arg;
    uint32_t untrusted_asked;

    untrusted_asked = __atomic_load_n(&page->asked, __ATOMIC_ACQUIRE);
    if (untrusted_asked == g->hold.asked)
        return;
    g->hold.asked = untrusted_asked;
    g->hold.waits = true;
    xk_hold_look(g);
}

void xk_hold_answer(struct xk_guest *g)
{
    if (!g->hold.waits)
        return;
    g->hold.waits = false;
    g->hold.answered_ms = xk_now_ms();
    if (xk_chan_is_open(&g->hold.chan))
        __atomic_store_n(&page_of(g)->taken, g->hold.asked,
                         __ATOMIC_RELEASE);
}

/* ---- the channel -------------------------------------------------------- */

static void read_note(struct xk_guest *g, const char *dir)
{
    uint64_t untrusted;

    g->note_pfn = UINT64_MAX;
    if (!xk_node_read_u64(g->cd->xs, dir, XK_KEY_CRASH_GUEST_VMCOREINFO,
                          &untrusted) && !(untrusted % XK_PAGE_SIZE))
        g->note_pfn = untrusted / XK_PAGE_SIZE;
}

static void hold_open(struct xk_guest *g, const char *dir)
{
    uint32_t untrusted_ref, untrusted_port;
    struct xk_xs *xs = g->cd->xs;
    int rc;

    rc = xk_node_read_u32(xs, dir, XK_KEY_CRASH_GUEST_PAGE_REF,
                          &untrusted_ref);
    if (!rc)
        rc = xk_node_read_u32(xs, dir, XK_KEY_CRASH_GUEST_EVENT_CHANNEL,
                              &untrusted_port);
    if (!rc)
        rc = xk_chan_open(g->cd->chans, &g->hold.chan, g->info.domid,
                          untrusted_ref, untrusted_port, on_asked, g);
    if (rc) {
        xk_warn("%s: its module xk_crash is not served: %s", g->name,
                strerror(-rc));
        return;
    }
    read_note(g, dir);
    /* What it asked an earlier crashd, and still waits for, is new to us. */
    g->hold.asked = __atomic_load_n(&page_of(g)->taken, __ATOMIC_RELAXED);
    __atomic_store_n(&page_of(g)->serving, 1, __ATOMIC_RELEASE);
    xk_info("%s (domain %u) has xk_crash: it waits when it panics", g->name,
            g->info.domid);
    on_asked(&g->hold.chan, g);
}

static void close_channel(struct xk_guest *g)
{
    if (xk_chan_is_open(&g->hold.chan))
        __atomic_store_n(&page_of(g)->serving, 0, __ATOMIC_RELEASE);
    xk_chan_close(&g->hold.chan);
    g->hold.waits = false;
}

/* The version is written with the rest, and removed at the module's end. */
static void on_module(const char *path, void *arg)
{
    struct xk_guest *g = arg;
    char dir[XK_XS_PATH_MAX];
    uint32_t version;
    int rc;

    (void)path;
    if (g->gone || g->info.dying)
        return;
    snprintf(dir, sizeof(dir), XK_PATH_CRASH_GUEST, g->info.domid);
    rc = xk_node_read_u32(g->cd->xs, dir, XK_KEY_CRASH_GUEST_VERSION,
                          &version);
    if (rc)
        close_channel(g);
    else if (!xk_chan_is_open(&g->hold.chan))
        hold_open(g, dir);
}

void xk_hold_watch(struct xk_guest *g)
{
    char path[XK_XS_PATH_MAX];
    int rc;

    if (g->hold.watched || !g->opened || !g->cd->chans ||
        g->info.type == XK_GUEST_PV)
        return;
    g->hold.watched = true;
    snprintf(path, sizeof(path), XK_PATH_CRASH_GUEST_VERSION,
             g->info.domid);
    rc = xk_xs_watch(g->cd->xs, &g->hold.watch, path, on_module, g);
    if (rc)
        xk_warn("%s: %s", path, strerror(-rc));
}

void xk_hold_close(struct xk_guest *g)
{
    if (g->hold.watched)
        xk_xs_unwatch(g->cd->xs, &g->hold.watch);
    close_channel(g);
}
