/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Servers and filed are killed at random while a guest works, with other
 * requests of its under way all the time; the guest's side does what
 * proto/xkfs.h says of a new epoch. Every operation must come to the end that
 * it would have had without: no name made or lost twice, no write that was
 * acknowledged gone, no wait of more than five seconds; and nothing that the
 * guest granted stays mapped by who is dead, or by filed. XK_KILLS says how
 * often; by default as often as a check can afford.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "fake.h"
#include "files_play.h"

#define KILLS 200
/* How long an answer may take, from a server that lives, and how long it may
 * be until one does. */
#define HANG_MS (5000u * slowness())
#define RECORD 64u
/* Requests under way beside the one that is looked at. */
#define LOAD 8u
#define LOAD_OUT (FILES_OUT + 65536u)

static struct files_play play;
#define G (&play.guest)

static struct xk_xkfs_entry dir, log_file;
static uint64_t log_fh, epoch;
static unsigned int kills, filed_kills, again, records;
static uint64_t longest_ms, slowest_ms;

static unsigned int slowness(void)
{
    const char *by = getenv("CK_TIMEOUT_MULTIPLIER");

    return by && atoi(by) > 0 ? (unsigned int)atoi(by) : 1;
}

/* ---- load ---- */

/* Requests that change nothing, on a queue of their own. */
static struct load {
    struct xk_xkfs_req req;
    unsigned int record;        /* of a READ */
    uint64_t sent;              /* ms; 0: not under way */
} loads[LOAD];

static unsigned long loads_done, loads_again;

static void load_send(unsigned int i)
{
    struct load *l = &loads[i];

    l->req = (struct xk_xkfs_req){
        .op = XK_XKFS_READ, .fh = log_fh, .out_off = LOAD_OUT + i * 4096u,
        .out_len = RECORD, .node = dir.node, .in_off = LOAD_OUT + i * 4096u,
    };
    l->record = (unsigned int)random() % records;
    l->req.off = (uint64_t)l->record * RECORD;
    if (i % 4 == 1) {           /* a worker's */
        l->req.op = XK_XKFS_FSYNC;
    } else if (i % 4 == 2) {
        l->req.op = XK_XKFS_GETATTR;
        l->req.fh = 0;
        l->req.out_len = sizeof(struct xk_xkfs_attr);
    }
    l->sent = xk_now_ms();
    files_send(G, 2, &l->req);
}

static void load_check(const struct load *l, const struct xk_xkfs_rsp *rsp)
{
    uint64_t took = xk_now_ms() - l->sent;
    unsigned int got;

    if (took > slowest_ms)
        slowest_ms = took;
    ck_assert_int_eq(rsp->status, 0);
    loads_done++;
    if (l->req.op != XK_XKFS_READ)
        return;
    ck_assert_uint_eq(rsp->out_len, RECORD);
    memcpy(&got, G->pool + l->req.out_off, sizeof(got));
    ck_assert_uint_eq(got, l->record);
}

/* Takes what is answered, and sends as much again. */
static void load_turn(void)
{
    struct xk_xkfs_rsp rsp;
    unsigned int i;

    while (records && !files_recv(G, 2, &rsp, 0)) {
        for (i = 0; i < LOAD && loads[i].req.id != rsp.id; i++)
            ;
        ck_assert_uint_lt(i, LOAD);
        load_check(&loads[i], &rsp);
        loads[i].sent = 0;
    }
    for (i = 0; records && i < LOAD; i++) {
        if (!loads[i].sent)
            load_send(i);
        ck_assert_msg(xk_now_ms() - loads[i].sent <= HANG_MS,
                      "no answer to operation %u in %u ms", loads[i].req.op,
                      HANG_MS);
    }
}

/* On new rings: what was not answered. */
static void load_again(void)
{
    unsigned int i;

    for (i = 0; i < LOAD; i++) {
        if (!loads[i].sent)
            continue;
        loads[i].sent = xk_now_ms();
        loads[i].req.flags |= XK_XKFS_F_AGAIN;
        files_send(G, 2, &loads[i].req);
        loads_again++;
    }
}

/* The last answers of a server that is dead count: it had written them. */
static void load_late(void)
{
    struct xk_xkfs_rsp rsp;
    unsigned int i;

    while (records && !files_recv(G, 2, &rsp, 0))
        for (i = 0; i < LOAD; i++)
            if (loads[i].sent && loads[i].req.id == rsp.id) {
                load_check(&loads[i], &rsp);
                loads[i].sent = 0;
            }
}

/* ---- dying ---- */

/* Now or in a moment; sometimes filed itself. */
static void kill_one(void)
{
    pid_t pid;

    usleep((useconds_t)(random() % 400));
    if (random() % 12 == 0) {
        files_play_kill(&play);
        filed_kills++;
        kills++;
        return;
    }
    pid = files_play_server(&play);
    if (pid && !kill(pid, SIGKILL))
        kills++;
}

static int control(uint16_t op, struct xk_xkfs_req *req)
{
    struct xk_xkfs_rsp rsp;

    req->op = op;
    return files_call(G, 0, req, &rsp);
}

static int restore(const struct xk_xkfs_entry *e)
{
    struct xk_xkfs_req req = {
        .node = e->node, .in_off = FILES_IN, .in_len = e->handle_len,
        .name_len = e->handle_len, .out_off = FILES_OUT,
        .out_len = sizeof(*e),
    };
    struct xk_xkfs_entry back;
    int rc;

    memcpy(G->pool + FILES_IN, e->handle, e->handle_len);
    rc = control(XK_XKFS_RESTORE, &req);
    if (rc)
        return rc;
    memcpy(&back, G->pool + FILES_OUT, sizeof(back));
    return back.node == e->node && back.attr.ino == e->attr.ino ? 0 : -EBADE;
}

/* By its name in the directory; its handle must agree. */
static int restore_named(const struct xk_xkfs_entry *e, const char *name)
{
    struct xk_xkfs_req req = {
        .node = e->node, .node2 = dir.node, .in_off = FILES_IN,
        .name_len = e->handle_len, .out_off = FILES_OUT,
        .out_len = sizeof(*e),
        .in_len = e->handle_len + (uint32_t)strlen(name),
    };

    memcpy(G->pool + FILES_IN, e->handle, e->handle_len);
    memcpy(G->pool + FILES_IN + e->handle_len, name, strlen(name));
    return control(XK_XKFS_RESTORE, &req);
}

/* Who is dead holds nothing of the guest's, and filed never did. */
static void check_grants(void)
{
    unsigned int i;

    files_disconnect(G);
    files_play_reap(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
    for (i = 0; i < FILES_POOL; i++)
        ck_assert_int_eq(fake_guest_end_grant(G->domid, G->pool_refs[i]), 0);
}

/* Connects anew, until that goes well; tells dom0 what the guest has. */
static void recover(void)
{
    struct xk_xkfs_req req = { .node = log_file.node, .fh = log_fh,
                               .arg = { O_RDWR } };

    load_late();
    if (!play.filed) {
        files_play_reap(&play);
        ck_assert_uint_eq(fake_mappings(), 0);
        files_play_up(&play);
    }
    ck_assert_int_eq(files_connect_after(&play), 0);
    if (G->hello.epoch == epoch || !dir.node)
        return;
    epoch = G->hello.epoch;
    ck_assert_int_eq(restore(&dir), 0);
    if (!log_fh)
        return;
    ck_assert_int_eq(restore_named(&log_file, "log"), 0);
    ck_assert_int_eq(control(XK_XKFS_REOPEN, &req), 0);
}

/* ---- working ---- */

static bool lost(void)
{
    return !play.filed || files_backend_state(G) != 4;
}

/* 0: here is the response. -ECONNRESET: nobody will answer. */
static int await(struct xk_xkfs_rsp *rsp)
{
    uint64_t end = xk_now_ms() + HANG_MS;
    int rc;

    do {
        load_turn();
        rc = files_recv(G, 1, rsp, 2);
        if (rc && lost())
            /* What was answered before it died counts. */
            return files_recv(G, 1, rsp, 0) ? -ECONNRESET : 0;
    } while (rc && xk_now_ms() < end);
    ck_assert_msg(!rc, "no answer in %u ms", HANG_MS);
    return 0;
}

/* One request to its end, through any number of deaths. `in` is put into the
 * pool each time: recovery used the place. */
static int work(struct xk_xkfs_req *req, const void *in, bool deadly,
                struct xk_xkfs_rsp *rsp)
{
    uint64_t start;

    req->in_off = FILES_IN;
    req->out_off = FILES_OUT;
    req->out_len = req->out_len ? req->out_len : 4096;
    req->flags &= (uint16_t)~XK_XKFS_F_AGAIN;
    for (;;) {
        memcpy(G->pool + FILES_IN, in, req->in_len);
        files_send(G, 1, req);
        if (deadly)
            kill_one();
        if (!await(rsp))
            break;
        deadly = random() % 8 == 0;
        start = xk_now_ms();
        recover();
        load_again();
        if (xk_now_ms() - start > longest_ms)
            longest_ms = xk_now_ms() - start;
        ck_assert_uint_le(longest_ms, HANG_MS);
        req->flags |= XK_XKFS_F_AGAIN;
        again++;
    }
    ck_assert_uint_eq(rsp->id, req->id);
    return rsp->status;
}

static int named(uint16_t op, const char *name, uint64_t flags, uint64_t mode,
                 bool deadly, struct xk_xkfs_rsp *rsp)
{
    struct xk_xkfs_req req = {
        .op = op, .node = dir.node, .in_len = (uint32_t)strlen(name),
        .arg = { flags, mode },
    };

    return work(&req, name, deadly, rsp);
}

static int rename_to(const char *from, const char *to, bool deadly)
{
    char both[64];
    struct xk_xkfs_rsp rsp;
    struct xk_xkfs_req req = {
        .op = XK_XKFS_RENAME, .node = dir.node, .node2 = dir.node,
        .name_len = (uint32_t)strlen(from),
        .in_len = (uint32_t)(strlen(from) + strlen(to)),
    };

    snprintf(both, sizeof(both), "%s%s", from, to);
    return work(&req, both, deadly, &rsp);
}

/* A record at the end of the log; where it was written must be where it is. */
static void append(unsigned int nr, bool deadly)
{
    char record[RECORD];
    struct xk_xkfs_rsp rsp;
    struct xk_xkfs_req req = {
        .op = XK_XKFS_WRITE, .flags = XK_XKFS_F_APPEND, .fh = log_fh,
        .in_len = RECORD,
    };

    memset(record, 'a' + nr % 26, sizeof(record));
    memcpy(record, &nr, sizeof(nr));
    ck_assert_int_eq(work(&req, record, deadly, &rsp), 0);
    ck_assert_uint_eq(rsp.value, RECORD);
    ck_assert_uint_eq(rsp.value2, (uint64_t)nr * RECORD);
    records = nr + 1;
}

static bool is_there(const char *name)
{
    struct stat st;
    char path[80];

    snprintf(path, sizeof(path), "%s/data/%s", play.dir, name);
    return !lstat(path, &st);
}

/* Make, make again, move, remove, remove again: each has one right answer. */
static void names(unsigned int nr, bool (*deadly)(void))
{
    struct xk_xkfs_rsp rsp;
    char a[24], b[24];
    int rc;

    snprintf(a, sizeof(a), "a%u", nr);
    snprintf(b, sizeof(b), "b%u", nr);
    rc = named(XK_XKFS_CREATE, a, O_RDWR | O_EXCL, 0600, deadly(), &rsp);
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_eq(rsp.value2, 1);
    ck_assert(is_there(a));
    ck_assert_int_eq(named(XK_XKFS_CREATE, a, O_RDWR | O_EXCL, 0600, deadly(),
                           &rsp), -EEXIST);
    ck_assert_int_eq(rename_to(a, b, deadly()), 0);
    ck_assert(!is_there(a) && is_there(b));
    ck_assert_int_eq(rename_to(a, b, deadly()), -ENOENT);
    ck_assert_int_eq(named(XK_XKFS_UNLINK, b, 0, 0, deadly(), &rsp), 0);
    ck_assert(!is_there(b));
    ck_assert_int_eq(named(XK_XKFS_UNLINK, b, 0, 0, deadly(), &rsp), -ENOENT);
    ck_assert_int_eq(named(XK_XKFS_MKDIR, a, 0, 0700, deadly(), &rsp), 0);
    ck_assert_int_eq(named(XK_XKFS_RMDIR, a, 0, 0, deadly(), &rsp), 0);
    ck_assert(!is_there(a));
}

static bool now_and_then(void)
{
    return random() % 5 == 0;
}

static void check_log(void)
{
    unsigned char record[RECORD];
    unsigned int nr, got;
    char path[80];
    FILE *f;

    snprintf(path, sizeof(path), "%s/data/log", play.dir);
    f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    for (nr = 0; fread(record, 1, RECORD, f) == RECORD; nr++) {
        memcpy(&got, record, sizeof(got));
        ck_assert_uint_eq(got, nr);
        ck_assert_uint_eq(record[RECORD - 1], 'a' + nr % 26);
    }
    fclose(f);
    ck_assert_uint_eq(nr, records);
}

START_TEST(nothing_is_lost)
{
    const char *text = getenv("XK_KILLS");
    unsigned int wanted = text ? (unsigned int)atoi(text) : KILLS, nr = 0;
    char items[100];

    srandom(4);
    files_play_init(&play);
    snprintf(items, sizeof(items), "\"path=%s/data\"", play.dir);
    files_play_keep(&play, items);
    files_play_up(&play);
    ck_assert_int_eq(files_connect(G), 0);
    epoch = G->hello.epoch;
    ck_assert_int_eq(files_lookup(G, XK_XKFS_ROOT, "data", &dir), 0);
    ck_assert_uint_ne(dir.handle_len, 0);
    ck_assert_int_eq(files_create(G, dir.node, "log", O_RDWR | O_EXCL, 0600,
                                  &log_file, &log_fh), 0);
    while (kills < wanted) {
        append(nr++, now_and_then());
        names(nr, now_and_then);
    }
    check_log();
    files_play_kill(&play);
    check_grants();
    printf("%u kills (%u of filed), %u operations and %lu of %lu others sent "
           "again, longest way back %llu ms, slowest answer %llu ms\n", kills,
           filed_kills, again, loads_again, loads_done,
           (unsigned long long)longest_ms, (unsigned long long)slowest_ms);
    files_play_fini(&play);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("kill");
    Suite *s = suite_create("filed: kills");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 600);
    tcase_add_test(t, nothing_is_lost);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
