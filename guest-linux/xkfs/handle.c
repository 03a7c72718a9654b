// SPDX-License-Identifier: GPL-2.0
/*
 * Open files. Each open() has a number of dom0's; requests under way hold
 * references, and the last of them lets dom0 close it.
 */
#include "xkfs.h"

#include <linux/mm.h>
#include <linux/slab.h>

/*
 * Of open()'s flags, those that dom0 acts upon. Truncation and appending are
 * this kernel's work, and a part of a page can only be written by who reads
 * the rest of it. Reading ahead, or around what is written, is nobody's access:
 * see xk_update_time().
 */
int xk_open_flags(unsigned int flags)
{
	int f = (flags & (O_ACCMODE | O_EXCL | O_DIRECTORY)) | O_NOATIME;

	if ((flags & O_ACCMODE) == O_WRONLY)
		f ^= O_WRONLY | O_RDWR;
	return f;
}

struct xk_file *xk_file_new(void)
{
	struct xk_file *xf = kzalloc(sizeof(*xf), GFP_KERNEL);

	if (!xf)
		return NULL;
	INIT_LIST_HEAD(&xf->link);
	refcount_set(&xf->refs, 1);
	return xf;
}

/* dom0 has opened it by `call`. */
void xk_file_link(struct inode *inode, struct xk_file *xf, u64 fh,
		  const struct xk_call *call)
{
	struct xk_inode *xi = XK_I(inode);

	xf->fh = fh;
	xf->epoch = call->epoch;
	spin_lock(&xi->lock);
	list_add_tail(&xf->link, &xi->files);
	spin_unlock(&xi->lock);
	/* dom0 forgot between its answer and now? */
	if (READ_ONCE(xk_dev.state) == XK_UP && xk_recover_file(inode, xf))
		pr_debug("file of inode %lu is not open\n", inode->i_ino);
}

static void release_answered(struct xk_call *call)
{
	xk_call_put(call);
}

/* Nobody waits for it. */
void xk_release_fh(u64 fh, u64 epoch)
{
	struct xk_call *call = xk_call_new(NULL, XK_XKFS_RELEASE, 0, 0, 0);

	if (IS_ERR(call))
		return;		/* dom0 closes it in its next epoch */
	call->req.fh = fh;
	call->epoch = epoch;
	call->done = release_answered;
	xk_call_send(call);
}

void xk_file_put(struct inode *inode, struct xk_file *xf)
{
	if (!refcount_dec_and_lock(&xf->refs, &XK_I(inode)->lock))
		return;
	list_del(&xf->link);
	spin_unlock(&XK_I(inode)->lock);
	if (xf->fh)
		xk_release_fh(xf->fh, xf->epoch);
	kvfree(xf->buf);
	kfree(xf);
}

static int open_send(struct inode *inode, struct xk_file *xf, bool check)
{
	struct xk_xkfs_attr attr;
	struct xk_call *call;
	int err;

	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_OPEN, xk_node(inode), 0,
			   check ? sizeof(attr) : 0);
	if (IS_ERR(call))
		return PTR_ERR(call);
	call->req.arg[0] = xf->flags;
	err = xk_call_run(call);
	if (err)
		goto out;
	if (!call->rsp.value) {
		xk_device_broken("an open file without a number");
		err = -EIO;
		goto out;
	}
	if (check)
		err = xk_attr_get(call, &attr);
	xk_file_link(inode, xf, call->rsp.value, call);
	if (check && !err) {
		xk_inode_update(inode, &attr, call->seq, false);
		xk_inode_check_opened(inode, &attr);
	}
out:
	xk_call_put(call);
	return err;
}

/* `check`: what is cached is looked at, close to open; no page is locked. */
int xk_file_open_node(struct inode *inode, int flags, struct xk_file **xf_r,
		      bool check)
{
	struct xk_file *xf;
	int err;

	err = xk_inode_usable(inode);
	if (err)
		return err;
	xf = xk_file_new();
	if (!xf)
		return -ENOMEM;
	xf->flags = xk_open_flags(flags);
	err = open_send(inode, xf, check);
	if (err == -EACCES && (xf->flags ^ flags) & O_ACCMODE) {
		/* Write, but not read: no part of a page then. */
		xf->flags = (xf->flags & ~O_ACCMODE) | (flags & O_ACCMODE);
		err = open_send(inode, xf, check);
	}
	if (err) {
		xk_file_put(inode, xf);
		return err;
	}
	*xf_r = xf;
	return 0;
}

/* dom0 writes what it has of it to its disk. */
int xk_file_sync(struct inode *inode, struct xk_file *xf, int datasync)
{
	struct xk_call *call;
	int err;

	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_FSYNC, xk_node(inode), 0,
			   0);
	if (IS_ERR(call))
		return PTR_ERR(call);
	call->req.fh = xf->fh;
	call->req.arg[0] = datasync;
	err = xk_call_run(call);
	xk_call_put(call);
	return err;
}

/* An open file of the inode, with a reference; NULL: none. */
struct xk_file *xk_file_any(struct inode *inode, bool write)
{
	struct xk_inode *xi = XK_I(inode);
	struct xk_file *xf, *found = NULL;

	if (list_empty(&xi->files))
		return NULL;
	spin_lock(&xi->lock);
	list_for_each_entry(xf, &xi->files, link)
		if (!write || (xf->flags & O_ACCMODE) != O_RDONLY) {
			refcount_inc(&xf->refs);
			found = xf;
			break;
		}
	spin_unlock(&xi->lock);
	return found;
}

/* To write back by; opened for it when nobody has it open (any more). */
struct xk_file *xk_file_writable(struct inode *inode)
{
	struct xk_file *xf = xk_file_any(inode, true);
	int err;

	if (xf)
		return xf;
	err = xk_file_open_node(inode, O_RDWR, &xf, false);
	return err ? ERR_PTR(err) : xf;
}
