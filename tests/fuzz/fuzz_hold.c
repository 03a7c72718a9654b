// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page of four words and the nodes of a guest's xk_crash, with anything in
 * them: the input's bytes are the guest's acts, and when its dump is done.
 * Whatever it does, one dump is under way at most, it gets no second one within
 * a minute, an answer is a word that it asked with, and nothing stays mapped.
 * Dumps are not made here. What the next start is told comes from the input
 * too: it must be printable and short; only `outcome` is crashd's own.
 */
#include <stdio.h>
#include <unistd.h>

#include <xenkeep/log.h>
#include <xenkeep/proto/crash.h>

/* That of crashd, not of the tests' dead guest. */
#include "../../dom0/crashd/corpse.h"
#include "crash_guest.h"
#include "dumping.h"
#include "fake.h"
#include "fuzz.h"
#include "history.h"
#include "hold.h"
#include "testament.h"
#include "xk-keys.h"

#define PAGE_GFN 0x10u
#define ACTS_MAX 64u

static struct xk_crashd cd;

struct play {
    struct fuzz_input in;
    struct xk_guest guest;
    struct xk_crash_page *page;
    int gref, port;
    uint32_t asked[ACTS_MAX + 1];   /* all that it asked with */
    unsigned int asks;
    unsigned int dumps, turns, writes;
    struct json_object *record;     /* of its last death */
};

static struct play *play;

/* ---- in place of the rest of crashd ---- */

void xk_corpse_weigh(struct xk_guest *g)
{
    FUZZ_CHECK(g == &play->guest && g->state == XK_GUEST_ALIVE);
}

int xk_corpse_turn(struct xk_guest *g, const char *id)
{
    FUZZ_CHECK(g->hold.oops == id && id[0]);
    play->turns++;
    return fuzz_byte(&play->in) & 1 ? -1 : 0;
}

void xk_dumping_start(struct xk_guest *g)
{
    FUZZ_CHECK(g->state == XK_GUEST_QUEUED && g->held != XK_HELD_NOT);
    play->dumps++;
}

const char *xk_guest_stateless(const struct xk_guest *g)
{
    (void)g;
    return NULL;
}

struct json_object *xk_history_last(const struct xk_guest *g,
                                    char id[XK_STORE_ID_SIZE])
{
    (void)g;
    strcpy(id, "20260101-000000-0000");
    return json_object_get(play->record);
}

int xk_store_write_record(const char *store, const char *id, bool part,
                          struct json_object *record)
{
    struct json_object *told;

    (void)store, (void)id, (void)part;
    FUZZ_CHECK(json_object_object_get_ex(record, "told", &told));
    play->writes++;
    return 0;
}

/* ---- the stage ---- */

static void turn(void)
{
    unsigned int i;

    for (i = 0; i < 3; i++)
        event_base_loop(cd.loop.base, EVLOOP_NONBLOCK);
}

static void stage_crashd(void)
{
    static const struct fake_host host = { .supers = 32 };

    if (cd.xs)
        return;
    xk_log_init("fuzz", XK_LOG_ERR, true);
    FUZZ_CHECK(!fake_init(&host));
    FUZZ_CHECK(!xk_loop_init(&cd.loop));
    FUZZ_CHECK(!xk_xs_open(&cd.xs, cd.loop.base));
    FUZZ_CHECK(!xk_chans_open(&cd.chans, cd.loop.base));
    turn();
}

/* A record of a death, whose texts were a guest's once. */
static struct json_object *make_record(struct fuzz_input *in)
{
    static const char *const fields[] = {
        "stop", "title", "advice", "id", "reason", "kernel",
    };
    static const char *const outcomes[] = {
        "stored", "skipped", "lost", "failed",
    };
    struct json_object *record = json_object_new_object();
    char *text;
    size_t i;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        text = fuzz_string(in);
        json_object_object_add(record, fields[i],
                               json_object_new_string(text));
        free(text);
    }
    json_object_object_add(record, "outcome", json_object_new_string(
                               outcomes[fuzz_byte(in) % 4]));
    json_object_object_add(record, "time",
                           json_object_new_int64(fuzz_byte(in)));
    return record;
}

static void check_told(uint16_t domid)
{
    static const char *const paths[] = {
        XK_PATH_CRASH_LAST_STOP, XK_PATH_CRASH_LAST_TITLE,
        XK_PATH_CRASH_LAST_ADVICE, XK_PATH_CRASH_LAST_DUMP,
        XK_PATH_CRASH_LAST_OUTCOME, XK_PATH_CRASH_LAST_REASON,
        XK_PATH_CRASH_LAST_KERNEL, XK_PATH_CRASH_LAST_DEATHS,
        XK_PATH_CRASH_LAST_TIME,
    };
    char path[128], value[1024], *c;
    size_t i;

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
        snprintf(path, sizeof(path), paths[i], domid);
#pragma clang diagnostic pop
        FUZZ_CHECK(fake_xs_read(domid, path, value, sizeof(value)) >= 0);
        FUZZ_CHECK(strlen(value) < 512);
        for (c = value; *c; c++)
            FUZZ_CHECK(*c >= ' ' && *c <= '~');
        FUZZ_CHECK(fake_xs_write(domid, path, "mine") < 0);
    }
}

/* ---- acts ---- */

static void put_node(const char *key, const char *value)
{
    char path[128];

    snprintf(path, sizeof(path), XK_PATH_CRASH_GUEST "/%s",
             play->guest.info.domid, key);
    (void)fake_xs_write(play->guest.info.domid, path, value);
}

static void put_number(const char *key, int value)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", value);
    put_node(key, text);
}

static void note_ask(uint32_t asked)
{
    if (play->asks < sizeof(play->asked) / sizeof(play->asked[0]))
        play->asked[play->asks++] = asked;
}

static void act_load(void)
{
    put_number(XK_KEY_CRASH_GUEST_PAGE_REF, play->gref);
    put_number(XK_KEY_CRASH_GUEST_EVENT_CHANNEL, play->port);
    put_number(XK_KEY_CRASH_GUEST_VERSION, 1);
}

static void act_unload(void)
{
    char path[128];

    snprintf(path, sizeof(path), XK_PATH_CRASH_GUEST_VERSION,
             play->guest.info.domid);
    (void)fake_xs_rm(play->guest.info.domid, path);
}

static void act_node(void)
{
    static const char *const keys[] = {
        XK_KEY_CRASH_GUEST_PAGE_REF, XK_KEY_CRASH_GUEST_EVENT_CHANNEL,
        XK_KEY_CRASH_GUEST_VERSION, XK_KEY_CRASH_GUEST_VMCOREINFO,
    };
    const char *key = keys[fuzz_byte(&play->in) % 4];
    char *value = fuzz_string(&play->in);

    if (strlen(value) < 4000)
        put_node(key, value);
    free(value);
}

/* As the module does. */
static void act_ask(void)
{
    play->page->kind = fuzz_byte(&play->in);
    note_ask(++play->page->asked);
    (void)fake_guest_port_notify(play->guest.info.domid,
                                 (uint32_t)play->port);
}

/* Any word, also one of dom0's. */
static void act_word(void)
{
    uint8_t what = fuzz_byte(&play->in);
    uint32_t value;

    fuzz_take(&play->in, &value, sizeof(value));
    switch (what % 4) {
    case 0: play->page->kind = value; break;
    case 1: play->page->asked = value; note_ask(value); break;
    case 2: play->page->serving = value; break;
    default: play->page->taken = value; note_ask(value); break;
    }
    if (what & 4)
        (void)fake_guest_port_notify(play->guest.info.domid,
                                     (uint32_t)play->port);
}

static void act_notify(void)
{
    (void)fake_guest_port_notify(play->guest.info.domid,
                                 (uint32_t)play->port);
}

/* crashd's own: a dump is there, or there will be none. */
static void act_dumped(void)
{
    struct xk_guest *g = &play->guest;

    if (g->state != XK_GUEST_QUEUED)
        return;
    if (g->held == XK_HELD_OOPS)
        strcpy(g->hold.oops, "20260101-000000-0001");
    g->state = g->held == XK_HELD_OOPS ? XK_GUEST_ALIVE : XK_GUEST_SETTLED;
    xk_hold_answer(g);
    FUZZ_CHECK(!g->hold.waits);
}

static void act_look(void)
{
    xk_hold_look(&play->guest);
}

static void act_port_close(void)
{
    (void)fake_guest_port_close(play->guest.info.domid,
                                (uint32_t)play->port);
    play->port = fake_guest_port_alloc(play->guest.info.domid);
}

static void (*const acts[])(void) = {
    act_ask, act_load, act_unload, act_node, act_word, act_notify, act_dumped,
    act_look, act_port_close, act_ask, act_dumped, act_word,
};

/* ---- all ---- */

static void check(void)
{
    const struct xk_guest *g = &play->guest;
    unsigned int i;

    FUZZ_CHECK(play->dumps <= 1 && play->turns <= 1);
    FUZZ_CHECK(g->note_pfn == UINT64_MAX ||
               g->note_pfn <= UINT64_MAX / XK_PAGE_SIZE);
    if (!xk_chan_is_open(&g->hold.chan))
        FUZZ_CHECK(!g->hold.waits);
    for (i = 0; i < play->asks && play->page->taken != play->asked[i]; i++)
        ;
    FUZZ_CHECK(!play->page->taken || i < play->asks);
}

static void begin(void)
{
    struct fake_config config = { .pages = FAKE_SUPER_PAGES };
    struct xk_guest *g = &play->guest;
    int id = fake_domain_create(&config);

    FUZZ_CHECK(id > 0);
    g->cd = &cd;
    g->info.domid = (uint16_t)id;
    g->info.type = XK_GUEST_PVH;
    g->note_pfn = UINT64_MAX;
    g->named = true;
    strcpy(g->name, "web");
    play->page = fake_guest_page(g->info.domid, PAGE_GFN);
    play->gref = fake_guest_grant(g->info.domid, PAGE_GFN, false);
    play->port = fake_guest_port_alloc(g->info.domid);
    FUZZ_CHECK(play->page && play->gref >= 0 && play->port >= 0);
    xk_testament_open(g);
    FUZZ_CHECK(g->opened && play->writes == 1);
    check_told(g->info.domid);
    xk_hold_watch(g);
    turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p = { .in = { data, size } };
    unsigned int n;

    stage_crashd();
    play = &p;
    p.record = make_record(&p.in);
    begin();
    act_load();
    turn();
    for (n = 0; n < ACTS_MAX && p.in.left; n++) {
        acts[fuzz_byte(&p.in) % (sizeof(acts) / sizeof(acts[0]))]();
        turn();
        check();
    }
    xk_hold_close(&p.guest);
    (void)fake_domain_destroy(p.guest.info.domid);
    turn();
    FUZZ_CHECK(!fake_mappings());
    json_object_put(p.record);
    return 0;
}
