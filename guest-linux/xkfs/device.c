// SPDX-License-Identifier: GPL-2.0
/*
 * The xenbus front-end. It makes and ends connections; what the calls and the
 * file system need lives in xk_dev and stays.
 *
 *   back-end InitWait      make the rings, publish all, go to Initialised
 *   back-end Connected     go to Connected, greet (recover.c)
 *   back-end Closing       calls fail from now on, go to Closed
 *   back-end InitWait again, while Connected: it was restarted, start over
 *
 * Everything here but xk_device_broken() runs in the xenwatch thread.
 */
#include "xkfs.h"

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include <xk-keys.h>

struct xk_dev xk_dev;

static unsigned int pool_mib;
module_param(pool_mib, uint, 0444);
MODULE_PARM_DESC(pool_mib, "Memory shared with dom0, MiB (default: 1/64 of the guest's, 4 to 16)");

/* A back-end that flaps costs rings and ports each time. */
static DEFINE_RATELIMIT_STATE(connects, 60 * HZ, 60);

/* Its nodes were not there when the guest resumed. */
static bool stranded;

/* How long a mount waits for a device that is about to come up. */
#define MOUNT_WAIT	(10 * HZ)

static void device_set_state(enum xk_state state)
{
	unsigned long flags;

	spin_lock_irqsave(&xk_dev.lock, flags);
	xk_dev.state = state;
	if (state == XK_CLOSED)
		xk_call_fail_all(-ESTALE, false);
	spin_unlock_irqrestore(&xk_dev.lock, flags);
	wake_up_all(&xk_dev.changed);
}

/* Calls wait, or fail when the device is closed. */
static void device_disconnect(enum xk_state state)
{
	struct xk_dev *dev = &xk_dev;
	struct xk_queue *queues = dev->queues;
	unsigned int i, nr = dev->nr_queues;
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	dev->state = state;
	xk_call_fail_all(-ENOTCONN, true);
	spin_unlock_irqrestore(&dev->lock, flags);
	device_set_state(state);

	cancel_work_sync(&dev->recover_work);
	for (i = 0; i < nr; i++)
		xk_queue_destroy(&queues[i]);
	dev->queues = NULL;
	dev->nr_queues = 0;
	kfree(queues);
}

static int device_make_pool(struct xenbus_device *xdev)
{
	struct xk_pool *pool = &xk_dev.pool;
	unsigned long pages;
	unsigned int max;
	int err;

	max = xenbus_read_unsigned(xdev->otherend,
				   XK_KEY_FILES_BE_MAX_POOL_PAGES,
				   XK_XKFS_POOL_MIN);
	max = clamp_t(unsigned int, max, XK_XKFS_POOL_MIN, XK_XKFS_POOL_MAX);
	if (pool->nr) {
		if (xk_dev.regrant)
			xk_pool_regrant(pool, xdev->otherend_id);
		xk_dev.regrant = false;
		return pool->nr <= max ? 0 : -E2BIG;
	}
	pages = pool_mib ? (unsigned long)pool_mib << (20 - PAGE_SHIFT) :
		clamp_t(unsigned long, totalram_pages() / 64, 1024, 4096);
	err = xk_pool_create(pool, xdev->otherend_id,
			     clamp_t(unsigned long, pages, XK_XKFS_POOL_MIN,
				     max));
	xk_dev.regrant = false;
	return err;
}

static int device_make_queues(struct xenbus_device *xdev)
{
	struct xk_dev *dev = &xk_dev;
	unsigned int nr, order, i;
	int err;

	nr = xenbus_read_unsigned(xdev->otherend, XK_KEY_FILES_BE_MAX_QUEUES,
				  1);
	nr = clamp_t(unsigned int, nr, 1, XK_XKFS_QUEUES);
	nr = 1 + min(nr, num_online_cpus());
	order = xenbus_read_unsigned(xdev->otherend,
				     XK_KEY_FILES_BE_MAX_RING_ORDER, 0);
	order = min_t(unsigned int, order, XK_XKFS_RING_ORDER);

	dev->queues = kcalloc(nr, sizeof(*dev->queues), GFP_KERNEL);
	if (!dev->queues)
		return -ENOMEM;
	dev->nr_queues = nr;
	for (i = 0; i < nr; i++) {
		dev->queues[i].dev = dev;
		dev->queues[i].index = i;
		err = xk_queue_create(&dev->queues[i], xdev, order);
		if (err)
			return err;
	}
	return 0;
}

static int publish_number(struct xenbus_transaction xbt, const char *dir,
			  const char *key, unsigned int value)
{
	return xenbus_printf(xbt, dir, key, "%u", value);
}

static int publish_queue(struct xenbus_transaction xbt,
			 const struct xenbus_device *xdev,
			 const struct xk_queue *queue)
{
	char key[64];
	unsigned int i;
	int err;

	snprintf(key, sizeof(key), "%s/%u/%s", XK_KEY_FILES_FE_QUEUE_ROOT,
		 queue->index, XK_KEY_FILES_FE_QUEUE_PORT);
	err = publish_number(xbt, xdev->nodename, key, queue->port);
	for (i = 0; !err && i < queue->nr_pages; i++) {
		snprintf(key, sizeof(key), "%s/%u/%s/%u",
			 XK_KEY_FILES_FE_QUEUE_ROOT, queue->index,
			 XK_KEY_FILES_FE_QUEUE_RING, i);
		err = publish_number(xbt, xdev->nodename, key, queue->refs[i]);
	}
	return err;
}

static int publish_pool(struct xenbus_transaction xbt,
			const struct xenbus_device *xdev)
{
	const struct xk_pool *pool = &xk_dev.pool;
	char key[32];
	unsigned int i;
	int err;

	err = publish_number(xbt, xdev->nodename, XK_KEY_FILES_FE_POOL_PAGES,
			     pool->nr);
	for (i = 0; !err && i < pool->nr_dirs; i++) {
		snprintf(key, sizeof(key), "%s/%u", XK_KEY_FILES_FE_POOL, i);
		err = publish_number(xbt, xdev->nodename, key,
				     pool->dir_refs[i]);
	}
	return err;
}

static int publish_all(struct xenbus_transaction xbt,
		       const struct xenbus_device *xdev)
{
	const struct xk_dev *dev = &xk_dev;
	unsigned int i;
	int err;

	err = publish_number(xbt, xdev->nodename, XK_KEY_FILES_FE_VERSION,
			     dev->version);
	if (!err)
		err = publish_number(xbt, xdev->nodename,
				     XK_KEY_FILES_FE_QUEUES,
				     dev->nr_queues - 1);
	if (!err)
		err = publish_number(xbt, xdev->nodename,
				     XK_KEY_FILES_FE_RING_ORDER,
				     ilog2(dev->queues[0].nr_pages));
	if (!err)
		err = publish_pool(xbt, xdev);
	for (i = 0; !err && i < dev->nr_queues; i++)
		err = publish_queue(xbt, xdev, &dev->queues[i]);
	return err;
}

static int device_publish(struct xenbus_device *xdev)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = publish_all(xbt, xdev);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
	return err;
}

static int device_connect(struct xenbus_device *xdev)
{
	unsigned int version;
	int err;

	version = xenbus_read_unsigned(xdev->otherend,
				       XK_KEY_FILES_BE_MAX_VERSION, 0);
	version = min_t(unsigned int, version, XK_XKFS_VERSION);
	if (!version)
		return -EPROTONOSUPPORT;
	xk_dev.version = version;

	err = device_make_pool(xdev);
	if (!err)
		err = device_make_queues(xdev);
	if (!err)
		err = device_publish(xdev);
	if (!err)
		err = xenbus_switch_state(xdev, XenbusStateInitialised);
	return err;
}

static void device_offered(struct xenbus_device *xdev)
{
	int err;

	/* The watch may fire twice for one InitWait. */
	if (xdev->state == XenbusStateInitialised && xk_dev.nr_queues)
		return;

	device_disconnect(XK_DOWN);
	if (!__ratelimit(&connects)) {
		dev_err(&xdev->dev, "dom0 connects too often\n");
		xenbus_switch_state(xdev, XenbusStateClosed);
		return;
	}
	xenbus_switch_state(xdev, XenbusStateInitialising);
	err = device_connect(xdev);
	if (err) {
		dev_err_ratelimited(&xdev->dev, "no connection: error %d\n",
				    err);
		device_disconnect(XK_DOWN);
	}
}

static void device_connected(struct xenbus_device *xdev)
{
	if (xdev->state != XenbusStateInitialised || !xk_dev.nr_queues)
		return;
	xenbus_switch_state(xdev, XenbusStateConnected);
	device_set_state(XK_GREETING);
	queue_work(system_unbound_wq, &xk_dev.recover_work);
}

static void device_otherend_changed(struct xenbus_device *xdev,
				    enum xenbus_state state)
{
	switch (state) {
	case XenbusStateInitWait:
		device_offered(xdev);
		break;

	case XenbusStateConnected:
		device_connected(xdev);
		break;

	case XenbusStateClosed:
		if (xdev->state == XenbusStateClosed)
			break;
		fallthrough;
	case XenbusStateClosing:
		device_disconnect(XK_CLOSED);
		xenbus_frontend_closed(xdev);
		break;

	default:
		break;
	}
}

static int device_probe(struct xenbus_device *xdev,
			const struct xenbus_device_id *id)
{
	if (cmpxchg(&xk_dev.xdev, NULL, xdev)) {
		dev_err(&xdev->dev, "a guest has one device of files, not two\n");
		return -EBUSY;
	}
	stranded = false;
	device_set_state(XK_DOWN);
	/* Not a change but after an earlier driver left it Closed. */
	return xenbus_switch_state(xdev, XenbusStateInitialising);
}

static void device_remove(struct xenbus_device *xdev)
{
	/* What is mounted waits for another device, or umount -f. */
	device_disconnect(xk_dev.state == XK_CLOSED ? XK_CLOSED : XK_DOWN);
	/* All of its state is gone before another may be probed. */
	smp_store_release(&xk_dev.xdev, NULL);
	/* It may have looked before: the device is freed after this. */
	cancel_work_sync(&xk_dev.broken_work);
}

static int device_resume(struct xenbus_device *xdev)
{
	/* Grants and event channels were the old domain's. */
	device_disconnect(XK_DOWN);
	xk_dev.regrant = true;
	return 0;
}

static const struct xenbus_device_id device_ids[] = {
	{ XK_KEY_FILES_FRONTEND_ROOT },
	{ "" }
};

static struct xenbus_driver device_driver = {
	.ids = device_ids,
	.probe = device_probe,
	.remove = device_remove,
	.resume = device_resume,
	.otherend_changed = device_otherend_changed,
	.not_essential = true,
};

/*
 * After a restore the device's nodes may appear later than the guest resumes:
 * xenbus then skips .resume, leaves no otherend and never looks again. So
 * bind anew when nodes appear.
 */
static void device_nodes_changed(struct xenbus_watch *watch, const char *path,
				 const char *token)
{
	struct xenbus_device *xdev = READ_ONCE(xk_dev.xdev);

	if (xdev && !xdev->otherend &&
	    xenbus_exists(XBT_NIL, xdev->nodename, XK_KEY_FILES_FE_BACKEND)) {
		stranded = true;
		xk_dev.regrant = true;
		device_release_driver(&xdev->dev);
	}
	if (stranded && driver_attach(&device_driver.driver))
		pr_debug("no device yet\n");
}

static struct xenbus_watch device_watch = {
	.node = "device/" XK_KEY_FILES_FRONTEND_ROOT,
	.callback = device_nodes_changed,
};

/* dom0 broke the protocol: calls fail until it offers a new connection. */
static void device_broken_work(struct work_struct *work)
{
	struct xenbus_device *xdev = READ_ONCE(xk_dev.xdev);

	device_set_state(XK_CLOSED);
	if (xdev)
		xenbus_switch_state(xdev, XenbusStateClosing);
}

/* From any context. */
void xk_device_broken(const char *what)
{
	pr_warn_ratelimited("dom0 broke the protocol: %s\n", what);
	schedule_work(&xk_dev.broken_work);
}

/* Until the device is up, for somebody who mounts. */
int xk_device_wait(void)
{
	long left;

	if (!READ_ONCE(xk_dev.xdev))
		return -ENODEV;
	left = wait_event_killable_timeout(xk_dev.changed,
					   READ_ONCE(xk_dev.state) == XK_UP,
					   MOUNT_WAIT);
	if (left < 0)
		return -EINTR;
	return left ? 0 : -ENODEV;
}

int xk_device_init(void)
{
	struct xk_dev *dev = &xk_dev;
	int err;

	spin_lock_init(&dev->lock);
	spin_lock_init(&dev->nodes_lock);
	spin_lock_init(&dev->pool.lock);
	init_waitqueue_head(&dev->pool.freed);
	init_waitqueue_head(&dev->changed);
	INIT_LIST_HEAD(&dev->nodes);
	INIT_LIST_HEAD(&dev->sbs);
	mutex_init(&dev->sbs_lock);
	INIT_WORK(&dev->recover_work, xk_recover);
	INIT_WORK(&dev->broken_work, device_broken_work);
	xk_call_init();
	xk_forget_init();
	dev->wq = alloc_workqueue("xkfs", WQ_MEM_RECLAIM | WQ_UNBOUND |
				  WQ_HIGHPRI, 0);
	if (!dev->wq)
		return -ENOMEM;

	err = xenbus_register_frontend(&device_driver);
	if (err)
		goto out_wq;
	err = register_xenbus_watch(&device_watch);
	if (err)
		goto out_driver;
	return 0;

out_driver:
	xenbus_unregister_driver(&device_driver);
out_wq:
	destroy_workqueue(dev->wq);
	return err;
}

void xk_device_exit(void)
{
	unregister_xenbus_watch(&device_watch);
	xenbus_unregister_driver(&device_driver);
	cancel_work_sync(&xk_dev.broken_work);
	device_set_state(XK_CLOSED);
	xk_forget_exit();
	destroy_workqueue(xk_dev.wq);
	if (xk_dev.pool.nr)
		xk_pool_destroy(&xk_dev.pool);
}

MODULE_ALIAS("xen:" XK_KEY_FILES_FRONTEND_ROOT);
