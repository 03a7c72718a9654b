/* SPDX-License-Identifier: GPL-2.0-only */
/* Back-ends of 9pfs, see p9_device.h. */
#include "p9_device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "child.h"
#include "guest.h"
#include "p9_server.h"
#include "table.h"
#include "xenbus.h"
#include "xk-keys.h"

/* The transport's only version. */
#define VERSIONS "1"
/* Numbers of devices: by the shares' names, so that they stay, and beyond the
 * toolstack's own, which begin with 0. */
#define DEVICE_BASE 1000u
#define DEVICE_BITS 0xfffffu
#define CONNECTS_MS 10000u

struct p9_device {
    struct p9_device *next;
    struct guest *guest;
    uint32_t id;                /* of the share */
    char name[XK_XKFS_NAME + 1];
    char fe_path[XK_XS_PATH_MAX], be_path[XK_XS_PATH_MAX];
    struct xk_watch fe_state;
    struct child server;
    bool up;
    bool broken;                /* until the front-end starts over */
    bool leaving;               /* goes when nobody uses it */
    struct xk_ratelimit connects;       /* bounds state flapping */
    struct event *retry;                /* when it has cooled down */
};

static struct xk_xs *store(const struct p9_device *dev)
{
    return dev->guest->filed->xs;
}

static void set_state(struct p9_device *dev, unsigned int state)
{
    (void)xk_node_write_u64(store(dev), dev->be_path, XK_KEY_P9_BE_STATE,
                            state);
}

static int read_number(struct p9_device *dev, const char *key,
                       uint32_t *value_r)
{
    return xk_node_read_u32(store(dev), dev->fe_path, key, value_r);
}

/* ---- its server ---- */

static const struct lent *lent_of(const struct p9_device *dev)
{
    const struct lent *l;

    for (l = dev->guest->lent; l && l->id != dev->id; l = l->next)
        ;
    return l;
}

static void end_server(struct p9_device *dev)
{
    if (child_is_there(&dev->server))
        dev->guest->filed->totals.servers--;
    (void)child_bury(&dev->server);
    dev->up = false;
}

static void start_over(struct p9_device *dev)
{
    end_server(dev);
    dev->broken = false;
    set_state(dev, XENBUS_INIT_WAIT);
}

static void break_it(struct p9_device *dev, const char *reason)
{
    char safe[120];

    xk_warn("%s: 9P front-end of share %s broke the protocol: %s",
            dev->guest->name, dev->name,
            xk_log_safe(safe, sizeof(safe), reason));
    dev->guest->filed->totals.broken++;
    end_server(dev);
    dev->broken = true;
    set_state(dev, XENBUS_CLOSED);
}

static void remove_device(struct p9_device *dev);
static void look(struct p9_device *dev);

/* One that came up is followed by the next, on the same rings. */
static void on_death(struct p9_device *dev)
{
    bool was_up = dev->up;

    end_server(dev);
    if (dev->leaving)
        remove_device(dev);
    else if (was_up)
        look(dev);
    else
        break_it(dev, "its rings are none");
}

static void on_heard(evutil_socket_t fd, short what, void *arg)
{
    struct p9_device *dev = arg;
    struct link_msg msg;
    int came, rc = link_recv(fd, &msg, &came);

    (void)what;
    xk_close(&came);
    if (rc == -EAGAIN)
        return;
    if (rc <= 0) {
        xk_warn("%s: the 9P server of share %s ended", dev->guest->name,
                dev->name);
        dev->guest->filed->totals.deaths++;
        on_death(dev);
    } else if (msg.type == LINK_UP) {
        dev->up = true;
        set_state(dev, XENBUS_CONNECTED);
        xk_info("%s: share %s is connected by 9P", dev->guest->name,
                dev->name);
    } else if (msg.type == LINK_GONE && dev->leaving) {
        remove_device(dev);
    } else if (msg.type == LINK_BROKEN) {
        break_it(dev, msg.why);
    }
}

static void tell(struct p9_device *dev, enum link_type type,
                 const struct lent *lent)
{
    struct link_msg msg = { .type = type, .id = dev->id };

    if (lent)
        msg.share = lent->share;
    (void)child_tell(&dev->server, &msg, type == LINK_ADD ? lent->fd : -1);
}

/* Each node is read once; the schema bounds each number. */
static int read_plan(struct p9_device *dev, struct p9_plan *plan)
{
    static const char *const refs[P9_RINGS] = {
        XK_KEY_P9_FE_RING_0, XK_KEY_P9_FE_RING_1,
    };
    static const char *const ports[P9_RINGS] = {
        XK_KEY_P9_FE_PORT_0, XK_KEY_P9_FE_PORT_1,
    };
    uint32_t version, i;
    int rc = read_number(dev, XK_KEY_P9_FE_VERSION, &version);

    if (!rc)
        rc = read_number(dev, XK_KEY_P9_FE_RINGS, &plan->rings);
    for (i = 0; !rc && i < plan->rings; i++) {
        rc = read_number(dev, refs[i], &plan->refs[i]);
        if (!rc)
            rc = read_number(dev, ports[i], &plan->ports[i]);
    }
    return rc;
}

static void complete(struct p9_device *dev, struct p9_plan *plan)
{
    const struct settings *s = &dev->guest->filed->settings;

    plan->domid = dev->guest->info.domid;
    plan->uid = s->uid_base + plan->domid;
    memcpy(plan->share, dev->name, sizeof(plan->share));
    plan->limits = (struct ops_limits){
        .nodes = s->nodes, .files = s->open_files, .locks = s->locks,
        .descriptors = s->descriptors,
    };
}

static int serve(struct p9_device *dev, const struct lent *lent,
                 struct p9_plan *plan)
{
    struct filed *fd = dev->guest->filed;
    int rc;

    complete(dev, plan);
    rc = sandbox_make_home(&dev->guest->home);
    if (!rc)
        rc = child_start(&dev->server, fd->loop.base, &dev->guest->home,
                         p9_server_run, plan, on_heard, dev);
    if (rc)
        return rc;
    fd->totals.servers++;
    fd->totals.starts++;
    tell(dev, LINK_ADD, lent);
    tell(dev, LINK_GO, NULL);
    return 0;
}

/* ---- states of the front-end ---- */

static void try_connect(struct p9_device *dev)
{
    const struct lent *lent = lent_of(dev);
    struct timeval later = { .tv_sec = 1 };
    struct p9_plan plan = { 0 };
    int rc;

    if (child_is_there(&dev->server) || dev->broken || !lent ||
        lent->fd < 0 || dev->leaving)
        return;
    if (!xk_ratelimit_ok(&dev->connects, xk_now_ms(), NULL)) {
        if (!evtimer_pending(dev->retry, NULL))
            (void)evtimer_add(dev->retry, &later);
        return;
    }
    if (read_plan(dev, &plan)) {
        break_it(dev, "its nodes do not lead to rings");
        return;
    }
    rc = serve(dev, lent, &plan);
    if (rc)
        xk_warn("%s: the 9P server of share %s cannot start: %s",
                dev->guest->name, dev->name, strerror(-rc));
}

static void on_closing(struct p9_device *dev)
{
    end_server(dev);
    set_state(dev, XENBUS_CLOSING);
}

static void on_closed(struct p9_device *dev)
{
    end_server(dev);
    dev->broken = false;
    set_state(dev, XENBUS_CLOSED);
}

static void (*const fe_handlers[])(struct p9_device *dev) = {
    [XENBUS_INITIALISING] = start_over,
    [XENBUS_INITIALISED] = try_connect,
    [XENBUS_CONNECTED] = try_connect,
    [XENBUS_CLOSING] = on_closing,
    [XENBUS_CLOSED] = on_closed,
};

static void look(struct p9_device *dev)
{
    uint32_t state;

    if (!read_number(dev, XK_KEY_P9_FE_STATE, &state) &&
        state < XK_ARRAY_SIZE(fe_handlers) && fe_handlers[state])
        fe_handlers[state](dev);
}

static void on_fe_state(const char *path, void *arg)
{
    (void)path;
    look(arg);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    look(arg);
}

/* ---- nodes ---- */

static int create_be(struct p9_device *dev)
{
    xk_domid_t domid = dev->guest->info.domid;
    const struct xk_node_number numbers[] = {
        { XK_KEY_P9_BE_FRONTEND_ID, domid },
        { XK_KEY_P9_BE_ONLINE, 1 },
        { XK_KEY_P9_BE_MAX_RINGS, P9_RINGS },
        { XK_KEY_P9_BE_MAX_RING_ORDER, P9_RING_ORDER_MAX },
    };
    int rc = xk_xs_mkdir(store(dev), dev->be_path, 0, domid);

    if (!rc)
        rc = xk_node_write(store(dev), dev->be_path, XK_KEY_P9_BE_FRONTEND,
                           dev->fe_path);
    if (!rc)
        rc = xk_node_write(store(dev), dev->be_path, XK_KEY_P9_BE_VERSIONS,
                           VERSIONS);
    return rc ? rc : xk_node_write_numbers(store(dev), dev->be_path, numbers,
                                           XK_ARRAY_SIZE(numbers));
}

static int create_fe(struct p9_device *dev)
{
    static const struct xk_node_number numbers[] = {
        { XK_KEY_P9_FE_BACKEND_ID, 0 },
        { XK_KEY_P9_FE_STATE, XENBUS_INITIALISING },
    };
    int rc = xk_xs_mkdir(store(dev), dev->fe_path, dev->guest->info.domid, 0);

    if (!rc)
        rc = xk_node_write(store(dev), dev->fe_path, XK_KEY_P9_FE_BACKEND,
                           dev->be_path);
    if (!rc)
        rc = xk_node_write(store(dev), dev->fe_path, XK_KEY_P9_FE_TAG,
                           dev->name);
    return rc ? rc : xk_node_write_numbers(store(dev), dev->fe_path, numbers,
                                           XK_ARRAY_SIZE(numbers));
}

static bool fe_is_there(struct p9_device *dev)
{
    return xk_node_exists(store(dev), dev->fe_path, XK_KEY_P9_FE_STATE);
}

/* The back-end first: the guest's kernel follows what the front-end names.
 * One that is connected, by an earlier filed, is not disturbed. */
static int create_nodes(struct p9_device *dev)
{
    uint32_t state = 0;
    int rc = create_be(dev);

    (void)read_number(dev, XK_KEY_P9_FE_STATE, &state);
    if (!rc && state != XENBUS_CONNECTED)
        set_state(dev, XENBUS_INIT_WAIT);
    if (!rc && !state)
        rc = create_fe(dev);
    return rc;
}

static int create(struct p9_device *dev)
{
    char path[XK_XS_PATH_MAX];
    int rc = create_nodes(dev);

    if (!rc)
        rc = xk_xs_watch(store(dev), &dev->fe_state,
                         xk_node(dev->fe_path, XK_KEY_P9_FE_STATE, path),
                         on_fe_state, dev);
    if (rc)
        xk_warn("%s: cannot make the 9P device of share %s: %s",
                dev->guest->name, dev->name, strerror(-rc));
    return rc;
}

static void device_free(struct p9_device *dev)
{
    struct p9_device **at;

    for (at = &dev->guest->p9; *at != dev; at = &(*at)->next)
        ;
    *at = dev->next;
    xk_xs_unwatch(store(dev), &dev->fe_state);
    end_server(dev);
    if (dev->retry)
        event_free(dev->retry);
    free(dev);
}

/* Both ends: the guest's kernel lets go of it. */
static void remove_device(struct p9_device *dev)
{
    (void)xk_xs_rm(store(dev), dev->fe_path);
    (void)xk_xs_rm(store(dev), dev->be_path);
    device_free(dev);
}

static struct p9_device *find(struct guest *g, uint32_t id)
{
    struct p9_device *dev;

    for (dev = g->p9; dev && dev->id != id; dev = dev->next)
        ;
    return dev;
}

static struct p9_device *new_device(struct guest *g, const struct lent *lent)
{
    struct p9_device *dev = calloc(1, sizeof(*dev));
    xk_domid_t domid = g->info.domid;
    uint32_t number = DEVICE_BASE +
        (uint32_t)(table_hash(lent->share.name, strlen(lent->share.name),
                              0) & DEVICE_BITS);

    if (!dev)
        return NULL;
    dev->guest = g;
    dev->id = lent->id;
    dev->server.link = -1;
    dev->connects = (struct xk_ratelimit)XK_RATELIMIT_INIT(CONNECTS_MS,
                                                           DEVICE_CONNECTS);
    memcpy(dev->name, lent->share.name, sizeof(dev->name));
    snprintf(dev->fe_path, sizeof(dev->fe_path), XK_PATH_P9_FRONTEND, domid,
             number);
    snprintf(dev->be_path, sizeof(dev->be_path), XK_PATH_P9_BACKEND, domid,
             number);
    dev->retry = evtimer_new(g->filed->loop.base, on_retry, dev);
    dev->next = g->p9;
    g->p9 = dev;
    if (dev->retry)
        return dev;
    device_free(dev);
    return NULL;
}

void p9_device_share(struct guest *g, const struct lent *lent)
{
    struct p9_device *dev = find(g, lent->id);

    if (dev && lent->share.stock_9p) {
        tell(dev, LINK_SET, lent);
    } else if (dev) {
        p9_device_revoke(g, lent->id, false);
    } else if (lent->share.stock_9p && lent->fd >= 0) {
        dev = new_device(g, lent);
        if (dev && create(dev))
            remove_device(dev);
    }
}

void p9_device_revoke(struct guest *g, uint32_t id, bool now)
{
    struct p9_device *dev = find(g, id);

    if (!dev)
        return;
    if (now || !child_is_there(&dev->server)) {
        remove_device(dev);
        return;
    }
    dev->leaving = true;
    tell(dev, LINK_DRAIN, NULL);
}

void p9_devices_check(struct guest *g)
{
    struct p9_device *dev;

    for (dev = g->p9; dev; dev = dev->next)
        if (!fe_is_there(dev)) {
            end_server(dev);
            (void)create_nodes(dev);
        }
}

void p9_devices_dispose(struct guest *g, bool guest_gone)
{
    char dir[XK_XS_PATH_MAX];

    while (g->p9)
        device_free(g->p9);
    snprintf(dir, sizeof(dir), XK_PATH_P9_BACKEND_DOMAIN, g->info.domid);
    if (guest_gone)
        (void)xk_xs_rm(g->filed->xs, dir);
}
