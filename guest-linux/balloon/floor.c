// SPDX-License-Identifier: GPL-2.0
/*
 * What the balloon leaves to the guest.
 */
#include "xk_balloon.h"

#include <linux/minmax.h>
#include <linux/moduleparam.h>

static unsigned int floor_mib;
module_param(floor_mib, uint, 0644);
MODULE_PARM_DESC(floor_mib,
		 "Memory in MiB that the balloon leaves available (0: by size)");

static unsigned long floor_total(void)
{
	return totalram_pages() + xk_pages_ballooned();
}

/*
 * How much must stay available to a guest of `total` pages. The kernel's own
 * needs grow with the size of the guest, but slower: of each band of memory a
 * smaller share is kept.
 */
static unsigned long floor_pages(unsigned long total)
{
	static const struct {
		unsigned long upto;	/* MiB */
		unsigned int shift;	/* keep 1 in 2^shift */
	} band[] = {
		{ 128, 3 }, { 2048, 4 }, { 8192, 5 }, { ULONG_MAX, 6 }
	};
	unsigned long mib = XK_PAGES_MIB(total);
	unsigned long from = 0, keep = 16;
	unsigned int i;

	if (READ_ONCE(floor_mib))
		keep = READ_ONCE(floor_mib);
	else
		for (i = 0; i < ARRAY_SIZE(band) && mib > from; i++) {
			keep += (min(mib, band[i].upto) - from) >>
				band[i].shift;
			from = band[i].upto;
		}
	return min(keep << (20 - PAGE_SHIFT), total);
}

/* Largest balloon the guest agrees to. */
unsigned long xk_floor_limit(void)
{
	unsigned long total = floor_total();

	return total - floor_pages(total);
}

/* What is missing to what must stay available. */
unsigned long xk_floor_lack(void)
{
	unsigned long floor = floor_pages(floor_total());
	long available = max(si_mem_available(), 0L);

	return floor - min(floor, (unsigned long)available);
}

/* Whether the kernel can do without so many more pages. */
bool xk_floor_spares(unsigned long pages)
{
	long available = si_mem_available();

	return available > 0 &&
	       (unsigned long)available >= floor_pages(floor_total()) + pages;
}
