// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for dom0. In a panic nothing else runs any more, interrupts are off
 * and no lock can be taken; all that is done is to look at one word.
 */
#include "xk_crash.h"

#include <linux/delay.h>
#include <linux/kdebug.h>
#include <linux/moduleparam.h>
#include <linux/nmi.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>

/* After an oops the others go on, and would miss this processor. */
#define XK_OOPS_HOLD_S	15

static unsigned int hold_s = 60;
module_param(hold_s, uint, 0644);
MODULE_PARM_DESC(hold_s, "seconds that a panic waits for its dump at most; 0: not at all");

static bool hold_oops = true;
module_param(hold_oops, bool, 0644);
MODULE_PARM_DESC(hold_oops, "an oops waits for a dump too, 15 seconds at most");

static void hold(u32 kind, unsigned int seconds)
{
	unsigned long ms = seconds * 1000ul;
	u32 asked;

	if (!seconds || !xk_link_served())
		return;

	asked = xk_link_ask(kind);
	pr_emerg("waiting for dom0, %u seconds at most\n", seconds);
	while (ms-- && !xk_link_answered(asked)) {
		mdelay(1);
		touch_nmi_watchdog();
	}
	pr_emerg("%s\n", xk_link_answered(asked) ? "dom0 is done"
						 : "dom0 did not answer");
}

static int on_panic(struct notifier_block *nb, unsigned long event, void *arg)
{
	hold(XK_CRASH_PANIC, READ_ONCE(hold_s));
	return NOTIFY_DONE;
}

/* What it says on an oops is in the log by now. */
static int on_die(struct notifier_block *nb, unsigned long event, void *arg)
{
	if (event == DIE_OOPS && READ_ONCE(hold_oops))
		hold(XK_CRASH_OOPS, min_t(unsigned int, READ_ONCE(hold_s),
					  XK_OOPS_HOLD_S));
	return NOTIFY_DONE;
}

/* After all others, and before Xen's own, which ends the guest. */
static struct notifier_block panic_block = {
	.notifier_call = on_panic,
	.priority = INT_MIN + 1,
};

static struct notifier_block die_block = {
	.notifier_call = on_die,
	.priority = INT_MIN + 1,
};

int xk_hold_init(void)
{
	int err;

	err = register_die_notifier(&die_block);
	if (err)
		return err;
	err = atomic_notifier_chain_register(&panic_notifier_list,
					     &panic_block);
	if (err)
		unregister_die_notifier(&die_block);
	return err;
}

void xk_hold_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
	unregister_die_notifier(&die_block);
}
