/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filed's 9pfs device, from the front-end's side: what a stock guest does with
 * a share, and what becomes of one whose rings, sizes, indices or nodes are
 * nonsense, whose server dies, and that starts over.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "fake.h"
#include "p9_play.h"

static struct files_play play;
static struct p9_front front;
#define F (&front)

static void setup(void)
{
    char items[100];

    files_play_init(&play);
    snprintf(items, sizeof(items), "\"path=%s/data,stock-9p=1\"", play.dir);
    files_play_keep(&play, items);
    files_play_up(&play);
    ck_assert_int_eq(p9_play_find(F, play.guest.domid, "data"), 0);
    ck_assert_int_eq(p9_play_connect(F), 0);
    ck_assert_int_eq(p9_play_mount(F, "data"), 0);
}

static void teardown(void)
{
    files_play_fini(&play);
}

/* What dead servers held is dropped, as the kernel does; only while none is
 * alive, since each is process 1 of its own namespace. */
static void start_over(void)
{
    files_play_reap(&play);
    ck_assert_int_eq(p9_play_connect(F), 0);
    ck_assert_int_eq(p9_play_mount(F, "data"), 0);
}

/* The device is lost, and can be had again. */
static void lost(void)
{
    ck_assert(p9_play_await(F, 6));
    ck_assert_int_eq(files_play_server(&play), 0);
    start_over();
}

static int walk1(uint32_t from, uint32_t to, const char *name)
{
    return p9_play_call(F, 110, "ddws", from, to, 1, name);
}

static int create(uint32_t fid, const char *name)
{
    int rc = p9_play_call(F, 110, "ddw", 0, fid, 0);

    return rc ? rc : p9_play_call(F, 14, "dsddd", fid, name, O_RDWR, 0640, 0);
}

static int clunk(uint32_t fid)
{
    return p9_play_call(F, 120, "d", fid);
}

/* ---- what it is for ---- */

START_TEST(a_file_is_made_and_read)
{
    char path[64];
    struct stat st;

    ck_assert_int_eq(p9_play_call(F, 72, "dsdd", 0, "sub", 0750, 0), 0);
    ck_assert_int_eq(walk1(0, 1, "sub"), 0);
    ck_assert_int_eq(p9_play_call(F, 14, "dsddd", 1, "f", O_RDWR, 0640, 0),
                     0);
    ck_assert_int_eq(p9_play_call(F, 118, "dqz", 1, (uint64_t)0, 5, "hello"),
                     0);
    ck_assert_uint_eq(p9_u32(&F->in), 5);
    ck_assert_int_eq(p9_play_call(F, 116, "dqd", 1, (uint64_t)1, 100), 0);
    ck_assert_uint_eq(p9_u32(&F->in), 4);
    ck_assert_int_eq(memcmp(F->in.at, "ello", 4), 0);
    ck_assert_int_eq(clunk(1), 0);
    snprintf(path, sizeof(path), "%s/data/sub/f", play.dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_size, 5);
    ck_assert_int_eq(walk1(0, 1, "no"), -ENOENT);
    ck_assert_int_eq(p9_play_call(F, 110, "ddwss", 0, 1, 2, "sub", "f"), 0);
}
END_TEST

/* The session is one, whatever ring a message comes on. */
START_TEST(both_rings)
{
    unsigned int i;
    char name[8];

    for (i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        F->ring = i & 1;
        ck_assert_int_eq(create(1, name), 0);
        F->ring = !F->ring;
        ck_assert_int_eq(clunk(1), 0);
    }
}
END_TEST

/* Data of every size, over the ends of both rings many times. */
START_TEST(data_of_all_sizes)
{
    static char data[P9_PLAY_MSIZE], back[P9_PLAY_MSIZE];
    uint32_t n, room = P9_PLAY_MSIZE - P9_WRITE_HEAD - P9_HEADER;
    uint64_t off = 0;

    ck_assert_int_eq(create(1, "f"), 0);
    for (n = 1; n < room; n += 397) {
        F->ring = n & 1;
        memset(data, (int)n, n);
        ck_assert_int_eq(p9_play_call(F, 118, "dqz", 1, off, n, data), 0);
        ck_assert_uint_eq(p9_u32(&F->in), n);
        ck_assert_int_eq(p9_play_call(F, 116, "dqd", 1, off, n), 0);
        ck_assert_uint_eq(p9_u32(&F->in), n);
        memcpy(back, F->in.at, n);
        ck_assert_int_eq(memcmp(data, back, n), 0);
        off += n;
    }
}
END_TEST

static uint32_t build(uint8_t *msg, uint8_t type, const char *fields, ...)
{
    va_list ap;
    size_t n;

    va_start(ap, fields);
    n = p9_client_build(msg, 4096, type, fields, ap);
    va_end(ap);
    return (uint32_t)n;
}

/* As many as fit are written before the server is told of one. */
START_TEST(many_at_once)
{
    uint8_t msg[4096];
    uint32_t n = build(msg, 24, "dq", 0, (uint64_t)0x7ff), i, count;

    count = P9_PLAY_BYTES / n;
    for (i = 0; i < count; i++)
        p9_play_put(F, 0, msg, n, i + 1 < count);
    for (i = 0; i < count; i++)
        ck_assert_int_gt(p9_play_get(F, 0, 5000), 0);
    ck_assert_int_eq(p9_play_get(F, 0, 20), -ETIMEDOUT);
}
END_TEST

/* Byte by byte, with an event for each. */
START_TEST(a_message_in_pieces)
{
    uint8_t msg[4096];
    uint32_t n = build(msg, 24, "dq", 0, (uint64_t)0x7ff), i;

    for (i = 0; i < n; i++) {
        ck_assert_int_eq(p9_play_get(F, 0, 1), -ETIMEDOUT);
        p9_play_put(F, 0, msg + i, 1, false);
    }
    ck_assert_int_gt(p9_play_get(F, 0, 5000), 0);
}
END_TEST

/* Answers that nobody takes stop their ring, not the other, and come when
 * there is room again. */
START_TEST(answers_that_nobody_takes)
{
    uint8_t msg[4096];
    uint32_t n, i, count = 12;

    ck_assert_int_eq(create(1, "f"), 0);
    ck_assert_int_eq(p9_play_call(F, 118, "dqz", 1, (uint64_t)8000, 1, "x"),
                     0);
    n = build(msg, 116, "dqd", 1, (uint64_t)0, 4000);
    for (i = 0; i < count; i++)
        p9_play_put(F, 0, msg, n, false);
    usleep(20000);
    F->ring = 1;
    ck_assert_int_eq(walk1(0, 2, "f"), 0);
    for (i = 0; i < count; i++)
        ck_assert_int_eq(p9_play_get(F, 0, 5000), P9_READ_HEAD + 4000);
}
END_TEST

START_TEST(read_only_and_revoked)
{
    const char *set = "{\"domain\":\"web\",\"name\":\"data\","
                      "\"set\":[\"mode=ro\"]}";
    int tries;

    ck_assert_int_eq(create(1, "f"), 0);
    ck_assert_int_eq(files_control(&play, "set", set), 0);
    for (tries = 0; tries < 2000; tries++) {
        if (p9_play_call(F, 118, "dqz", 1, (uint64_t)0, 1, "x") == -EROFS)
            break;
        usleep(1000);
    }
    ck_assert_int_lt(tries, 2000);
    ck_assert_int_eq(create(2, "g"), -EROFS);
    ck_assert_int_eq(files_control(&play, "revoke", "{\"domain\":\"web\","
                                   "\"name\":\"data\",\"now\":true}"), 0);
    for (tries = 0; tries < 5000 && fake_xs_exists(F->be); tries++)
        usleep(1000);
    ck_assert(!fake_xs_exists(F->be) && !fake_xs_exists(F->fe));
    ck_assert_int_eq(files_play_server(&play), 0);
    files_play_reap(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
}
END_TEST

/* ---- nonsense in a ring ---- */

static const uint32_t no_sizes[] = {
    0, 1, 6, P9_PLAY_MSIZE + 1, P9_PLAY_BYTES, P9_PLAY_BYTES + 1, 0x7fffffff,
    UINT32_MAX,
};

START_TEST(a_size_that_is_none)
{
    uint8_t msg[64] = { 0 };

    memcpy(msg, &no_sizes[_i], 4);
    msg[4] = 24;
    p9_play_put(F, (unsigned int)_i & 1, msg, sizeof(msg), false);
    lost();
    ck_assert_int_eq(create(1, "f"), 0);
}
END_TEST

/* Longer than it says, shorter than its kind, or of no kind at all: an answer
 * that says so. */
START_TEST(a_message_that_is_none)
{
    uint8_t msg[4096] = { 0 };
    unsigned int type;
    uint32_t size;

    for (type = 0; type < 256; type++) {
        if (type == 100 || type == 120 || type == 122)
            continue;       /* these end the session, or fid 0 */
        for (size = P9_HEADER; size < 40; size += 3) {
            memset(msg, 0xff, size);
            memcpy(msg, &size, 4);
            msg[4] = (uint8_t)type;
            p9_play_put(F, size & 1, msg, size, false);
            ck_assert_int_gt(p9_play_get(F, size & 1, 5000), 0);
        }
    }
    ck_assert_int_eq(create(1, "f"), 0);
}
END_TEST

static void move(volatile RING_IDX *index, uint32_t by, unsigned int ring)
{
    *index += by;
    (void)fake_guest_port_notify(F->domid, F->port[ring]);
}

/* What was put is more than the ring has, or less than what was taken. */
START_TEST(an_index_out_of_bounds)
{
    static const uint32_t by[] = { P9_PLAY_BYTES + 1, 0x80000000u,
                                   UINT32_MAX, (uint32_t)-8 };
    static const uint32_t taken[] = { 1, 4096, 0x80000000u };
    uint8_t msg[64];
    uint32_t n = build(msg, 24, "dq", 0, (uint64_t)0x7ff);
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(by); i++) {
        move(&F->intf[i & 1]->out_prod, by[i], i & 1);
        lost();
    }
    /* More answers were taken than were put. */
    for (i = 0; i < XK_ARRAY_SIZE(taken); i++) {
        F->intf[1]->in_cons += taken[i];
        p9_play_put(F, 1, msg, n, false);
        lost();
    }
}
END_TEST

/* Those that are the server's own it never reads. */
START_TEST(indices_that_are_not_the_guests)
{
    uint8_t msg[64];
    uint32_t n = build(msg, 24, "dq", 0, (uint64_t)0x7ff), i, prod;

    for (i = 0; i < 20; i++) {
        F->intf[0]->out_cons += 12345;
        prod = F->intf[0]->in_prod;
        F->intf[0]->in_prod = prod ^ 0x55555555;
        p9_play_put(F, 0, msg, n, false);
        for (int tries = 0; tries < 5000 && F->intf[0]->in_prod - prod > 4096;
             tries++)
            usleep(500);
        ck_assert_int_gt(p9_play_get(F, 0, 5000), 0);
    }
    ck_assert_uint_eq(p9_play_state(F), 4);
}
END_TEST

/* The size is another one by the time the message is copied. */
static bool running;

static void *flip(void *arg)
{
    volatile uint32_t *size = arg;

    while (__atomic_load_n(&running, __ATOMIC_RELAXED))
        *size ^= 0x01010000;
    return NULL;
}

START_TEST(a_size_that_changes)
{
    uint8_t msg[64];
    uint32_t n = build(msg, 24, "dq", 0, (uint64_t)0x7ff), at, i;
    pthread_t thread;
    long got;

    for (i = 0; i < 30; i++) {
        if (p9_play_state(F) != 4)
            start_over();
        at = F->intf[0]->out_prod & (P9_PLAY_BYTES - 1);
        if (at & 3 || at + 4 > P9_PLAY_BYTES) {
            p9_play_put(F, 0, msg, n, false);
            (void)p9_play_get(F, 0, 5000);
            continue;
        }
        p9_play_put(F, 0, msg, n, true);
        running = true;
        ck_assert_int_eq(pthread_create(&thread, NULL, flip,
                                        F->requests[0] + at), 0);
        (void)fake_guest_port_notify(F->domid, F->port[0]);
        do
            got = p9_play_get(F, 0, 20);
        while (got < 0 && p9_play_state(F) == 4);
        __atomic_store_n(&running, false, __ATOMIC_RELAXED);
        pthread_join(thread, NULL);
        ck_assert(got > 0 || p9_play_state(F) == 6);
    }
}
END_TEST

/* ---- nonsense in the nodes, and in the page of the ring ---- */

static const struct {
    const char *key, *value;
} no_nodes[] = {
    { "version", "0" }, { "version", "2" }, { "version", "" },
    { "version", "1x" }, { "num-rings", "0" }, { "num-rings", "3" },
    { "num-rings", "4294967297" }, { "num-rings", "-1" },
    { "ring-ref0", "" }, { "ring-ref0", "-1" }, { "ring-ref0", "4000000000" },
    { "ring-ref0", "99999999999" }, { "ring-ref1", "0x10" },
    { "ring-ref1", "1" }, { "event-channel-0", "0" },
    { "event-channel-0", "4095" }, { "event-channel-1", "nonsense" },
    { "event-channel-1", "4294967295" },
};

static void refused(void)
{
    ck_assert_int_eq(p9_play_finish(F), -ECONNREFUSED);
    start_over();
}

static void offer(void)
{
    p9_play_write(F, "state", "6");
    ck_assert(p9_play_await(F, 6));
    files_play_reap(&play);
    p9_play_offer(F);
}

START_TEST(a_node_that_is_none)
{
    offer();
    p9_play_write(F, no_nodes[_i].key, no_nodes[_i].value);
    refused();
}
END_TEST

START_TEST(a_page_of_a_ring_that_is_none)
{
    static const uint32_t orders[] = { 0, 6, 7, 31, 32, 255, UINT32_MAX };
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(orders); i++) {
        offer();
        F->intf[i & 1]->ring_order = orders[i];
        refused();
    }
    offer();
    F->intf[0]->ref[3] = 4000000000u;
    refused();
    offer();
    F->intf[1]->ref[0] = 2000;          /* nothing is granted by it */
    refused();
    offer();
    F->intf[1]->out_prod = P9_PLAY_BYTES + 1;
    refused();
    offer();
    F->intf[0]->in_cons = 1;
    refused();
    /* Beginning anywhere is right: both have the same. */
    offer();
    F->intf[0]->out_prod = F->intf[0]->out_cons = 0xfffffff0;
    F->intf[0]->in_prod = F->intf[0]->in_cons = 0xfffffff0;
    ck_assert_int_eq(p9_play_finish(F), 0);
    ck_assert_int_eq(p9_play_mount(F, "data"), 0);
}
END_TEST

/* ---- starting over ---- */

START_TEST(again_and_again)
{
    unsigned int i;
    char name[8];

    for (i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        ck_assert_int_eq(create(1, name), 0);
        p9_play_write(F, "state", i & 1 ? "5" : "6");
        ck_assert(p9_play_await(F, i & 1 ? 5 : 6));
        ck_assert_int_eq(files_play_server(&play), 0);
        if (i & 1) {
            p9_play_write(F, "state", "6");
            ck_assert(p9_play_await(F, 6));
        }
        files_play_reap(&play);
        ck_assert_uint_eq(fake_mappings(), 0);
        start_over();
    }
}
END_TEST

/* The next serves the same rings; what the guest knew is stale until it mounts
 * anew. */
START_TEST(its_server_dies)
{
    pid_t before = files_play_server(&play);

    ck_assert_int_eq(create(1, "f"), 0);
    ck_assert_int_gt(before, 0);
    /* The kernel lets go of its ports at once, the stand-in when told. */
    ck_assert_int_eq(kill(play.filed, SIGSTOP), 0);
    ck_assert_int_eq(kill(before, SIGKILL), 0);
    files_play_until_gone(before);
    files_play_reap(&play);
    ck_assert_int_eq(kill(play.filed, SIGCONT), 0);
    ck_assert_int_eq(p9_play_call(F, 116, "dqd", 1, (uint64_t)0, 10),
                     -ESTALE);
    ck_assert_int_eq(p9_play_mount(F, "data"), 0);
    ck_assert_int_eq(walk1(0, 1, "f"), 0);
}
END_TEST

/* States, one after the other, as fast as they can be written. */
START_TEST(its_state_flaps)
{
    static const char *const states[] = {
        "3", "1", "4", "6", "5", "3", "0", "7", "8", "9", "x", "", "-1",
        "3", "4", "2",
    };
    unsigned int i;

    for (i = 0; i < 150; i++)
        p9_play_write(F, "state", states[i * 7 % XK_ARRAY_SIZE(states)]);
    p9_play_write(F, "state", "6");
    for (i = 0; i < 5000; i++) {
        if (p9_play_state(F) == 6 && !files_play_server(&play))
            break;
        usleep(1000);
    }
    ck_assert_uint_lt(i, 5000);
    start_over();
    ck_assert_int_eq(create(1, "f"), 0);
}
END_TEST

/* Its nodes go: filed makes them again when it looks. */
START_TEST(filed_dies)
{
    ck_assert_int_eq(create(1, "f"), 0);
    files_play_kill(&play);
    files_play_reap(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
    files_play_up(&play);
    /* The front-end stayed connected, on rings that are served again. */
    ck_assert_int_eq(p9_play_call(F, 116, "dqd", 1, (uint64_t)0, 10),
                     -ESTALE);
    ck_assert_int_eq(p9_play_mount(F, "data"), 0);
    ck_assert_int_eq(walk1(0, 1, "f"), 0);
}
END_TEST

static TCase *work(void)
{
    TCase *t = tcase_create("work");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_file_is_made_and_read);
    tcase_add_test(t, both_rings);
    tcase_add_test(t, data_of_all_sizes);
    tcase_add_test(t, many_at_once);
    tcase_add_test(t, a_message_in_pieces);
    tcase_add_test(t, answers_that_nobody_takes);
    tcase_add_test(t, read_only_and_revoked);
    tcase_add_test(t, again_and_again);
    tcase_add_test(t, its_server_dies);
    tcase_add_test(t, its_state_flaps);
    tcase_add_test(t, filed_dies);
    return t;
}

static TCase *nonsense(void)
{
    TCase *t = tcase_create("nonsense");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_size_that_is_none, 0, XK_ARRAY_SIZE(no_sizes));
    tcase_add_test(t, a_message_that_is_none);
    tcase_add_test(t, an_index_out_of_bounds);
    tcase_add_test(t, indices_that_are_not_the_guests);
    tcase_add_test(t, a_size_that_changes);
    tcase_add_loop_test(t, a_node_that_is_none, 0, XK_ARRAY_SIZE(no_nodes));
    tcase_add_test(t, a_page_of_a_ring_that_is_none);
    return t;
}

int main(void)
{
    Suite *s = suite_create("filed: the 9pfs device");
    SRunner *r;
    int failed;

    suite_add_tcase(s, work());
    suite_add_tcase(s, nonsense());
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
