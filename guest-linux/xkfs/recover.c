// SPDX-License-Identifier: GPL-2.0
/*
 * A new connection: HELLO, and when dom0 has another epoch than before it
 * knows nothing of this guest any more. It is told each node, open file and
 * lock, then all that was not answered is sent again. Who looks at a node
 * whose epoch is an old one (its answer came just before) tells it himself.
 */
#include "xkfs.h"

#include <linux/slab.h>

#define FEATURES	(XK_XKFS_FEAT_LOCKS | XK_XKFS_FEAT_XATTR | \
			 XK_XKFS_FEAT_ACL | XK_XKFS_FEAT_RESTORE)

static int recover_hello(u64 *epoch)
{
	struct xk_xkfs_hello hello;
	struct xk_call *call;
	int err;

	call = xk_call_new(NULL, XK_XKFS_HELLO, 0, 0, sizeof(hello));
	if (IS_ERR(call))
		return PTR_ERR(call);
	call->direct = true;
	call->req.arg[0] = xk_dev.version;
	call->req.arg[1] = FEATURES;
	call->req.off = xk_dev.epoch;
	err = xk_call_run(call);
	if (!err && call->rsp.out_len < sizeof(hello))
		err = -EPROTO;
	if (!err) {
		memcpy(&hello, xk_call_out(call), sizeof(hello));
		barrier();	/* one copy */
		if (!hello.epoch || hello.version != xk_dev.version ||
		    hello.io_max < PAGE_SIZE)
			err = -EPROTO;
	}
	if (!err) {
		*epoch = hello.epoch;
		xk_dev.features = hello.features & FEATURES;
		xk_dev.io_max = min(hello.io_max, XK_XKFS_IO_MAX) & PAGE_MASK;
	}
	xk_call_put(call);
	return err;
}

/* The directory and name by which it is found when the handle does not help. */
static void recover_name(struct inode *inode, u64 *dir, char *name)
{
	struct dentry *dentry = d_find_alias(inode);
	struct dentry *parent;

	*dir = 0;
	if (inode == d_inode(inode->i_sb->s_root)) {
		*dir = XK_XKFS_ROOT;
		strscpy(name, XK_SB(inode->i_sb)->name, XK_XKFS_NAME + 1);
	}
	if (!dentry)
		return;
	parent = dget_parent(dentry);
	if (parent != dentry) {
		spin_lock(&dentry->d_lock);
		if (dentry->d_name.len <= XK_XKFS_NAME) {
			memcpy(name, dentry->d_name.name, dentry->d_name.len);
			name[dentry->d_name.len] = '\0';
			*dir = xk_node(d_inode(parent));
		}
		spin_unlock(&dentry->d_lock);
	}
	dput(parent);
	dput(dentry);
}

static int recover_send(struct inode *inode, u64 *epoch)
{
	struct xk_inode *xi = XK_I(inode);
	char name[XK_XKFS_NAME + 1] = "";
	struct xk_xkfs_entry entry;
	struct xk_call *call;
	u64 dir;
	int err;

	recover_name(inode, &dir, name);
	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_RESTORE, xi->node,
			   xi->handle_len + strlen(name), sizeof(entry));
	if (IS_ERR(call))
		return PTR_ERR(call);
	call->direct = true;
	call->req.node2 = dir;
	call->req.name_len = xi->handle_len;
	memcpy(xk_call_in(call), xi->handle, xi->handle_len);
	memcpy(xk_call_in(call) + xi->handle_len, name, strlen(name));
	err = xk_call_run(call);
	if (!err)
		err = xk_entry_get(call, &entry);
	if (!err && (entry.node != xi->node ||
		     (entry.attr.mode ^ inode->i_mode) & S_IFMT))
		err = -ESTALE;
	/* Pages may wait for what is sent after this: they stay for now. */
	if (!err)
		xk_inode_expire(inode);
	*epoch = call->epoch;
	xk_call_put(call);
	return err;
}

/* dom0 learns of a node; without success it is stale from now on. */
int xk_recover_node(struct inode *inode)
{
	struct xk_inode *xi = XK_I(inode);
	u64 epoch = READ_ONCE(xk_dev.epoch);
	int err;

	if (READ_ONCE(xi->epoch) == epoch || xi->node == XK_XKFS_ROOT)
		return 0;
	if (!(xk_dev.features & XK_XKFS_FEAT_RESTORE))
		err = -ESTALE;
	else
		err = recover_send(inode, &epoch);
	if (err == -ENOTCONN || err == -EINTR)
		return err;	/* of the connection, not of the node */

	spin_lock(&xi->lock);
	if (xi->epoch != epoch) {
		xi->epoch = epoch;
		xi->references = 0;
	}
	if (err)
		xi->stale = true;
	else
		xi->references++;
	spin_unlock(&xi->lock);
	return err;
}

int xk_recover_file(struct inode *inode, struct xk_file *xf)
{
	struct xk_call *call;
	int err;

	if (READ_ONCE(xf->epoch) == READ_ONCE(xk_dev.epoch))
		return 0;
	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_REOPEN, xk_node(inode),
			   0, 0);
	if (IS_ERR(call))
		return PTR_ERR(call);
	call->direct = true;
	call->req.fh = xf->fh;
	call->req.arg[0] = xf->flags;
	err = xk_call_run(call);
	if (!err && call->rsp.value != xf->fh)
		err = -EPROTO;
	if (!err)
		WRITE_ONCE(xf->epoch, call->epoch);
	xk_call_put(call);
	return err;
}

/* The next file of an inode that dom0 does not know, with a reference. */
static struct xk_file *recover_next_file(struct xk_inode *xi, u64 epoch)
{
	struct xk_file *xf, *found = NULL;

	spin_lock(&xi->lock);
	list_for_each_entry(xf, &xi->files, link)
		if (READ_ONCE(xf->epoch) != epoch) {
			refcount_inc(&xf->refs);
			found = xf;
			break;
		}
	spin_unlock(&xi->lock);
	return found;
}

static int recover_files(struct inode *inode, u64 epoch)
{
	struct xk_file *xf;
	int err;

	while ((xf = recover_next_file(XK_I(inode), epoch))) {
		err = xk_recover_file(inode, xf);
		if (err && err != -ENOTCONN && err != -EINTR) {
			/* Its calls get an error, but it is not asked again. */
			pr_warn_ratelimited("an open file was lost: error %d\n",
					    err);
			WRITE_ONCE(xf->epoch, epoch);
			err = 0;
		}
		xk_file_put(inode, xf);
		if (err)
			return err;
	}
	return 0;
}

/* The next inode behind `last`, which is put. */
static struct inode *recover_next_node(struct inode *last)
{
	struct xk_dev *dev = &xk_dev;
	struct list_head *at;
	struct inode *inode = NULL;

	spin_lock(&dev->nodes_lock);
	at = last ? &XK_I(last)->link : &dev->nodes;
	while ((at = at->next) != &dev->nodes) {
		inode = igrab(&list_entry(at, struct xk_inode, link)->vfs);
		if (inode)
			break;
	}
	spin_unlock(&dev->nodes_lock);
	iput(last);
	return inode;
}

static int recover_all(u64 epoch)
{
	struct inode *inode = NULL;
	unsigned int nodes = 0, lost = 0;
	int err;

	while ((inode = recover_next_node(inode))) {
		err = xk_recover_node(inode);
		if (err == -ENOTCONN || err == -EINTR)
			goto out;
		nodes++;
		if (err) {
			lost++;
			continue;
		}
		err = recover_files(inode, epoch);
		if (err)
			goto out;
		xk_locks_reclaim(inode);
	}
	if (nodes)
		pr_info("connected again: %u nodes, %u of them lost\n", nodes,
			lost);
	return 0;
out:
	iput(inode);
	return err;
}

static void recover_set_epoch(u64 epoch)
{
	struct xk_dev *dev = &xk_dev;
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	if (dev->epoch != epoch)
		dev->told = false;
	dev->epoch = epoch;
	spin_unlock_irqrestore(&dev->lock, flags);
}

static void recover_up(void)
{
	struct xk_dev *dev = &xk_dev;
	unsigned long queues = 0;
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	if (dev->state == XK_GREETING) {
		dev->state = XK_UP;
		xk_call_resend();
		xk_call_pump(&queues);
		xk_call_kick(queues);
	}
	spin_unlock_irqrestore(&dev->lock, flags);
	wake_up_all(&dev->changed);
}

void xk_recover(struct work_struct *work)
{
	u64 epoch;
	int err;

	err = recover_hello(&epoch);
	if (!err) {
		recover_set_epoch(epoch);
		if (!xk_dev.told)
			err = recover_all(epoch);
	}
	if (err == -ENOTCONN)
		return;		/* the next connection does it */
	if (err) {
		pr_err("dom0 does not greet: error %d\n", err);
		xk_device_broken("HELLO");
		return;
	}
	xk_dev.told = true;
	recover_up();
	xk_events_start();
}
