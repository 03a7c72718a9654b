/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The honest guest, see guest.h. It follows proto/balloon.h and nothing else
 * of the daemon.
 */
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

/* Pages it moves before it reports, when it has no allowance. */
#define CHUNK 2048u

static void fe_path(const struct guest *g, const char *key, char buf[128])
{
    snprintf(buf, 128, "/local/domain/%u/device/xk-balloon/0/%s", g->domid,
             key);
}

int guest_write(const struct guest *g, const char *key, const char *value)
{
    char path[128];

    fe_path(g, key, path);
    return fake_xs_write(g->domid, path, value);
}

static int write_number(const struct guest *g, const char *key, int value)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", value);
    return guest_write(g, key, text);
}

int guest_write_state(const struct guest *g, unsigned int state)
{
    return write_number(g, "state", (int)state);
}

unsigned int guest_backend_state(const struct guest *g)
{
    char path[128], text[16];

    snprintf(path, sizeof(path), "/local/domain/0/backend/xk-balloon/%u/0/"
             "state", g->domid);
    if (fake_xs_read(g->domid, path, text, sizeof(text)) < 0)
        return 0;
    return (unsigned int)strtoul(text, NULL, 10);
}

void guest_init(struct guest *g, uint16_t domid, uint64_t free_gfn,
                uint64_t pages)
{
    memset(g, 0, sizeof(*g));
    g->domid = domid;
    g->gref = g->port = -1;
    g->version = XK_BALLOON_VERSION;
    g->next = free_gfn;
    g->end = free_gfn + pages;
    g->limit = pages;
}

static void drop_ring(struct guest *g)
{
    if (g->gref >= 0)
        (void)fake_guest_end_grant(g->domid, (uint32_t)g->gref);
    if (g->port >= 0)
        (void)fake_guest_port_close(g->domid, (uint32_t)g->port);
    g->gref = g->port = -1;
    g->connected = g->recovering = false;
    g->features = 0;
    g->id = 0;
}

int guest_connect(struct guest *g)
{
    void *page;
    int rc;

    drop_ring(g);
    page = fake_guest_page(g->domid, GUEST_RING_GFN);
    if (!page)
        return -EAGAIN;
    xk_ring_init(&g->ring, page, XK_RING_GUEST);
    g->gref = fake_guest_grant(g->domid, GUEST_RING_GFN, false);
    g->port = fake_guest_port_alloc(g->domid);
    if (g->gref < 0 || g->port < 0)
        return -ENOSPC;
    rc = write_number(g, "ring-ref", g->gref);
    if (!rc)
        rc = write_number(g, "event-channel", g->port);
    if (!rc)
        rc = write_number(g, "version", (int)g->version);
    return rc ? rc : guest_write_state(g, FE_INITIALISED);
}

void guest_notify(const struct guest *g)
{
    (void)fake_guest_port_notify(g->domid, (uint32_t)g->port);
}

int guest_send(struct guest *g, const struct xk_balloon_slot *slot)
{
    int rc = xk_ring_put(&g->ring, slot);

    if (rc)
        return rc;
    xk_ring_push(&g->ring);
    guest_notify(g);
    return 0;
}

static void say(struct guest *g, uint16_t type, uint64_t pages)
{
    struct xk_balloon_slot slot = {
        .type = type, .id = type == XK_BALLOON_STATE ? 0 : g->id,
        .pages = pages, .given = g->given, .ballooned = g->ballooned,
        .super = g->super, .limit = g->limit,
    };

    if (type == XK_BALLOON_GAVE && g->last)
        slot.flags = XK_BALLOON_F_LAST;
    if (type == XK_BALLOON_DONE)
        slot.status = g->status;
    (void)guest_send(g, &slot);
}

int guest_press(struct guest *g, uint64_t available, uint64_t wanted,
                uint32_t stall_permille)
{
    struct xk_balloon_slot slot = {
        .type = XK_BALLOON_PRESSURE, .pages = available, .given = wanted,
        .status = stall_permille, .ballooned = g->ballooned,
        .super = g->super, .limit = g->limit,
    };

    return guest_send(g, &slot);
}

int guest_offer(struct guest *g, uint64_t gfn, uint64_t ranges)
{
    struct xk_balloon_slot slot = {
        .type = XK_BALLOON_FREE, .id = ++g->ticket, .pages = gfn,
        .given = ranges, .ballooned = g->ballooned, .super = g->super,
        .limit = g->limit,
    };

    xk_ring_put_ticket(&g->ring, g->ticket);
    return guest_send(g, &slot);
}

/* ---- memory ---- */

static void count(struct guest *g, unsigned int order, int sign)
{
    uint64_t n = UINT64_C(1) << order;

    g->ballooned = sign > 0 ? g->ballooned + n : g->ballooned - n;
    if (order)
        g->super = sign > 0 ? g->super + n : g->super - n;
}

static uint64_t give(struct guest *g, uint64_t pages)
{
    uint64_t done = 0, gfn;
    unsigned int order;

    while (done < pages && g->next < g->end && g->nr_held < GUEST_EXTENTS) {
        gfn = g->next;
        order = pages - done >= XK_SUPER_PAGES && gfn % XK_SUPER_PAGES == 0 &&
                        gfn + XK_SUPER_PAGES <= g->end
                    ? XK_SUPER_ORDER : 0;
        if (fake_guest_decrease(g->domid, &gfn, 1, order) != 1)
            break;
        g->held[g->nr_held++] = (struct guest_extent){ gfn, order };
        g->next += UINT64_C(1) << order;
        done += UINT64_C(1) << order;
        count(g, order, 1);
    }
    return done;
}

/* The last extent falls into pages. */
static void split(struct guest *g)
{
    struct guest_extent e = g->held[--g->nr_held];
    unsigned int i;

    if (g->nr_held + XK_SUPER_PAGES > GUEST_EXTENTS)
        abort();
    for (i = 0; i < XK_SUPER_PAGES; i++)
        g->held[g->nr_held++] = (struct guest_extent){ e.gfn + i, 0 };
    g->super -= XK_SUPER_PAGES;
}

static uint64_t take(struct guest *g, uint64_t pages)
{
    const struct guest_extent *e;
    uint64_t done = 0;

    while (done < pages && g->nr_held) {
        e = &g->held[g->nr_held - 1];
        if (pages - done < UINT64_C(1) << e->order) {
            split(g);
            continue;
        }
        if (fake_guest_populate(g->domid, &e->gfn, 1, e->order) != 1)
            break;
        g->nr_held--;
        g->next = e->gfn;
        done += UINT64_C(1) << e->order;
        count(g, e->order, -1);
    }
    return done;
}

/* ---- jobs ---- */

static void end_job(struct guest *g, uint32_t status)
{
    g->status = status;
    say(g, XK_BALLOON_DONE, 0);
    g->id = 0;
    g->jobs++;
}

static void give_chunk(struct guest *g, uint64_t allowance)
{
    uint64_t want = g->todo - g->given, given;
    bool bare = !allowance;

    if (bare)
        allowance = CHUNK;
    if (want > allowance)
        want = allowance;
    given = g->stop ? 0 : give(g, want);
    g->given += given;
    g->bare += bare ? given : 0;
    g->status = g->stop        ? XK_BALLOON_ESTOP
                : given < want ? XK_BALLOON_ENOMEM
                               : XK_BALLOON_OK;
    g->last = g->status || g->given == g->todo;
    say(g, XK_BALLOON_GAVE, 0);
}

static void take_all(struct guest *g)
{
    uint64_t want, taken;

    while (g->given < g->todo) {
        want = g->todo - g->given > CHUNK ? CHUNK : g->todo - g->given;
        taken = take(g, want);
        g->given += taken;
        if (taken < want) {
            end_job(g, XK_BALLOON_EHOST);
            return;
        }
        g->last = g->given == g->todo;
        say(g, XK_BALLOON_GAVE, 0);
    }
    end_job(g, XK_BALLOON_OK);
}

/* ---- recovery ---- */

/* All of a range goes and comes back; its data moved elsewhere before, or the
 * test looks at zero ranges. */
static uint32_t recover_range(struct guest *g, uint64_t gfn)
{
    uint64_t end = gfn + XK_SUPER_PAGES, at;

    if (gfn < g->pinned_end && end > g->pinned)
        return XK_BALLOON_EPINNED;
    if (gfn < g->busy_end && end > g->busy)
        return XK_BALLOON_EBUSY;
    if (fake_guest_decrease(g->domid, &gfn, 1, XK_SUPER_ORDER) != 1)
        return XK_BALLOON_EHOST;
    if (!g->pieces &&
        fake_guest_populate(g->domid, &gfn, 1, XK_SUPER_ORDER) == 1)
        return XK_BALLOON_OK;
    for (at = gfn; at < end; at++)
        if (fake_guest_populate(g->domid, &at, 1, 0) != 1)
            break;
    for (; at < end && g->nr_held < GUEST_EXTENTS; at++) {
        g->held[g->nr_held++] = (struct guest_extent){ at, 0 };
        count(g, 0, 1);
    }
    return g->nr_held && g->held[g->nr_held - 1].gfn == end - 1
               ? XK_BALLOON_ENOMEM : XK_BALLOON_EHOST;
}

static void end_job(struct guest *g, uint32_t status);

/* One range a turn. */
static void recover_next(struct guest *g)
{
    struct xk_balloon_slot slot = {
        .type = XK_BALLOON_RECOVERED, .id = g->id, .pages = g->target,
        .limit = g->limit,
    };

    slot.status = recover_range(g, g->target);
    slot.ballooned = g->ballooned;
    slot.super = g->super;
    if (guest_send(g, &slot))
        return;
    g->target += XK_SUPER_PAGES;
    g->given++;
    g->recovering = !g->stop && g->given < g->todo;
    if (!g->recovering)
        end_job(g, g->given < g->todo ? XK_BALLOON_ESTOP : XK_BALLOON_OK);
}

static void begin_recovery(struct guest *g, const struct xk_balloon_slot *msg)
{
    g->id = msg->id;
    g->target = msg->pages;
    g->todo = msg->given;
    g->given = 0;
    g->last = g->stop = false;
    g->recovering = true;
}

static void begin(struct guest *g, uint64_t id, uint64_t target)
{
    g->id = id;
    g->target = target;
    g->given = 0;
    g->last = g->stop = false;
    g->status = XK_BALLOON_OK;
    if (target > g->ballooned) {
        g->todo = target - g->ballooned;
        say(g, XK_BALLOON_SWEEP, g->todo);
    } else {
        g->todo = g->ballooned - target;
        take_all(g);
    }
}

static void on_message(struct guest *g, const struct xk_balloon_slot *msg)
{
    g->messages++;
    g->seen = *msg;
    if (msg->type == XK_BALLOON_FEATURES)
        g->features = msg->pages;
    if (msg->type == XK_BALLOON_REPORTED && msg->id == g->ticket) {
        g->reported++;
        g->report_status = msg->status;
    }
    if (g->deaf)
        return;
    if (msg->type == XK_BALLOON_TARGET && !g->id) {
        begin(g, msg->id, msg->pages);
        return;
    }
    if (msg->type == XK_BALLOON_RECOVER && !g->id) {
        begin_recovery(g, msg);
        return;
    }
    if (msg->id != g->id || !g->id)
        return;
    if (msg->type == XK_BALLOON_STOP)
        g->stop = true;
    else if (msg->type == XK_BALLOON_SETTLED && g->last)
        end_job(g, g->status);
    else if (msg->type == XK_BALLOON_SWEPT ||
             msg->type == XK_BALLOON_SETTLED)
        give_chunk(g, msg->pages);
}

static void handshake(struct guest *g)
{
    unsigned int state = guest_backend_state(g);

    if (g->connected && state == FE_INIT_WAIT) {
        (void)guest_connect(g);
    } else if (!g->connected && g->gref >= 0 && state == FE_CONNECTED) {
        g->connected = true;
        (void)guest_write_state(g, FE_CONNECTED);
        say(g, XK_BALLOON_STATE, 0);
    }
}

void guest_poll(struct guest *g)
{
    struct xk_balloon_slot msg;

    if (!g->deaf)
        handshake(g);
    if (g->port < 0)
        return;
    (void)fake_guest_port_pending(g->domid, (uint32_t)g->port);
    while (xk_ring_get(&g->ring, &msg) == 1)
        on_message(g, &msg);
    if (g->recovering && !g->deaf)
        recover_next(g);
}
