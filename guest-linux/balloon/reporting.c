// SPDX-License-Identifier: GPL-2.0
/*
 * Free page reporting: the kernel takes free blocks of 2 MiB out of its lists
 * for a moment, dom0 turns them into populate-on-demand entries, and they go
 * back, free and zero.
 *
 * The one danger is to give up waiting while dom0 is at work: the blocks would
 * be in use again when their frames go. Hence the ticket (proto/balloon.h):
 * dom0 takes it before it begins, and only a ticket that can be taken back
 * ends the wait early. Otherwise it ends with the answer, or with the
 * connection: a memoryd that died at work repairs what it left before it
 * offers another one.
 */
#include "xk_balloon.h"

#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/page_reporting.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

/* A dom0 that has not begun by then is not there, or busy. */
#define XK_REPORT_BEGIN_MS	1000
/* How often, and how long apart, one run is offered to a busy dom0. */
#define XK_REPORT_TRIES		8
#define XK_REPORT_TRY_MS	250
/* First and longest pause before all of it is offered again. */
#define XK_REPORT_RETRY_MS	1000u
#define XK_REPORT_RETRY_MAX_MS	64000u
/* A suspend that was called off does not tell us. */
#define XK_REPORT_QUIET_MS	3000

static bool reporting = true;
module_param(reporting, bool, 0444);
MODULE_PARM_DESC(reporting,
		 "Report free blocks of 2 MiB to dom0, when it offers that");

static struct {
	spinlock_t lock;
	wait_queue_head_t wait;
	bool offered;		/* by this connection */
	bool quiet;		/* suspending, unbinding, out of memory */
	unsigned long quiet_until;	/* when that was called off, jiffies */
	unsigned int losses;	/* connections that have gone */
	unsigned int losses_then;	/* when the last report began */
	u32 ticket;		/* of the last report */
	bool open;		/* its answer is awaited */
	bool answered;
	u32 status;
	bool registered;
	unsigned int retry_ms;
} report = {
	.lock = __SPIN_LOCK_UNLOCKED(report.lock),
	.wait = __WAIT_QUEUE_HEAD_INITIALIZER(report.wait),
};

/* REPORTED, from the interrupt handler. */
bool xk_report_answer(u64 ticket, u32 status)
{
	unsigned long flags;
	bool taken;

	spin_lock_irqsave(&report.lock, flags);
	taken = report.open && !report.answered && ticket == report.ticket;
	if (taken) {
		report.answered = true;
		report.status = status;
	}
	spin_unlock_irqrestore(&report.lock, flags);
	wake_up(&report.wait);
	return taken;
}

static u32 report_open(void)
{
	unsigned long flags;
	u32 ticket = 0;

	spin_lock_irqsave(&report.lock, flags);
	if (report.quiet && time_after(jiffies, report.quiet_until))
		report.quiet = false;
	if (report.offered && !report.quiet) {
		report.ticket = (report.ticket + 1) & (XK_BALLOON_TAKEN - 1);
		if (!report.ticket)
			report.ticket = 1;
		report.losses_then = report.losses;
		report.open = true;
		report.answered = false;
		ticket = report.ticket;
	}
	spin_unlock_irqrestore(&report.lock, flags);
	return ticket;
}

static void report_close(void)
{
	WRITE_ONCE(report.open, false);
	wake_up(&report.wait);
}

/* The connection has gone, and with it whoever had the ticket. */
static bool report_over(void)
{
	return READ_ONCE(report.answered) ||
	       READ_ONCE(report.losses) != report.losses_then;
}

/* One run of blocks. 0, or why they are not entries. */
static int report_run(unsigned long pfn, unsigned int ranges)
{
	u32 ticket = report_open();
	int err;

	if (!ticket)
		return -ENOTCONN;
	err = xk_job_offer(ticket, pfn, ranges);
	if (!err) {
		wait_event_idle_timeout(report.wait,
					report_over() ||
					READ_ONCE(report.quiet),
					msecs_to_jiffies(XK_REPORT_BEGIN_MS));
		if (!report_over() && !xk_job_withdraw(ticket))
			wait_event_idle(report.wait, report_over());
		if (!READ_ONCE(report.answered))
			err = -ETIMEDOUT;
		else if (report.status)
			err = report.status == XK_BALLOON_EREFUSED ? -EINVAL :
								     -EAGAIN;
	}
	report_close();
	return err;
}

/*
 * dom0 gives this a share of its time. Of what was not reported when an error
 * ends the pass, the kernel knows nothing: it would begin with the same blocks
 * again. So a few moments are waited here.
 */
static int report_patiently(unsigned long pfn, unsigned int ranges)
{
	unsigned int tries = XK_REPORT_TRIES;
	int err;

	for (;;) {
		err = report_run(pfn, ranges);
		if (err != -EAGAIN || !--tries)
			return err;
		wait_event_idle_timeout(report.wait, READ_ONCE(report.quiet),
					msecs_to_jiffies(XK_REPORT_TRY_MS));
	}
}

/*
 * After an error the kernel rests until more memory is freed. What it has was
 * not taken only because dom0 had something else to do, so it is to come again.
 */
static void report_later(struct page_reporting_dev_info *dev)
{
	schedule_delayed_work(&dev->work, msecs_to_jiffies(report.retry_ms));
	report.retry_ms = min(report.retry_ms * 2, XK_REPORT_RETRY_MAX_MS);
}

/* The blocks come in no order, each of one or more 2 MiB. */
static int report_blocks(struct page_reporting_dev_info *dev,
			 struct scatterlist *sgl, unsigned int count)
{
	struct scatterlist *sg;
	unsigned long pfn;
	unsigned int i, ranges;
	int err;

	for_each_sg(sgl, sg, count, i) {
		pfn = page_to_xen_pfn(sg_page(sg));
		ranges = min_t(unsigned int, sg->length >> (PAGE_SHIFT +
							    XK_SUPER_ORDER),
			       XK_BALLOON_RANGES);
		/* A kernel told to report smaller blocks: not for us. */
		if (!ranges || !IS_ALIGNED(pfn, XK_SUPER_PAGES))
			continue;
		err = report_patiently(pfn, ranges);
		if (!err)
			report.retry_ms = XK_REPORT_RETRY_MS;
		if (err == -EAGAIN)
			report_later(dev);
		/* A block that dom0 will never take is not offered again. */
		if (err && err != -EINVAL)
			return err;
	}
	return 0;
}

static struct page_reporting_dev_info report_dev = {
	.report = report_blocks,
	.order = XK_SUPER_ORDER,
};

static void report_register(struct work_struct *work)
{
	int err;

	report.retry_ms = XK_REPORT_RETRY_MS;
	if (report.registered) {
		/* What the last connection did not come to. */
		schedule_delayed_work(&report_dev.work, 0);
		return;
	}
	/* What comes back is zero, and not the pattern that is looked for. */
	if (page_poisoning_enabled()) {
		pr_info_once("free pages are poisoned, so none are reported\n");
		return;
	}
	err = page_reporting_register(&report_dev);
	if (err)
		pr_warn_once("free pages are not reported: error %d\n", err);
	else
		report.registered = true;
}

static DECLARE_WORK(report_work, report_register);

/* FEATURES, from the interrupt handler. */
void xk_report_offered(void)
{
	if (!reporting)
		return;
	WRITE_ONCE(report.offered, true);
	schedule_work(&report_work);
}

/* No connection any more: whoever waits need not. */
void xk_report_lost(void)
{
	unsigned long flags;

	spin_lock_irqsave(&report.lock, flags);
	report.offered = false;
	report.losses++;
	spin_unlock_irqrestore(&report.lock, flags);
	wake_up(&report.wait);
}

/* No more for now, and what is aside goes back as soon as it can. */
void xk_report_hush(void)
{
	report.quiet_until = jiffies + msecs_to_jiffies(XK_REPORT_QUIET_MS);
	WRITE_ONCE(report.quiet, true);
	wake_up(&report.wait);
}

/* Before the guest itself lets go of the connection. */
void xk_report_quiesce(void)
{
	xk_report_hush();
	if (!wait_event_idle_timeout(report.wait, !READ_ONCE(report.open),
				     msecs_to_jiffies(XK_BALLOON_WAIT_MS)))
		pr_warn("dom0 did not finish with reported pages\n");
}

void xk_report_resume(void)
{
	WRITE_ONCE(report.quiet, false);
}

void xk_report_exit(void)
{
	cancel_work_sync(&report_work);
	if (report.registered)
		page_reporting_unregister(&report_dev);
}
