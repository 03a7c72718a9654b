// SPDX-License-Identifier: GPL-2.0
/* Loading and unloading. */
#include "xk_balloon.h"

#include <linux/module.h>
#include <xen/features.h>
#include <xen/xen.h>

static int __init xk_balloon_init(void)
{
	int err;

	if (!xen_domain())
		return -ENODEV;
	if (xen_initial_domain()) {
		pr_err("this is the control domain, not a guest\n");
		return -ENODEV;
	}
	if (xen_pv_domain() || !xen_feature(XENFEAT_auto_translated_physmap)) {
		pr_err("PV guests map machine memory themselves and are not supported, PVH and HVM guests are\n");
		return -ENODEV;
	}

	xk_stats_init();
	err = xk_job_init();
	if (err)
		return err;
	err = xk_target_init();
	if (err)
		goto out_job;
	err = xk_pressure_init();
	if (err)
		goto out_target;
	err = xk_device_init();
	if (err)
		goto out_pressure;
	return 0;

out_pressure:
	xk_pressure_exit();
out_target:
	xk_target_exit();
out_job:
	xk_job_exit();
	return err;
}

static void __exit xk_balloon_exit(void)
{
	xk_device_exit();
	xk_pressure_exit();
	xk_target_exit();
	xk_job_exit();
}

module_init(xk_balloon_init);
module_exit(xk_balloon_exit);

MODULE_DESCRIPTION("Balloon front-end of xenkeep: gives memory to Xen in 2 MiB extents");
MODULE_LICENSE("GPL");
