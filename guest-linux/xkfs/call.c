// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: requests on their way to dom0. A call waits in a list until the
 * device is up and has a slot of the table and one of the ring for it, then
 * stays in the table until it is answered, over any number of connections.
 * A caller that is killed leaves its call behind; what the answer then gives
 * (references, open files, locks) is given back when it comes.
 */
#include "xkfs.h"

#include <linux/cred.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <xen/events.h>

static bool op_is_control(enum xk_xkfs_op op)
{
	return op == XK_XKFS_HELLO || op == XK_XKFS_NOTIFY ||
	       op == XK_XKFS_INTERRUPT || op == XK_XKFS_FORGET;
}

static struct xk_call *call_alloc(struct xk_sb *xsb, enum xk_xkfs_op op)
{
	struct xk_call *call = kzalloc(sizeof(*call), GFP_KERNEL);

	if (!call)
		return NULL;
	refcount_set(&call->refs, 1);
	init_completion(&call->answered);
	call->xsb = xsb;
	call->control = op_is_control(op);
	/* Until it is sent: the worker of events waits for data. */
	call->queue = call->control ? 0 : 1;
	call->req.op = op;
	call->req.uid = from_kuid(&init_user_ns, current_fsuid());
	call->req.gid = from_kgid(&init_user_ns, current_fsgid());
	return call;
}

/* In the pool: what dom0 reads, then room for what it answers. */
struct xk_call *xk_call_new(struct xk_sb *xsb, enum xk_xkfs_op op, u64 node,
			    u32 in_len, u32 out_len)
{
	size_t total = ALIGN(in_len, 8) + out_len;
	struct xk_call *call;
	int err;

	if (in_len > XK_XKFS_MSG_MAX || out_len > XK_XKFS_MSG_MAX)
		return ERR_PTR(-E2BIG);
	call = call_alloc(xsb, op);
	if (!call)
		return ERR_PTR(-ENOMEM);
	if (total) {
		err = xk_pool_get(&xk_dev.pool, &call->piece, total, total,
				  XK_WAIT_KILLABLE);
		if (err) {
			kfree(call);
			return ERR_PTR(err == -ERESTARTSYS ? -EINTR : err);
		}
	}
	call->req.node = node;
	call->req.in_off = call->piece.first * PAGE_SIZE;
	call->req.in_len = in_len;
	call->req.out_off = call->req.in_off + ALIGN(in_len, 8);
	call->req.out_len = out_len;
	return call;
}

/*
 * For data: a piece of at most `want` bytes, less when the pool is in use.
 * The caller sets in_len or out_len; both begin with the piece.
 */
struct xk_call *xk_call_new_data(struct xk_sb *xsb, enum xk_xkfs_op op,
				 size_t want, size_t least, enum xk_wait wait)
{
	struct xk_call *call = call_alloc(xsb, op);
	int err;

	if (!call)
		return ERR_PTR(-ENOMEM);
	want = min_t(size_t, want, READ_ONCE(xk_dev.io_max));
	err = xk_pool_get(&xk_dev.pool, &call->piece, want, min(want, least),
			  wait);
	if (err) {
		kfree(call);
		return ERR_PTR(err == -ERESTARTSYS ? -EINTR : err);
	}
	call->req.in_off = call->piece.first * PAGE_SIZE;
	call->req.out_off = call->req.in_off;
	return call;
}

void xk_call_put(struct xk_call *call)
{
	if (!refcount_dec_and_test(&call->refs))
		return;
	xk_pool_put(&xk_dev.pool, &call->piece);
	kfree(call);
}

/* With the lock held, from here ... */

static void call_finish(struct xk_call *call, int err)
{
	call->state = XK_CALL_ANSWERED;
	call->err = err;
	if (call->done) {
		list_add_tail(&call->link, &xk_dev.done[call->queue]);
		queue_work(xk_dev.wq, &xk_dev.done_work[call->queue]);
	} else {
		complete_all(&call->answered);
	}
}

static void call_leave_table(struct xk_call *call)
{
	unsigned int slot = call->req.id % XK_SLOTS;

	if (!call->req.id)
		return;
	xk_dev.calls[slot] = NULL;
	xk_dev.free[xk_dev.nr_free++] = slot;
}

/* Wherever it is. */
static void call_fail(struct xk_call *call, int err)
{
	if (call->state == XK_CALL_WAITING)
		list_del(&call->link);
	call_leave_table(call);
	call_finish(call, err);
}

/* dom0 has forgotten it anyway. */
static bool call_is_moot(const struct xk_call *call)
{
	return (call->req.op == XK_XKFS_RELEASE ||
		call->req.op == XK_XKFS_FORGET) && call->epoch != xk_dev.epoch;
}

static bool call_enter_table(struct xk_call *call)
{
	bool kept = call->control || call->direct;
	unsigned int slot;

	if (xk_dev.nr_free <= (kept ? 0 : XK_SLOTS_KEPT))
		return false;
	slot = xk_dev.free[--xk_dev.nr_free];
	xk_dev.last_id += XK_SLOTS;
	call->req.id = xk_dev.last_id + slot;
	call->seq = atomic64_read(&xk_dev.seq);
	xk_dev.calls[slot] = call;
	return true;
}

/* False: not now. */
static bool call_push(struct xk_call *call, unsigned long *queues)
{
	struct xk_dev *dev = &xk_dev;
	unsigned int index = 0;

	if (dev->state != XK_UP &&
	    !(dev->state == XK_GREETING && call->direct))
		return false;
	if (call_is_moot(call)) {
		call_fail(call, 0);
		return true;
	}
	if (!call->control)
		index = 1 + raw_smp_processor_id() % (dev->nr_queues - 1);
	if (RING_FULL(&dev->queues[index].ring))
		return false;
	if (!call->req.id && !call_enter_table(call))
		return false;
	list_del(&call->link);
	call->state = XK_CALL_SENT;
	call->queue = index;
	xk_queue_push(&dev->queues[index], &call->req);
	__set_bit(index, queues);
	return true;
}

/*
 * What makes the device come up waits behind nothing else: all others wait for
 * it.
 */
static struct list_head *call_list(const struct xk_call *call)
{
	return &xk_dev.waiting[call->direct ? XK_DIRECT :
			       call->control ? XK_CONTROL : XK_DATA];
}

/* Sends what can be sent; says which queues have something new. */
bool xk_call_pump(unsigned long *queues)
{
	struct list_head *list;
	int class;

	for (class = 0; class < XK_CLASSES; class++) {
		list = &xk_dev.waiting[class];
		while (!list_empty(list) &&
		       call_push(list_first_entry(list, struct xk_call, link),
				 queues))
			;
	}
	return *queues;
}

void xk_call_kick(unsigned long queues)
{
	unsigned int i;

	for_each_set_bit(i, &queues, xk_dev.nr_queues)
		if (xk_queue_flush(&xk_dev.queues[i]))
			notify_remote_via_irq(xk_dev.queues[i].irq);
}

/* False: it breaks the protocol. */
bool xk_call_answered(struct xk_queue *queue, const struct xk_xkfs_rsp *rsp)
{
	struct xk_call *call = xk_dev.calls[rsp->id % XK_SLOTS];

	if (!call || call->state != XK_CALL_SENT || call->req.id != rsp->id ||
	    call->queue != queue->index || rsp->out_len > call->req.out_len ||
	    rsp->status > 0 || rsp->status < -MAX_ERRNO)
		return false;
	call->rsp = *rsp;
	call->epoch = xk_dev.epoch;
	call_leave_table(call);
	call_finish(call, rsp->status);
	return true;
}

static void fail_waiting(int err, bool direct_only, const struct xk_sb *xsb)
{
	struct xk_call *call, *next;
	int i;

	for (i = 0; i < XK_CLASSES; i++)
		list_for_each_entry_safe(call, next, &xk_dev.waiting[i], link)
			if ((!direct_only || call->direct) &&
			    (!xsb || call->xsb == xsb))
				call_fail(call, err);
}

static void fail_sent(int err, bool direct_only, const struct xk_sb *xsb)
{
	struct xk_call *call;
	int i;

	for (i = 0; i < XK_SLOTS; i++) {
		call = xk_dev.calls[i];
		if (call && (!direct_only || call->direct) &&
		    (!xsb || call->xsb == xsb))
			call_fail(call, err);
	}
}

/* There is no connection; those of the old one, or all, end with `err`. */
void xk_call_fail_all(int err, bool direct_only)
{
	fail_waiting(err, direct_only, NULL);
	fail_sent(err, direct_only, NULL);
}

/* A new connection is up: what was not answered goes out again. */
void xk_call_resend(void)
{
	struct xk_call *call;
	int i;

	for (i = 0; i < XK_SLOTS; i++) {
		call = xk_dev.calls[i];
		if (!call || call->state != XK_CALL_SENT || call->direct)
			continue;
		call->state = XK_CALL_WAITING;
		call->req.flags |= XK_XKFS_F_AGAIN;
		list_add(&call->link, call_list(call));
	}
}

/* ... to here. */

void xk_call_send(struct xk_call *call)
{
	struct xk_dev *dev = &xk_dev;
	unsigned long queues = 0;
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	if (!call->epoch)
		call->epoch = dev->epoch;
	if (dev->state == XK_CLOSED) {
		call_finish(call, -ESTALE);
	} else if (call->xsb && call->xsb->forced && dev->state != XK_UP) {
		call_finish(call, -EIO);
	} else if (call->direct && dev->state == XK_DOWN) {
		call_finish(call, -ENOTCONN);
	} else {
		call->state = XK_CALL_WAITING;
		list_add_tail(&call->link, call_list(call));
		xk_call_pump(&queues);
		xk_call_kick(queues);
	}
	spin_unlock_irqrestore(&dev->lock, flags);
}

/* Nobody waits for it any more: give back what it gave. */
static void call_reap(struct xk_call *call)
{
	struct xk_xkfs_entry entry;
	u64 epoch = call->epoch;

	if (call->err)
		goto out;
	switch (call->req.op) {
	case XK_XKFS_CREATE:
	case XK_XKFS_TMPFILE:
		xk_release_fh(call->rsp.value, epoch);
		fallthrough;
	case XK_XKFS_LOOKUP:
	case XK_XKFS_MKDIR:
	case XK_XKFS_MKNOD:
	case XK_XKFS_SYMLINK:
	case XK_XKFS_LINK:
		if (!xk_entry_get(call, &entry))
			xk_forget_one(entry.node, epoch);
		break;
	case XK_XKFS_OPEN:
		xk_release_fh(call->rsp.value, epoch);
		break;
	case XK_XKFS_READDIR:
		xk_readdir_reap(call);
		break;
	case XK_XKFS_SETLK:
		xk_lock_reap(call);
		break;
	default:
		break;
	}
out:
	xk_call_put(call);
}

/* The caller does not wait any longer. */
static int call_leave(struct xk_call *call)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&xk_dev.lock, flags);
	if (call->state == XK_CALL_ANSWERED) {
		err = call->err;
	} else {
		err = call->forced ? -EIO : -EINTR;
		if (call->state == XK_CALL_WAITING && !call->req.id) {
			list_del(&call->link);
			call->state = XK_CALL_ANSWERED;
			call->err = err;
		} else {
			refcount_inc(&call->refs);
			call->done = call_reap;
		}
	}
	spin_unlock_irqrestore(&xk_dev.lock, flags);
	return err;
}

/* Also a fatal signal ends it, and umount -f. Twice is as good as once. */
int xk_call_wait(struct xk_call *call)
{
	wait_for_completion_state(&call->answered,
				  TASK_KILLABLE | TASK_FREEZABLE);
	return call_leave(call);
}

int xk_call_run(struct xk_call *call)
{
	xk_call_send(call);
	return xk_call_wait(call);
}

/* umount -f: those who wait do so no longer. */
void xk_call_force(struct xk_sb *xsb)
{
	struct xk_dev *dev = &xk_dev;
	struct xk_call *call;
	unsigned long flags;
	int i;

	spin_lock_irqsave(&dev->lock, flags);
	xsb->forced = true;
	if (dev->state != XK_UP) {
		fail_waiting(-EIO, false, xsb);
		fail_sent(-EIO, false, xsb);
	}
	for (i = 0; i < XK_SLOTS; i++) {
		call = dev->calls[i];
		if (!call || call->xsb != xsb || call->done)
			continue;
		call->forced = true;
		complete_all(&call->answered);
	}
	spin_unlock_irqrestore(&dev->lock, flags);
}

static void call_done_work(struct work_struct *work)
{
	struct xk_dev *dev = &xk_dev;
	unsigned int queue = work - dev->done_work;
	struct xk_call *call;
	unsigned long flags;

	for (;;) {
		spin_lock_irqsave(&dev->lock, flags);
		call = list_first_entry_or_null(&dev->done[queue],
						struct xk_call, link);
		if (call)
			list_del(&call->link);
		spin_unlock_irqrestore(&dev->lock, flags);
		if (!call)
			return;
		call->done(call);
		cond_resched();
	}
}

void xk_call_init(void)
{
	struct xk_dev *dev = &xk_dev;
	unsigned int i;

	for (i = 0; i < XK_SLOTS; i++)
		dev->free[i] = XK_SLOTS - 1 - i;
	dev->nr_free = XK_SLOTS;
	for (i = 0; i < ARRAY_SIZE(dev->waiting); i++)
		INIT_LIST_HEAD(&dev->waiting[i]);
	for (i = 0; i < ARRAY_SIZE(dev->done); i++) {
		INIT_LIST_HEAD(&dev->done[i]);
		INIT_WORK(&dev->done_work[i], call_done_work);
	}
}
