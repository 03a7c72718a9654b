// SPDX-License-Identifier: GPL-2.0-only
/*
 * xenstore as a guest's file front-ends write it, of both devices: any value
 * in any node, in any order, between which filed handles what there is. No
 * server is started here; what it would be told is looked at instead: numbers
 * that all are in bounds, and a server for each device at most.
 */
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenstore.h>

#include <xenkeep/log.h>

#include "fake.h"
#include "fuzz.h"
#include "guest.h"
#include "p9_server.h"
#include "plan.h"
#include "server.h"

#define ACTS_MAX 80u
/* One of xkfs, two of 9pfs. */
#define DEVICES 3u

static struct filed fd;
static char dir[] = "/tmp/fuzz-front.XXXXXX";
static unsigned int children;

/* ---- in place of servers ---- */

void server_run(const void *plan, int link)
{
    (void)plan, (void)link;
    abort();
}

void p9_server_run(const void *plan, int link)
{
    (void)plan, (void)link;
    abort();
}

static void check_plan(const struct plan *plan)
{
    uint32_t i;

    FUZZ_CHECK(plan->queues >= 2 && plan->queues <= PLAN_QUEUES);
    FUZZ_CHECK(plan->queues <= fd.settings.queues + 1);
    FUZZ_CHECK(plan->ring_order <= XK_XKFS_RING_ORDER);
    FUZZ_CHECK(plan->pool_pages >= XK_XKFS_POOL_MIN &&
               plan->pool_pages <= fd.settings.pool_mib * 256);
    FUZZ_CHECK(plan->area && plan->epoch);
    FUZZ_CHECK(plan->uid == fd.settings.uid_base + plan->domid);
    for (i = 0; i < plan->queues; i++)
        FUZZ_CHECK(plan->queue[i].port);
}

static void check_p9_plan(const struct p9_plan *plan)
{
    FUZZ_CHECK(plan->rings >= 1 && plan->rings <= P9_RINGS);
    FUZZ_CHECK(plan->uid == fd.settings.uid_base + plan->domid);
    FUZZ_CHECK(!strcmp(plan->share, "one") || !strcmp(plan->share, "two"));
}

int child_start(struct child *c, struct event_base *base,
                const struct sandbox_home *home, child_fn *run,
                const void *plan, event_callback_fn heard, void *arg)
{
    (void)base, (void)home, (void)heard, (void)arg;
    FUZZ_CHECK(!child_is_there(c));
    FUZZ_CHECK(++children <= DEVICES);
    if (run == server_run)
        check_plan(plan);
    else
        check_p9_plan(plan);
    *c = (struct child){ .pid = 1, .link = -1 };
    return 0;
}

int child_tell(struct child *c, const struct link_msg *msg, int sent)
{
    (void)sent;
    FUZZ_CHECK(!child_is_there(c) ||
               (msg->type >= LINK_ADD && msg->type <= LINK_GO));
    return 0;
}

int child_bury(struct child *c)
{
    children -= child_is_there(c);
    c->pid = 0;
    return 0;
}

int sandbox_make_home(struct sandbox_home *home)
{
    (void)home;
    return 0;
}

void sandbox_drop_home(struct sandbox_home *home)
{
    (void)home;
}

uint64_t filed_epoch(struct filed *f)
{
    static uint64_t epoch;

    (void)f;
    return ++epoch;
}

/* ---- filed ---- */

static void make_dir(char path[200], const char *name)
{
    snprintf(path, 200, "%s/%s", dir, name);
    FUZZ_CHECK(!mkdir(path, 0755));
}

/* Two shares, one of them for stock guests too. */
static void keep(void)
{
    char path[220], data[200];
    FILE *f;

    make_dir(data, "data");
    snprintf(path, sizeof(path), "%s/guest.conf", fd.share_dir);
    f = fopen(path, "we");
    FUZZ_CHECK(f);
    fprintf(f, "shares = [ \"path=%s,name=one,stock-9p=1\","
            " \"path=%s,name=two,stock-9p=1\" ]\n", data, data);
    fclose(f);
}

static void turn(void)
{
    unsigned int i;

    for (i = 0; i < 3; i++)
        event_base_loop(fd.loop.base, EVLOOP_NONBLOCK);
}

static void once(void)
{
    static const struct fake_host host = { .supers = 32 };

    if (fd.hv)
        return;
    xk_log_init("fuzz", XK_LOG_ERR, true);
    FUZZ_CHECK(!fake_init(&host));
    FUZZ_CHECK(mkdtemp(dir));
    settings_default(&fd.settings);
    fd.lock_fd = fd.epoch_fd = -1;
    make_dir(fd.run_dir, "run");
    make_dir(fd.share_dir, "shares");
    make_dir(fd.state_dir, "state");
    keep();
    FUZZ_CHECK(!xk_loop_init(&fd.loop));
    FUZZ_CHECK(!xk_hv_open(&fd.hv));
    FUZZ_CHECK(!xk_xs_open(&fd.xs, fd.loop.base));
    FUZZ_CHECK(!guests_start(&fd));
    turn();
}

/* ---- the guest ---- */

struct front {
    struct fuzz_input *in;
    struct guest *guest;
    uint16_t domid;
    char at[DEVICES][96];       /* the devices' nodes */
    unsigned int nr;
};

static uint16_t new_guest(void)
{
    struct fake_config config = { .pages = 2 * FAKE_SUPER_PAGES,
                                  .name = "guest", .bare = true };
    int domid = fake_domain_create(&config);

    FUZZ_CHECK(domid > 0);
    return (uint16_t)domid;
}

/* Numbers of 9P devices are of their shares' names: they are looked up. */
static void find(struct front *f)
{
    struct xs_handle *xsh = xs_open(0);
    unsigned int n = 0, i;
    char path[64], **names;

    FUZZ_CHECK(xsh);
    snprintf(f->at[f->nr++], sizeof(f->at[0]), "%s",
             f->guest->device.fe_path);
    snprintf(path, sizeof(path), "/local/domain/%u/device/9pfs", f->domid);
    names = xs_directory(xsh, XBT_NULL, path, &n);
    for (i = 0; i < n && f->nr < DEVICES; i++)
        snprintf(f->at[f->nr++], sizeof(f->at[0]), "%s/%.16s", path,
                 names[i]);
    free(names);
    xs_close(xsh);
    FUZZ_CHECK(f->nr == DEVICES);
}

static const char *const keys[] = {
    "state", "version", "queues", "ring-order", "pool-pages", "pool/0",
    "pool/15", "queue/0/event-channel", "queue/0/ring/0", "queue/0/ring/7",
    "queue/1/event-channel", "queue/1/ring/0", "queue/8/event-channel",
    "num-rings", "ring-ref0", "ring-ref1", "event-channel-0",
    "event-channel-1", "tag", "backend",
};

static void put(struct front *f, unsigned int dev, const char *key,
                const char *value)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", f->at[dev % f->nr], key);
    (void)fake_xs_write(f->domid, path, value);
}

static void act_number(struct front *f)
{
    static const char *const values[] = {
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "63", "64", "512",
        "4096", "16384", "16385", "4294967295", "4294967296", "-1", "",
    };
    uint8_t dev = fuzz_byte(f->in), key = fuzz_byte(f->in);

    put(f, dev, keys[key % (sizeof(keys) / sizeof(keys[0]))],
        values[fuzz_byte(f->in) % (sizeof(values) / sizeof(values[0]))]);
}

static void act_text(struct front *f)
{
    uint8_t dev = fuzz_byte(f->in), key = fuzz_byte(f->in);
    char *value = fuzz_string(f->in);

    if (strlen(value) < 2000)
        put(f, dev, keys[key % (sizeof(keys) / sizeof(keys[0]))], value);
    free(value);
}

/* All that it takes, but for what the acts before have written since. */
static void act_whole(struct front *f)
{
    static const struct {
        const char *key, *value;
    } all[] = {
        { "version", "1" }, { "queues", "1" }, { "ring-order", "0" },
        { "pool-pages", "64" }, { "pool/0", "9" },
        { "queue/0/event-channel", "3" }, { "queue/0/ring/0", "10" },
        { "queue/1/event-channel", "4" }, { "queue/1/ring/0", "11" },
        { "num-rings", "2" }, { "ring-ref0", "8" }, { "ring-ref1", "9" },
        { "event-channel-0", "5" }, { "event-channel-1", "6" },
    };
    uint8_t dev = fuzz_byte(f->in), but = fuzz_byte(f->in);
    size_t i;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (i != but)
            put(f, dev, all[i].key, all[i].value);
    put(f, dev, "state", "3");
}

static void act_state(struct front *f)
{
    char text[2] = "0";
    uint8_t what = fuzz_byte(f->in);

    text[0] = (char)('0' + what % 10);
    put(f, what / 16u, "state", text);
}

static void act_remove(struct front *f)
{
    uint8_t what = fuzz_byte(f->in);

    if (what & 0x80)
        (void)fake_xs_rm(f->domid, f->at[what % f->nr]);
    else
        (void)fake_xs_mkdir(f->domid, f->at[what % f->nr]);
}

static void act_server(struct front *f)
{
    if (!child_is_there(&f->guest->server))
        return;
    if (fuzz_byte(f->in) & 1)
        device_up(&f->guest->device);
    else
        device_break(&f->guest->device, "it is said so");
}

static void (*const acts[])(struct front *f) = {
    act_number, act_text, act_whole, act_state, act_remove, act_server,
    act_state, act_whole,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct front f = { .in = &in };
    unsigned int n;

    if (geteuid())
        return 0;       /* a mount is cloned for each share */
    once();
    f.domid = new_guest();
    turn();
    f.guest = guest_by_domid(&fd, f.domid);
    FUZZ_CHECK(f.guest && f.guest->device.created && f.guest->p9);
    find(&f);
    for (n = 0; n < ACTS_MAX && in.left; n++) {
        acts[fuzz_byte(&in) % (sizeof(acts) / sizeof(acts[0]))](&f);
        turn();
        FUZZ_CHECK(!child_is_there(&f.guest->server) ||
                   f.guest->device.state == DEVICE_STARTING ||
                   f.guest->device.state == DEVICE_CONNECTED);
    }
    FUZZ_CHECK(!fake_domain_destroy(f.domid));
    turn();
    FUZZ_CHECK(!guest_by_domid(&fd, f.domid) && !children);
    return 0;
}
