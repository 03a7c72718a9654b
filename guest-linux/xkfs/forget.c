// SPDX-License-Identifier: GPL-2.0
/*
 * References that dom0 may forget, many in one request: at once when a batch
 * is full, else after a moment.
 */
#include "xkfs.h"

#include <linux/slab.h>

#define FORGET_BATCH	(PAGE_SIZE / sizeof(struct xk_xkfs_forget))
#define FORGET_DELAY	(HZ / 5)

/* Takes the record over. Any context that may hold spinlocks. */
void xk_forget(struct xk_forget *forget)
{
	struct xk_dev *dev = &xk_dev;
	bool full;

	spin_lock(&dev->forget_lock);
	list_add_tail(&forget->link, &dev->forgets);
	full = ++dev->nr_forgets >= FORGET_BATCH;
	spin_unlock(&dev->forget_lock);
	if (full)
		mod_delayed_work(dev->wq, &dev->forget_work, 0);
	else
		queue_delayed_work(dev->wq, &dev->forget_work, FORGET_DELAY);
}

/* A reference that never got an inode. */
void xk_forget_one(u64 node, u64 epoch)
{
	struct xk_forget *forget;

	if (node <= XK_XKFS_ROOT)
		return;
	forget = kzalloc(sizeof(*forget), GFP_KERNEL | __GFP_NOFAIL);
	forget->node = node;
	forget->references = 1;
	forget->epoch = epoch;
	xk_forget(forget);
}

/* Those of one epoch, as many as fit. */
static unsigned int forget_take(struct list_head *batch, u64 *epoch)
{
	struct xk_dev *dev = &xk_dev;
	struct xk_forget *forget, *next;
	unsigned int count = 0;

	*epoch = READ_ONCE(dev->epoch);
	spin_lock(&dev->forget_lock);
	list_for_each_entry_safe(forget, next, &dev->forgets, link) {
		if (count == FORGET_BATCH)
			break;
		dev->nr_forgets--;
		if (forget->epoch != *epoch) {	/* dom0 did already */
			list_del(&forget->link);
			kfree(forget);
			continue;
		}
		list_move_tail(&forget->link, batch);
		count++;
	}
	spin_unlock(&dev->forget_lock);
	return count;
}

static void forget_free(struct list_head *batch)
{
	struct xk_forget *forget, *next;

	list_for_each_entry_safe(forget, next, batch, link)
		kfree(forget);
}

static void forget_answered(struct xk_call *call)
{
	xk_call_put(call);
}

static void forget_work(struct work_struct *work)
{
	struct xk_xkfs_forget *in;
	struct xk_forget *forget;
	struct xk_call *call;
	unsigned int count;
	LIST_HEAD(batch);
	u64 epoch;

	while ((count = forget_take(&batch, &epoch))) {
		call = xk_call_new(NULL, XK_XKFS_FORGET, 0,
				   count * sizeof(*in), 0);
		if (!IS_ERR(call)) {
			in = xk_call_in(call);
			list_for_each_entry(forget, &batch, link) {
				in->node = forget->node;
				in->references = forget->references;
				in++;
			}
			call->epoch = epoch;
			call->done = forget_answered;
			xk_call_send(call);
		}
		/* Without memory dom0 keeps them until the next epoch. */
		forget_free(&batch);
		INIT_LIST_HEAD(&batch);
	}
}

void xk_forget_init(void)
{
	spin_lock_init(&xk_dev.forget_lock);
	INIT_LIST_HEAD(&xk_dev.forgets);
	INIT_DELAYED_WORK(&xk_dev.forget_work, forget_work);
}

/* The device is closed: nothing is sent any more. */
void xk_forget_exit(void)
{
	cancel_delayed_work_sync(&xk_dev.forget_work);
	forget_free(&xk_dev.forgets);
}
