// SPDX-License-Identifier: GPL-2.0
/*
 * What dom0 has to say: answers to NOTIFY, of which two are kept waiting.
 * Everything here makes the guest look again, nothing is taken as the truth.
 */
#include "xkfs.h"

#include <linux/slab.h>

#define EVENTS_KEPT	2

static void events_arm(void);

/* The inode of a node in one of the mounts, or NULL. */
static int events_match(struct inode *inode, void *node)
{
	return xk_node(inode) == *(u64 *)node;
}

static struct inode *events_inode(struct super_block *sb, u64 node)
{
	return ilookup5(sb, (unsigned long)node, events_match, &node);
}

static void event_node(struct super_block *sb, const struct xk_xkfs_event *ev,
		       const char *name)
{
	struct inode *inode = events_inode(sb, ev->node);

	if (!inode)
		return;
	xk_inode_expire(inode);
	if (S_ISREG(inode->i_mode))
		xk_inode_drop_pages(inode);
	iput(inode);
}

static void event_entry(struct super_block *sb, const struct xk_xkfs_event *ev,
			const char *name)
{
	struct qstr q = QSTR_INIT(name, ev->name_len);
	struct inode *dir = events_inode(sb, ev->node);
	struct dentry *parent, *dentry;

	if (!dir)
		return;
	xk_inode_expire(dir);
	parent = S_ISDIR(dir->i_mode) ? d_find_alias(dir) : NULL;
	if (parent) {
		dentry = d_hash_and_lookup(parent, &q);
		if (!IS_ERR_OR_NULL(dentry)) {
			dentry->d_time = jiffies - 1;
			dput(dentry);
		}
		dput(parent);
	}
	iput(dir);
}

static void event_shares(struct super_block *sb,
			 const struct xk_xkfs_event *ev, const char *name)
{
	if (!XK_SB(sb)->share_id)
		xk_inode_expire(d_inode(sb->s_root));
}

/* The next inode of a share behind `last`, which is put. */
static struct inode *share_next(struct super_block *sb, u32 share_id,
				struct inode *last)
{
	struct xk_dev *dev = &xk_dev;
	struct inode *inode = NULL;
	struct list_head *at;

	spin_lock(&dev->nodes_lock);
	at = last ? &XK_I(last)->link : &dev->nodes;
	while (!inode && (at = at->next) != &dev->nodes) {
		struct xk_inode *xi = list_entry(at, struct xk_inode, link);

		if (xi->vfs.i_sb == sb && xi->share_id == share_id)
			inode = igrab(&xi->vfs);
	}
	spin_unlock(&dev->nodes_lock);
	iput(last);
	return inode;
}

/* Nothing of it may be seen any more, not even what is mapped. */
static void share_gone(struct inode *inode)
{
	WRITE_ONCE(XK_I(inode)->stale, true);
	if (S_ISREG(inode->i_mode))
		truncate_pagecache(inode, 0);
}

/* Gone, or read-only: the first of its nodes tells which. */
static void event_revoked(struct super_block *sb,
			  const struct xk_xkfs_event *ev, const char *name)
{
	struct inode *inode = NULL;
	int err = 0;

	if (!ev->share_id)
		return;
	inode = share_next(sb, ev->share_id, NULL);
	if (inode)
		err = xk_inode_refresh(inode, NULL);
	for (; inode; inode = share_next(sb, ev->share_id, inode)) {
		if (err == -ESTALE)
			share_gone(inode);
		else
			xk_inode_expire(inode);
	}
}

static void (*const event_handlers[])(struct super_block *,
				      const struct xk_xkfs_event *,
				      const char *) = {
	[XK_XKFS_EV_NODE] = event_node,
	[XK_XKFS_EV_ENTRY] = event_entry,
	[XK_XKFS_EV_SHARES] = event_shares,
	[XK_XKFS_EV_REVOKED] = event_revoked,
};

/*
 * The next mount behind `last`, which is let go of. It stays active, so that
 * handlers may wait for dom0 without the list's lock: who mounts or unmounts
 * does not wait for that.
 */
static struct xk_sb *sb_next(struct xk_sb *last)
{
	struct xk_sb *xsb = NULL, *at;

	mutex_lock(&xk_dev.sbs_lock);
	at = list_prepare_entry(last, &xk_dev.sbs, link);
	list_for_each_entry_continue(at, &xk_dev.sbs, link)
		if (atomic_inc_not_zero(&at->sb->s_active)) {
			xsb = at;
			break;
		}
	mutex_unlock(&xk_dev.sbs_lock);
	if (last)
		deactivate_super(last->sb);
	return xsb;
}

static void event_tell(const struct xk_xkfs_event *ev, const char *name)
{
	struct xk_sb *xsb = NULL;

	if (ev->kind >= ARRAY_SIZE(event_handlers) || !event_handlers[ev->kind])
		return;
	while ((xsb = sb_next(xsb)))
		event_handlers[ev->kind](xsb->sb, ev, name);
}

/* `buf` is the guest's own copy. */
static void events_parse(const u8 *buf, size_t len)
{
	const struct xk_xkfs_event *ev;
	size_t at = 0;

	while (at + sizeof(*ev) <= len) {
		ev = (const struct xk_xkfs_event *)(buf + at);
		at += sizeof(*ev);
		if (ev->name_len > XK_XKFS_NAME || ev->name_len > len - at) {
			xk_device_broken("an event's name");
			return;
		}
		event_tell(ev, (const char *)buf + at);
		at = ALIGN(at + ev->name_len, 8);
	}
}

static void events_answered(struct xk_call *call)
{
	bool again = !call->err;
	void *buf;

	if (!call->err && call->rsp.out_len) {
		buf = kmemdup(xk_call_out(call), call->rsp.out_len, GFP_KERNEL);
		if (buf)
			events_parse(buf, call->rsp.out_len);
		kfree(buf);
	}
	xk_call_put(call);
	if (again)
		events_arm();
}

static void events_arm(void)
{
	struct xk_call *call;

	call = xk_call_new(NULL, XK_XKFS_NOTIFY, 0, 0, PAGE_SIZE);
	if (IS_ERR(call))
		return;
	call->direct = true;
	call->done = events_answered;
	xk_call_send(call);
}

void xk_events_start(void)
{
	int i;

	for (i = 0; i < EVENTS_KEPT; i++)
		events_arm();
}
