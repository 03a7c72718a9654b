/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xk_balloon: the balloon front-end of xenkeep. The protocol is specified in
 * xenkeep/proto/balloon.h.
 *
 * One ordered workqueue touches the balloon (pages.c): the job that dom0
 * opened (job.c) and the toolstack's memory/target (target.c) take turns on
 * it. The xenbus device (device.c, ring.c) may come and go; the balloon
 * belongs to the module and stays.
 */
#ifndef XK_BALLOON_H
#define XK_BALLOON_H

#ifdef pr_fmt
#undef pr_fmt
#endif
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <xen/grant_table.h>
#include <xen/interface/event_channel.h>
#include <xen/xenbus.h>

#include <xenkeep/proto/balloon.h>

/*
 * Pages that are moved before dom0 hears of it: its allowance, but not more
 * than the most, or the default when it names none.
 */
#define XK_CHUNK_PAGES		(16u * XK_SUPER_PAGES)
#define XK_CHUNK_PAGES_MAX	(64u * XK_SUPER_PAGES)

#define XK_PAGES_KIB(n)	((n) << (PAGE_SHIFT - 10))
#define XK_PAGES_MIB(n)	((n) >> (20 - PAGE_SHIFT))

/* ring.c: the shared page and its event channel */
struct xk_ring {
	struct xk_balloon_ring *page;
	grant_ref_t gref;
	evtchn_port_t port;
	int irq;		/* 0: not bound */
	unsigned int version;	/* of the protocol, as agreed */
	u32 prod;		/* ours; the page only has a copy */
	u32 cons;
	bool broken;		/* the peer broke the rules */
};

struct xk_ring *xk_ring_create(struct xenbus_device *dev);
void xk_ring_destroy(struct xk_ring *ring);
int xk_ring_send(struct xk_ring *ring, const struct xk_balloon_slot *slot);

/* device.c: the xenbus front-end */
int xk_device_init(void);
void xk_device_exit(void);

/* sysfs.c: what the device shows */
extern const struct attribute_group *xk_sysfs_groups[];

/* job.c: what dom0 asks for */
enum xk_phase { XK_IDLE, XK_GROWING, XK_SHRINKING, XK_RECOVERING };

struct xk_progress {
	enum xk_phase phase;
	unsigned long given;
	unsigned long todo;
};

int xk_job_init(void);
void xk_job_exit(void);
void xk_job_attach(struct xk_ring *ring);
void xk_job_announce(void);
int xk_job_say(u16 type, u64 pages, u64 given, u32 status);
void xk_job_yield(void);
void xk_job_lost(void);
void xk_job_detach(void);
void xk_job_message(const struct xk_balloon_slot *slot);
void xk_job_suspend(void);
void xk_job_resume(void);
bool xk_job_aborted(void);
bool xk_job_schedule(struct delayed_work *work, unsigned int ms);
void xk_job_progress(struct xk_progress *progress);
unsigned long xk_job_ignored(void);

/* target.c: what the toolstack asks for in memory/target */
int xk_target_init(void);
void xk_target_exit(void);
void xk_target_check(unsigned int ms);

/* floor.c: what the balloon leaves to the guest */
unsigned long xk_floor_limit(void);
bool xk_floor_spares(unsigned long pages);
unsigned long xk_floor_lack(void);

/* pressure.c: how short of memory the guest is */
int xk_pressure_init(void);
void xk_pressure_exit(void);
void xk_pressure_start(unsigned int version);
void xk_pressure_stop(void);
void xk_pressure_eased(void);

/* stash.c: taken from the kernel, not yet given to Xen */
struct xk_stash {
	struct list_head blocks;	/* 2 MiB each */
	struct list_head singles;
	unsigned long nr_blocks;
	unsigned long nr_singles;
	bool clean;			/* all of it was zeroed */
};

void xk_stash_init(struct xk_stash *stash);
unsigned long xk_stash_pages(const struct xk_stash *stash);
void xk_stash_fill(struct xk_stash *stash, unsigned long want, bool zero);
void xk_stash_drop(struct xk_stash *stash);
void xk_stash_clear(struct xk_stash *stash);

/* pages.c: the balloon */
unsigned long xk_pages_give(struct xk_stash *stash, unsigned long max,
			    bool *refused);
unsigned long xk_pages_take(unsigned long max);
void xk_pages_hand_over(void);
unsigned long xk_pages_ballooned(void);
unsigned long xk_pages_super(void);
unsigned long xk_pages_stuck(void);

enum xk_swap { XK_SWAP_WHOLE, XK_SWAP_PIECES, XK_SWAP_SHORT, XK_SWAP_NONE };
enum xk_swap xk_pages_swap(struct page *pages);

/* recover.c: ranges made whole again */
u32 xk_recover_range(unsigned long pfn);

/* stats.c: the stock driver's figures */
void xk_stats_init(void);
void xk_stats_open(void);
void xk_stats_close(void);
bool xk_stats_overruled(void);
void xk_stats_move(long pages);
unsigned long xk_stats_lack(void);
void xk_stats_lend(unsigned long pages);
void xk_stats_reconcile(void);
unsigned long xk_stats_repairs(void);

#endif /* XK_BALLOON_H */
