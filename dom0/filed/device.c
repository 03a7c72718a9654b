/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The back-end device, see device.h.
 */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xenkeep/util.h>

#include "guest.h"
#include "xenbus.h"
#include "xk-keys.h"

#define DEVICE_ID 0u
#define CONNECTS_MS 10000u
#define PAGE_KIB 4u

static struct xk_xs *store(const struct device *dev)
{
    return dev->guest->filed->xs;
}

static int read_fe(struct device *dev, const char *key, uint32_t *value_r)
{
    return xk_node_read_u32(store(dev), dev->fe_path, key, value_r);
}

static void set_state(struct device *dev, unsigned int state)
{
    int rc = xk_node_write_u64(store(dev), dev->be_path,
                               XK_KEY_FILES_BE_STATE, state);

    if (rc && dev->created)
        xk_warn("%s: state of its files device: %s", dev->guest->name,
                strerror(-rc));
}

const char *device_state_name(const struct device *dev)
{
    static const char *const names[] = {
        [DEVICE_ABSENT] = "absent", [DEVICE_CONNECTING] = "connecting",
        [DEVICE_STARTING] = "connecting", [DEVICE_CONNECTED] = "connected",
        [DEVICE_BROKEN] = "broken",
    };

    return names[dev->state];
}

/* ---- what the front-end wrote ---- */

static int read_queue(struct device *dev, uint32_t index, uint32_t pages,
                      struct plan_queue *q)
{
    char key[64];
    uint32_t i;
    int rc;

    snprintf(key, sizeof(key), "queue/%u/event-channel", index);
    rc = read_fe(dev, key, &q->port);
    for (i = 0; !rc && i < pages; i++) {
        snprintf(key, sizeof(key), "queue/%u/ring/%u", index, i);
        rc = read_fe(dev, key, &q->refs[i]);
    }
    return rc;
}

static int read_pool(struct device *dev, struct plan *plan)
{
    uint32_t dirs, i;
    char key[32];
    int rc = read_fe(dev, XK_KEY_FILES_FE_POOL_PAGES, &plan->pool_pages);

    if (rc)
        return rc;
    if (plan->pool_pages > dev->guest->filed->settings.pool_mib * 1024 /
                               PAGE_KIB)
        return -EINVAL;
    dirs = (plan->pool_pages + XK_XKFS_DIR_REFS - 1) / XK_XKFS_DIR_REFS;
    for (i = 0; !rc && i < dirs; i++) {
        snprintf(key, sizeof(key), "pool/%u", i);
        rc = read_fe(dev, key, &plan->pool_refs[i]);
    }
    return rc;
}

/* Each node is read once; the schema bounds each number. */
static int read_plan(struct device *dev, struct plan *plan)
{
    uint32_t version, queues, i;
    int rc = read_fe(dev, XK_KEY_FILES_FE_VERSION, &version);

    if (!rc && version > XK_XKFS_VERSION)
        rc = -EPROTONOSUPPORT;
    if (!rc)
        rc = read_fe(dev, XK_KEY_FILES_FE_QUEUES, &queues);
    if (!rc)
        rc = read_fe(dev, XK_KEY_FILES_FE_RING_ORDER, &plan->ring_order);
    if (!rc && queues > dev->guest->filed->settings.queues)
        rc = -EINVAL;
    if (!rc)
        rc = read_pool(dev, plan);
    if (rc)
        return rc;
    plan->queues = queues + 1;
    for (i = 0; !rc && i < plan->queues; i++)
        rc = read_queue(dev, i, 1u << plan->ring_order, &plan->queue[i]);
    return rc;
}

/* ---- states ---- */

static void disconnect(struct device *dev, enum device_state state)
{
    dev->state = state;
    guest_unserve(dev->guest);
}

void device_break(struct device *dev, const char *reason)
{
    char safe[120];
    uint32_t more;

    if (xk_ratelimit_ok(&dev->complaints, xk_now_ms(), &more))
        xk_warn("%s: its files front-end broke the protocol: %s (%u more like "
                "this before)", dev->guest->name,
                xk_log_safe(safe, sizeof(safe), reason), more);
    dev->guest->filed->totals.broken++;
    disconnect(dev, DEVICE_BROKEN);
    set_state(dev, XENBUS_CLOSED);
}

static void start_over(struct device *dev)
{
    disconnect(dev, DEVICE_CONNECTING);
    set_state(dev, XENBUS_INIT_WAIT);
}

void device_up(struct device *dev)
{
    if (dev->state != DEVICE_STARTING)
        return;
    dev->state = DEVICE_CONNECTED;
    set_state(dev, XENBUS_CONNECTED);
    xk_info("%s: its files front-end is connected", dev->guest->name);
}

/* A front-end whose server never came up waits with its rings, and would not
 * take InitWait for news: they are good for the next one. */
void device_lost(struct device *dev)
{
    struct timeval later = { .tv_sec = 1 };

    if (dev->state == DEVICE_STARTING && dev->retry) {
        disconnect(dev, DEVICE_CONNECTING);
        (void)evtimer_add(dev->retry, &later);
    } else {
        start_over(dev);
    }
}

static void try_connect(struct device *dev)
{
    struct timeval later = { .tv_sec = 1 };
    struct plan plan = { 0 };
    int rc;

    if (dev->state == DEVICE_CONNECTED || dev->state == DEVICE_STARTING)
        return;
    if (!xk_ratelimit_ok(&dev->connects, xk_now_ms(), NULL)) {
        if (dev->retry && !evtimer_pending(dev->retry, NULL))
            (void)evtimer_add(dev->retry, &later);
        return;
    }
    rc = read_plan(dev, &plan);
    if (rc) {
        xk_debug("%s: cannot connect: %s", dev->guest->name, strerror(-rc));
        device_break(dev, "its nodes do not lead to rings");
        return;
    }
    rc = guest_serve(dev->guest, &plan);
    if (rc)
        xk_warn("%s: its server cannot start: %s", dev->guest->name,
                strerror(-rc));
    else
        dev->state = DEVICE_STARTING;
}

/* A front-end that says Connected while we are not is one of an earlier
 * filed: InitWait makes it start over. */
static void on_fe_connected(struct device *dev)
{
    if (dev->state == DEVICE_ABSENT)
        start_over(dev);
}

static void on_fe_closing(struct device *dev)
{
    disconnect(dev, DEVICE_CONNECTING);
    set_state(dev, XENBUS_CLOSING);
}

static void on_fe_closed(struct device *dev)
{
    disconnect(dev, DEVICE_ABSENT);
    set_state(dev, XENBUS_CLOSED);
}

static void (*const fe_handlers[])(struct device *dev) = {
    [XENBUS_INITIALISING] = start_over,
    [XENBUS_INITIALISED] = try_connect,
    [XENBUS_CONNECTED] = on_fe_connected,
    [XENBUS_CLOSING] = on_fe_closing,
    [XENBUS_CLOSED] = on_fe_closed,
};

static void look_at_fe(struct device *dev)
{
    uint32_t state;

    if (read_fe(dev, XK_KEY_FILES_FE_STATE, &state) ||
        state >= XK_ARRAY_SIZE(fe_handlers) || !fe_handlers[state])
        return;
    fe_handlers[state](dev);
}

static void on_fe_state(const char *path, void *arg)
{
    (void)path;
    look_at_fe(arg);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    look_at_fe(arg);
}

/* ---- nodes ---- */

void device_init(struct device *dev, struct guest *guest)
{
    memset(dev, 0, sizeof(*dev));
    dev->guest = guest;
    dev->connects = (struct xk_ratelimit)XK_RATELIMIT_INIT(CONNECTS_MS,
                                                           DEVICE_CONNECTS);
    dev->complaints = (struct xk_ratelimit)XK_RATELIMIT_INIT(60000, 3);
    snprintf(dev->fe_path, sizeof(dev->fe_path), XK_PATH_FILES_FRONTEND,
             guest->info.domid, DEVICE_ID);
    snprintf(dev->be_path, sizeof(dev->be_path), XK_PATH_FILES_BACKEND,
             guest->info.domid, DEVICE_ID);
}

static int create_be(struct device *dev)
{
    const struct settings *s = &dev->guest->filed->settings;
    xk_domid_t domid = dev->guest->info.domid;
    char path[XK_XS_PATH_MAX];
    const struct xk_node_number numbers[] = {
        { XK_KEY_FILES_BE_FRONTEND_ID, domid },
        { XK_KEY_FILES_BE_ONLINE, 1 },
        { XK_KEY_FILES_BE_MAX_VERSION, XK_XKFS_VERSION },
        { XK_KEY_FILES_BE_MAX_QUEUES, s->queues },
        { XK_KEY_FILES_BE_MAX_RING_ORDER, XK_XKFS_RING_ORDER },
        { XK_KEY_FILES_BE_MAX_POOL_PAGES, s->pool_mib * 1024 / PAGE_KIB },
    };
    int rc;

    /* What an earlier filed lent is told anew. */
    rc = xk_xs_rm(store(dev), xk_node(dev->be_path, XK_KEY_FILES_BE_SHARES,
                                      path));
    if (!rc)
        rc = xk_xs_mkdir(store(dev), dev->be_path, 0, domid);
    if (!rc)
        rc = xk_xs_mkdir(store(dev), path, 0, domid);
    if (!rc)
        rc = xk_node_write(store(dev), dev->be_path,
                           XK_KEY_FILES_BE_FRONTEND, dev->fe_path);
    return rc ? rc : xk_node_write_numbers(store(dev), dev->be_path, numbers,
                                           XK_ARRAY_SIZE(numbers));
}

static int create_fe(struct device *dev)
{
    static const struct xk_node_number numbers[] = {
        { XK_KEY_FILES_FE_BACKEND_ID, 0 },
        { XK_KEY_FILES_FE_STATE, XENBUS_INITIALISING },
    };
    int rc = xk_xs_mkdir(store(dev), dev->fe_path, dev->guest->info.domid, 0);

    if (!rc)
        rc = xk_node_write(store(dev), dev->fe_path,
                           XK_KEY_FILES_FE_BACKEND, dev->be_path);
    return rc ? rc : xk_node_write_numbers(store(dev), dev->fe_path, numbers,
                                           XK_ARRAY_SIZE(numbers));
}

/* The back-end first: the guest's kernel follows what the front-end names. */
static int create_nodes(struct device *dev, bool fe_exists)
{
    const struct lent *lent;
    int rc = create_be(dev);

    for (lent = dev->guest->lent; !rc && lent; lent = lent->next)
        device_share(dev, lent);
    if (!rc)
        rc = xk_node_write_u64(store(dev), dev->be_path,
                               XK_KEY_FILES_BE_STATE, XENBUS_INIT_WAIT);
    return rc || fe_exists ? rc : create_fe(dev);
}

void device_share(struct device *dev, const struct lent *lent)
{
    char dir[XK_XS_PATH_MAX], key[32];
    const struct share *s = &lent->share;
    int rc;

    if (lent->fd < 0 && lent->state != LENT_REVOKED)
        return;         /* it cannot be had: nothing to show */
    snprintf(key, sizeof(key), "%s/%u", XK_KEY_FILES_BE_SHARES, lent->id);
    (void)xk_node(dev->be_path, key, dir);
    if (lent->state == LENT_REVOKED) {
        (void)xk_xs_rm(store(dev), dir);
        return;
    }
    rc = xk_xs_mkdir(store(dev), dir, 0, dev->guest->info.domid);
    if (!rc)
        rc = xk_node_write(store(dev), dir, XK_KEY_FILES_BE_SHARE_NAME,
                           s->name);
    if (!rc)
        rc = xk_node_write(store(dev), dir, XK_KEY_FILES_BE_SHARE_TYPE,
                           share_type_name(s->type));
    if (!rc)
        rc = xk_node_write(store(dev), dir, XK_KEY_FILES_BE_SHARE_MODE,
                           s->read_only ? "ro" : "rw");
    if (!rc)
        rc = xk_node_write(store(dev), dir, XK_KEY_FILES_BE_SHARE_STATE,
                           lent_state_name(lent));
    if (rc)
        xk_warn("%s: share %s cannot be told to the guest: %s",
                dev->guest->name, s->name, strerror(-rc));
}

/* The state is written last: without it an earlier filed was killed while it
 * made the nodes, or they were removed. */
static bool fe_complete(struct device *dev)
{
    return xk_node_exists(store(dev), dev->fe_path, XK_KEY_FILES_FE_STATE);
}

void device_create(struct device *dev)
{
    struct filed *fd = dev->guest->filed;
    char path[XK_XS_PATH_MAX];
    int rc;

    if (dev->created)
        return;
    rc = create_nodes(dev, fe_complete(dev));
    if (rc) {
        xk_warn("%s: cannot make its files device: %s", dev->guest->name,
                strerror(-rc));
        return;
    }
    dev->created = true;
    fd->totals.guests++;
    dev->retry = evtimer_new(fd->loop.base, on_retry, dev);
    rc = xk_xs_watch(fd->xs, &dev->fe_state,
                     xk_node(dev->fe_path, XK_KEY_FILES_FE_STATE, path),
                     on_fe_state, dev);
    if (rc)
        xk_warn("%s: cannot watch its files front-end: %s", dev->guest->name,
                strerror(-rc));
}

void device_check(struct device *dev)
{
    if (dev->created && !fe_complete(dev))
        (void)create_nodes(dev, false);
}

static void let_go(struct device *dev)
{
    struct filed *fd = dev->guest->filed;

    xk_xs_unwatch(fd->xs, &dev->fe_state);
    if (dev->created) {
        disconnect(dev, DEVICE_ABSENT);
        fd->totals.guests--;
    }
    if (dev->retry)
        event_free(dev->retry);
    dev->retry = NULL;
}

void device_remove(struct device *dev)
{
    let_go(dev);
    if (!dev->created)
        return;
    dev->created = false;
    xk_node_rm_folder(store(dev), dev->be_path);
}

/* InitWait and not Closed: the guest waits for the next filed. */
void device_dispose(struct device *dev)
{
    let_go(dev);
    if (dev->created)
        set_state(dev, XENBUS_INIT_WAIT);
    dev->created = false;
}
