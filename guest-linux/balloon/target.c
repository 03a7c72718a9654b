// SPDX-License-Identifier: GPL-2.0
/*
 * memory/target, the toolstack's word (`xl mem-set`). The stock driver reads
 * it and sets its own target; going down it inflates by itself. Going up it
 * can only use pages that it holds itself, so the rest comes from here.
 *
 * How much that is, is asked of the stock driver's figures and not computed
 * from the node: it knows the difference between the node and its pages.
 */
#include "xk_balloon.h"

#include <linux/minmax.h>

#include <xk-keys.h>

/* Time for the stock driver's own watch to run. */
#define XK_TARGET_SETTLE_MS	50
/* First and longest pause before a host without memory is asked again. */
#define XK_TARGET_RETRY_MS	1000
#define XK_TARGET_RETRY_MAX_MS	32000

static unsigned int retry_ms = XK_TARGET_RETRY_MS;

static unsigned long target_shrink(unsigned long lack)
{
	unsigned long taken, sum = 0;

	while (sum < lack && !xk_job_aborted()) {
		taken = xk_pages_take(min_t(unsigned long, lack - sum,
					    XK_CHUNK_PAGES));
		if (!taken)
			break;
		sum += taken;
	}
	return sum;
}

static void target_work(struct work_struct *work)
{
	unsigned long from = xk_pages_ballooned();
	unsigned long lack = min(xk_stats_lack(), from);
	unsigned long taken;

	if (!lack) {
		retry_ms = XK_TARGET_RETRY_MS;
		xk_stats_reconcile();
		return;
	}

	taken = target_shrink(lack);
	if (taken) {
		pr_info_ratelimited("balloon %lu -> %lu MiB: memory/target was raised\n",
				    XK_PAGES_MIB(from),
				    XK_PAGES_MIB(xk_pages_ballooned()));
		xk_job_announce();
		retry_ms = XK_TARGET_RETRY_MS;
	}
	if (taken < lack) {
		pr_warn_ratelimited("memory/target is %lu KiB higher than the host lets us go\n",
				    XK_PAGES_KIB(lack - taken));
		xk_target_check(retry_ms);
		retry_ms = min(retry_ms * 2, (unsigned int)XK_TARGET_RETRY_MAX_MS);
	} else {
		xk_target_check(1000);
	}
}

static DECLARE_DELAYED_WORK(target_dwork, target_work);

void xk_target_check(unsigned int ms)
{
	xk_job_schedule(&target_dwork, ms);
}

static void target_changed(struct xenbus_watch *watch, const char *path,
			   const char *token)
{
	xk_target_check(XK_TARGET_SETTLE_MS);
}

static struct xenbus_watch target_watch = {
	.node = "memory/" XK_KEY_MEMORY_TARGET,
	.callback = target_changed,
};

int xk_target_init(void)
{
	return register_xenbus_watch(&target_watch);
}

void xk_target_exit(void)
{
	unregister_xenbus_watch(&target_watch);
	cancel_delayed_work_sync(&target_dwork);
}
