// SPDX-License-Identifier: GPL-2.0
/*
 * The shared page: fixed slots, both ways. The peer is not trusted: its
 * indices are read once and checked, its slots are copied once.
 */
#include "xk_balloon.h"

#include <linux/compiler.h>
#include <linux/interrupt.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <xen/events.h>

#include <asm/sync_bitops.h>

static_assert(sizeof(struct xk_balloon_ring) == PAGE_SIZE);

static void ring_break(struct xk_ring *ring, const char *what)
{
	WRITE_ONCE(ring->broken, true);
	pr_warn_ratelimited("%s out of range, ignoring dom0 until it reconnects\n",
			    what);
	xk_job_lost();
}

/* The caller serialises. -EAGAIN: no slot is free. */
int xk_ring_send(struct xk_ring *ring, const struct xk_balloon_slot *slot)
{
	struct xk_balloon_ring *page = ring->page;
	u32 used;

	/* Pairs with dom0's release: it has read the slots before. */
	used = ring->prod - virt_load_acquire(&page->dom0_cons.value);
	if (READ_ONCE(ring->broken))
		return -EPIPE;
	if (used > XK_BALLOON_SLOTS) {
		ring_break(ring, "consumer index");
		return -EPIPE;
	}
	if (used == XK_BALLOON_SLOTS)
		return -EAGAIN;
	page->to_dom0[ring->prod % XK_BALLOON_SLOTS] = *slot;
	ring->prod++;
	/* The slot is complete before dom0 may see it. */
	virt_store_release(&page->guest_prod.value, ring->prod);
	notify_remote_via_irq(ring->irq);
	return 0;
}

/* Before FREE is sent. */
void xk_ring_put_ticket(struct xk_ring *ring, u32 ticket)
{
	virt_store_mb(ring->page->ticket.value, ticket);
}

/* In one step, against dom0's: false when it was there first. */
bool xk_ring_withdraw_ticket(struct xk_ring *ring, u32 ticket)
{
	return sync_cmpxchg(&ring->page->ticket.value, ticket, 0) == ticket;
}

/* Returns whether there was anything. */
static bool ring_receive(struct xk_ring *ring)
{
	struct xk_balloon_ring *page = ring->page;
	struct xk_balloon_slot slot;
	u32 prod;

	/* Pairs with dom0's release: the slots are complete. Read once. */
	prod = virt_load_acquire(&page->dom0_prod.value);
	if (READ_ONCE(ring->broken) || prod == ring->cons)
		return false;
	if (prod - ring->cons > XK_BALLOON_SLOTS) {
		ring_break(ring, "producer index");
		return true;
	}
	while (ring->cons != prod) {
		memcpy(&slot, &page->to_guest[ring->cons % XK_BALLOON_SLOTS],
		       sizeof(slot));
		barrier();	/* one copy: no second look at the page */
		ring->cons++;
		xk_job_message(&slot);
	}
	/* The copies are made before dom0 may write the slots again. */
	virt_store_release(&page->guest_cons.value, ring->cons);
	return true;
}

static irqreturn_t ring_interrupt(int irq, void *data)
{
	unsigned int eoi = ring_receive(data) ? 0 : XEN_EOI_FLAG_SPURIOUS;

	xen_irq_lateeoi(irq, eoi);
	return IRQ_HANDLED;
}

struct xk_ring *xk_ring_create(struct xenbus_device *dev)
{
	struct xk_ring *ring;
	void *page;
	int err;

	ring = kzalloc(sizeof(*ring), GFP_KERNEL);
	if (!ring)
		return ERR_PTR(-ENOMEM);

	err = xenbus_setup_ring(dev, GFP_KERNEL, &page, 1, &ring->gref);
	if (err)
		goto out_free;
	ring->page = page;

	err = xenbus_alloc_evtchn(dev, &ring->port);
	if (err)
		goto out_page;

	err = bind_evtchn_to_irqhandler_lateeoi(ring->port, ring_interrupt, 0,
						"xk-balloon", ring);
	if (err < 0)
		goto out_evtchn;
	ring->irq = err;
	return ring;

out_evtchn:
	xenbus_free_evtchn(dev, ring->port);
out_page:
	xenbus_teardown_ring(&page, 1, &ring->gref);
out_free:
	kfree(ring);
	return ERR_PTR(err);
}

/* A page that dom0 still maps is freed by the grant code once it does not. */
void xk_ring_destroy(struct xk_ring *ring)
{
	void *page = ring->page;

	unbind_from_irqhandler(ring->irq, ring);
	xenbus_teardown_ring(&page, 1, &ring->gref);
	kfree(ring);
}
