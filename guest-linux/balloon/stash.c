// SPDX-License-Identifier: GPL-2.0
/*
 * The stash: what was taken from the kernel and is not yet given to Xen.
 */
#include "xk_balloon.h"

#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/sched.h>

/*
 * Try for a block once, with one round of compaction, and rather go without
 * than bring the guest down: no reserves, no retry, no OOM killer.
 */
#define XK_GFP	(GFP_HIGHUSER | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC)

void xk_stash_init(struct xk_stash *stash)
{
	INIT_LIST_HEAD(&stash->blocks);
	INIT_LIST_HEAD(&stash->singles);
	stash->nr_blocks = 0;
	stash->nr_singles = 0;
	stash->clean = true;
}

unsigned long xk_stash_pages(const struct xk_stash *stash)
{
	return stash->nr_blocks * XK_SUPER_PAGES + stash->nr_singles;
}

/* Bring the stash up to `want` pages, or to what the kernel can spare. */
void xk_stash_fill(struct xk_stash *stash, unsigned long want, bool zero)
{
	gfp_t gfp = zero ? XK_GFP | __GFP_ZERO : XK_GFP;
	struct page *page;

	if (!xk_stash_pages(stash))
		stash->clean = true;
	stash->clean &= zero;

	while (xk_stash_pages(stash) + XK_SUPER_PAGES <= want &&
	       xk_floor_spares(XK_SUPER_PAGES)) {
		page = alloc_pages(gfp, XK_SUPER_ORDER);
		if (!page)
			break;
		list_add_tail(&page->lru, &stash->blocks);
		stash->nr_blocks++;
		cond_resched();
	}
	while (xk_stash_pages(stash) < want) {
		page = xk_floor_spares(1) ? alloc_page(gfp) : NULL;
		if (!page)
			return;
		list_add_tail(&page->lru, &stash->singles);
		stash->nr_singles++;
		cond_resched();
	}
}

/* Give everything in the stash back to the kernel. */
void xk_stash_drop(struct xk_stash *stash)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &stash->blocks, lru) {
		list_del(&page->lru);
		__free_pages(page, XK_SUPER_ORDER);
	}
	list_for_each_entry_safe(page, next, &stash->singles, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
	xk_stash_init(stash);
}

/* See to it that no data leaves with the pages. */
void xk_stash_clear(struct xk_stash *stash)
{
	struct page *page;
	unsigned int i;

	if (stash->clean)
		return;
	list_for_each_entry(page, &stash->blocks, lru)
		for (i = 0; i < XK_SUPER_PAGES; i++)
			clear_highpage(page + i);
	list_for_each_entry(page, &stash->singles, lru)
		clear_highpage(page);
	stash->clean = true;
}
