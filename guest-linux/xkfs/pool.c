// SPDX-License-Identifier: GPL-2.0
/*
 * The pool: pages that dom0 keeps mapped, so that no request maps or grants
 * anything. It is made once and outlives connections, for what is in it may
 * have to be sent again. Pages are handed out in runs; the first eighth only
 * one by one, so that a lookup never waits for large reads; and the first few
 * only to who makes the next connection, for whom all others wait.
 *
 * The pages have held nothing else: they come zeroed and are only ever used
 * for what is exchanged with dom0.
 */
#include "xkfs.h"

#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <xen/page.h>

/* Of one page each: a call of recover.c, the NOTIFYs, and a few to spare. */
#define KEPT	8

static int pool_make_dirs(struct xk_pool *pool, domid_t peer)
{
	unsigned int i;
	u32 *refs;
	int ref;

	for (i = 0; i < pool->nr; i++) {
		if (i % XK_XKFS_DIR_REFS == 0) {
			refs = (u32 *)get_zeroed_page(GFP_KERNEL);
			if (!refs)
				return -ENOMEM;
			ref = gnttab_grant_foreign_access(peer,
							  virt_to_gfn(refs), 1);
			if (ref < 0) {
				free_page((unsigned long)refs);
				return ref;
			}
			pool->dirs[pool->nr_dirs] = refs;
			pool->dir_refs[pool->nr_dirs++] = ref;
		}
		refs[i % XK_XKFS_DIR_REFS] = pool->refs[i];
	}
	return 0;
}

int xk_pool_create(struct xk_pool *pool, domid_t peer, unsigned int pages)
{
	int err = -ENOMEM;
	int ref;

	pool->low = KEPT + pages / 8;
	pool->pages = kvcalloc(pages, sizeof(*pool->pages), GFP_KERNEL);
	pool->refs = kvcalloc(pages, sizeof(*pool->refs), GFP_KERNEL);
	pool->used = bitmap_zalloc(pages, GFP_KERNEL);
	if (!pool->pages || !pool->refs || !pool->used)
		goto out;

	for (pool->nr = 0; pool->nr < pages; pool->nr++) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

		if (!page)
			goto out;
		ref = gnttab_grant_foreign_access(peer, xen_page_to_gfn(page),
						  0);
		if (ref < 0) {
			__free_page(page);
			err = ref;
			goto out;
		}
		pool->pages[pool->nr] = page;
		pool->refs[pool->nr] = ref;
	}
	err = pool_make_dirs(pool, peer);
	if (err)
		goto out;
	err = -ENOMEM;
	pool->base = vmap(pool->pages, pages, VM_MAP, PAGE_KERNEL);
	if (!pool->base)
		goto out;
	return 0;
out:
	xk_pool_destroy(pool);
	return err;
}

/* The guest was restored: its grant table is a new one, and empty. */
void xk_pool_regrant(struct xk_pool *pool, domid_t peer)
{
	unsigned int i;

	for (i = 0; i < pool->nr; i++)
		gnttab_grant_foreign_access_ref(pool->refs[i], peer,
						xen_page_to_gfn(pool->pages[i]),
						0);
	for (i = 0; i < pool->nr_dirs; i++)
		gnttab_grant_foreign_access_ref(pool->dir_refs[i], peer,
						virt_to_gfn(pool->dirs[i]), 1);
}

/* A page that dom0 still maps is freed by the grant code once it does not. */
void xk_pool_destroy(struct xk_pool *pool)
{
	unsigned int i;

	vunmap(pool->base);
	pool->base = NULL;
	for (i = 0; i < pool->nr; i++)
		gnttab_end_foreign_access(pool->refs[i], pool->pages[i]);
	for (i = 0; i < pool->nr_dirs; i++)
		gnttab_end_foreign_access(pool->dir_refs[i],
					  virt_to_page(pool->dirs[i]));
	pool->nr = 0;
	pool->nr_dirs = 0;
	bitmap_free(pool->used);
	kvfree(pool->refs);
	kvfree(pool->pages);
	pool->used = NULL;
	pool->refs = NULL;
	pool->pages = NULL;
}

static bool pool_take(struct xk_pool *pool, struct xk_piece *piece,
		      unsigned int pages)
{
	unsigned long first = current_work() == &xk_dev.recover_work ? 0 : KEPT;
	unsigned long at;

	at = pages == 1 ? find_next_zero_bit(pool->used, pool->nr, first) :
	     bitmap_find_next_zero_area(pool->used, pool->nr, pool->low,
					pages, 0);
	if (at >= pool->nr)
		return false;
	bitmap_set(pool->used, at, pages);
	piece->first = at;
	piece->nr = pages;
	return true;
}

/* As much of `want` as there is in a row, in halves, down to `least`. */
static bool pool_try(struct xk_pool *pool, struct xk_piece *piece, size_t want,
		     size_t least)
{
	unsigned int pages = DIV_ROUND_UP(want, PAGE_SIZE);
	unsigned int few = DIV_ROUND_UP(least, PAGE_SIZE);
	unsigned long flags;
	bool found;

	spin_lock_irqsave(&pool->lock, flags);
	while (!(found = pool_take(pool, piece, pages)) && pages > few)
		pages = max(pages / 2, few);
	spin_unlock_irqrestore(&pool->lock, flags);
	return found;
}

/*
 * Sleeps until others return theirs, or not (-EAGAIN). Who holds a piece that
 * is not under way to dom0 must not wait for another one.
 */
int xk_pool_get(struct xk_pool *pool, struct xk_piece *piece, size_t want,
		size_t least, enum xk_wait wait)
{
	if (!pool->nr)
		return -ENODEV;
	if (pool_try(pool, piece, want, least))
		return 0;
	if (wait == XK_TRY)
		return -EAGAIN;
	if (wait == XK_WAIT_KILLABLE)
		return wait_event_killable(pool->freed,
					   pool_try(pool, piece, want, least));
	wait_event(pool->freed, pool_try(pool, piece, want, least));
	return 0;
}

/* Gives back what is behind the first `keep` bytes. */
void xk_pool_cut(struct xk_pool *pool, struct xk_piece *piece, size_t keep)
{
	unsigned int pages = DIV_ROUND_UP(keep, PAGE_SIZE);
	unsigned long flags;

	if (pages >= piece->nr)
		return;
	spin_lock_irqsave(&pool->lock, flags);
	bitmap_clear(pool->used, piece->first + pages, piece->nr - pages);
	spin_unlock_irqrestore(&pool->lock, flags);
	piece->nr = pages;
	wake_up(&pool->freed);
}

void xk_pool_put(struct xk_pool *pool, struct xk_piece *piece)
{
	xk_pool_cut(pool, piece, 0);
}
