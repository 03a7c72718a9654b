// SPDX-License-Identifier: GPL-2.0
/*
 * The balloon: what the guest gave to Xen, in 2 MiB blocks and single pages.
 * A block is an order 9 allocation that stays in one piece; the first page's
 * lru links it. Every page in the balloon is marked offline and not counted
 * as managed. Nothing here touches the contents of a page that is with Xen.
 *
 * No locks: the one ordered workqueue is the only caller, but for the
 * counters, which anybody may read.
 */
#include "xk_balloon.h"

#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <xen/balloon.h>
#include <xen/interface/hvm/hvm_op.h>
#include <xen/interface/memory.h>
#include <xen/page.h>

#include <asm/xen/hypercall.h>

static_assert(PAGE_SHIFT == XEN_PAGE_SHIFT);

static struct {
	struct list_head blocks;
	struct list_head singles;
	unsigned long nr_blocks;
	unsigned long nr_singles;
	unsigned long nr_stuck;	/* with Xen or not: nobody can say */
} balloon = {
	.blocks = LIST_HEAD_INIT(balloon.blocks),
	.singles = LIST_HEAD_INIT(balloon.singles),
};

/* Argument of the hypercalls. */
static xen_pfn_t frames[XK_SUPER_PAGES];

/* Blocks of one hypercall. */
#define XK_BATCH	16ul

unsigned long xk_pages_ballooned(void)
{
	return READ_ONCE(balloon.nr_blocks) * XK_SUPER_PAGES +
	       READ_ONCE(balloon.nr_singles);
}

unsigned long xk_pages_super(void)
{
	return READ_ONCE(balloon.nr_blocks) * XK_SUPER_PAGES;
}

unsigned long xk_pages_stuck(void)
{
	return READ_ONCE(balloon.nr_stuck);
}

static void pages_mark(struct page *page, unsigned int count)
{
	while (count--)
		__SetPageOffline(page++);
}

static void pages_unmark(struct page *page, unsigned int count)
{
	while (count--)
		__ClearPageOffline(page++);
}

/* Returns how many of the extents in frames[] were done. */
static unsigned long pages_hypercall(unsigned int cmd, unsigned int order,
				     unsigned long count)
{
	struct xen_memory_reservation reservation = {
		.nr_extents = count,
		.extent_order = order,
		.domid = DOMID_SELF,
	};
	long done;

	set_xen_guest_handle(reservation.extent_start, frames);
	done = HYPERVISOR_memory_op(cmd, &reservation);
	if (done < 0) {
		pr_warn_ratelimited("memory operation %u refused: error %ld\n",
				    cmd, done);
		return 0;
	}
	return min_t(unsigned long, done, count);
}

/* Moves pages between the kernel's count of memory and the stock driver's. */
static void pages_account(struct page *page, long count)
{
	adjust_managed_page_count(page, count);
	xk_stats_move(count);
}

static void balloon_add_block(struct page *page)
{
	list_add(&page->lru, &balloon.blocks);
	WRITE_ONCE(balloon.nr_blocks, balloon.nr_blocks + 1);
	pages_account(page, -(long)XK_SUPER_PAGES);
}

static void balloon_add_single(struct page *page)
{
	list_add(&page->lru, &balloon.singles);
	WRITE_ONCE(balloon.nr_singles, balloon.nr_singles + 1);
	pages_account(page, -1);
}

/*
 * Whether a page of ours has gone: 1, 0, or below zero when Xen does not say.
 * It does not populate.
 */
static int pages_hole(struct page *page)
{
	struct xen_hvm_get_mem_type query = {
		.domid = DOMID_SELF,
		.pfn = page_to_xen_pfn(page),
	};
	long err = (int)HYPERVISOR_hvm_op(HVMOP_get_mem_type, &query);

	if (err)
		return err;
	return query.mem_type == HVMMEM_mmio_dm;
}

/* Nobody can say what is behind these pages: keep them from everyone. */
static void pages_stick(struct page *page, unsigned int count)
{
	pr_warn("%u pages at pfn %#lx in an unknown state, never used again\n",
		count, page_to_pfn(page));
	WRITE_ONCE(balloon.nr_stuck, balloon.nr_stuck + count);
	pages_account(page, -(long)count);
}

/* Which pages of a block have gone; the number of them, or below zero. */
static int block_holes(struct page *block, unsigned long *map)
{
	unsigned int i;
	int hole, count = 0;

	bitmap_zero(map, XK_SUPER_PAGES);
	for (i = 0; i < XK_SUPER_PAGES; i++) {
		hole = pages_hole(block + i);
		if (hole < 0)
			return hole;
		if (hole) {
			__set_bit(i, map);
			count++;
		}
	}
	return count;
}

/*
 * Xen did not take this block whole. The call may have stopped anywhere in
 * it, so ask page by page; if nothing was done, try page by page. Returns the
 * pages that went.
 */
static unsigned long block_give_apart(struct page *block)
{
	DECLARE_BITMAP(gone, XK_SUPER_PAGES);
	unsigned int i;
	int holes;

	pr_warn_once("a 2 MiB extent was not taken whole\n");
	holes = block_holes(block, gone);
	if (!holes) {
		for (i = 0; i < XK_SUPER_PAGES; i++)
			frames[i] = page_to_xen_pfn(block + i);
		pages_hypercall(XENMEM_decrease_reservation, 0, XK_SUPER_PAGES);
		holes = block_holes(block, gone);
	}
	if (holes < 0) {
		pages_stick(block, XK_SUPER_PAGES);
		return 0;
	}
	if (holes == XK_SUPER_PAGES) {
		balloon_add_block(block);
		return holes;
	}
	if (!holes) {
		pages_unmark(block, XK_SUPER_PAGES);
		__free_pages(block, XK_SUPER_ORDER);
		return 0;
	}
	split_page(block, XK_SUPER_ORDER);
	for (i = 0; i < XK_SUPER_PAGES; i++) {
		if (test_bit(i, gone)) {
			balloon_add_single(block + i);
		} else {
			pages_unmark(block + i, 1);
			__free_page(block + i);
		}
	}
	return holes;
}

static unsigned long give_blocks(struct xk_stash *stash, unsigned long count,
				 bool *refused)
{
	unsigned long i = 0, done, apart, given = 0;
	struct page *page;

	count = min3(count, stash->nr_blocks, XK_BATCH);
	list_for_each_entry(page, &stash->blocks, lru) {
		if (i == count)
			break;
		pages_mark(page, XK_SUPER_PAGES);
		frames[i++] = page_to_xen_pfn(page);
	}

	done = pages_hypercall(XENMEM_decrease_reservation, XK_SUPER_ORDER,
			       count);
	for (i = 0; i < count; i++) {
		page = list_first_entry(&stash->blocks, struct page, lru);
		if (i > done) {
			/* Not reached: stays in the stash. */
			pages_unmark(page, XK_SUPER_PAGES);
			list_move_tail(&page->lru, &stash->blocks);
			continue;
		}
		list_del(&page->lru);
		stash->nr_blocks--;
		if (i < done) {
			balloon_add_block(page);
			given += XK_SUPER_PAGES;
		} else {
			apart = block_give_apart(page);
			given += apart;
			*refused = apart < XK_SUPER_PAGES;
		}
	}
	return given;
}

static unsigned long give_singles(struct xk_stash *stash, unsigned long count,
				  bool *refused)
{
	unsigned long i = 0, done, given;
	struct page *page;
	int hole;

	count = min3(count, stash->nr_singles, (unsigned long)XK_SUPER_PAGES);
	list_for_each_entry(page, &stash->singles, lru) {
		if (i == count)
			break;
		pages_mark(page, 1);
		frames[i++] = page_to_xen_pfn(page);
	}

	done = pages_hypercall(XENMEM_decrease_reservation, 0, count);
	given = done;
	for (i = 0; i < count; i++) {
		page = list_first_entry(&stash->singles, struct page, lru);
		if (i < done) {
			list_del(&page->lru);
			stash->nr_singles--;
			balloon_add_single(page);
			continue;
		}
		if (i == done) {
			*refused = true;
			hole = pages_hole(page);
			if (hole) {
				list_del(&page->lru);
				stash->nr_singles--;
				if (hole < 0) {
					pages_stick(page, 1);
				} else {
					balloon_add_single(page);
					given++;
				}
				continue;
			}
		}
		pages_unmark(page, 1);
		list_move_tail(&page->lru, &stash->singles);
	}
	return given;
}

/*
 * Give up to `max` pages of the stash to Xen. Less than that: the stash has
 * nothing (that fits), or Xen refused.
 */
unsigned long xk_pages_give(struct xk_stash *stash, unsigned long max,
			    bool *refused)
{
	unsigned long given = 0;

	*refused = false;
	while (!*refused && stash->nr_blocks && max - given >= XK_SUPER_PAGES)
		given += give_blocks(stash, (max - given) / XK_SUPER_PAGES,
				     refused);
	while (!*refused && stash->nr_singles && max > given)
		given += give_singles(stash, max - given, refused);
	return given;
}

static unsigned long take_blocks(unsigned long count)
{
	unsigned long i = 0, done;
	struct page *page;

	count = min3(count, balloon.nr_blocks, XK_BATCH);
	list_for_each_entry(page, &balloon.blocks, lru) {
		if (i == count)
			break;
		frames[i++] = page_to_xen_pfn(page);
	}

	done = pages_hypercall(XENMEM_populate_physmap, XK_SUPER_ORDER, count);
	for (i = 0; i < done; i++) {
		page = list_first_entry(&balloon.blocks, struct page, lru);
		list_del(&page->lru);
		WRITE_ONCE(balloon.nr_blocks, balloon.nr_blocks - 1);
		pages_unmark(page, XK_SUPER_PAGES);
		pages_account(page, XK_SUPER_PAGES);
		__free_pages(page, XK_SUPER_ORDER);
	}
	return done * XK_SUPER_PAGES;
}

static unsigned long take_singles(unsigned long count)
{
	unsigned long i = 0, done;
	struct page *page;

	count = min3(count, balloon.nr_singles, (unsigned long)XK_SUPER_PAGES);
	list_for_each_entry(page, &balloon.singles, lru) {
		if (i == count)
			break;
		frames[i++] = page_to_xen_pfn(page);
	}

	done = pages_hypercall(XENMEM_populate_physmap, 0, count);
	for (i = 0; i < done; i++) {
		page = list_first_entry(&balloon.singles, struct page, lru);
		list_del(&page->lru);
		WRITE_ONCE(balloon.nr_singles, balloon.nr_singles - 1);
		pages_unmark(page, 1);
		pages_account(page, 1);
		__free_page(page);
	}
	return done;
}

/* Pages that the caller holds one by one. */
static void pages_free(struct page *page, unsigned int count)
{
	pages_unmark(page, count);
	while (count--)
		__free_page(page++);
}

/* Fill the holes page by page; what Xen does not fill is the balloon's. */
static enum xk_swap block_refill(struct page *pages, unsigned long *gone,
				 unsigned int holes)
{
	unsigned int i, n = 0;
	unsigned long done;

	for_each_set_bit(i, gone, XK_SUPER_PAGES)
		frames[n++] = page_to_xen_pfn(pages + i);
	done = n ? pages_hypercall(XENMEM_populate_physmap, 0, n) : 0;
	n = 0;
	for (i = 0; i < XK_SUPER_PAGES; i++) {
		if (test_bit(i, gone) && n++ >= done)
			balloon_add_single(pages + i);
		else
			pages_free(pages + i, 1);
	}
	if (done < holes)
		return XK_SWAP_SHORT;
	return holes ? XK_SWAP_PIECES : XK_SWAP_NONE;
}

/*
 * Give 2 MiB to Xen and take them back, in one piece if the host has one. The
 * pages are clean, aligned, and held by the caller one by one: each goes back
 * to the kernel here, or into the balloon.
 */
enum xk_swap xk_pages_swap(struct page *pages)
{
	DECLARE_BITMAP(gone, XK_SUPER_PAGES);
	int holes;

	pages_mark(pages, XK_SUPER_PAGES);
	frames[0] = page_to_xen_pfn(pages);
	if (pages_hypercall(XENMEM_decrease_reservation, XK_SUPER_ORDER, 1) &&
	    pages_hypercall(XENMEM_populate_physmap, XK_SUPER_ORDER, 1)) {
		pages_free(pages, XK_SUPER_PAGES);
		return XK_SWAP_WHOLE;
	}
	/* The first may have stopped anywhere in it. */
	holes = block_holes(pages, gone);
	if (holes < 0) {
		pages_stick(pages, XK_SUPER_PAGES);
		return XK_SWAP_SHORT;
	}
	return block_refill(pages, gone, holes);
}

/* Turn one block of the balloon into single pages. */
static void balloon_open_block(void)
{
	struct page *page = list_first_entry(&balloon.blocks, struct page, lru);
	unsigned int i;

	list_del(&page->lru);
	split_page(page, XK_SUPER_ORDER);
	for (i = 0; i < XK_SUPER_PAGES; i++)
		list_add_tail(&page[i].lru, &balloon.singles);
	WRITE_ONCE(balloon.nr_blocks, balloon.nr_blocks - 1);
	WRITE_ONCE(balloon.nr_singles, balloon.nr_singles + XK_SUPER_PAGES);
}

/*
 * Have Xen fill up to `max` pages of the balloon again and hand them to the
 * kernel. Whole blocks first; a block is opened only when less than a block
 * is wanted, or the host has no 2 MiB in one piece, and no single page is
 * left. 0: the host has no memory for us, or the balloon is empty.
 */
unsigned long xk_pages_take(unsigned long max)
{
	unsigned long taken = 0;

	if (max >= XK_SUPER_PAGES && balloon.nr_blocks)
		taken = take_blocks(max / XK_SUPER_PAGES);
	if (!taken) {
		if (!balloon.nr_singles && balloon.nr_blocks && max)
			balloon_open_block();
		if (balloon.nr_singles && max)
			taken = take_singles(max);
	}
	if (taken)
		xk_pressure_eased();
	cond_resched();
	return taken;
}

/*
 * What the host does not fill at unload becomes the stock driver's: its own
 * balloon grows by our pages, so memory/target still brings them back.
 */
void xk_pages_hand_over(void)
{
	struct page *batch[64];
	unsigned int n;

	while (balloon.nr_blocks)
		balloon_open_block();
	while (balloon.nr_singles) {
		for (n = 0; n < ARRAY_SIZE(batch) && balloon.nr_singles; n++) {
			batch[n] = list_first_entry(&balloon.singles,
						    struct page, lru);
			list_del(&batch[n]->lru);
			pages_unmark(batch[n], 1);
			WRITE_ONCE(balloon.nr_singles, balloon.nr_singles - 1);
		}
		xk_stats_lend(n);
		xen_free_ballooned_pages(n, batch);
		cond_resched();
	}
}
