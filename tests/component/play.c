/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stage of the component tests, see play.h.
 */
#include "play.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "domain.h"
#include "harness.h"

/* Not the product's defaults: the tests are not there to wait. */
static void hurry(struct settings *s)
{
    s->pause_max_us = 20000;
    s->pause_share_permille = 500;
    s->scan_share_percent = 100;
    s->inflate_chunk_mib = 8;
    s->host_reserve_mib = 8;
}

void play_init(struct play *p)
{
    memset(p, 0, sizeof(*p));
    p->rpc.fd = -1;
    strcpy(p->dir, "/tmp/xkplay-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(p->dir));
}

int play_up(struct play *p)
{
    int rc;

    memoryd_init(&p->md);
    hurry(&p->md.settings);
    if (p->tune)
        p->tune(&p->md.settings);
    p->up = true;
    rc = memoryd_open(&p->md, p->dir);
    if (!rc)
        rc = memoryd_start(&p->md);
    if (rc)
        play_down(p);
    return rc;
}

void play_down(struct play *p)
{
    play_hang_up(p);
    if (p->up)
        memoryd_dispose(&p->md);
    p->up = false;
}

void play_fini(struct play *p)
{
    static const char *const files[] = { "lock", "journal", "sock" };
    char path[64];
    size_t i;

    play_down(p);
    for (i = 0; i < XK_ARRAY_SIZE(files); i++) {
        snprintf(path, sizeof(path), "%s/memoryd.%s", p->dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(p->dir);
}

void play_guest(struct play *p, struct guest *g)
{
    size_t i;

    for (i = 0; p->guests[i]; i++)
        ck_assert_uint_lt(i + 1, PLAY_GUESTS);
    p->guests[i] = g;
}

/* ---- the command ---- */

void play_hang_up(struct play *p)
{
    xk_close(&p->rpc.fd);
    json_object_put(p->rpc.reply);
    p->rpc.reply = NULL;
    p->rpc.len = 0;
    p->rpc.progress = 0;
}

void play_ask(struct play *p, const char *method, const char *params)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    char line[512];
    int n;

    play_hang_up(p);
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/memoryd.sock", p->dir);
    p->rpc.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(connect(p->rpc.fd, (struct sockaddr *)&sa, sizeof(sa)),
                     0);
    n = snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":1,"
                 "\"method\":\"%s\",\"params\":%s}\n", method, params);
    ck_assert_int_eq(write(p->rpc.fd, line, (size_t)n), n);
}

static void take_line(struct play_rpc *rpc, const char *line)
{
    struct json_object *obj = json_tokener_parse(line), *v;

    ck_assert_ptr_nonnull(obj);
    if (json_object_object_get_ex(obj, "method", &v)) {
        rpc->progress++;
        json_object_put(obj);
    } else {
        ck_assert_ptr_null(rpc->reply);
        rpc->reply = obj;
    }
}

static void poll_rpc(struct play_rpc *rpc)
{
    char *end;
    ssize_t n;

    if (rpc->fd < 0)
        return;
    n = read(rpc->fd, rpc->line + rpc->len, sizeof(rpc->line) - rpc->len - 1);
    if (n > 0)
        rpc->len += (size_t)n;
    rpc->line[rpc->len] = '\0';
    while ((end = strchr(rpc->line, '\n')) != NULL) {
        *end = '\0';
        take_line(rpc, rpc->line);
        rpc->len -= (size_t)(end + 1 - rpc->line);
        memmove(rpc->line, end + 1, rpc->len + 1);
    }
}

struct json_object *play_answer(struct play *p)
{
    struct json_object *reply = p->rpc.reply;

    p->rpc.reply = NULL;
    return reply;
}

int play_error(struct json_object *reply)
{
    struct json_object *err, *code;

    if (!json_object_object_get_ex(reply, "error", &err))
        return 0;
    ck_assert(json_object_object_get_ex(err, "code", &code));
    return json_object_get_int(code);
}

const char *play_message(struct json_object *reply)
{
    struct json_object *err, *text;

    if (!json_object_object_get_ex(reply, "error", &err) ||
        !json_object_object_get_ex(err, "message", &text))
        return "";
    return json_object_get_string(text);
}

int64_t play_number(struct json_object *reply, const char *name)
{
    struct json_object *at;
    char part[64];
    size_t n;

    ck_assert_msg(json_object_object_get_ex(reply, "result", &at), "%s",
                  json_object_to_json_string(reply));
    while (*name) {
        n = strcspn(name, ".");
        snprintf(part, sizeof(part), "%.*s", (int)n, name);
        name += n + (name[n] == '.');
        if (!json_object_object_get_ex(at, part, &at))
            return 0;
    }
    return json_object_get_int64(at);
}

/* ---- waiting ---- */

struct wait {
    struct play *p;
    play_done_fn *done;
    void *arg;
};

static bool round_done(void *arg)
{
    struct wait *w = arg;
    size_t i;

    for (i = 0; i < PLAY_GUESTS && w->p->guests[i]; i++)
        guest_poll(w->p->guests[i]);
    poll_rpc(&w->p->rpc);
    return w->done(w->p, w->arg);
}

static bool wait_for(struct play *p, play_done_fn *done, void *arg,
                     unsigned int ms)
{
    struct wait w = { p, done, arg };

    return harness_run(p->md.loop.base, round_done, &w, ms);
}

/* On a busy machine, by what libcheck's own bounds are stretched by. */
static unsigned int stretch(void)
{
    const char *by = getenv("CK_TIMEOUT_MULTIPLIER");
    unsigned long n = by ? strtoul(by, NULL, 10) : 1;

    return n < 1 ? 1 : n > 100 ? 100 : (unsigned int)n;
}

bool play_until(struct play *p, play_done_fn *done, void *arg,
                unsigned int ms)
{
    return wait_for(p, done, arg, ms * stretch());
}

static bool count_round(struct play *p, void *arg)
{
    (void)p;
    ++*(unsigned int *)arg;
    return false;
}

unsigned int play_idle(struct play *p, unsigned int ms)
{
    unsigned int rounds = 0;

    (void)wait_for(p, count_round, &rounds, ms);
    return rounds;
}

static bool answered(struct play *p, void *arg)
{
    (void)arg;
    return p->rpc.reply != NULL;
}

struct json_object *play_call(struct play *p, const char *method,
                              const char *params)
{
    play_ask(p, method, params);
    ck_assert_msg(play_until(p, answered, NULL, PLAY_WAIT_MS),
                  "no answer to %s %s", method, params);
    return play_answer(p);
}

static bool all_connected(struct play *p, void *arg)
{
    const struct domain *dom;
    size_t i;

    (void)arg;
    for (i = 0; i < PLAY_GUESTS && p->guests[i]; i++) {
        dom = play_domain(p, p->guests[i]->domid);
        if (!dom || !dom->device.balloon.known)
            return false;
    }
    return true;
}

void play_connect(struct play *p)
{
    size_t i;

    for (i = 0; i < PLAY_GUESTS && p->guests[i]; i++)
        if (!p->guests[i]->connected)
            ck_assert_int_eq(guest_connect(p->guests[i]), 0);
    ck_assert(play_until(p, all_connected, NULL, PLAY_WAIT_MS));
}

/* ---- looking ---- */

struct domain *play_domain(struct play *p, uint16_t domid)
{
    struct domain *dom;

    for (dom = p->md.domains; dom && dom->info.domid != domid;
         dom = dom->next)
        ;
    return dom;
}

struct fake_info play_info(uint16_t domid)
{
    struct fake_info info;

    ck_assert_int_eq(fake_domain_info(domid, &info), 0);
    return info;
}

void play_check(uint16_t domid)
{
    struct fake_info info = play_info(domid);
    const char *bad = fake_check(domid);

    ck_assert_msg(!bad, "%s", bad);
    ck_assert_uint_eq(info.pauses, 0);
    ck_assert_uint_eq(info.scratch, 0);
    ck_assert_uint_eq(info.uncovered, 0);
    ck_assert_uint_ge(info.cache, info.entries);
    ck_assert(!info.crashed && !info.frozen);
}

uint64_t play_checksum(const struct guest *g)
{
    void *ring = (void *)(uintptr_t)g->ring.page;
    char saved[FAKE_PAGE_SIZE];
    uint64_t sum;

    if (!ring)
        return fake_checksum(g->domid);
    memcpy(saved, ring, sizeof(saved));
    memset(ring, 0, sizeof(saved));
    sum = fake_checksum(g->domid);
    memcpy(ring, saved, sizeof(saved));
    return sum;
}

uint16_t play_create(uint64_t pages, uint64_t from, uint64_t to)
{
    struct fake_config config = { .pages = pages };
    int id = fake_domain_create(&config);

    ck_assert_int_gt(id, 0);
    if (to > from)
        ck_assert_int_eq(fake_guest_fill((uint16_t)id, from, to - from), 0);
    return (uint16_t)id;
}
