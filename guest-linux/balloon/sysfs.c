// SPDX-License-Identifier: GPL-2.0
/*
 * What the device shows to the guest's administrator, in its directory below
 * /sys/bus/xen/devices.
 */
#include "xk_balloon.h"

#include <linux/device.h>
#include <linux/sysfs.h>

#define XK_SHOW(name, format, value)					\
	static ssize_t name##_show(struct device *dev,			\
				   struct device_attribute *attr,	\
				   char *buf)				\
	{								\
		return sysfs_emit(buf, format "\n", value);		\
	}								\
	static DEVICE_ATTR_RO(name)

XK_SHOW(ballooned_kib, "%lu", XK_PAGES_KIB(xk_pages_ballooned()));
XK_SHOW(super_kib, "%lu", XK_PAGES_KIB(xk_pages_super()));
XK_SHOW(stuck_kib, "%lu", XK_PAGES_KIB(xk_pages_stuck()));
XK_SHOW(limit_kib, "%lu", XK_PAGES_KIB(xk_floor_limit()));
XK_SHOW(ignored, "%lu", xk_job_ignored());
XK_SHOW(repairs, "%lu", xk_stats_repairs());

static ssize_t job_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	static const char * const names[] = {
		[XK_GROWING] = "growing",
		[XK_SHRINKING] = "shrinking",
		[XK_RECOVERING] = "recovering",
	};
	struct xk_progress progress;

	xk_job_progress(&progress);
	if (progress.phase == XK_IDLE)
		return sysfs_emit(buf, "idle\n");
	return sysfs_emit(buf, "%s %lu of %lu KiB\n", names[progress.phase],
			  XK_PAGES_KIB(progress.given),
			  XK_PAGES_KIB(progress.todo));
}
static DEVICE_ATTR_RO(job);

static struct attribute *attrs[] = {
	&dev_attr_ballooned_kib.attr,
	&dev_attr_super_kib.attr,
	&dev_attr_stuck_kib.attr,
	&dev_attr_limit_kib.attr,
	&dev_attr_ignored.attr,
	&dev_attr_repairs.attr,
	&dev_attr_job.attr,
	NULL
};

static const struct attribute_group group = {
	.attrs = attrs,
};

const struct attribute_group *xk_sysfs_groups[] = {
	&group,
	NULL
};
