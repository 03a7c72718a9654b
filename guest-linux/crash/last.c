// SPDX-License-Identifier: GPL-2.0
/*
 * How the last run ended, as dom0 found it: in the kernel log once, and in
 * /sys/hypervisor/xk_crash. A file is empty when there is nothing to tell.
 */
#include "xk_crash.h"

#include <linux/kobject.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

/* Longer values are cut; those of the schema are shorter. */
#define XK_LAST_MAX	512

enum last_value {
	LAST_STOP, LAST_TITLE, LAST_ADVICE, LAST_DUMP, LAST_OUTCOME,
	LAST_REASON, LAST_KERNEL, LAST_DEATHS, LAST_TIME, LAST_VALUES
};

static const char * const keys[LAST_VALUES] = {
	[LAST_STOP] = XK_KEY_CRASH_LAST_STOP,
	[LAST_TITLE] = XK_KEY_CRASH_LAST_TITLE,
	[LAST_ADVICE] = XK_KEY_CRASH_LAST_ADVICE,
	[LAST_DUMP] = XK_KEY_CRASH_LAST_DUMP,
	[LAST_OUTCOME] = XK_KEY_CRASH_LAST_OUTCOME,
	[LAST_REASON] = XK_KEY_CRASH_LAST_REASON,
	[LAST_KERNEL] = XK_KEY_CRASH_LAST_KERNEL,
	[LAST_DEATHS] = XK_KEY_CRASH_LAST_DEATHS,
	[LAST_TIME] = XK_KEY_CRASH_LAST_TIME,
};

static DEFINE_MUTEX(lock);
static char values[LAST_VALUES][XK_LAST_MAX];
static struct kobject *dir;

/* It goes into the log and to terminals: printable, and of a known length. */
static void take(enum last_value which, const char *text)
{
	char *value = values[which];
	size_t i;

	strscpy(value, text, XK_LAST_MAX);
	for (i = 0; value[i]; i++)
		if (value[i] < ' ' || value[i] > '~')
			value[i] = '?';
}

static void read_value(enum last_value which)
{
	char *text;

	text = xenbus_read(XBT_NIL, XK_CRASH_LAST_DIR, keys[which], NULL);
	if (IS_ERR(text))
		return;
	take(which, text);
	kfree(text);
}

static void tell(void)
{
	pr_warn("the last run of this guest ended by a %s: %s\n",
		values[LAST_REASON], values[LAST_TITLE][0] ?
		values[LAST_TITLE] : "no cause is known");
	if (values[LAST_ADVICE][0])
		pr_warn("advice: %s\n", values[LAST_ADVICE]);
	pr_warn("stop code %s, in dom0: xl-crash show %s\n",
		values[LAST_STOP][0] ? values[LAST_STOP] : "unknown",
		values[LAST_DUMP]);
}

/* Once: what is told later is of another run, after a restore. */
void xk_last_read(void)
{
	unsigned int i;

	if (!xenbus_exists(XBT_NIL, XK_CRASH_LAST_DIR, XK_KEY_CRASH_LAST_TIME))
		return;

	mutex_lock(&lock);
	if (!values[LAST_TIME][0]) {
		for (i = 0; i < LAST_VALUES; i++)
			read_value(i);
		tell();
	}
	mutex_unlock(&lock);
}

struct last_attribute {
	struct kobj_attribute attr;
	enum last_value which;
};

static ssize_t last_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	struct last_attribute *last;
	ssize_t len;

	last = container_of(attr, struct last_attribute, attr);
	mutex_lock(&lock);
	len = values[last->which][0] ?
		sysfs_emit(buf, "%s\n", values[last->which]) : 0;
	mutex_unlock(&lock);
	return len;
}

/* For root: they say something of what the last run did. */
#define XK_LAST(_name, _which)						\
	static struct last_attribute attr_##_name = {			\
		.attr = __ATTR(_name, 0400, last_show, NULL),		\
		.which = _which,					\
	}

XK_LAST(stop, LAST_STOP);
XK_LAST(title, LAST_TITLE);
XK_LAST(advice, LAST_ADVICE);
XK_LAST(dump, LAST_DUMP);
XK_LAST(outcome, LAST_OUTCOME);
XK_LAST(reason, LAST_REASON);
XK_LAST(kernel, LAST_KERNEL);
XK_LAST(deaths, LAST_DEATHS);
XK_LAST(time, LAST_TIME);

static ssize_t served_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%d\n", xk_link_served());
}

static struct kobj_attribute attr_served = __ATTR_RO(served);

static struct attribute *attrs[] = {
	&attr_stop.attr.attr,
	&attr_title.attr.attr,
	&attr_advice.attr.attr,
	&attr_dump.attr.attr,
	&attr_outcome.attr.attr,
	&attr_reason.attr.attr,
	&attr_kernel.attr.attr,
	&attr_deaths.attr.attr,
	&attr_time.attr.attr,
	&attr_served.attr,
	NULL
};

static const struct attribute_group group = {
	.attrs = attrs,
};

int xk_last_init(void)
{
	int err;

	dir = kobject_create_and_add(KBUILD_MODNAME, hypervisor_kobj);
	if (!dir)
		return -ENOMEM;
	err = sysfs_create_group(dir, &group);
	if (err)
		kobject_put(dir);
	return err;
}

void xk_last_exit(void)
{
	kobject_put(dir);
}
