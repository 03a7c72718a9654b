// SPDX-License-Identifier: GPL-2.0
/* Loading and unloading, and the watch that all of xenstore is read by. */
#include "xk_crash.h"

#include <linux/module.h>
#include <xen/xen.h>

/* Fires once when it is set, when dom0 writes, and after a restore. */
static void nodes_changed(struct xenbus_watch *watch, const char *path,
			  const char *token)
{
	xk_last_read();
	xk_link_publish();
}

static struct xenbus_watch nodes_watch = {
	.node = XK_CRASH_DIR,
	.callback = nodes_changed,
};

static int __init xk_crash_init(void)
{
	int err;

	if (!xen_domain())
		return -ENODEV;
	if (xen_initial_domain()) {
		pr_err("this is the control domain, not a guest\n");
		return -ENODEV;
	}

	err = xk_last_init();
	if (err)
		return err;
	err = xk_link_init();
	if (err)
		goto out_last;
	err = register_xenbus_watch(&nodes_watch);
	if (err)
		goto out_link;
	err = xk_hold_init();
	if (err)
		goto out_watch;
	return 0;

out_watch:
	unregister_xenbus_watch(&nodes_watch);
out_link:
	xk_link_exit();
out_last:
	xk_last_exit();
	return err;
}

static void __exit xk_crash_exit(void)
{
	xk_hold_exit();
	unregister_xenbus_watch(&nodes_watch);
	xk_link_exit();
	xk_last_exit();
}

module_init(xk_crash_init);
module_exit(xk_crash_exit);

MODULE_DESCRIPTION("Crash evidence of xenkeep: holds a panic until dom0 has the dump");
MODULE_LICENSE("GPL");
