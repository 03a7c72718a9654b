// SPDX-License-Identifier: GPL-2.0
/*
 * The xenbus front-end. It owns the ring and nothing else: removed, probed
 * again or resumed in another domain, it only makes a new ring.
 *
 *   back-end InitWait      make a ring, publish it, go to Initialised
 *   back-end Connected     go to Connected, report the balloon
 *   back-end Closing       drop the ring, go to Closed
 *   back-end InitWait again, while Connected: it was restarted, start over
 */
#include "xk_balloon.h"

#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/ratelimit.h>

#include <xk-keys.h>

/* A back-end that flaps costs a page and a port each time. */
static DEFINE_RATELIMIT_STATE(connects, 60 * HZ, 30);

/* There is one balloon, so there is one device. */
static struct xenbus_device *device;

/* Its nodes were not there when the guest resumed. */
static bool stranded;

static void device_disconnect(struct xenbus_device *dev)
{
	struct xk_ring *ring = dev_get_drvdata(&dev->dev);

	xk_pressure_stop();
	xk_job_detach();
	if (!ring)
		return;
	dev_set_drvdata(&dev->dev, NULL);
	xk_ring_destroy(ring);
}

static int device_publish(struct xenbus_device *dev,
			  const struct xk_ring *ring, unsigned int version)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = xenbus_printf(xbt, dev->nodename,
				    XK_KEY_BALLOON_FE_RING_REF, "%u",
				    ring->gref);
		if (!err)
			err = xenbus_printf(xbt, dev->nodename,
					    XK_KEY_BALLOON_FE_EVENT_CHANNEL,
					    "%u", ring->port);
		if (!err)
			err = xenbus_printf(xbt, dev->nodename,
					    XK_KEY_BALLOON_FE_VERSION, "%u",
					    version);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);

	return err;
}

static void device_connect(struct xenbus_device *dev)
{
	unsigned int version;
	struct xk_ring *ring;
	int err;

	version = xenbus_read_unsigned(dev->otherend,
				       XK_KEY_BALLOON_BE_MAX_VERSION, 0);
	version = min_t(unsigned int, version, XK_BALLOON_VERSION);
	if (!version) {
		dev_err_ratelimited(&dev->dev,
				    "dom0 offers no version of the protocol\n");
		return;
	}

	ring = xk_ring_create(dev);
	if (IS_ERR(ring)) {
		dev_err_ratelimited(&dev->dev, "no ring: error %ld\n",
				    PTR_ERR(ring));
		return;
	}
	ring->version = version;
	dev_set_drvdata(&dev->dev, ring);
	xk_job_attach(ring);

	err = device_publish(dev, ring, version);
	if (!err)
		err = xenbus_switch_state(dev, XenbusStateInitialised);
	if (err) {
		dev_err_ratelimited(&dev->dev, "ring not published: error %d\n",
				    err);
		device_disconnect(dev);
	}
}

static void device_offered(struct xenbus_device *dev)
{
	/* The watch may fire twice for one InitWait. */
	if (dev->state == XenbusStateInitialised && dev_get_drvdata(&dev->dev))
		return;

	device_disconnect(dev);
	if (!__ratelimit(&connects)) {
		xenbus_switch_state(dev, XenbusStateClosed);
		return;
	}
	xenbus_switch_state(dev, XenbusStateInitialising);
	device_connect(dev);
}

static void device_otherend_changed(struct xenbus_device *dev,
				    enum xenbus_state state)
{
	struct xk_ring *ring;

	switch (state) {
	case XenbusStateInitWait:
		device_offered(dev);
		break;

	case XenbusStateConnected:
		ring = dev_get_drvdata(&dev->dev);
		if (dev->state != XenbusStateInitialised || !ring)
			break;
		xenbus_switch_state(dev, XenbusStateConnected);
		xk_job_announce();
		xk_pressure_start(ring->version);
		break;

	case XenbusStateClosed:
		if (dev->state == XenbusStateClosed)
			break;
		fallthrough;
	case XenbusStateClosing:
		device_disconnect(dev);
		xenbus_frontend_closed(dev);
		break;

	default:
		break;
	}
}

static int device_probe(struct xenbus_device *dev,
			const struct xenbus_device_id *id)
{
	if (cmpxchg(&device, NULL, dev)) {
		dev_err(&dev->dev, "a guest has one balloon, not two\n");
		return -EBUSY;
	}
	stranded = false;
	xk_job_resume();
	dev_set_drvdata(&dev->dev, NULL);
	/* Not a change but after an earlier driver left it Closed. */
	return xenbus_switch_state(dev, XenbusStateInitialising);
}

static void device_remove(struct xenbus_device *dev)
{
	xk_job_suspend();	/* dom0 hears of the end while it still can */
	device_disconnect(dev);
	/* All of its state is gone before another may be probed. */
	smp_store_release(&device, NULL);
}

static int device_suspend(struct xenbus_device *dev)
{
	xk_job_suspend();
	return 0;
}

static int device_resume(struct xenbus_device *dev)
{
	/* Grants and event channels were the old domain's. */
	device_disconnect(dev);
	xk_job_resume();
	return 0;
}

static const struct xenbus_device_id device_ids[] = {
	{ XK_KEY_BALLOON_FRONTEND_ROOT },
	{ "" }
};

static struct xenbus_driver device_driver = {
	.ids = device_ids,
	.probe = device_probe,
	.remove = device_remove,
	.suspend = device_suspend,
	.resume = device_resume,
	.otherend_changed = device_otherend_changed,
	.not_essential = true,
	.driver.dev_groups = xk_sysfs_groups,
};

/*
 * After a restore the device's nodes may appear later than the guest resumes:
 * xenbus then skips .resume, leaves no otherend and never looks again. So
 * bind anew when nodes appear. Runs in the xenwatch thread, as probing does.
 */
static void device_nodes_changed(struct xenbus_watch *watch, const char *path,
				 const char *token)
{
	struct xenbus_device *dev = READ_ONCE(device);

	if (dev && !dev->otherend &&
	    xenbus_exists(XBT_NIL, dev->nodename, XK_KEY_BALLOON_FE_BACKEND)) {
		stranded = true;
		device_release_driver(&dev->dev);
	}
	if (stranded && driver_attach(&device_driver.driver))
		pr_debug("no device yet\n");
}

static struct xenbus_watch device_watch = {
	.node = "device/" XK_KEY_BALLOON_FRONTEND_ROOT,
	.callback = device_nodes_changed,
};

int xk_device_init(void)
{
	int err;

	err = xenbus_register_frontend(&device_driver);
	if (err)
		return err;
	err = register_xenbus_watch(&device_watch);
	if (err)
		xenbus_unregister_driver(&device_driver);
	return err;
}

void xk_device_exit(void)
{
	unregister_xenbus_watch(&device_watch);
	xenbus_unregister_driver(&device_driver);
}

MODULE_ALIAS("xen:" XK_KEY_BALLOON_FRONTEND_ROOT);
