// SPDX-License-Identifier: GPL-2.0
/*
 * The stock xen-balloon driver's figures. It is built into the kernel, chases
 * memory/target and steers by balloon_stats alone:
 *
 *   credit = target_pages - current_pages
 *   credit < 0: it inflates; credit > 0: it deflates what it holds itself
 *
 * What this module gives to Xen must leave its credit as it was, so a job of
 * dom0 moves current and target together. Its mutex is not exported, hence:
 *
 * - The two moves are two stores. They come in the order that shows a credit
 *   above zero in between, never one below: at worst the stock thread finds
 *   nothing of its own to deflate, or deflates early what it inflates again.
 * - target_pages is written by one other place, the watch of memory/target,
 *   with an absolute value. Each move compares before it exchanges, so such a
 *   write is noticed and stands: the toolstack overrules dom0's job. A write
 *   of the value that stood when the job began says nothing new (memoryd's
 *   own write after the job before may arrive late) and is moved along.
 * - current_pages is also changed by the stock thread, without atomics. An
 *   update that got lost shows up as drift in
 *       total = current + low + high + unpopulated + ours
 *   and is repaired when the stock thread rests.
 */
#include "xk_balloon.h"

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include <xen/balloon.h>

static struct {
	bool open;		/* a job of dom0 moves the target too */
	bool overruled;
	unsigned long start;	/* target when the job began */
	unsigned long target;	/* target as we left it */
	bool known;		/* the next two are */
	unsigned long total;
	long slack;		/* total less the sum, before we did anything */
	unsigned long repairs;
} stats;

void xk_stats_open(void)
{
	stats.start = READ_ONCE(balloon_stats.target_pages);
	stats.target = stats.start;
	stats.overruled = false;
	stats.open = true;
}

void xk_stats_close(void)
{
	unsigned long start = stats.start;

	/* Said again after our last move. */
	if (!stats.overruled)
		try_cmpxchg(&balloon_stats.target_pages, &start, stats.target);
	stats.open = false;
}

/* The toolstack set another target since the job was opened. */
bool xk_stats_overruled(void)
{
	unsigned long target = READ_ONCE(balloon_stats.target_pages);

	if (stats.open && target != stats.target && target != stats.start)
		stats.overruled = true;
	return stats.overruled;
}

static void stats_add(unsigned long *value, long pages)
{
	unsigned long old = READ_ONCE(*value);

	while (!try_cmpxchg(value, &old, old + pages))
		;
}

static void stats_move_target(long pages)
{
	unsigned long old = READ_ONCE(balloon_stats.target_pages);

	do {
		if (old != stats.target && old != stats.start) {
			stats.overruled = true;
			return;
		}
	} while (!try_cmpxchg(&balloon_stats.target_pages, &old,
			      stats.target + pages));
	stats.target += pages;
}

/* Above zero: back with the kernel. Below: given to Xen. */
void xk_stats_move(long pages)
{
	bool both = stats.open && !stats.overruled;

	preempt_disable();
	if (both && pages > 0)
		stats_move_target(pages);
	stats_add(&balloon_stats.current_pages, pages);
	if (both && pages < 0)
		stats_move_target(pages);
	preempt_enable();
}

/* What the toolstack granted and the stock driver cannot take by itself. */
unsigned long xk_stats_lack(void)
{
	unsigned long target = READ_ONCE(balloon_stats.target_pages);
	unsigned long reach = READ_ONCE(balloon_stats.current_pages) +
			      READ_ONCE(balloon_stats.balloon_low) +
			      READ_ONCE(balloon_stats.balloon_high);

	return target > reach ? target - reach : 0;
}

/*
 * Pages are about to be put on the stock driver's list by way of
 * xen_free_ballooned_pages(), which takes them for pages it had lent out.
 */
void xk_stats_lend(unsigned long pages)
{
	stats_add(&balloon_stats.target_unpopulated, pages);
}

/* A consistent copy, taken while the stock thread rests. */
static bool stats_snapshot(struct balloon_stats *copy)
{
	struct balloon_stats again;

	memcpy(copy, &balloon_stats, sizeof(*copy));
	barrier();
	msleep(20);
	memcpy(&again, &balloon_stats, sizeof(again));
	if (memcmp(copy, &again, sizeof(again)))
		return false;
	if (copy->target_pages == copy->current_pages)
		return true;
	/* Nothing of its own to deflate: it waits for us. */
	return copy->target_pages > copy->current_pages &&
	       !copy->balloon_low && !copy->balloon_high;
}

static long stats_slack(const struct balloon_stats *copy)
{
	return copy->total_pages - copy->current_pages - copy->balloon_low -
	       copy->balloon_high - copy->target_unpopulated -
	       xk_pages_ballooned() - xk_pages_stuck();
}

void xk_stats_reconcile(void)
{
	struct balloon_stats copy;
	long slack;

	if (!stats_snapshot(&copy))
		return;
	slack = stats_slack(&copy);
	if (!stats.known || stats.total != copy.total_pages) {
		/* First look, or memory was hot-plugged. */
		stats.known = true;
		stats.total = copy.total_pages;
		stats.slack = slack;
		return;
	}
	if (slack == stats.slack)
		return;
	stats.repairs++;
	pr_warn_once("the stock balloon's count was off by %ld pages, repaired\n",
		     slack - stats.slack);
	stats_add(&balloon_stats.current_pages, slack - stats.slack);
}

unsigned long xk_stats_repairs(void)
{
	return READ_ONCE(stats.repairs);
}

void xk_stats_init(void)
{
	int tries;

	for (tries = 0; tries < 5 && !stats.known; tries++)
		xk_stats_reconcile();
}
