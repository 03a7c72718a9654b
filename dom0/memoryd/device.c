/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The back-end device, see device.h. Everything the front-end wrote is
 * hostile; the worst it can do is break this device.
 */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xenkeep/balloon_msg.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "xenbus.h"
#include "xk-keys.h"

#define DEVICE_ID 0u
#define MINUTE_MS 60000u

static struct xk_xs *store(const struct device *dev)
{
    return dev->dom->md->xs;
}

static int read_fe(struct device *dev, const char *key, uint64_t *value_r)
{
    return xk_node_read_u64(store(dev), dev->fe_path, key, value_r);
}

static void set_state(struct device *dev, unsigned int state)
{
    int rc = xk_node_write_u64(store(dev), dev->be_path,
                               XK_KEY_BALLOON_BE_STATE, state);

    if (rc && dev->created)
        xk_warn("%s: state of its balloon device: %s", dev->dom->name,
                strerror(-rc));
}

const char *device_state_name(const struct device *dev)
{
    static const char *const names[] = {
        [DEVICE_ABSENT] = "absent", [DEVICE_CONNECTING] = "connecting",
        [DEVICE_CONNECTED] = "connected", [DEVICE_BROKEN] = "broken",
    };

    return names[dev->state];
}

static void disconnect(struct device *dev, enum device_state state)
{
    bool was = dev->state == DEVICE_CONNECTED;

    dev->state = state;
    xk_chan_close(&dev->chan);
    if (was)
        balloon_lost(&dev->balloon);
}

void device_break(struct device *dev, const char *reason)
{
    uint32_t more;

    if (xk_ratelimit_ok(&dev->complaints, xk_now_ms(), &more))
        xk_warn("%s: balloon front-end broke the protocol: %s (%u more like "
                "this before)", dev->dom->name, reason, more);
    dev->dom->md->totals.broken_devices++;
    disconnect(dev, DEVICE_BROKEN);
    set_state(dev, XENBUS_CLOSED);
}

/* At most a ring of messages each time; the guest notifies after each push. */
void device_poll(struct device *dev)
{
    struct xk_balloon_slot msg;
    unsigned int n;
    int got;

    for (n = 0; n < XK_BALLOON_SLOTS && dev->state == DEVICE_CONNECTED; n++) {
        got = xk_ring_get(&dev->ring, &msg);
        if (got == 0)
            return;
        if (got < 0)
            device_break(dev, "ring index out of bounds");
        else if (xk_balloon_check(&msg, true) ||
                 !balloon_speaks(&dev->balloon, &msg))
            device_break(dev, "malformed message");
        else
            balloon_message(&dev->balloon, &msg);
    }
}

static void on_event(struct xk_chan *chan, void *arg)
{
    (void)chan;
    device_poll(arg);
}

int device_send(struct device *dev, const struct xk_balloon_slot *slot)
{
    int rc;

    if (dev->state != DEVICE_CONNECTED)
        return -ENOTCONN;
    rc = xk_ring_put(&dev->ring, slot);
    if (rc == -EPROTO)
        device_break(dev, "ring index out of bounds");
    if (rc)
        return rc;
    xk_ring_push(&dev->ring);
    return xk_chan_notify(&dev->chan);
}

static int open_ring(struct device *dev)
{
    uint64_t gref, port, version;
    int rc;

    rc = read_fe(dev, XK_KEY_BALLOON_FE_RING_REF, &gref);
    if (!rc)
        rc = read_fe(dev, XK_KEY_BALLOON_FE_EVENT_CHANNEL, &port);
    if (!rc)
        rc = read_fe(dev, XK_KEY_BALLOON_FE_VERSION, &version);
    if (!rc && version > XK_BALLOON_VERSION)
        rc = -EPROTONOSUPPORT;
    if (rc)
        return rc;
    rc = xk_chan_open(dev->dom->md->chans, &dev->chan, dev->dom->info.domid,
                      (uint32_t)gref, (uint32_t)port, on_event, dev);
    if (rc)
        return rc;
    xk_ring_init(&dev->ring, dev->chan.page, XK_RING_DOM0);
    dev->version = (unsigned int)version;
    dev->state = DEVICE_CONNECTED;
    balloon_connected(&dev->balloon);
    set_state(dev, XENBUS_CONNECTED);
    balloon_greet(&dev->balloon);
    if (dev->state != DEVICE_CONNECTED)
        return 0;       /* its first index was wrong: broken by now */
    /* What the guest put before we listened raised no event here. */
    (void)xk_chan_notify(&dev->chan);
    device_poll(dev);
    return 0;
}

static void try_connect(struct device *dev)
{
    struct timeval later = { .tv_sec = MINUTE_MS / 1000 };
    int rc;

    if (dev->state == DEVICE_CONNECTED)
        return;
    if (!xk_ratelimit_ok(&dev->connects, xk_now_ms(), NULL)) {
        if (dev->retry && !evtimer_pending(dev->retry, NULL))
            (void)evtimer_add(dev->retry, &later);
        return;
    }
    rc = open_ring(dev);
    if (!rc && dev->state == DEVICE_CONNECTED)
        xk_info("%s: balloon front-end connected", dev->dom->name);
    if (!rc)
        return;
    xk_debug("%s: cannot connect: %s", dev->dom->name, strerror(-rc));
    device_break(dev, "its nodes do not lead to a ring");
}

static void start_over(struct device *dev)
{
    disconnect(dev, DEVICE_CONNECTING);
    set_state(dev, XENBUS_INIT_WAIT);
}

/*
 * A front-end that says Connected while we are not is one of an earlier
 * memoryd: InitWait makes it start over.
 */
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
    uint64_t state;

    if (read_fe(dev, XK_KEY_BALLOON_FE_STATE, &state) ||
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

void device_init(struct device *dev, struct domain *dom)
{
    memset(dev, 0, sizeof(*dev));
    dev->dom = dom;
    dev->connects = (struct xk_ratelimit)XK_RATELIMIT_INIT(MINUTE_MS,
                                                           DEVICE_CONNECTS);
    dev->complaints = (struct xk_ratelimit)XK_RATELIMIT_INIT(MINUTE_MS, 3);
    snprintf(dev->fe_path, sizeof(dev->fe_path), XK_PATH_BALLOON_FRONTEND,
             dom->info.domid, DEVICE_ID);
    snprintf(dev->be_path, sizeof(dev->be_path), XK_PATH_BALLOON_BACKEND,
             dom->info.domid, DEVICE_ID);
    balloon_init(&dev->balloon, dev);
}

static int create_be(struct device *dev)
{
    xk_domid_t domid = dev->dom->info.domid;
    const struct xk_node_number numbers[] = {
        { XK_KEY_BALLOON_BE_FRONTEND_ID, domid },
        { XK_KEY_BALLOON_BE_ONLINE, 1 },
        { XK_KEY_BALLOON_BE_MAX_VERSION, XK_BALLOON_VERSION },
        { XK_KEY_BALLOON_BE_STATE, XENBUS_INIT_WAIT },
    };
    int rc = xk_xs_mkdir(store(dev), dev->be_path, 0, domid);

    if (!rc)
        rc = xk_node_write(store(dev), dev->be_path,
                           XK_KEY_BALLOON_BE_FRONTEND, dev->fe_path);
    return rc ? rc : xk_node_write_numbers(store(dev), dev->be_path, numbers,
                                           XK_ARRAY_SIZE(numbers));
}

static int create_fe(struct device *dev)
{
    static const struct xk_node_number numbers[] = {
        { XK_KEY_BALLOON_FE_BACKEND_ID, 0 },
        { XK_KEY_BALLOON_FE_STATE, XENBUS_INITIALISING },
    };
    int rc = xk_xs_mkdir(store(dev), dev->fe_path, dev->dom->info.domid, 0);

    if (!rc)
        rc = xk_node_write(store(dev), dev->fe_path,
                           XK_KEY_BALLOON_FE_BACKEND, dev->be_path);
    return rc ? rc : xk_node_write_numbers(store(dev), dev->fe_path, numbers,
                                           XK_ARRAY_SIZE(numbers));
}

/* The back-end first: the guest's kernel follows what the front-end names. */
static int create_nodes(struct device *dev, bool fe_exists)
{
    int rc = create_be(dev);

    return rc || fe_exists ? rc : create_fe(dev);
}

/* The state is written last: without it an earlier memoryd was killed while
 * it made the nodes, or they were removed. */
static bool fe_complete(struct device *dev)
{
    return xk_node_exists(store(dev), dev->fe_path, XK_KEY_BALLOON_FE_STATE);
}

void device_create(struct device *dev)
{
    struct memoryd *md = dev->dom->md;
    char path[XK_XS_PATH_MAX];
    int rc;

    rc = create_nodes(dev, fe_complete(dev));
    if (rc) {
        xk_warn("%s: cannot make its balloon device: %s", dev->dom->name,
                strerror(-rc));
        return;
    }
    dev->created = true;
    dev->retry = evtimer_new(md->loop.base, on_retry, dev);
    rc = xk_xs_watch(md->xs, &dev->fe_state,
                     xk_node(dev->fe_path, XK_KEY_BALLOON_FE_STATE, path),
                     on_fe_state, dev);
    if (rc)
        xk_warn("%s: cannot watch its balloon front-end: %s", dev->dom->name,
                strerror(-rc));
}

void device_check(struct device *dev)
{
    if (dev->created && !fe_complete(dev))
        (void)create_nodes(dev, false);
}

void device_remove(struct device *dev)
{
    if (!dev->created)
        return;
    disconnect(dev, DEVICE_ABSENT);
    dev->created = false;
    xk_node_rm_folder(store(dev), dev->be_path);
}

void device_dispose(struct device *dev)
{
    struct memoryd *md = dev->dom->md;

    xk_xs_unwatch(md->xs, &dev->fe_state);
    if (dev->created) {
        disconnect(dev, DEVICE_ABSENT);
        set_state(dev, XENBUS_CLOSED);
    }
    if (dev->retry)
        event_free(dev->retry);
    dev->retry = NULL;
    balloon_dispose(&dev->balloon);
}
