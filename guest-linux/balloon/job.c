// SPDX-License-Identifier: GPL-2.0
/*
 * The job that dom0 opened: one at a time, run by a worker.
 *
 *   growing:   TARGET SWEEP SWEPT (GAVE SETTLED)* GAVE+LAST SETTLED DONE
 *   shrinking: TARGET GAVE* DONE
 *   recovery:  RECOVER RECOVERED* DONE
 *
 * The interrupt handler only notes what dom0 said. The worker reports a chunk
 * and, while dom0 settles it, takes the next one from the kernel: zeroing new
 * memory costs as much as dom0's work on the old.
 */
#include "xk_balloon.h"

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

/* Suspending or unloading, a reported chunk is waited for no longer. */
#define XK_GRACE_MS	2000
/* A suspend that was called off does not tell us: accept jobs again then. */
#define XK_SUSPEND_MS	3000

static struct {
	spinlock_t lock;	/* all of this, and sending */
	wait_queue_head_t wait;
	struct workqueue_struct *queue;
	struct work_struct work;

	struct xk_ring *ring;	/* NULL: not connected */
	bool lost;		/* nothing more will come over it */
	bool aborted;		/* suspending or unloading */
	bool asleep;
	unsigned long asleep_until;

	u64 id;			/* of the open job, 0: none */
	u64 target;
	unsigned int ranges;	/* to recover, from gfn target; 0: none */
	bool stop;
	bool yield;		/* growing has to end: the guest is short */

	u16 expected;		/* type of the answer we wait for */
	bool answered;
	u32 status;
	u64 pages;

	struct xk_progress progress;
	unsigned long ignored;
} job;

/* One run of the worker. */
struct xk_run {
	u64 id;
	unsigned long from;	/* size of the balloon then */
	unsigned long todo;
	unsigned long given;
	unsigned int chunks;
	ktime_t kernel;		/* time in the allocator, which zeroes, */
	ktime_t xen;		/* in hypercalls, and */
	ktime_t dom0;		/* for dom0 */
};

static bool job_take_target(const struct xk_balloon_slot *slot)
{
	if (!slot->id || job.id || !job.ring)
		return false;
	job.id = slot->id;
	job.target = slot->pages;
	job.ranges = 0;
	job.stop = false;
	job.yield = false;
	queue_work(job.queue, &job.work);
	return true;
}

static bool job_take_recover(const struct xk_balloon_slot *slot)
{
	if (!slot->given || slot->given > XK_BALLOON_RANGES ||
	    slot->pages > ULONG_MAX / 2 || !job_take_target(slot))
		return false;
	job.ranges = slot->given;
	return true;
}

static bool job_take_answer(const struct xk_balloon_slot *slot)
{
	if (!job.id || slot->id != job.id || slot->type != job.expected ||
	    job.answered)
		return false;
	job.answered = true;
	job.pages = slot->pages;
	job.status = slot->type == XK_BALLOON_SWEPT ? slot->status :
						      XK_BALLOON_OK;
	if (job.status > XK_BALLOON_STATUS_MAX)
		job.status = XK_BALLOON_EREFUSED;
	return true;
}

static bool job_take_stop(const struct xk_balloon_slot *slot)
{
	if (!job.id || slot->id != job.id)
		return false;
	job.stop = true;
	return true;
}

static bool job_take_features(const struct xk_balloon_slot *slot)
{
	if (slot->pages & XK_BALLOON_FEATURE_REPORTING)
		xk_report_offered();
	return true;
}

/* One message of dom0. Called from the interrupt handler. */
void xk_job_message(const struct xk_balloon_slot *slot)
{
	unsigned long flags;
	bool taken;

	spin_lock_irqsave(&job.lock, flags);
	switch (slot->type) {
	case XK_BALLOON_TARGET:
		taken = job_take_target(slot);
		break;
	case XK_BALLOON_SWEPT:
	case XK_BALLOON_SETTLED:
		taken = job_take_answer(slot);
		break;
	case XK_BALLOON_RECOVER:
		taken = job_take_recover(slot);
		break;
	case XK_BALLOON_FEATURES:
		taken = job_take_features(slot);
		break;
	case XK_BALLOON_REPORTED:
		taken = xk_report_answer(slot->id, slot->status);
		break;
	case XK_BALLOON_STOP:
		taken = job_take_stop(slot);
		break;
	default:
		taken = false;
		break;
	}
	if (!taken)
		job.ignored++;
	spin_unlock_irqrestore(&job.lock, flags);

	if (taken)
		wake_up(&job.wait);
	else
		pr_debug_ratelimited("message of type %u, job %llu ignored\n",
				     slot->type, slot->id);
}

static void job_fill_slot(struct xk_balloon_slot *slot, u16 type)
{
	*slot = (struct xk_balloon_slot){
		.type = type,
		.ballooned = xk_pages_ballooned(),
		.super = xk_pages_super(),
		.limit = xk_floor_limit(),
	};
}

static int job_send_locked(const struct xk_balloon_slot *slot)
{
	if (!job.ring || job.lost)
		return -ENOTCONN;
	return xk_ring_send(job.ring, slot);
}

static int job_send(const struct xk_balloon_slot *slot)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&job.lock, flags);
	err = job_send_locked(slot);
	/* After DONE the next TARGET may come at once. */
	if (!err && slot->type == XK_BALLOON_DONE)
		job.id = 0;
	spin_unlock_irqrestore(&job.lock, flags);
	return err;
}

/* Wait, within bounds, for dom0 to empty a slot. */
static int job_send_patiently(const struct xk_balloon_slot *slot)
{
	unsigned long end = jiffies + msecs_to_jiffies(XK_BALLOON_WAIT_MS);
	int err;

	for (;;) {
		err = job_send(slot);
		if (err != -EAGAIN || READ_ONCE(job.aborted) ||
		    time_after(jiffies, end))
			return err;
		msleep(20);
	}
}

/* Before the message that is answered is sent. */
static void job_expect(u16 type)
{
	unsigned long flags;

	spin_lock_irqsave(&job.lock, flags);
	job.expected = type;
	job.answered = false;
	spin_unlock_irqrestore(&job.lock, flags);
}

static void job_sweep(const struct xk_run *run)
{
	struct xk_balloon_slot slot;

	job_expect(XK_BALLOON_SWEPT);
	job_fill_slot(&slot, XK_BALLOON_SWEEP);
	slot.id = run->id;
	slot.pages = run->todo;
	job_send_patiently(&slot);
}

static void job_gave(const struct xk_run *run, bool last, bool growing)
{
	struct xk_balloon_slot slot;

	WRITE_ONCE(job.progress.given, run->given);
	job_fill_slot(&slot, XK_BALLOON_GAVE);
	slot.id = run->id;
	slot.given = run->given;
	if (last)
		slot.flags = XK_BALLOON_F_LAST;
	if (growing) {
		job_expect(XK_BALLOON_SETTLED);
		job_send_patiently(&slot);
	} else {
		job_send(&slot);	/* for display: may be dropped */
	}
}

static void job_done(const struct xk_run *run, u32 status)
{
	struct xk_balloon_slot slot;
	unsigned long flags;

	job_fill_slot(&slot, XK_BALLOON_DONE);
	slot.id = run->id;
	slot.given = run->given;
	slot.status = status;
	if (job_send_patiently(&slot)) {
		spin_lock_irqsave(&job.lock, flags);
		job.id = 0;
		spin_unlock_irqrestore(&job.lock, flags);
	}
}

static bool job_lost(void)
{
	return !READ_ONCE(job.ring) || READ_ONCE(job.lost);
}

/* Why the job shall not go on; XK_BALLOON_OK when it shall. */
static u32 job_interrupted(void)
{
	if (job_lost())
		return XK_BALLOON_EHOST;
	if (READ_ONCE(job.aborted) || xk_stats_overruled())
		return XK_BALLOON_EBUSY;
	if (READ_ONCE(job.stop))
		return XK_BALLOON_ESTOP;
	if (READ_ONCE(job.yield) && job.progress.phase == XK_GROWING)
		return XK_BALLOON_ENOMEM;
	return XK_BALLOON_OK;
}

/* Wait for the expected answer: its pages and its status. */
static u32 job_wait(u64 *pages)
{
	bool sweeping = job.expected == XK_BALLOON_SWEPT;
	unsigned long flags;
	u32 status;

	wait_event_idle_timeout(job.wait,
				READ_ONCE(job.answered) || job_lost() ||
				READ_ONCE(job.aborted) ||
				(sweeping && READ_ONCE(job.stop)),
				msecs_to_jiffies(XK_BALLOON_WAIT_MS));
	/* What was given is owed an answer, if it is quick. */
	if (!sweeping && READ_ONCE(job.aborted))
		wait_event_idle_timeout(job.wait,
					READ_ONCE(job.answered) || job_lost(),
					msecs_to_jiffies(XK_GRACE_MS));

	spin_lock_irqsave(&job.lock, flags);
	job.expected = 0;
	if (job.answered) {
		status = job.status;
		*pages = job.pages;
	} else if (job.aborted) {
		status = XK_BALLOON_EBUSY;
	} else if (sweeping && job.stop) {
		status = XK_BALLOON_ESTOP;
	} else {
		if (!job.lost && job.ring)
			pr_warn_ratelimited("no answer from dom0 in %u ms\n",
					    XK_BALLOON_WAIT_MS);
		status = XK_BALLOON_EHOST;
	}
	spin_unlock_irqrestore(&job.lock, flags);
	return status;
}

static u32 run_wait(struct xk_run *run, u64 *pages)
{
	ktime_t start = ktime_get();
	u32 status = job_wait(pages);

	run->dom0 += ktime_get() - start;
	return status;
}

static unsigned long run_rest(const struct xk_run *run)
{
	return run->todo - run->given;
}

static unsigned long run_chunk(const struct xk_run *run, u64 allowance)
{
	if (!allowance)
		allowance = XK_CHUNK_PAGES;
	return min3(run_rest(run), (unsigned long)XK_CHUNK_PAGES_MAX,
		    (unsigned long)allowance);
}

/* Give a chunk of what is in the stash; why there is no next one. */
static u32 run_give(struct xk_run *run, struct xk_stash *stash, u64 allowance)
{
	u32 why = job_interrupted();
	unsigned long given;
	ktime_t start;
	bool refused;

	if (why)
		return why;
	if (!allowance)
		xk_stash_clear(stash);	/* Xen will not: no debt is open */
	start = ktime_get();
	given = xk_pages_give(stash, run_chunk(run, allowance), &refused);
	run->xen += ktime_get() - start;
	run->given += given;
	run->chunks++;
	if (refused)
		return XK_BALLOON_EHOST;
	if (given)
		return XK_BALLOON_OK;
	return xk_stash_pages(stash) ? XK_BALLOON_EREFUSED : XK_BALLOON_ENOMEM;
}

static void run_fill(struct xk_run *run, struct xk_stash *stash, u64 allowance,
		     bool zero)
{
	ktime_t start = ktime_get();

	xk_stash_fill(stash, run_chunk(run, allowance), zero);
	run->kernel += ktime_get() - start;
}

static u32 job_grow(struct xk_run *run)
{
	struct xk_stash stash;
	u64 allowance = 0;
	u32 status, why;
	bool last;

	/* Blocks that are aside to be reported are missing here. */
	xk_report_quiesce();
	xk_stash_init(&stash);
	job_sweep(run);
	run_fill(run, &stash, 0, true);
	status = run_wait(run, &allowance);
	why = status;
	while (!status) {
		xk_report_hush();
		why = run_give(run, &stash, allowance);
		last = why || !run_rest(run);
		job_gave(run, last, true);
		if (!last)
			run_fill(run, &stash, allowance, !allowance);
		status = run_wait(run, &allowance);
		if (last)
			break;
	}
	xk_stash_drop(&stash);
	return why ? why : status;
}

static u32 job_shrink(struct xk_run *run)
{
	unsigned long taken;
	ktime_t start;
	u32 why;

	while (run_rest(run)) {
		why = job_interrupted();
		if (why)
			return why;
		start = ktime_get();
		taken = xk_pages_take(run_chunk(run, 0));
		run->xen += ktime_get() - start;
		if (!taken)
			return XK_BALLOON_EHOST;
		run->given += taken;
		run->chunks++;
		job_gave(run, run->given == run->todo, false);
	}
	return XK_BALLOON_OK;
}

static const char *status_name(u32 status)
{
	static const char * const names[] = {
		[XK_BALLOON_OK] = "done",
		[XK_BALLOON_ENOMEM] = "no more memory to give",
		[XK_BALLOON_ESTOP] = "stopped",
		[XK_BALLOON_EREFUSED] = "refused",
		[XK_BALLOON_EBUSY] = "interrupted",
		[XK_BALLOON_EHOST] = "no help from the host",
	};

	return status < ARRAY_SIZE(names) ? names[status] : "?";
}

static void run_log(const struct xk_run *run, u32 status)
{
	pr_info_ratelimited("balloon %lu -> %lu MiB in %u chunks: %s; kernel %lld, Xen %lld, dom0 %lld us\n",
			    XK_PAGES_MIB(run->from),
			    XK_PAGES_MIB(xk_pages_ballooned()), run->chunks,
			    status_name(status), ktime_to_us(run->kernel),
			    ktime_to_us(run->xen), ktime_to_us(run->dom0));
}

static u32 run_job(struct xk_run *run, u64 target)
{
	u32 status;

	if (READ_ONCE(job.aborted))
		return XK_BALLOON_EBUSY;
	if (target > run->from && target > xk_floor_limit())
		return XK_BALLOON_EREFUSED;

	if (target > run->from) {
		run->todo = target - run->from;
		job.progress.phase = XK_GROWING;
	} else {
		run->todo = run->from - target;
		job.progress.phase = XK_SHRINKING;
	}
	job.progress.todo = run->todo;
	job.progress.given = 0;
	pr_info_ratelimited("balloon %lu -> %llu MiB begins\n",
			    XK_PAGES_MIB(run->from), XK_PAGES_MIB(target));

	xk_stats_open();
	status = target > run->from ? job_grow(run) : job_shrink(run);
	xk_stats_close();

	job.progress.phase = XK_IDLE;
	return status;
}

/* One answer for each range, until something is in the way. */
static u32 run_recovery(struct xk_run *run, unsigned long pfn,
			unsigned int ranges)
{
	struct xk_balloon_slot slot;
	u32 status = job_interrupted(), how;

	job.progress.phase = XK_RECOVERING;
	job.progress.todo = ranges * XK_SUPER_PAGES;
	job.progress.given = 0;
	for (; run->given < ranges && !status; pfn += XK_SUPER_PAGES) {
		how = xk_recover_range(pfn);
		job_fill_slot(&slot, XK_BALLOON_RECOVERED);
		slot.id = run->id;
		slot.pages = pfn;
		slot.status = how;
		if (job_send_patiently(&slot))
			break;
		run->given++;
		WRITE_ONCE(job.progress.given, run->given * XK_SUPER_PAGES);
		status = job_interrupted();
		cond_resched();
	}
	job.progress.phase = XK_IDLE;
	return run->given == ranges ? XK_BALLOON_OK : status;
}

static void job_work(struct work_struct *work)
{
	struct xk_run run = { .from = xk_pages_ballooned() };
	unsigned int ranges;
	unsigned long flags;
	u64 target;
	u32 status;

	spin_lock_irqsave(&job.lock, flags);
	run.id = job.id;
	target = job.target;
	ranges = job.ranges;
	if (job.asleep && time_after(jiffies, job.asleep_until))
		job.asleep = false;
	status = job.asleep ? XK_BALLOON_EBUSY : XK_BALLOON_OK;
	spin_unlock_irqrestore(&job.lock, flags);
	if (!run.id)
		return;		/* its connection has gone */

	if (ranges) {
		if (!status)
			status = run_recovery(&run, target, ranges);
	} else {
		if (!status)
			status = run_job(&run, target);
		run_log(&run, status);
	}
	job_done(&run, status);
	/* A late word of the toolstack, or drift in the counts. */
	xk_target_check(1000);
}

/* Tell dom0 about a balloon that changed outside a job. */
void xk_job_announce(void)
{
	struct xk_balloon_slot slot;

	job_fill_slot(&slot, XK_BALLOON_STATE);
	if (job_send(&slot) == -EAGAIN)
		pr_debug("state not sent: ring full\n");
}

/*
 * One message that belongs to no job. Does not sleep, allocates nothing: also
 * for a kernel that is out of memory.
 */
int xk_job_say(u16 type, u64 pages, u64 given, u32 status)
{
	struct xk_balloon_slot slot;

	job_fill_slot(&slot, type);
	slot.pages = pages;
	slot.given = given;
	slot.status = status;
	return job_send(&slot);
}

/* FREE, with its ticket. */
int xk_job_offer(u32 ticket, unsigned long pfn, unsigned int ranges)
{
	struct xk_balloon_slot slot;
	unsigned long flags;
	int err = -ENOTCONN;

	job_fill_slot(&slot, XK_BALLOON_FREE);
	slot.id = ticket;
	slot.pages = pfn;
	slot.given = ranges;
	spin_lock_irqsave(&job.lock, flags);
	if (job.ring) {
		xk_ring_put_ticket(job.ring, ticket);
		err = job_send_locked(&slot);
	}
	spin_unlock_irqrestore(&job.lock, flags);
	return err;
}

/* Whether dom0 has left it alone and will. */
bool xk_job_withdraw(u32 ticket)
{
	unsigned long flags;
	bool ours;

	spin_lock_irqsave(&job.lock, flags);
	/* Without a ring the wait is over in any case. */
	ours = !job.ring || xk_ring_withdraw_ticket(job.ring, ticket);
	spin_unlock_irqrestore(&job.lock, flags);
	return ours;
}

/* The guest is short of memory: a growing job has gone far enough. */
void xk_job_yield(void)
{
	WRITE_ONCE(job.yield, true);
}

void xk_job_attach(struct xk_ring *ring)
{
	unsigned long flags;

	spin_lock_irqsave(&job.lock, flags);
	job.ring = ring;
	job.lost = false;
	job.id = 0;
	spin_unlock_irqrestore(&job.lock, flags);
}

/* The peer broke the rules; the caller may hold the lock. */
void xk_job_lost(void)
{
	WRITE_ONCE(job.lost, true);
	wake_up(&job.wait);
}

/* On return the worker has let go of the ring. */
void xk_job_detach(void)
{
	unsigned long flags;

	spin_lock_irqsave(&job.lock, flags);
	job.ring = NULL;
	spin_unlock_irqrestore(&job.lock, flags);
	xk_report_lost();
	wake_up(&job.wait);
	flush_work(&job.work);

	spin_lock_irqsave(&job.lock, flags);
	job.id = 0;
	spin_unlock_irqrestore(&job.lock, flags);
}

/* End what runs at the next chunk, tell dom0, and begin nothing new. */
void xk_job_suspend(void)
{
	unsigned long flags;

	xk_report_quiesce();

	spin_lock_irqsave(&job.lock, flags);
	job.aborted = true;
	job.asleep = true;
	job.asleep_until = jiffies + msecs_to_jiffies(XK_SUSPEND_MS);
	spin_unlock_irqrestore(&job.lock, flags);
	wake_up(&job.wait);
	flush_workqueue(job.queue);
	WRITE_ONCE(job.aborted, false);
}

void xk_job_resume(void)
{
	unsigned long flags;

	spin_lock_irqsave(&job.lock, flags);
	job.asleep = false;
	spin_unlock_irqrestore(&job.lock, flags);
	xk_report_resume();
	xk_target_check(1000);
}

bool xk_job_aborted(void)
{
	return READ_ONCE(job.aborted);
}

/* Work on the balloon takes turns with the jobs. */
bool xk_job_schedule(struct delayed_work *work, unsigned int ms)
{
	return mod_delayed_work(job.queue, work, msecs_to_jiffies(ms));
}

void xk_job_progress(struct xk_progress *progress)
{
	progress->phase = READ_ONCE(job.progress.phase);
	progress->given = READ_ONCE(job.progress.given);
	progress->todo = READ_ONCE(job.progress.todo);
}

unsigned long xk_job_ignored(void)
{
	return READ_ONCE(job.ignored);
}

int xk_job_init(void)
{
	spin_lock_init(&job.lock);
	init_waitqueue_head(&job.wait);
	INIT_WORK(&job.work, job_work);
	/* With a thread of its own: a job that shrinks brings memory. */
	job.queue = alloc_ordered_workqueue("xk-balloon", WQ_MEM_RECLAIM);
	return job.queue ? 0 : -ENOMEM;
}

/*
 * The last act: the balloon goes back to the kernel as far as the host lets
 * us, and to the stock driver's balloon otherwise. Nothing is lost.
 */
void xk_job_exit(void)
{
	unsigned long left;

	destroy_workqueue(job.queue);

	xk_stats_open();
	while (xk_pages_take(XK_CHUNK_PAGES))
		;
	xk_stats_close();

	left = xk_pages_ballooned();
	if (left) {
		pr_warn("the host has no memory for %lu KiB, left to the kernel's own balloon\n",
			XK_PAGES_KIB(left));
		xk_pages_hand_over();
	}
	if (xk_pages_stuck())
		pr_warn("%lu KiB in an unknown state are lost until reboot\n",
			XK_PAGES_KIB(xk_pages_stuck()));
}
