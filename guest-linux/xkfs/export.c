// SPDX-License-Identifier: GPL-2.0
/*
 * Handles: name_to_handle_at() and NFS. They are dom0's own, which it sealed,
 * and hold over reboots of both.
 */
#include "xkfs.h"

#include <linux/exportfs.h>

/* In units of four bytes: the length in bytes, then the handle. */
#define FILEID_XKFS	0xf7

static int export_encode(struct inode *inode, u32 *fh, int *max_len,
			 struct inode *parent)
{
	const struct xk_inode *xi = XK_I(inode);
	int len = 1 + DIV_ROUND_UP(xi->handle_len, 4);

	if (!xi->handle_len)
		return FILEID_INVALID;
	if (*max_len < len) {
		*max_len = len;
		return FILEID_INVALID;
	}
	fh[len - 1] = 0;
	fh[0] = xi->handle_len;
	memcpy(fh + 1, xi->handle, xi->handle_len);
	*max_len = len;
	return FILEID_XKFS;
}

static struct inode *export_inode(struct super_block *sb, const void *handle,
				  unsigned int len)
{
	struct xk_sb *xsb = XK_SB(sb);
	struct xk_xkfs_entry entry;
	struct inode *inode;
	struct xk_call *call;
	int err;

	if (!(xk_dev.features & XK_XKFS_FEAT_RESTORE))
		return ERR_PTR(-EOPNOTSUPP);
	call = xk_call_new(xsb, XK_XKFS_RESTORE, 0, len, sizeof(entry));
	if (IS_ERR(call))
		return ERR_CAST(call);
	memcpy(xk_call_in(call), handle, len);
	call->req.name_len = len;
	err = xk_call_run(call);
	if (!err)
		err = xk_entry_get(call, &entry);
	if (!err && xsb->share_id && entry.attr.share_id != xsb->share_id) {
		xk_forget_one(entry.node, call->epoch);
		err = -ESTALE;
	}
	inode = err ? ERR_PTR(err) : xk_iget(sb, &entry, call);
	xk_call_put(call);
	return inode;
}

static struct dentry *export_decode(struct super_block *sb, struct fid *fid,
				    int len, int type)
{
	const u32 *fh = (const u32 *)fid;

	if (type != FILEID_XKFS || len < 1 || !fh[0] ||
	    fh[0] > XK_XKFS_HANDLE || fh[0] > (len - 1) * 4)
		return NULL;
	return d_obtain_alias(export_inode(sb, fh + 1, fh[0]));
}

/* A LOOKUP without a name. */
static struct dentry *export_parent(struct dentry *child)
{
	struct inode *inode = d_inode(child);
	struct qstr none = QSTR_INIT("", 0);

	return d_obtain_alias(xk_lookup_inode(inode->i_sb, xk_node(inode),
					      &none));
}

const struct export_operations xk_export_ops = {
	.encode_fh	= export_encode,
	.fh_to_dentry	= export_decode,
	.get_parent	= export_parent,
};
