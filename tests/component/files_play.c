/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stage with filed, see files_play.h.
 */
#include "files_play.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <json-c/json.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "filed.h"

/* Guest frames: rings first, then the directory, then the pool. */
#define RING_GFN 512u
#define DIR_GFN 600u
#define POOL_GFN 1024u
#define PAGES 4096u
#define SKIPPED 77

enum { INITIALISING = 1, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED };

/* ---- filed ---- */

static void make_dir(const struct files_play *p, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", p->dir, name);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

void files_play_guest(const char *name, struct files_guest *g)
{
    struct fake_config config = {
        .type = FAKE_PVH, .pages = PAGES, .name = name, .bare = true,
    };
    int domid = fake_domain_create(&config);

    ck_assert_int_gt(domid, 0);
    memset(g, 0, sizeof(*g));
    g->domid = (uint16_t)domid;
}

void files_play_init(struct files_play *p)
{
    if (geteuid() || unshare(CLONE_NEWNS)) {
        fprintf(stderr, "skipped: namespaces need root\n");
        exit(SKIPPED);
    }
    memset(p, 0, sizeof(*p));
    ck_assert_int_eq(fake_init(NULL), 0);
    files_play_guest("web", &p->guest);
    strcpy(p->dir, "/tmp/xkfiles-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(p->dir));
    ck_assert_int_eq(chmod(p->dir, 0755), 0);
    make_dir(p, "run");
    make_dir(p, "shares");
    make_dir(p, "state");
    make_dir(p, "data");
    make_dir(p, "outside");
}

void files_play_keep(struct files_play *p, const char *items)
{
    files_play_keep_for(p, "web", items);
}

void files_play_keep_for(struct files_play *p, const char *name,
                         const char *items)
{
    char path[96];
    FILE *f;

    snprintf(path, sizeof(path), "%s/shares/%s.conf", p->dir, name);
    f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    fprintf(f, "shares = [ %s ]\n", items);
    ck_assert_int_eq(fclose(f), 0);
}

static _Noreturn void run_filed(const struct files_play *p)
{
    struct filed fd;
    int rc;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!getenv("XK_FILES_LOG"))
        xk_log_init("filed", XK_LOG_ERR, true);
    filed_init(&fd);
    snprintf(fd.run_dir, sizeof(fd.run_dir), "%s/run", p->dir);
    snprintf(fd.share_dir, sizeof(fd.share_dir), "%s/shares", p->dir);
    snprintf(fd.state_dir, sizeof(fd.state_dir), "%s/state", p->dir);
    if (p->tune)
        p->tune(&fd.settings);
    rc = filed_open(&fd);
    if (!rc)
        rc = filed_start(&fd);
    if (!rc)
        rc = xk_loop_run(&fd.loop);
    filed_dispose(&fd);
    _exit(rc ? EXIT_FAILURE : EXIT_SUCCESS);
}

void files_play_up(struct files_play *p)
{
    p->filed = fork();
    ck_assert_int_ge(p->filed, 0);
    if (!p->filed)
        run_filed(p);
}

static size_t servers(const struct files_play *p, pid_t pids[], size_t room)
{
    char path[64];
    size_t n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", p->filed,
             p->filed);
    f = fopen(path, "re");
    if (!f)
        return 0;
    while (n < room && fscanf(f, "%d", &pids[n]) == 1)
        n++;
    fclose(f);
    return n;
}

pid_t files_play_server(struct files_play *p)
{
    pid_t pid;

    return servers(p, &pid, 1) ? pid : 0;
}

/* Somebody else's child: it is seen, not waited for. */
static bool runs(pid_t pid)
{
    char path[64], state = 'X';
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "re");
    if (!f)
        return false;
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    fclose(f);
    return state != 'Z' && state != 'X';
}

void files_play_until_gone(pid_t pid)
{
    while (runs(pid))
        usleep(200);
}

void files_play_reap(struct files_play *p)
{
    (void)p;
    fake_reap(1);
}

void files_play_kill(struct files_play *p)
{
    pid_t pids[16];
    size_t n;

    if (!p->filed)
        return;
    n = servers(p, pids, XK_ARRAY_SIZE(pids));
    kill(p->filed, SIGKILL);
    while (waitpid(p->filed, NULL, 0) < 0 && errno == EINTR)
        ;
    while (n--)
        files_play_until_gone(pids[n]);
    fake_reap(p->filed);
    p->filed = 0;
}

void files_play_fini(struct files_play *p)
{
    char command[80];

    files_play_kill(p);
    fake_fini();
    snprintf(command, sizeof(command), "rm -rf '%s'", p->dir);
    ck_assert_int_eq(system(command), 0);
}

int files_control(struct files_play *p, const char *method,
                  const char *params)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct json_object *reply, *error, *code;
    static char line[262144];
    size_t len = 0;
    ssize_t n;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc = 0;

    snprintf(at.sun_path, sizeof(at.sun_path), "%s/run/filed.sock", p->dir);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    len = (size_t)snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":1,"
                           "\"method\":\"%s\",\"params\":%s}\n", method,
                           params);
    ck_assert_int_eq(write(fd, line, len), (ssize_t)len);
    for (len = 0; !len || line[len - 1] != '\n'; len += (size_t)n) {
        n = read(fd, line + len, sizeof(line) - len - 1);
        ck_assert_int_gt(n, 0);
    }
    line[len] = '\0';
    close(fd);
    if (getenv("XK_FILES_LOG"))
        fputs(line, stderr);
    reply = json_tokener_parse(line);
    ck_assert_ptr_nonnull(reply);
    if (json_object_object_get_ex(reply, "error", &error) &&
        json_object_object_get_ex(error, "code", &code))
        rc = json_object_get_int(code);
    json_object_put(reply);
    return rc;
}

/* ---- the front-end ---- */

static void fe_write(const struct files_guest *g, const char *key,
                     unsigned int value)
{
    char path[128], text[16];

    snprintf(path, sizeof(path), "/local/domain/%u/device/xkfs/0/%s",
             g->domid, key);
    snprintf(text, sizeof(text), "%u", value);
    ck_assert_int_eq(fake_xs_write(g->domid, path, text), 0);
}

unsigned int files_backend_state(const struct files_guest *g)
{
    char path[128], text[16];

    snprintf(path, sizeof(path), "/local/domain/0/backend/xkfs/%u/0/state",
             g->domid);
    if (fake_xs_read(g->domid, path, text, sizeof(text)) < 0)
        return 0;
    return (unsigned int)strtoul(text, NULL, 10);
}

static bool await_state(const struct files_guest *g, unsigned int a,
                        unsigned int b, unsigned int *state_r)
{
    uint64_t end = xk_now_ms() + FILES_WAIT_MS;

    do {
        *state_r = files_backend_state(g);
        if (*state_r == a || *state_r == b)
            return true;
        usleep(500);
    } while (xk_now_ms() < end);
    return false;
}

/* filed makes the back-end's nodes first and the front-end's state last: what
 * is written before that has no place yet, or is written over. */
static bool await_front(const struct files_guest *g)
{
    uint64_t end = xk_now_ms() + FILES_WAIT_MS;
    char path[128], text[16];

    snprintf(path, sizeof(path), "/local/domain/%u/device/xkfs/0/state",
             g->domid);
    do {
        if (fake_xs_read(g->domid, path, text, sizeof(text)) >= 0)
            return true;
        usleep(500);
    } while (xk_now_ms() < end);
    return false;
}

static uint32_t grant(struct files_guest *g, uint64_t gfn)
{
    int ref = fake_guest_grant(g->domid, gfn, false);

    ck_assert_int_ge(ref, 0);
    return (uint32_t)ref;
}

/* Pool and directory are granted once. */
static void grant_pool(struct files_guest *g)
{
    uint32_t *dir = fake_guest_page(g->domid, DIR_GFN), i;

    ck_assert_int_eq(fake_guest_grant_grow(g->domid, 8), 0);
    g->pool = fake_guest_page(g->domid, POOL_GFN);
    for (i = 0; i < FILES_POOL; i++) {
        g->pool_refs[i] = grant(g, POOL_GFN + i);
        dir[i] = g->pool_refs[i];
    }
    fe_write(g, "pool/0", grant(g, DIR_GFN));
    g->granted = true;
}

static void make_queue(struct files_guest *g, unsigned int q)
{
    uint64_t gfn = RING_GFN + (q << FILES_ORDER);
    xk_files_sring_t *shared = fake_guest_page(g->domid, gfn);
    char key[64];
    unsigned int i;
    int port;

    memset((void *)shared, 0, FAKE_PAGE_SIZE << FILES_ORDER);
    SHARED_RING_INIT(shared);
    FRONT_RING_INIT(&g->ring[q], shared, FAKE_PAGE_SIZE << FILES_ORDER);
    for (i = 0; i < 1u << FILES_ORDER; i++) {
        g->refs[g->nr_refs] = grant(g, gfn + i);
        snprintf(key, sizeof(key), "queue/%u/ring/%u", q, i);
        fe_write(g, key, g->refs[g->nr_refs++]);
    }
    port = fake_guest_port_alloc(g->domid);
    ck_assert_int_gt(port, 0);
    g->port[q] = (uint32_t)port;
    snprintf(key, sizeof(key), "queue/%u/event-channel", q);
    fe_write(g, key, g->port[q]);
}

void files_disconnect(struct files_guest *g)
{
    unsigned int q;

    for (q = 0; q <= FILES_QUEUES; q++)
        if (g->port[q])
            (void)fake_guest_port_close(g->domid, g->port[q]);
    memset(g->port, 0, sizeof(g->port));
    while (g->nr_refs)
        (void)fake_guest_end_grant(g->domid, g->refs[--g->nr_refs]);
}

static int greet(struct files_guest *g)
{
    struct xk_xkfs_req req = {
        .op = XK_XKFS_HELLO, .out_off = FILES_OUT,
        .out_len = sizeof(g->hello),
        .off = g->hello.epoch, .arg = { XK_XKFS_VERSION, UINT32_MAX },
    };
    struct xk_xkfs_rsp rsp;
    int rc = files_call(g, 0, &req, &rsp);

    if (!rc)
        memcpy(&g->hello, g->pool + FILES_OUT, sizeof(g->hello));
    return rc;
}

static int handshake(struct files_guest *g)
{
    unsigned int state, q;

    files_disconnect(g);
    if (!await_front(g) || !await_state(g, INIT_WAIT, CLOSED, &state))
        return -ETIMEDOUT;
    if (state == CLOSED)
        fe_write(g, "state", INITIALISING);
    if (!await_state(g, INIT_WAIT, INIT_WAIT, &state))
        return -ETIMEDOUT;
    if (!g->granted)
        grant_pool(g);
    for (q = 0; q <= FILES_QUEUES; q++)
        make_queue(g, q);
    fe_write(g, "version", XK_XKFS_VERSION);
    fe_write(g, "queues", FILES_QUEUES);
    fe_write(g, "ring-order", FILES_ORDER);
    fe_write(g, "pool-pages", FILES_POOL);
    fe_write(g, "state", INITIALISED);
    if (!await_state(g, CONNECTED, CLOSED, &state))
        return -ETIMEDOUT;
    if (state == CLOSED)
        return -ECONNREFUSED;
    fe_write(g, "state", CONNECTED);
    return 0;
}

int files_connect(struct files_guest *g)
{
    int rc = handshake(g);

    return rc ? rc : greet(g);
}

void files_break(struct files_guest *g)
{
    unsigned int state;

    g->ring[1].sring->req_prod += 100000;
    (void)fake_guest_port_notify(g->domid, g->port[1]);
    (void)await_state(g, CLOSED, CLOSED, &state);
}

static int connect_after(struct files_play *p,
                         int (*connect_it)(struct files_guest *g))
{
    unsigned int state;
    int tries, rc = -ETIMEDOUT;

    /* It may die again while it starts. */
    for (tries = 0; rc && tries < 20; tries++) {
        if (!await_state(&p->guest, INIT_WAIT, CLOSED, &state))
            return -ETIMEDOUT;
        files_play_reap(p);
        rc = connect_it(&p->guest);
    }
    return rc;
}

int files_connect_after(struct files_play *p)
{
    return connect_after(p, files_connect);
}

int files_connect_silently(struct files_play *p)
{
    return connect_after(p, handshake);
}

void files_send(struct files_guest *g, unsigned int queue,
                struct xk_xkfs_req *req)
{
    xk_files_front_ring_t *ring = &g->ring[queue];
    int notify;

    if (!(req->flags & XK_XKFS_F_AGAIN))
        req->id = ++g->id;
    *RING_GET_REQUEST(ring, ring->req_prod_pvt) = *req;
    ring->req_prod_pvt++;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(ring, notify);
    if (notify)
        (void)fake_guest_port_notify(g->domid, g->port[queue]);
}

int files_recv(struct files_guest *g, unsigned int queue,
               struct xk_xkfs_rsp *rsp, unsigned int ms)
{
    xk_files_front_ring_t *ring = &g->ring[queue];
    uint64_t end = xk_now_ms() + ms;
    unsigned int spins = 0;

    while (*(volatile RING_IDX *)&ring->sring->rsp_prod == ring->rsp_cons) {
        if (xk_now_ms() > end)
            return -ETIMEDOUT;
        if (++spins > 200)
            usleep(100);
    }
    xen_rmb();
    *rsp = *RING_GET_RESPONSE(ring, ring->rsp_cons);
    ring->rsp_cons++;
    return 0;
}

int files_call(struct files_guest *g, unsigned int queue,
               struct xk_xkfs_req *req, struct xk_xkfs_rsp *rsp)
{
    int rc;

    files_send(g, queue, req);
    rc = files_recv(g, queue, rsp, FILES_WAIT_MS);
    if (rc)
        return rc;
    return rsp->id == req->id ? rsp->status : -EBADMSG;
}

int files_ask(struct files_guest *g, struct xk_xkfs_req *req, const void *a,
              size_t a_len, const void *b, size_t b_len,
              struct xk_xkfs_rsp *rsp)
{
    req->in_off = FILES_IN;
    req->in_len = (uint32_t)(a_len + b_len);
    req->name_len = (uint32_t)a_len;
    req->out_off = FILES_OUT;
    req->out_len = req->out_len ? req->out_len : 4096;
    if (a_len)
        memcpy(g->pool + FILES_IN, a, a_len);
    if (b_len)
        memcpy(g->pool + FILES_IN + a_len, b, b_len);
    return files_call(g, 1, req, rsp);
}

int files_named(struct files_guest *g, uint16_t op, uint64_t node,
                const char *name, struct xk_xkfs_req *more,
                struct xk_xkfs_rsp *rsp)
{
    struct xk_xkfs_req req = more ? *more : (struct xk_xkfs_req){ 0 };

    req.op = op;
    req.node = node;
    req.in_off = FILES_IN;
    req.in_len = (uint32_t)strlen(name);
    req.out_off = FILES_OUT;
    req.out_len = req.out_len ? req.out_len : 65536;
    memcpy(g->pool + FILES_IN, name, req.in_len);
    return files_call(g, 1, &req, rsp);
}

static int entry(const struct files_guest *g, int rc,
                 struct xk_xkfs_entry *entry_r)
{
    if (!rc && entry_r)
        memcpy(entry_r, g->pool + FILES_OUT, sizeof(*entry_r));
    return rc;
}

int files_lookup(struct files_guest *g, uint64_t dir, const char *name,
                 struct xk_xkfs_entry *entry_r)
{
    struct xk_xkfs_rsp rsp;

    return entry(g, files_named(g, XK_XKFS_LOOKUP, dir, name, NULL, &rsp),
                 entry_r);
}

int files_open(struct files_guest *g, uint64_t node, int flags,
               uint64_t *fh_r)
{
    struct xk_xkfs_req req = {
        .op = XK_XKFS_OPEN, .node = node, .arg = { (uint64_t)flags },
    };
    struct xk_xkfs_rsp rsp;
    int rc = files_call(g, 1, &req, &rsp);

    *fh_r = rsp.value;
    return rc;
}

int files_create(struct files_guest *g, uint64_t dir, const char *name,
                 int flags, uint32_t mode, struct xk_xkfs_entry *entry_r,
                 uint64_t *fh_r)
{
    struct xk_xkfs_req more = { .arg = { (uint64_t)flags, mode } };
    struct xk_xkfs_rsp rsp;
    int rc = entry(g, files_named(g, XK_XKFS_CREATE, dir, name, &more, &rsp),
                   entry_r);

    *fh_r = rsp.value;
    return rc;
}

long files_write(struct files_guest *g, uint64_t fh, uint64_t off,
                 const void *data, uint32_t len)
{
    struct xk_xkfs_req req = {
        .op = XK_XKFS_WRITE, .fh = fh, .off = off, .in_off = FILES_IN,
        .in_len = len,
    };
    struct xk_xkfs_rsp rsp;
    int rc;

    memcpy(g->pool + FILES_IN, data, len);
    rc = files_call(g, 1, &req, &rsp);
    return rc ? rc : (long)rsp.value;
}

long files_read(struct files_guest *g, uint64_t fh, uint64_t off, void *data,
                uint32_t len)
{
    struct xk_xkfs_req req = {
        .op = XK_XKFS_READ, .fh = fh, .off = off, .out_off = FILES_OUT,
        .out_len = len,
    };
    struct xk_xkfs_rsp rsp;
    int rc = files_call(g, 1, &req, &rsp);

    if (rc)
        return rc;
    memcpy(data, g->pool + FILES_OUT, rsp.out_len);
    return (long)rsp.out_len;
}

int files_simple(struct files_guest *g, uint16_t op, uint64_t node,
                 uint64_t fh, uint64_t arg)
{
    struct xk_xkfs_req req = {
        .op = op, .node = node, .fh = fh, .arg = { arg },
        .out_off = FILES_OUT, .out_len = 4096,
    };
    struct xk_xkfs_rsp rsp;

    return files_call(g, 1, &req, &rsp);
}
