// SPDX-License-Identifier: GPL-2.0
/*
 * A queue: a standard ring and its event channel. Called with the device's
 * lock held. The peer's index is read once and checked, its responses are
 * copied once.
 */
#include "xkfs.h"

#include <linux/interrupt.h>
#include <xen/events.h>

/* False: the ring is full. */
bool xk_queue_push(struct xk_queue *queue, const struct xk_xkfs_req *req)
{
	struct xk_wire_front_ring *ring = &queue->ring;

	if (RING_FULL(ring))
		return false;
	*RING_GET_REQUEST(ring, ring->req_prod_pvt) = *req;
	ring->req_prod_pvt++;
	return true;
}

/* What was pushed can be seen. Returns whether dom0 wants to be told. */
bool xk_queue_flush(struct xk_queue *queue)
{
	int notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&queue->ring, notify);
	return notify;
}

/* How many came, or -EPROTO. */
static int queue_receive(struct xk_queue *queue)
{
	struct xk_wire_front_ring *ring = &queue->ring;
	struct xk_xkfs_rsp rsp;
	int more, count = 0;
	RING_IDX prod;

	do {
		prod = READ_ONCE(ring->sring->rsp_prod);
		virt_rmb();	/* the responses were written before */
		if (RING_RESPONSE_PROD_OVERFLOW(ring, prod))
			return -EPROTO;
		while (ring->rsp_cons != prod) {
			RING_COPY_RESPONSE(ring, ring->rsp_cons, &rsp);
			ring->rsp_cons++;
			if (!xk_call_answered(queue, &rsp))
				return -EPROTO;
			count++;
		}
		RING_FINAL_CHECK_FOR_RESPONSES(ring, more);
	} while (more);
	return count;
}

static irqreturn_t queue_interrupt(int irq, void *data)
{
	struct xk_queue *queue = data;
	struct xk_dev *dev = queue->dev;
	unsigned long queues = 0;
	unsigned long flags;
	int count = 0;

	spin_lock_irqsave(&dev->lock, flags);
	if (dev->state == XK_UP || dev->state == XK_GREETING) {
		count = queue_receive(queue);
		if (count > 0)
			xk_call_pump(&queues);
		else if (count < 0)
			dev->state = XK_DOWN;
	}
	xk_call_kick(queues);
	spin_unlock_irqrestore(&dev->lock, flags);

	if (count < 0)
		xk_device_broken("a response that nobody asked for");
	xen_irq_lateeoi(irq, count ? 0 : XEN_EOI_FLAG_SPURIOUS);
	return IRQ_HANDLED;
}

int xk_queue_create(struct xk_queue *queue, struct xenbus_device *xdev,
		    unsigned int order)
{
	struct xk_wire_sring *sring;
	int err;

	queue->nr_pages = 1u << order;
	err = xenbus_setup_ring(xdev, GFP_KERNEL, &queue->pages,
				queue->nr_pages, queue->refs);
	if (err)
		return err;
	sring = queue->pages;
	SHARED_RING_INIT(sring);
	FRONT_RING_INIT(&queue->ring, sring, queue->nr_pages * PAGE_SIZE);

	err = xenbus_alloc_evtchn(xdev, &queue->port);
	if (err)
		goto out_ring;
	err = bind_evtchn_to_irqhandler_lateeoi(queue->port, queue_interrupt, 0,
						"xkfs", queue);
	if (err < 0)
		goto out_port;
	queue->irq = err;
	return 0;

out_port:
	xenbus_free_evtchn(xdev, queue->port);
out_ring:
	xenbus_teardown_ring(&queue->pages, queue->nr_pages, queue->refs);
	return err;
}

/* Not from the interrupt: waits until it is not running. */
void xk_queue_destroy(struct xk_queue *queue)
{
	if (queue->irq <= 0)
		return;
	unbind_from_irqhandler(queue->irq, queue);
	xenbus_teardown_ring(&queue->pages, queue->nr_pages, queue->refs);
	queue->irq = 0;
}
