/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Servers and filed are killed at random while a guest works; the guest's side
 * does what proto/xkfs.h says of a new epoch. Every operation must come to the
 * end that it would have had without: no name made or lost twice, no write
 * that was acknowledged gone, no wait of more than five seconds. XK_KILLS says
 * how often; by default as often as a check can afford.
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

#include "files_play.h"

#define KILLS 200
/* How long an answer may take, from a server that lives. */
#define HANG_MS 5000u
#define RECORD 64u

static struct files_play play;
#define G (&play.guest)

static struct xk_xkfs_entry dir, log_file;
static uint64_t log_fh, epoch;
static unsigned int kills, filed_kills, again;
static uint64_t longest_ms;

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

/* Connects anew, until that goes well; tells dom0 what the guest has. */
static void recover(void)
{
    struct xk_xkfs_req req = { .node = log_file.node, .fh = log_fh,
                               .arg = { O_RDWR } };

    if (!play.filed) {
        files_play_reap(&play);
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
        rc = files_recv(G, 1, rsp, 5);
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
        if (xk_now_ms() - start > longest_ms)
            longest_ms = xk_now_ms() - start;
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

static void check_log(unsigned int records)
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
    check_log(nr);
    printf("%u kills (%u of filed), %u requests sent again, longest way back "
           "%llu ms\n", kills, filed_kills, again,
           (unsigned long long)longest_ms);
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
