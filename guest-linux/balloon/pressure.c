// SPDX-License-Identifier: GPL-2.0
/*
 * How short of memory the guest is. dom0 hears of it when something changed
 * that is worth saying, and at once when pages of the balloon are wanted:
 *
 *   a tick a second      says what is available and how much was waited
 *   the shrinker         reclaim has begun: is less available than the floor?
 *   the OOM notifier     the kernel is about to kill: wait for dom0, briefly
 *
 * What counts as waiting: the pressure stall accounting of the kernel is not
 * exported to modules (6.1 has no psi_* symbol among its exports), so the time
 * in which at least one task was in direct reclaim is measured here, by the
 * tracepoints at its two ends. Unlike PSI it leaves out what was waited for
 * pages that were reclaimed too early and are read again.
 */
#include "xk_balloon.h"

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/wait.h>

/* A change worth saying: of what is available, and of the stall. */
#define XK_CHANGE_SHIFT		3	/* 1 in 8, but at least */
#define XK_CHANGE_PAGES		1024u
#define XK_CHANGE_PERMILLE	50u

/* The least that a kernel about to kill asks for. */
#define XK_OOM_PAGES		(8u * XK_SUPER_PAGES)
/* It waits no longer, and not again soon when it was in vain. */
#define XK_OOM_WAIT_MS		3000
#define XK_OOM_AGAIN_MS		30000

static struct {
	bool active;		/* connected, and dom0 knows the message */
	wait_queue_head_t wait;	/* for pages of the balloon */
	atomic_long_t next_want;	/* jiffies */
	unsigned long oom_again;	/* jiffies; one OOM at a time */
	bool oom_vain;

	/* As last said. */
	unsigned long available;
	u32 stall;
} pressure;

/* Direct reclaim, by its tracepoints. */
static struct {
	spinlock_t lock;
	unsigned int tasks;	/* in it now */
	u64 since;		/* the first of them, ns */
	u64 sum;		/* ns */
	u64 seen_sum, seen_at;	/* at the last tick */
	struct tracepoint *begin, *end;
} stall = {
	.lock = __SPIN_LOCK_UNLOCKED(stall.lock),
};

static void stall_begin(void *data, int order, gfp_t gfp)
{
	unsigned long flags;

	spin_lock_irqsave(&stall.lock, flags);
	if (!stall.tasks++)
		stall.since = ktime_get_ns();
	spin_unlock_irqrestore(&stall.lock, flags);
}

/* Its beginning may have been before ours: then there is none to end. */
static void stall_end(void *data, unsigned long reclaimed)
{
	unsigned long flags;

	spin_lock_irqsave(&stall.lock, flags);
	if (stall.tasks && !--stall.tasks)
		stall.sum += ktime_get_ns() - stall.since;
	spin_unlock_irqrestore(&stall.lock, flags);
}

/* The share of the time since the last call. */
static u32 stall_permille(void)
{
	u64 now = ktime_get_ns(), sum, waited, passed;
	unsigned long flags;

	spin_lock_irqsave(&stall.lock, flags);
	sum = stall.sum;
	if (stall.tasks && now > stall.since)
		sum += now - stall.since;
	waited = sum - min(sum, stall.seen_sum);
	passed = max_t(u64, now - stall.seen_at, NSEC_PER_MSEC);
	stall.seen_sum = sum;
	stall.seen_at = now;
	spin_unlock_irqrestore(&stall.lock, flags);
	return min_t(u64, div64_u64(waited * 1000, passed), 1000);
}

static void stall_find(struct tracepoint *tp, void *data)
{
	if (!strcmp(tp->name, "mm_vmscan_direct_reclaim_begin"))
		stall.begin = tp;
	else if (!strcmp(tp->name, "mm_vmscan_direct_reclaim_end"))
		stall.end = tp;
}

/* A kernel without these: dom0 is told of no stall, and of all else. */
static void stall_init(void)
{
	for_each_kernel_tracepoint(stall_find, NULL);
	if (!stall.begin || !stall.end)
		goto out_none;
	if (tracepoint_probe_register(stall.end, stall_end, NULL))
		goto out_none;
	if (tracepoint_probe_register(stall.begin, stall_begin, NULL))
		goto out_end;
	return;

out_end:
	tracepoint_probe_unregister(stall.end, stall_end, NULL);
out_none:
	stall.begin = NULL;
	pr_info("time in reclaim cannot be measured here\n");
}

static void stall_exit(void)
{
	if (stall.begin) {
		tracepoint_probe_unregister(stall.begin, stall_begin, NULL);
		tracepoint_probe_unregister(stall.end, stall_end, NULL);
	}
	tracepoint_synchronize_unregister();
}

static unsigned long pressure_available(void)
{
	return max(si_mem_available(), 0L);
}

static void pressure_say(unsigned long want)
{
	unsigned long available = pressure_available();

	/* The ring is full: the next tick, or the next want, says it. */
	if (xk_job_say(XK_BALLOON_PRESSURE, available, want,
		       READ_ONCE(pressure.stall)))
		return;
	WRITE_ONCE(pressure.available, available);
}

/* Ask dom0 for pages; more often than it hears us we need not. */
static void pressure_want(unsigned long want)
{
	long next = atomic_long_read(&pressure.next_want);

	want = min(want, xk_pages_ballooned());
	if (!want || !READ_ONCE(pressure.active) ||
	    time_before(jiffies, (unsigned long)next))
		return;
	if (atomic_long_cmpxchg(&pressure.next_want, next,
				jiffies + HZ / XK_BALLOON_WANTS) != next)
		return;		/* another processor asks */
	xk_job_yield();
	pressure_say(want);
}

static bool pressure_changed(unsigned long available, u32 permille)
{
	unsigned long said = READ_ONCE(pressure.available);
	unsigned long least = max_t(unsigned long, said >> XK_CHANGE_SHIFT,
				    XK_CHANGE_PAGES);
	u32 was = pressure.stall;

	return max(available, said) - min(available, said) >= least ||
	       max(permille, was) - min(permille, was) >= XK_CHANGE_PERMILLE ||
	       (!permille && was);
}

static void pressure_tick(struct work_struct *work);
/* It never wakes an idle processor: what is idle is not short of memory. */
static DECLARE_DEFERRABLE_WORK(pressure_dwork, pressure_tick);

static void pressure_tick(struct work_struct *work)
{
	u32 permille = stall_permille();

	if (!READ_ONCE(pressure.active))
		return;
	if (pressure_changed(pressure_available(), permille)) {
		WRITE_ONCE(pressure.stall, permille);
		pressure_say(0);
	}
	schedule_delayed_work(&pressure_dwork, HZ);
}

/*
 * The balloon's pages are not ours to free, dom0 brings them: so the shrinker
 * only passes on that reclaim has begun. While the kernel has its floor, the
 * page cache is the better place to take from, and nothing is asked for.
 */
static unsigned long pressure_count(struct shrinker *shrinker,
				    struct shrink_control *sc)
{
	if (!READ_ONCE(pressure.active) || !xk_pages_ballooned())
		return SHRINK_EMPTY;
	return xk_floor_lack();
}

static unsigned long pressure_scan(struct shrinker *shrinker,
				   struct shrink_control *sc)
{
	pressure_want(xk_floor_lack());
	return SHRINK_STOP;
}

static struct shrinker pressure_shrinker = {
	.count_objects = pressure_count,
	.scan_objects = pressure_scan,
	/* Asked each time: it frees at no cost, and not here. */
	.seeks = 0,
	.batch = 1,
};

/* Wakes the OOM notifier. */
void xk_pressure_eased(void)
{
	wake_up(&pressure.wait);
}

static bool oom_waits(void)
{
	if (!READ_ONCE(pressure.active) || !xk_pages_ballooned())
		return false;
	return !pressure.oom_vain || time_after(jiffies, pressure.oom_again);
}

/*
 * The kernel is about to kill: dom0 is asked, and waited for. What came back
 * is reported as freed, and the kernel tries again instead. The caller holds
 * the kernel's OOM lock, so there is one of us.
 */
static int pressure_oom(struct notifier_block *nb, unsigned long unused,
			void *arg)
{
	unsigned long end = jiffies + msecs_to_jiffies(XK_OOM_WAIT_MS);
	unsigned long before = xk_pages_ballooned(), now = before;
	unsigned long *freed = arg;

	if (!oom_waits())
		return NOTIFY_OK;
	while (now >= before && time_before(jiffies, end) &&
	       READ_ONCE(pressure.active)) {
		pressure_want(max_t(unsigned long, xk_floor_lack(),
				    XK_OOM_PAGES));
		wait_event_idle_timeout(pressure.wait,
					xk_pages_ballooned() < before ||
					!READ_ONCE(pressure.active),
					HZ / XK_BALLOON_WANTS + 1);
		now = xk_pages_ballooned();
	}
	pressure.oom_vain = now >= before;
	pressure.oom_again = jiffies + msecs_to_jiffies(XK_OOM_AGAIN_MS);
	if (pressure.oom_vain) {
		pr_warn_ratelimited("out of memory, and dom0 gave nothing back\n");
		return NOTIFY_OK;
	}
	pr_info_ratelimited("out of memory: %lu KiB came back from dom0\n",
			    XK_PAGES_KIB(before - now));
	*freed += before - now;
	return NOTIFY_OK;
}

static struct notifier_block pressure_oom_nb = {
	.notifier_call = pressure_oom,
};

void xk_pressure_start(unsigned int version)
{
	if (version < 2)
		return;
	pressure.available = 0;
	pressure.stall = 0;
	WRITE_ONCE(pressure.active, true);
	schedule_delayed_work(&pressure_dwork, 0);
}

void xk_pressure_stop(void)
{
	WRITE_ONCE(pressure.active, false);
	wake_up(&pressure.wait);
	cancel_delayed_work_sync(&pressure_dwork);
}

int xk_pressure_init(void)
{
	int err;

	init_waitqueue_head(&pressure.wait);
	atomic_long_set(&pressure.next_want, jiffies);
	err = register_shrinker(&pressure_shrinker, "xk-balloon");
	if (err)
		return err;
	err = register_oom_notifier(&pressure_oom_nb);
	if (err) {
		unregister_shrinker(&pressure_shrinker);
		return err;
	}
	stall_init();
	return 0;
}

void xk_pressure_exit(void)
{
	stall_exit();
	unregister_oom_notifier(&pressure_oom_nb);
	unregister_shrinker(&pressure_shrinker);
}
