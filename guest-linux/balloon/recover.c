// SPDX-License-Identifier: GPL-2.0
/*
 * A 2 MiB range that Xen maps page by page is made whole: the kernel moves
 * what is in it elsewhere, the range is given to Xen and taken back as one
 * extent. Only the guest can do this safely: what Xen, a backend or a device
 * refers to is a page that this kernel will not move, so such a range stays
 * as it is.
 */
#include "xk_balloon.h"

#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/memory_hotplug.h>
#include <linux/mmzone.h>

/* All of it memory of one zone that the allocator could ever have. */
static bool recover_possible(unsigned long pfn)
{
	struct zone *zone = NULL;
	struct page *page;
	unsigned int i;

	for (i = 0; i < XK_SUPER_PAGES; i++) {
		page = pfn_to_online_page(pfn + i);
		if (!page || PageReserved(page) || PageOffline(page))
			return false;
		if (zone && page_zone(page) != zone)
			return false;
		zone = page_zone(page);
	}
	return true;
}

/*
 * A page that this kernel uses itself: it is neither a program's nor a file's,
 * so nothing can move it. Free pages count no users; a page on its way to or
 * from the lists of those that can be moved has a mapping.
 */
static bool recover_is_kernel(struct page *page)
{
	if (PageSlab(page) || PageTable(page))
		return true;
	return page_count(page) && !PageLRU(page) && !__PageMovable(page) &&
	       !READ_ONCE(page->mapping);
}

/* Why the allocator did not free the range: never, or not now. */
static u32 recover_refusal(unsigned long pfn)
{
	unsigned int i;

	for (i = 0; i < XK_SUPER_PAGES; i++)
		if (recover_is_kernel(pfn_to_page(pfn + i)))
			return XK_BALLOON_EPINNED;
	return XK_BALLOON_EBUSY;
}

/*
 * Other programs' data must not leave: Xen does not clear what a living guest
 * frees. An allocator that clears has done so already.
 */
static void recover_clear(struct page *page)
{
	unsigned int i;

	if (want_init_on_alloc(0) || want_init_on_free())
		return;
	for (i = 0; i < XK_SUPER_PAGES; i++)
		clear_highpage(page + i);
}

/* The status to answer with. */
u32 xk_recover_range(unsigned long pfn)
{
	static const u32 status[] = {
		[XK_SWAP_WHOLE] = XK_BALLOON_OK,
		[XK_SWAP_PIECES] = XK_BALLOON_EHOST,
		[XK_SWAP_SHORT] = XK_BALLOON_ENOMEM,
		[XK_SWAP_NONE] = XK_BALLOON_EHOST,
	};

	if (!IS_ALIGNED(pfn, XK_SUPER_PAGES) || !recover_possible(pfn))
		return XK_BALLOON_EPINNED;
	/* Not at the price of the guest's own reserve. */
	if (!xk_floor_spares(XK_SUPER_PAGES))
		return XK_BALLOON_EBUSY;
	if (alloc_contig_range(pfn, pfn + XK_SUPER_PAGES, MIGRATE_MOVABLE,
			       GFP_KERNEL | __GFP_NOWARN))
		return recover_refusal(pfn);
	recover_clear(pfn_to_page(pfn));
	return status[xk_pages_swap(pfn_to_page(pfn))];
}
