// SPDX-License-Identifier: GPL-2.0
/*
 * O_DIRECT: between the caller's memory and the pool, past the page cache.
 * A few requests are under way at a time.
 */
#include "xkfs.h"

#include <linux/pagemap.h>
#include <linux/uio.h>

#define WINDOW	4

struct window {
	struct kiocb *iocb;
	struct iov_iter *iter;
	struct xk_call *calls[WINDOW];
	unsigned int head;	/* oldest */
	unsigned int nr;
	loff_t pos;		/* of the next request */
	ssize_t done;		/* bytes, in a row from the start */
	int err;
	bool end;		/* nothing more to send */
};

static struct xk_file *window_file(const struct window *w)
{
	return w->iocb->ki_filp->private_data;
}

/* False: not now, or an error. */
static bool window_send(struct window *w, enum xk_xkfs_op op)
{
	struct inode *inode = file_inode(w->iocb->ki_filp);
	struct xk_call *call;
	size_t len;

	call = xk_call_new_data(XK_SB(inode->i_sb), op, iov_iter_count(w->iter),
				PAGE_SIZE, w->nr ? XK_TRY : XK_WAIT_KILLABLE);
	if (IS_ERR(call)) {
		if (call != ERR_PTR(-EAGAIN))
			w->err = PTR_ERR(call);
		return false;
	}
	call->req.node = xk_node(inode);
	call->req.fh = window_file(w)->fh;
	call->req.off = w->pos;
	len = min_t(size_t, iov_iter_count(w->iter),
		    call->piece.nr * PAGE_SIZE);
	if (op == XK_XKFS_WRITE) {
		call->req.in_len = copy_from_iter(xk_call_in(call), len,
						  w->iter);
		if (w->iocb->ki_flags & IOCB_APPEND)
			call->req.flags |= XK_XKFS_F_APPEND;
		if (call->req.in_len < len) {
			w->err = -EFAULT;
			xk_call_put(call);
			return false;
		}
	} else {
		call->req.out_len = len;
	}
	w->pos += len;
	w->calls[(w->head + w->nr++) % WINDOW] = call;
	xk_call_send(call);
	return true;
}

static void window_end_read(struct window *w, struct xk_call *call)
{
	size_t n = call->rsp.out_len;
	size_t copied = copy_to_iter(xk_call_out(call), n, w->iter);

	w->done += copied;
	if (copied < n)
		w->err = -EFAULT;
	if (n < call->req.out_len)
		w->end = true;
}

/* Where dom0 says that it was appended; the size of the file follows it. */
static bool window_place_ok(const struct xk_call *call)
{
	return !(call->req.flags & XK_XKFS_F_APPEND) ||
	       call->rsp.value2 <= MAX_LFS_FILESIZE - XK_XKFS_IO_MAX;
}

static void window_end_write(struct window *w, struct xk_call *call)
{
	u64 n = call->rsp.value;

	if (n > call->req.in_len || !window_place_ok(call)) {
		xk_device_broken("the length or place of a write");
		w->err = -EIO;
		return;
	}
	if (call->req.flags & XK_XKFS_F_APPEND)
		w->iocb->ki_pos = call->rsp.value2;
	w->done += n;
	if (n < call->req.in_len)
		w->end = true;
}

/* The oldest; after an error the rest is only waited for. */
static void window_wait(struct window *w)
{
	struct xk_call *call = w->calls[w->head];
	int err;

	w->head = (w->head + 1) % WINDOW;
	w->nr--;
	err = xk_call_wait(call);
	if (err && !w->err)
		w->err = err;
	if (!w->err && !w->end) {
		if (call->req.op == XK_XKFS_READ)
			window_end_read(w, call);
		else
			window_end_write(w, call);
	}
	xk_call_put(call);
}

/*
 * A read sends requests for bytes that the iterator has not moved over yet,
 * so it counts for itself what is left to send.
 */
static ssize_t direct_read(struct window *w)
{
	size_t left = iov_iter_count(w->iter);
	size_t whole = left;

	while (!w->err && !w->end && (left || w->nr)) {
		bool sent = true;

		while (sent && left && w->nr < WINDOW) {
			loff_t before = w->pos;

			iov_iter_truncate(w->iter, left);
			sent = window_send(w, XK_XKFS_READ);
			iov_iter_reexpand(w->iter, whole - w->done);
			left -= w->pos - before;
		}
		if (w->nr)
			window_wait(w);
	}
	while (w->nr)
		window_wait(w);
	return w->done ? w->done : w->err;
}

ssize_t xk_direct_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct window w = { .iocb = iocb, .iter = to, .pos = iocb->ki_pos };
	ssize_t n;

	if (!iov_iter_count(to))
		return 0;
	/* All of it: what is written further on says where the end is. */
	n = filemap_write_and_wait(inode->i_mapping);
	if (n)
		return n;
	n = direct_read(&w);
	if (n > 0)
		iocb->ki_pos += n;
	file_accessed(iocb->ki_filp);
	return n;
}

static ssize_t direct_write(struct window *w)
{
	unsigned int width = w->iocb->ki_flags & IOCB_APPEND ? 1 : WINDOW;

	while (!w->err && !w->end && (iov_iter_count(w->iter) || w->nr)) {
		while (iov_iter_count(w->iter) && w->nr < width &&
		       window_send(w, XK_XKFS_WRITE))
			;
		if (w->nr)
			window_wait(w);
	}
	while (w->nr)
		window_wait(w);
	return w->done ? w->done : w->err;
}

static void direct_wrote(struct inode *inode, loff_t end)
{
	struct xk_inode *xi = XK_I(inode);

	spin_lock(&xi->lock);
	if (end > i_size_read(inode))
		i_size_write(inode, end);
	spin_unlock(&xi->lock);
	xk_inode_wrote(inode);
}

/* The inode is locked, iocb->ki_pos and the length are checked. */
ssize_t xk_direct_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct address_space *mapping = inode->i_mapping;
	struct window w = { .iocb = iocb, .iter = from, .pos = iocb->ki_pos };
	loff_t pos = iocb->ki_pos;
	size_t count = iov_iter_count(from);
	ssize_t n;

	/* What is appended lands where dom0 says, behind all that is cached. */
	n = iocb->ki_flags & IOCB_APPEND ? filemap_write_and_wait(mapping) :
	    filemap_write_and_wait_range(mapping, pos, pos + count - 1);
	if (n)
		return n;
	n = direct_write(&w);
	if (iocb->ki_flags & IOCB_APPEND)
		pos = iocb->ki_pos;
	if (n > 0) {
		iocb->ki_pos = pos + n;
		direct_wrote(inode, iocb->ki_pos);
	}
	invalidate_inode_pages2_range(mapping, pos >> PAGE_SHIFT,
				      (pos + count - 1) >> PAGE_SHIFT);
	return n;
}
