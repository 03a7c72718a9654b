// SPDX-License-Identifier: GPL-2.0
/* Loading and unloading. */
#include "xkfs.h"

#include <linux/module.h>
#include <xen/xen.h>

static int __init xk_init(void)
{
	int err;

	if (!xen_domain())
		return -ENODEV;
	if (xen_initial_domain()) {
		pr_err("this is the control domain, not a guest\n");
		return -ENODEV;
	}

	err = xk_inode_cache_init();
	if (err)
		return err;
	err = xk_device_init();
	if (err)
		goto out_cache;
	err = xk_super_init();
	if (err)
		goto out_device;
	return 0;

out_device:
	xk_device_exit();
out_cache:
	xk_inode_cache_exit();
	return err;
}

static void __exit xk_exit(void)
{
	xk_super_exit();
	xk_device_exit();
	xk_inode_cache_exit();
}

module_init(xk_init);
module_exit(xk_exit);

MODULE_DESCRIPTION("Files of dom0 in the tree of a guest, by xenkeep");
MODULE_LICENSE("GPL");
MODULE_ALIAS_FS("xkfs");
