/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Too much, too large, too deep, too often: a guest that asks for more than
 * there is gets an error, goes on with what it had, and costs dom0 no more
 * than its limits. One that breaks the protocol loses its device and can have
 * it again. Tried against filed and a real server with small limits.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "codec.h"
#include "files_play.h"
#include "outside.h"
#include "settings.h"

#define NODES 200u
#define FILES 40u
#define LOCKS 20u

static struct files_play play;
static struct outside outside;
#define G (&play.guest)

static pid_t server;
static uint64_t root, mine;
static struct xk_xkfs_rsp rsp;

static void tune(struct settings *s)
{
    s->nodes = NODES;
    s->open_files = FILES;
    s->locks = LOCKS;
    s->descriptors = 16;
}

static void look(void)
{
    struct xk_xkfs_entry e;

    ck_assert_int_eq(files_lookup(G, XK_XKFS_ROOT, "data", &e), 0);
    root = e.node;
    ck_assert_int_eq(files_lookup(G, root, "mine", &e), 0);
    mine = e.node;
}

static void setup(void)
{
    char items[100];

    files_play_init(&play);
    play.tune = tune;
    outside_make(&outside, play.dir, false);
    snprintf(items, sizeof(items), "\"path=%s/data\"", play.dir);
    files_play_keep(&play, items);
    files_play_up(&play);
    ck_assert_int_eq(files_connect(G), 0);
    server = files_play_server(&play);
    look();
}

/* Still there, and still at work. */
static void teardown(void)
{
    ck_assert_int_eq(files_play_server(&play), server);
    ck_assert_int_eq(files_lookup(G, root, "mine", NULL), 0);
    ck_assert(outside_same(&outside));
    files_play_fini(&play);
}

static int ask(struct xk_xkfs_req req, const void *a, size_t a_len,
               const void *b, size_t b_len)
{
    return files_ask(G, &req, a, a_len, b, b_len, &rsp);
}

/* Memory of its own, KiB. */
static unsigned long size_of_server(void)
{
    char path[40], line[128];
    unsigned long kib = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", server);
    f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof(line), f))
        (void)sscanf(line, "RssAnon: %lu", &kib);
    fclose(f);
    return kib;
}

static unsigned int descriptors_of_server(void)
{
    char command[64];
    unsigned int n = 0;
    FILE *f;

    snprintf(command, sizeof(command), "ls /proc/%d/fd | wc -l", server);
    f = popen(command, "re");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%u", &n), 1);
    pclose(f);
    return n;
}

/* ---- too many ---- */

static int forget(uint64_t node)
{
    struct xk_xkfs_forget f = { node, UINT64_MAX };

    return ask((struct xk_xkfs_req){ .op = XK_XKFS_FORGET }, &f, sizeof(f),
               NULL, 0);
}

START_TEST(too_many_nodes)
{
    struct xk_xkfs_entry e;
    uint64_t nodes[2 * NODES];
    unsigned int n, i, before = descriptors_of_server();
    char path[96], name[16];
    FILE *f;
    int rc = 0;

    for (n = 0; n < 2 * NODES; n++) {
        snprintf(path, sizeof(path), "%s/data/n%u", play.dir, n);
        f = fopen(path, "we");
        ck_assert_ptr_nonnull(f);
        fclose(f);
    }
    for (n = 0; n < 2 * NODES; n++) {
        snprintf(name, sizeof(name), "n%u", n);
        rc = files_lookup(G, root, name, &e);
        if (rc)
            break;
        nodes[n] = e.node;
    }
    ck_assert_int_eq(rc, -ENFILE);
    ck_assert_uint_le(n, NODES);
    ck_assert_uint_ge(n, NODES - 8);
    ck_assert_uint_le(descriptors_of_server(), before + 20);
    /* What it had goes on, and what goes makes room. */
    ck_assert_int_eq(files_simple(G, XK_XKFS_GETATTR, nodes[0], 0, 0), 0);
    for (i = 0; i < 10; i++)
        ck_assert_int_eq(forget(nodes[i]), 0);
    ck_assert_int_eq(files_lookup(G, root, name, &e), 0);
}
END_TEST

/* One node by as many numbers as the guest likes. */
START_TEST(too_many_numbers)
{
    struct xk_xkfs_entry e;
    unsigned long before;
    uint64_t n;
    int rc = 0;

    ck_assert_int_eq(files_lookup(G, root, "mine", &e), 0);
    before = size_of_server();
    for (n = 0; n < 20 * NODES; n++) {
        rc = ask((struct xk_xkfs_req){ .op = XK_XKFS_RESTORE,
                                       .node = (UINT64_C(1) << 60) + n },
                 e.handle, e.handle_len, NULL, 0);
        if (rc)
            break;
    }
    ck_assert_int_eq(rc, -ENFILE);
    ck_assert_uint_le(n, NODES);
    ck_assert_uint_le(size_of_server(), before + 1024);
    /* They go with the node. */
    ck_assert_int_eq(forget(e.node), 0);
    ck_assert_int_eq(files_lookup(G, root, "mine", &e), 0);
    ck_assert_int_eq(ask((struct xk_xkfs_req){ .op = XK_XKFS_RESTORE,
                                               .node = 4711 },
                         e.handle, e.handle_len, NULL, 0), 0);
}
END_TEST

static unsigned int open_many(uint64_t node, uint64_t *first_r)
{
    unsigned int n;
    uint64_t fh;
    int rc = 0;

    for (n = 0; n < 4 * FILES; n++) {
        rc = files_open(G, node, O_RDONLY, &fh);
        if (rc)
            break;
        if (!n)
            *first_r = fh;
    }
    ck_assert_int_eq(rc, -ENFILE);
    return n;
}

START_TEST(too_many_files)
{
    struct xk_xkfs_entry e;
    uint64_t fh, first;

    ck_assert_uint_eq(open_many(mine, &first), FILES);
    ck_assert_int_eq(files_create(G, root, "new", O_RDWR, 0600, &e, &fh),
                     -ENFILE);
    ck_assert_int_eq(ask((struct xk_xkfs_req){ .op = XK_XKFS_TMPFILE,
                                               .node = root,
                                               .arg = { O_RDWR, 0600 } },
                         NULL, 0, NULL, 0), -ENFILE);
    ck_assert_int_eq(files_simple(G, XK_XKFS_REOPEN, mine, 1, O_RDONLY),
                     -ENFILE);
    ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, first, 0), 0);
    ck_assert_int_eq(files_open(G, mine, O_RDONLY, &fh), 0);
}
END_TEST

/* The directory of all shares has no file on the host, and is one all the
 * same. */
START_TEST(too_many_files_of_the_root)
{
    uint64_t first;

    ck_assert_uint_eq(open_many(XK_XKFS_ROOT, &first), FILES);
}
END_TEST

static int lock_as(uint64_t fh, uint64_t owner, uint16_t flags,
                   unsigned int queue)
{
    struct xk_xkfs_lock lock = {
        .end = UINT64_MAX, .owner = owner, .type = XK_XKFS_RDLCK,
    };
    struct xk_xkfs_req req = {
        .op = XK_XKFS_SETLK, .flags = flags, .fh = fh, .in_off = FILES_IN,
        .in_len = sizeof(lock),
    };

    memcpy(G->pool + FILES_IN, &lock, sizeof(lock));
    return files_call(G, queue, &req, &rsp);
}

START_TEST(too_many_locks)
{
    uint64_t fh, owner;
    int rc = 0;

    ck_assert_int_eq(files_open(G, mine, O_RDWR, &fh), 0);
    for (owner = 0; !rc && owner < 4 * LOCKS; owner++)
        rc = lock_as(fh, owner, 0, 1);
    ck_assert_int_eq(rc, -ENOLCK);
    ck_assert_uint_eq(owner, LOCKS + 1);
    ck_assert_int_eq(lock_as(fh, 0, 0, 1), 0);
}
END_TEST

/* The control queue is full of what waits: data goes on, and so does the rest
 * when the wait is over. */
START_TEST(too_many_that_wait)
{
    struct xk_xkfs_lock lock = { .end = UINT64_MAX, .owner = 1,
                                 .type = XK_XKFS_WRLCK };
    struct xk_xkfs_req req = { .op = XK_XKFS_SETLK, .in_off = FILES_IN,
                               .in_len = sizeof(lock) };
    unsigned int n;
    uint64_t fh;

    ck_assert_int_eq(files_open(G, mine, O_RDWR, &fh), 0);
    req.fh = fh;
    memcpy(G->pool + FILES_IN, &lock, sizeof(lock));
    ck_assert_int_eq(files_call(G, 1, &req, &rsp), 0);
    /* All of one owner: as many holders as there may be are not needed. */
    for (n = 0; !RING_FULL(&G->ring[0]); n++) {
        lock.owner = 2 + n % 4;
        req.in_off = 4096 + 64 * n;
        memcpy(G->pool + req.in_off, &lock, sizeof(lock));
        req.flags = XK_XKFS_F_WAIT;
        files_send(G, 0, &req);
    }
    ck_assert_uint_gt(n, 16);
    ck_assert_int_eq(files_recv(G, 0, &rsp, 200), -ETIMEDOUT);
    ck_assert_int_eq(files_lookup(G, root, "mine", NULL), 0);
    /* The file goes, and with it what waits for its lock. */
    ck_assert_int_eq(files_control(&play, "revoke", "{\"domain\":\"web\","
                                   "\"name\":\"data\",\"now\":true}"), 0);
    while (n--) {
        ck_assert_int_eq(files_recv(G, 0, &rsp, 5000), 0);
        ck_assert_int_lt(rsp.status, 0);
    }
    snprintf((char *)G->pool, 100, "{\"domain\":\"web\",\"share\":"
             "\"path=%s/data\"}", play.dir);
    ck_assert_int_eq(files_control(&play, "add", (char *)G->pool), 0);
    for (n = 0; n < 2000 && files_lookup(G, XK_XKFS_ROOT, "data", NULL); n++)
        usleep(1000);
    look();
}
END_TEST

/* ---- too large ---- */

/* Places and lengths that are not all in the pool, or more than one request
 * may have. */
static const struct {
    uint32_t in_off, in_len, out_off, out_len;
} places[] = {
    { FILES_POOL * 4096u, 1, 0, 4096 },
    { FILES_POOL * 4096u - 1, 2, 0, 4096 },
    { UINT32_MAX, 1, 0, 4096 },
    { UINT32_MAX - 3, 8, 0, 4096 },         /* around the end of 32 bits */
    { 0, UINT32_MAX, 0, 4096 },
    { 1, UINT32_MAX, 0, 4096 },
    { 0, XK_XKFS_IO_MAX + 1, 0, 4096 },
    { 0, XK_XKFS_MSG_MAX + 1, 0, 4096 },
    { 0, 4, FILES_POOL * 4096u, 1 },
    { 0, 4, FILES_POOL * 4096u - 311, 312 },
    { 0, 4, UINT32_MAX, 4096 },
    { 0, 4, UINT32_MAX - 4095, 4096 },
    { 0, 4, 0, UINT32_MAX },
    { 0, 4, 0, XK_XKFS_MSG_MAX + 1 },
    { 0, 4, 0, 311 },                       /* no room for an entry */
    { 0, 4, 0, 0 },
};

START_TEST(a_place_that_is_none)
{
    struct xk_xkfs_req req = { .op = XK_XKFS_LOOKUP, .node = root };
    size_t i;

    memcpy(G->pool, "mine", 4);
    for (i = 0; i < XK_ARRAY_SIZE(places); i++) {
        req.in_off = places[i].in_off;
        req.in_len = places[i].in_len;
        req.out_off = places[i].out_off;
        req.out_len = places[i].out_len;
        ck_assert_msg(files_call(G, 1, &req, &rsp) == -EPROTO, "place %zu",
                      i);
        ck_assert_uint_eq(rsp.out_len, 0);
    }
    /* Data may be longer, and still not longer than it may be. */
    req.op = XK_XKFS_READ;
    req.in_len = 0;
    req.out_off = 0;
    req.out_len = XK_XKFS_IO_MAX + 1;
    ck_assert_int_eq(files_call(G, 1, &req, &rsp), -EPROTO);
    req.op = XK_XKFS_WRITE;
    req.in_off = FILES_POOL * 4096u - XK_XKFS_IO_MAX + 1;
    req.in_len = XK_XKFS_IO_MAX;
    req.out_len = 0;
    ck_assert_int_eq(files_call(G, 1, &req, &rsp), -EPROTO);
    req.in_off = 0;
    req.in_len = XK_XKFS_IO_MAX + 1;
    ck_assert_int_eq(files_call(G, 1, &req, &rsp), -EPROTO);
}
END_TEST

static int at(uint16_t op, uint64_t fh, uint64_t off, uint64_t off2,
              uint64_t len, uint64_t mode)
{
    return ask((struct xk_xkfs_req){
        .op = op, .fh = fh, .fh2 = fh, .off = off, .off2 = off2,
        .arg = { len, mode } }, "data", 4, NULL, 0);
}

START_TEST(an_offset_beyond_all)
{
    static const uint64_t far[] = {
        INT64_MAX, INT64_MAX - 3, UINT64_C(1) << 63, UINT64_MAX,
        UINT64_MAX - 3,
    };
    struct xk_xkfs_setattr set = { .valid = XK_XKFS_SET_SIZE };
    struct xk_xkfs_lock lock = { .type = XK_XKFS_WRLCK };
    uint64_t fh, d;
    size_t i;

    ck_assert_int_eq(files_open(G, mine, O_RDWR, &fh), 0);
    ck_assert_int_eq(files_open(G, root, O_RDONLY, &d), 0);
    for (i = 0; i < XK_ARRAY_SIZE(far); i++) {
        ck_assert_int_le(at(XK_XKFS_READ, fh, far[i], 0, 0, 0), 0);
        ck_assert_uint_eq(rsp.out_len, 0);
        ck_assert_int_eq(at(XK_XKFS_WRITE, fh, far[i], 0, 0, 0), -EFBIG);
        ck_assert_int_lt(at(XK_XKFS_FALLOCATE, fh, far[i], 0, 4, 0), 0);
        ck_assert_int_lt(at(XK_XKFS_FALLOCATE, fh, 0, 0, far[i], 0), 0);
        ck_assert_int_lt(at(XK_XKFS_LSEEK, fh, far[i], 0, SEEK_DATA, 0), 0);
        ck_assert_int_lt(at(XK_XKFS_COPY, fh, 0, far[i], 4, 0), 0);
        ck_assert_int_le(at(XK_XKFS_READDIR, d, far[i], 0, 0, 0), 0);
        set.size = far[i];
        ck_assert_int_lt(ask((struct xk_xkfs_req){ .op = XK_XKFS_SETATTR,
                                                   .node = mine },
                             &set, sizeof(set), NULL, 0), 0);
        lock.start = far[i];
        lock.end = far[i] - 1;
        ck_assert_int_eq(ask((struct xk_xkfs_req){ .op = XK_XKFS_SETLK,
                                                   .fh = fh },
                             &lock, sizeof(lock), NULL, 0), -EINVAL);
    }
    ck_assert_int_eq(at(XK_XKFS_LSEEK, fh, 0, 0, 99, 0), -EINVAL);
    ck_assert_int_eq(at(XK_XKFS_FALLOCATE, fh, 0, 0, 0, 0), -EINVAL);
    ck_assert_int_lt(at(XK_XKFS_FALLOCATE, fh, 0, 0, 4, 0xffffffff), 0);
    set = (struct xk_xkfs_setattr){ .valid = XK_XKFS_SET_MTIME,
                                    .mtime = { .nsec = 1000000000 } };
    ck_assert_int_eq(ask((struct xk_xkfs_req){ .op = XK_XKFS_SETATTR,
                                               .node = mine },
                         &set, sizeof(set), NULL, 0), -EINVAL);
}
END_TEST

/* Directories below each other, more than a path can name; from the lowest
 * all of them are found again. */
START_TEST(a_tree_that_is_deep)
{
    struct xk_xkfs_entry e;
    uint64_t node = root;
    unsigned int n, before = descriptors_of_server();
    int rc = 0;

    for (n = 0; n < NODES - 10; n++) {
        rc = files_named(G, XK_XKFS_MKDIR, node, "deep",
                         &(struct xk_xkfs_req){ .arg = { 0, 0700 } }, &rsp);
        if (rc)
            break;
        memcpy(&e, G->pool + FILES_OUT, sizeof(e));
        node = e.node;
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(files_lookup(G, root, "mine", NULL), 0);
    for (n = 0; n < 20; n++)
        ck_assert_int_eq(files_simple(G, XK_XKFS_GETATTR, e.node, 0, 0), 0);
    ck_assert_int_eq(files_lookup(G, node, "nothing", NULL), -ENOENT);
    ck_assert_uint_le(descriptors_of_server(), before + 20);
}
END_TEST

/* ---- out of order ---- */

/* Each operation on the wrong queue, and numbers that are none. */
START_TEST(a_request_that_is_none)
{
    static const uint16_t control[] = {
        XK_XKFS_HELLO, XK_XKFS_INTERRUPT, XK_XKFS_NOTIFY,
    };
    static const uint16_t data[] = {
        XK_XKFS_LOOKUP, XK_XKFS_READ, XK_XKFS_RENAME, XK_XKFS_CREATE,
    };
    static const uint16_t none[] = { 0, XK_XKFS_OPS, 255, 0x7fff, 0xffff };
    struct xk_xkfs_req req = { .node = root, .out_off = FILES_OUT,
                               .in_len = 4, .out_len = 4096 };
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(control); i++) {
        req.op = control[i];
        ck_assert_int_eq(files_call(G, 1, &req, &rsp), -EPROTO);
    }
    for (i = 0; i < XK_ARRAY_SIZE(data); i++) {
        req.op = data[i];
        ck_assert_int_eq(files_call(G, 0, &req, &rsp), -EPROTO);
    }
    for (i = 0; i < XK_ARRAY_SIZE(none); i++) {
        req.op = none[i];
        ck_assert_int_eq(files_call(G, 0, &req, &rsp), -EPROTO);
        ck_assert_int_eq(files_call(G, 1, &req, &rsp), -EPROTO);
    }
    /* To wait is for the control queue. */
    ck_assert_int_eq(lock_as(1, 1, XK_XKFS_F_WAIT, 1), -EPROTO);
    /* A name that is longer than all there is, and half of a record. */
    req.op = XK_XKFS_RENAME;
    req.name_len = 5;
    ck_assert_int_eq(files_call(G, 1, &req, &rsp), -EPROTO);
    req.op = XK_XKFS_FORGET;
    ck_assert_int_eq(files_call(G, 1, &req, &rsp), -EPROTO);
    req.op = XK_XKFS_RESTORE;
    req.node2 = root;
    ck_assert_int_eq(files_call(G, 1, &req, &rsp), -EPROTO);
}
END_TEST

static void await_state(unsigned int state)
{
    int tries;

    for (tries = 0; tries < 5000 && files_backend_state(G) != state; tries++)
        usleep(1000);
    ck_assert_uint_eq(files_backend_state(G), state);
}

/* The device is lost, and to be had again. */
static void lost(void)
{
    await_state(6);
    ck_assert_int_eq(files_connect_after(&play), 0);
    server = files_play_server(&play);
    look();
}

START_TEST(malformed_too_often)
{
    struct xk_xkfs_req req = { .op = 99 };
    unsigned int n;
    int rc = 0;

    for (n = 0; n < 2 * CODEC_FAULTS && rc != -ETIMEDOUT; n++) {
        files_send(G, 1, &req);
        do
            rc = files_recv(G, 1, &rsp, 20);
        while (rc && files_backend_state(G) == 4);
        if (!rc)
            ck_assert_int_eq(rsp.status, -EPROTO);
    }
    ck_assert_uint_ge(n, CODEC_FAULTS - 1);
    ck_assert_uint_le(n, CODEC_FAULTS + 1);
    lost();
}
END_TEST

/* Of each queue, forwards and backwards. */
START_TEST(an_index_out_of_bounds)
{
    static const int32_t by[] = { 1000, -1, -1000, INT32_MIN, 65 };
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(by); i++) {
        G->ring[i % 3].sring->req_prod += (RING_IDX)by[i];
        (void)fake_guest_port_notify(G->domid, G->port[i % 3]);
        lost();
    }
}
END_TEST

/* The other indices of a ring are the guest's to spoil, for itself. */
START_TEST(indices_that_are_not_the_guests)
{
    unsigned int i;

    for (i = 0; i < 50; i++) {
        G->ring[1].sring->rsp_prod += 7;
        G->ring[1].sring->rsp_event = (RING_IDX)(i * 1000003u);
        G->ring[1].sring->req_event -= 3;
        (void)fake_guest_port_notify(G->domid, G->port[1]);
        usleep(1000);
    }
    ck_assert_uint_eq(files_backend_state(G), 4);
    ck_assert_int_eq(files_play_server(&play), server);
    files_break(G);
    lost();
}
END_TEST

/* Before HELLO nothing is answered but with an error. */
START_TEST(work_before_the_greeting)
{
    struct xk_xkfs_req req = { .op = XK_XKFS_GETATTR, .node = XK_XKFS_ROOT,
                               .out_off = FILES_OUT, .out_len = 4096 };

    files_break(G);
    await_state(6);
    ck_assert_int_eq(files_connect_silently(&play), 0);
    server = files_play_server(&play);
    ck_assert_int_eq(files_call(G, 1, &req, &rsp), -EPROTO);
    req.op = XK_XKFS_NOTIFY;
    ck_assert_int_eq(files_call(G, 0, &req, &rsp), -EPROTO);
    files_break(G);
    lost();
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("excess");
    Suite *s = suite_create("filed: excess");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, too_many_nodes);
    tcase_add_test(t, too_many_numbers);
    tcase_add_test(t, too_many_files);
    tcase_add_test(t, too_many_files_of_the_root);
    tcase_add_test(t, too_many_locks);
    tcase_add_test(t, too_many_that_wait);
    tcase_add_test(t, a_place_that_is_none);
    tcase_add_test(t, an_offset_beyond_all);
    tcase_add_test(t, a_tree_that_is_deep);
    tcase_add_test(t, a_request_that_is_none);
    tcase_add_test(t, malformed_too_often);
    tcase_add_test(t, an_index_out_of_bounds);
    tcase_add_test(t, indices_that_are_not_the_guests);
    tcase_add_test(t, work_before_the_greeting);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
