// SPDX-License-Identifier: GPL-2.0-only
/* See xkfs_play.h. */
#include "xkfs_play.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "codec.h"
#include "queue.h"
#include "share_stage.h"
#include "workers.h"

#define PAGE 4096u
#define RING_BYTES (2u * PAGE)
#define POOL_BYTES (64u * PAGE)
#define QUEUES 2u
#define OUT (32u * PAGE)        /* where answers go, mostly */
#define KNOWN 8u
#define ACTS_MAX 60u

/* ---- in place of event channels and workers ---- */

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger,
                                 unsigned int flags)
{
    (void)logger, (void)flags;
    return NULL;
}

int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
    (void)xce, (void)domid;
    return -1;
}

xenevtchn_port_or_error_t
xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
                           evtchn_port_t port)
{
    (void)xce, (void)domid, (void)port;
    return -1;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    (void)xce;
    return -1;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    (void)xce, (void)port;
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
    (void)xce;
    return -1;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    (void)xce, (void)port;
    return 0;
}

void workers_add(struct workers *workers, uint64_t key,
                 struct workers_job *job)
{
    (void)workers, (void)key;
    job->run(job);
}

/* ---- the guest ---- */

struct play {
    struct fuzz_input *in;
    struct ops *ops;
    struct codec codec;
    struct queue queue[QUEUES];
    xk_files_sring_t *ring[QUEUES];
    RING_IDX prod[QUEUES], seen[QUEUES];
    uint8_t *pool;
    uint64_t id;
    struct xk_xkfs_req last;
    uint64_t nodes[KNOWN], fhs[KNOWN];
    unsigned int nr_nodes, nr_fhs;
    uint8_t handle[XK_XKFS_HANDLE];
    uint32_t handle_len;
    bool broken;
};

static struct stats stats[SHARES_MAX];
static struct audit audit;
static struct remember remember;

struct xkfs_memory xkfs_memory(void)
{
    static struct xkfs_memory m;

    if (m.at)
        return m;
    m.size = QUEUES * RING_BYTES + POOL_BYTES;
    m.at = mmap(NULL, m.size + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
    FUZZ_CHECK(m.at != MAP_FAILED);
    FUZZ_CHECK(!mprotect(m.at, m.size, PROT_READ | PROT_WRITE));
    return m;
}

static void on_broken(void *arg, const char *why)
{
    struct play *p = arg;

    (void)why;
    p->broken = true;
}

static void on_late(void *arg, const struct xk_xkfs_rsp *rsp)
{
    struct play *p = arg;

    queue_answer(&p->queue[0], rsp);
}

static void open_queues(struct play *p, uint8_t *at)
{
    unsigned int i;

    for (i = 0; i < QUEUES; i++) {
        p->ring[i] = (xk_files_sring_t *)(void *)(at + i * RING_BYTES);
        SHARED_RING_INIT(p->ring[i]);
        BACK_RING_INIT(&p->queue[i].ring, p->ring[i], RING_BYTES);
        p->queue[i].codec = &p->codec;
        p->queue[i].control = !i;
        p->queue[i].broken = on_broken;
        p->queue[i].arg = p;
        pthread_mutex_init(&p->queue[i].lock, NULL);
    }
}

static void begin(struct play *p)
{
    struct xkfs_memory m = xkfs_memory();

    memset(m.at, 0, m.size);
    memset(stats, 0, sizeof(stats));
    memset(&audit, 0, sizeof(audit));
    memset(&remember, 0, sizeof(remember));
    p->ops = share_stage_open();
    p->pool = m.at + QUEUES * RING_BYTES;
    p->codec.ops = p->ops;
    p->codec.pool = p->pool;
    p->codec.pool_size = POOL_BYTES;
    p->codec.epoch = 1;
    p->codec.stats = stats;
    p->codec.audit = &audit;
    p->codec.send = on_late;
    p->codec.arg = p;
    codec_init(&p->codec, &remember);
    open_queues(p, m.at);
    p->nodes[p->nr_nodes++] = XK_XKFS_ROOT;
}

static void end(struct play *p)
{
    unsigned int i;

    codec_dispose(&p->codec);
    FUZZ_CHECK(ops_known(p->ops) <= 65);
    (void)ops_share_revoke(p->ops, SHARE_STAGE_ID);
    FUZZ_CHECK(!ops_share_users(p->ops, SHARE_STAGE_ID));
    ops_close(p->ops);
    for (i = 0; i < QUEUES; i++)
        pthread_mutex_destroy(&p->queue[i].lock);
}

/* ---- what it learns ---- */

static bool gives_entry(uint16_t op)
{
    return op == XK_XKFS_LOOKUP || op == XK_XKFS_CREATE ||
           op == XK_XKFS_MKDIR || op == XK_XKFS_MKNOD ||
           op == XK_XKFS_SYMLINK || op == XK_XKFS_LINK ||
           op == XK_XKFS_TMPFILE || op == XK_XKFS_RESTORE;
}

static void learn(struct play *p, const struct xk_xkfs_rsp *rsp)
{
    struct xk_xkfs_entry e;

    if (gives_entry(p->last.op) && rsp->out_len == sizeof(e)) {
        memcpy(&e, p->pool + p->last.out_off, sizeof(e));
        p->nodes[p->nr_nodes++ % KNOWN] = e.node;
        p->handle_len = e.handle_len % (XK_XKFS_HANDLE + 1);
        memcpy(p->handle, e.handle, p->handle_len);
    }
    if (p->last.op == XK_XKFS_OPEN || p->last.op == XK_XKFS_CREATE ||
        p->last.op == XK_XKFS_TMPFILE)
        p->fhs[p->nr_fhs++ % KNOWN] = rsp->value;
}

/* Answers, as the server wrote them: not from what may have changed since. */
static void look(struct play *p, unsigned int q)
{
    struct xk_xkfs_rsp rsp;

    for (; p->seen[q] != p->queue[q].ring.rsp_prod_pvt; p->seen[q]++) {
        memcpy(&rsp, RING_GET_RESPONSE(&p->queue[q].ring, p->seen[q]),
               sizeof(rsp));
        if (rsp.id == p->last.id && !rsp.status)
            learn(p, &rsp);
    }
}

static void drain(struct play *p, unsigned int q)
{
    RING_IDX before = p->queue[q].ring.rsp_prod_pvt;
    RING_IDX requests = p->queue[q].ring.req_cons;

    (void)queue_drain(&p->queue[q]);
    /* Not more answers than requests, whatever the indices said. */
    requests = p->queue[q].ring.req_cons - requests;
    FUZZ_CHECK(requests <= RING_SIZE(&p->queue[q].ring));
    if (q)
        FUZZ_CHECK(p->queue[q].ring.rsp_prod_pvt - before <= requests);
    look(p, q);
    look(p, 0);
}

/* ---- its acts ---- */

static void put(struct play *p, unsigned int q, const struct xk_xkfs_req *req)
{
    xk_files_back_ring_t *ring = &p->queue[q].ring;

    if (p->prod[q] - ring->rsp_prod_pvt >= RING_SIZE(ring))
        return;
    memcpy(RING_GET_REQUEST(ring, p->prod[q]), req, sizeof(*req));
    p->ring[q]->req_prod = ++p->prod[q];
    p->last = *req;
}

static void act_raw(struct play *p)
{
    struct xk_xkfs_req req;
    uint8_t q = fuzz_byte(p->in);

    fuzz_take(p->in, &req, sizeof(req));
    put(p, q % QUEUES, &req);
    drain(p, q % QUEUES);
}

static uint64_t known(const uint64_t *list, unsigned int count, uint8_t which)
{
    if (count > KNOWN)
        count = KNOWN;
    return count ? list[which % count] : which;
}

/* One of a few names, or the input's. */
static uint32_t put_name(struct play *p, uint32_t at)
{
    static const char *const names[] = {
        "s", "f", "d", "g", "l", "new", "user.x", "..", "",
    };
    uint8_t which = fuzz_byte(p->in);
    size_t len;

    if (which >= 0xf0) {
        len = which - 0xefu;
        fuzz_take(p->in, p->pool + at, len);
        return (uint32_t)len;
    }
    len = strlen(names[which % XK_ARRAY_SIZE(names)]);
    memcpy(p->pool + at, names[which % XK_ARRAY_SIZE(names)], len);
    return (uint32_t)len;
}

static uint32_t put_record(struct play *p)
{
    uint8_t bytes[sizeof(struct xk_xkfs_setattr)];

    fuzz_take(p->in, bytes, sizeof(bytes));
    memcpy(p->pool, bytes, sizeof(bytes));
    return sizeof(bytes);
}

/* What `in` is, by operation; what is not here has a name. */
static uint32_t put_in(struct play *p, struct xk_xkfs_req *req)
{
    uint32_t n;

    switch (req->op) {
    case XK_XKFS_SETATTR:
        return put_record(p);
    case XK_XKFS_GETLK:
    case XK_XKFS_SETLK:
        (void)put_record(p);
        return sizeof(struct xk_xkfs_lock);
    case XK_XKFS_FORGET:
        memcpy(p->pool, &req->node, 8);
        memcpy(p->pool + 8, &req->fh, 8);
        return 16;
    case XK_XKFS_RESTORE:
        memcpy(p->pool, p->handle, p->handle_len);
        req->name_len = p->handle_len;
        return p->handle_len + put_name(p, p->handle_len);
    case XK_XKFS_SYMLINK:
    case XK_XKFS_RENAME:
    case XK_XKFS_SETXATTR:
        n = put_name(p, 0);
        req->name_len = n;
        return n + put_name(p, n);
    default:
        return put_name(p, 0);
    }
}

static bool is_control(uint16_t op)
{
    return op == XK_XKFS_HELLO || op == XK_XKFS_NOTIFY ||
           op == XK_XKFS_INTERRUPT;
}

/* A request that could be right. */
static void act_request(struct play *p)
{
    static const uint64_t args[] = {
        0, O_RDWR, O_RDWR | O_TRUNC, O_RDONLY | O_DIRECTORY, 4096, 1, 2,
        UINT64_MAX,
    };
    uint8_t what = fuzz_byte(p->in), which = fuzz_byte(p->in);
    uint8_t more = fuzz_byte(p->in), flags = fuzz_byte(p->in);
    struct xk_xkfs_req req = {
        .id = ++p->id, .op = (uint16_t)(1 + what % (XK_XKFS_OPS - 1)),
        .flags = flags & 0xf, .out_off = OUT, .out_len = 4096,
        .node = known(p->nodes, p->nr_nodes, which & 15),
        .node2 = known(p->nodes, p->nr_nodes, which >> 4),
        .fh = known(p->fhs, p->nr_fhs, which & 15),
        .fh2 = known(p->fhs, p->nr_fhs, which >> 4),
        .off = (uint64_t)(more & 7) * 1000, .uid = flags >> 4,
    };
    unsigned int q;

    req.arg[0] = args[more % XK_ARRAY_SIZE(args)];
    req.arg[1] = S_IFREG | 0644;
    if (more & 0x80)
        req.fh = 0;
    if (more & 0x40)
        req.arg[1] = (uint64_t)flags << 9 | 0600;
    if (req.op == XK_XKFS_HELLO)
        req.arg[0] = XK_XKFS_VERSION;
    req.in_len = put_in(p, &req);
    q = is_control(req.op) || (req.flags & XK_XKFS_F_WAIT) ? 0 : 1;
    put(p, q, &req);
    drain(p, q);
}

static void act_again(struct play *p)
{
    struct xk_xkfs_req req = p->last;

    req.flags |= XK_XKFS_F_AGAIN;
    put(p, 1, &req);
    drain(p, 1);
}

/* The last one with some of its bytes changed. */
static void act_mutate(struct play *p)
{
    struct xk_xkfs_req req = p->last;
    uint8_t n = fuzz_byte(p->in) % 4u;

    for (; n; n--)
        ((uint8_t *)&req)[fuzz_byte(p->in) % sizeof(req)] ^=
            fuzz_byte(p->in);
    put(p, 1, &req);
    drain(p, 1);
}

static void act_index(struct play *p)
{
    uint8_t how = fuzz_byte(p->in);
    uint32_t value;

    fuzz_take(p->in, &value, how & 4 ? 4 : 1);
    if (how & 2)
        p->ring[how & 1]->rsp_event = value;
    else
        p->ring[how & 1]->req_prod += value;
    drain(p, how & 1);
    p->ring[how & 1]->req_prod = p->prod[how & 1] =
        p->queue[how & 1].ring.req_cons;
}

static void act_scribble(struct play *p)
{
    uint16_t at;
    uint8_t n = fuzz_byte(p->in);

    fuzz_take(p->in, &at, sizeof(at));
    fuzz_take(p->in, p->pool + at, n);
}

static void act_parent(struct play *p)
{
    struct share s = { .name = "s", .type = SHARE_DIR };
    uint8_t what = fuzz_byte(p->in);

    s.read_only = what & 1;
    s.size_limit = what & 2 ? 1 << 20 : 0;
    s.open_limit = what & 4 ? 2 : 0;
    s.audit = what & 8;
    if (what & 0x10)
        (void)ops_share_drain(p->ops, SHARE_STAGE_ID);
    else
        (void)ops_share_set(p->ops, SHARE_STAGE_ID, &s);
    codec_tell(&p->codec, XK_XKFS_EV_SHARES, SHARE_STAGE_ID);
    (void)codec_retry(&p->codec);
}

static void (*const acts[])(struct play *p) = {
    act_request, act_request, act_request, act_request, act_mutate,
    act_raw, act_again, act_index, act_scribble, act_parent,
};

/* So that an input need not find the beginning by itself. */
static void greet(struct play *p)
{
    static const char name[] = "s";
    struct xk_xkfs_req req = {
        .id = ++p->id, .op = XK_XKFS_HELLO, .out_off = OUT, .out_len = 4096,
        .arg = { XK_XKFS_VERSION },
    };

    put(p, 0, &req);
    drain(p, 0);
    req = (struct xk_xkfs_req){
        .id = ++p->id, .op = XK_XKFS_LOOKUP, .node = XK_XKFS_ROOT,
        .in_len = 1, .out_off = OUT, .out_len = 4096,
    };
    memcpy(p->pool, name, 1);
    put(p, 1, &req);
    drain(p, 1);
}

void xkfs_play(struct fuzz_input *in)
{
    struct play p = { .in = in };
    unsigned int n;

    share_stage_prepare();
    begin(&p);
    greet(&p);
    for (n = 0; n < ACTS_MAX && in->left && !p.broken; n++)
        acts[fuzz_byte(in) % XK_ARRAY_SIZE(acts)](&p);
    end(&p);
    share_stage_check();
}
