// SPDX-License-Identifier: GPL-2.0-only
/*
 * A front-end that does anything: the input's bytes are its acts, between
 * which memoryd handles what there is. Whatever it does, its memory's
 * accounts stay right, the scratch is open in a job only, and nothing of
 * memoryd crashes or leaks.
 */
#include <xenkeep/balloon_msg.h>

#include "domain.h"
#include "fake.h"
#include "fuzz.h"
#include "stage.h"

#define RING_GFN 0x10u
#define ACTS_MAX 48u

struct front {
    uint16_t domid;
    struct domain *dom;
    struct xk_balloon_ring *page;
    int gref, port;
    uint32_t prod;
    uint64_t next;              /* RAM that it may give, by superpages */
    bool robbed;                /* it has used the scratch */
    struct fuzz_input in;
};

static void put_node(struct front *f, const char *key, const char *value)
{
    char path[128];

    snprintf(path, sizeof(path), "/local/domain/%u/device/xk-balloon/0/%s",
             f->domid, key);
    (void)fake_xs_write(f->domid, path, value);
}

static void put_number(struct front *f, const char *key, int value)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", value);
    put_node(f, key, text);
}

static void act_connect(struct front *f)
{
    put_number(f, "state", 1);
    stage_turn();
    memset(f->page, 0, sizeof(*f->page));
    f->prod = 0;
    put_number(f, "ring-ref", f->gref);
    put_number(f, "event-channel", f->port);
    put_number(f, "version", 1 + (f->in.left & 1));
    put_number(f, "state", 3);
}

static void act_state(struct front *f)
{
    put_number(f, "state", fuzz_byte(&f->in) % 10);
}

static void act_node(struct front *f)
{
    static const char *const keys[] = {
        "state", "ring-ref", "event-channel", "version", "backend",
    };
    const char *key = keys[fuzz_byte(&f->in) % 5];
    char *value = fuzz_string(&f->in);

    if (strlen(value) < 4000)
        put_node(f, key, value);
    free(value);
}

static void push(struct front *f, const struct xk_balloon_slot *slot)
{
    f->page->to_dom0[f->prod % XK_BALLOON_SLOTS] = *slot;
    f->page->guest_prod.value = ++f->prod;
    (void)fake_guest_port_notify(f->domid, (uint32_t)f->port);
}

static void act_raw(struct front *f)
{
    struct xk_balloon_slot slot;

    fuzz_take(&f->in, &slot, sizeof(slot));
    push(f, &slot);
}

/* A message that could be right. */
static void act_message(struct front *f)
{
    const struct balloon *b = &f->dom->device.balloon;
    uint8_t what = fuzz_byte(&f->in), more = fuzz_byte(&f->in);
    struct xk_balloon_slot slot = {
        .type = (uint16_t)(1 + what % 5), .flags = what >> 7,
        .limit = UINT64_C(4) * FAKE_SUPER_PAGES, .id = b->id,
        .pages = b->want, .given = b->moved + more % 4u * 256u,
        .status = more / 64u,
    };

    if (slot.type != XK_BALLOON_GAVE)
        slot.flags = 0;
    if (slot.type == XK_BALLOON_STATE)
        slot.id = 0;
    if (slot.type == XK_BALLOON_PRESSURE) {
        slot.given = more * UINT64_C(64);
        slot.status = more * 5u;
    }
    push(f, &slot);
}

static void act_index(struct front *f)
{
    uint8_t how = fuzz_byte(&f->in);
    uint32_t value;

    fuzz_take(&f->in, &value, how & 2 ? 4 : 1);
    if (how & 1)
        f->page->guest_prod.value += value;
    else
        f->page->guest_cons.value = value;
    (void)fake_guest_port_notify(f->domid, (uint32_t)f->port);
}

static void on_done(int status, void *arg)
{
    (void)status, (void)arg;
}

static void act_job(struct front *f)
{
    struct balloon *b = &f->dom->device.balloon;

    (void)balloon_start(b, fuzz_byte(&f->in) * UINT64_C(64), NULL, on_done,
                        NULL);
}

static void act_stop(struct front *f)
{
    balloon_stop(&f->dom->device.balloon);
}

/* It gives a superpage, or a page, for real. */
static void act_give(struct front *f)
{
    unsigned int order = fuzz_byte(&f->in) & 1 ? FAKE_SUPER_ORDER : 0;
    uint64_t gfn = f->next;

    if (gfn >= 5 * FAKE_SUPER_PAGES)
        return;
    if (fake_guest_decrease(f->domid, &gfn, 1, order) == 1)
        f->next += FAKE_SUPER_PAGES;
}

static void act_rob(struct front *f)
{
    uint64_t gfn = f->dom->scratch.base + fuzz_byte(&f->in) * UINT64_C(16);

    if (!f->dom->scratch.slots)
        return;
    f->robbed = true;
    (void)fake_guest_touch(f->domid, gfn);
}

static void act_suspend(struct front *f)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown",
             f->domid);
    (void)fake_xs_write(f->domid, path, fuzz_byte(&f->in) & 1 ? "x" : "");
}

static void (*const acts[])(struct front *f) = {
    act_message, act_connect, act_state, act_node, act_raw, act_index,
    act_job, act_stop, act_give, act_rob, act_suspend, act_message,
};

static void check_state(const struct front *f)
{
    const struct device *dev = &f->dom->device;

    if (dev->state != DEVICE_CONNECTED)
        FUZZ_CHECK(dev->balloon.phase == BALLOON_IDLE && !dev->chan.page);
    if (dev->balloon.phase == BALLOON_IDLE)
        FUZZ_CHECK(!f->dom->scratch.slots);
    FUZZ_CHECK(!f->dom->held);
}

/* All of the guest's accounts: too slow for each act. */
static void check(const struct front *f)
{
    const struct device *dev = &f->dom->device;
    const char *bad = fake_check(f->domid);
    struct fake_info info;

    check_state(f);
    if (bad)
        fprintf(stderr, "%s\n", bad);
    FUZZ_CHECK(!bad);
    FUZZ_CHECK(!fake_domain_info(f->domid, &info));
    FUZZ_CHECK(!info.pauses);
    if (dev->balloon.phase == BALLOON_IDLE)
        FUZZ_CHECK(!info.scratch);
    if (!f->robbed)
        FUZZ_CHECK(!info.crashed && !info.uncovered);
    if (!f->robbed && !f->dom->scratch.slots)
        FUZZ_CHECK(info.cache >= info.entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct front f = { .in = { data, size }, .next = FAKE_SUPER_PAGES };
    enum balloon_phase phase = BALLOON_IDLE;
    unsigned int n;

    stage_once();
    f.domid = stage_guest();
    stage_turn();
    f.dom = stage_domain(f.domid);
    FUZZ_CHECK(f.dom);
    f.page = fake_guest_page(f.domid, RING_GFN);
    f.gref = fake_guest_grant(f.domid, RING_GFN, false);
    f.port = fake_guest_port_alloc(f.domid);
    act_connect(&f);
    stage_turn();
    for (n = 0; n < ACTS_MAX && f.in.left; n++) {
        acts[fuzz_byte(&f.in) % (sizeof(acts) / sizeof(acts[0]))](&f);
        stage_turn();
        check_state(&f);
        if (f.dom->device.balloon.phase != phase)
            check(&f);
        phase = f.dom->device.balloon.phase;
    }
    check(&f);
    stage_end(f.domid);
    return 0;
}
