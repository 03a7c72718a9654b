// SPDX-License-Identifier: GPL-2.0
/*
 * Mounts: `mount -t xkfs NAME DIR` shows one share, `mount -t xkfs none DIR`
 * all of them. A share that is a file has a root that is one.
 */
#include "xkfs.h"

#include <linux/backing-dev.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#define TTL_DEFAULT	1000	/* ms */
#define TTL_MAX		(3600 * 1000)
/* Two requests of the largest size: one is read while one is on its way. */
#define READAHEAD	(2 * XK_XKFS_IO_MAX)

enum { OPT_TTL };

static const struct fs_parameter_spec super_params[] = {
	fsparam_u32("ttl", OPT_TTL),
	{}
};

static int super_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	struct super_block *sb = dentry->d_sb;
	struct xk_xkfs_statfs st;
	struct xk_call *call;
	int err;

	call = xk_call_new(XK_SB(sb), XK_XKFS_STATFS, xk_node(d_inode(dentry)),
			   0, sizeof(st));
	if (IS_ERR(call))
		return PTR_ERR(call);
	err = xk_call_run(call);
	if (!err && call->rsp.out_len < sizeof(st))
		err = -EIO;
	if (!err) {
		memcpy(&st, xk_call_out(call), sizeof(st));
		buf->f_type = XK_MAGIC;
		buf->f_bsize = max(st.bsize, 512u);
		buf->f_frsize = buf->f_bsize;
		buf->f_blocks = st.blocks;
		buf->f_bfree = st.bfree;
		buf->f_bavail = st.bavail;
		buf->f_files = st.files;
		buf->f_ffree = st.ffree;
		buf->f_namelen = min_t(u32, st.namelen, XK_XKFS_NAME);
		buf->f_fsid = u64_to_fsid(huge_encode_dev(sb->s_dev));
	}
	xk_call_put(call);
	return err;
}

/*
 * The kernel has written all pages before. At umount it comes once more when
 * there is no root any longer: super_kill() has asked before that.
 */
static int super_sync(struct super_block *sb, int wait)
{
	struct xk_call *call;
	int err;

	if (!wait || sb_rdonly(sb) || !sb->s_root)
		return 0;
	call = xk_call_new(XK_SB(sb), XK_XKFS_SYNCFS,
			   xk_node(d_inode(sb->s_root)), 0, 0);
	if (IS_ERR(call))
		return PTR_ERR(call);
	err = xk_call_run(call);
	xk_call_put(call);
	return err == -ESTALE ? 0 : err;	/* there is nothing to keep */
}

static void super_umount_begin(struct super_block *sb)
{
	xk_call_force(XK_SB(sb));
}

static int super_show_options(struct seq_file *m, struct dentry *root)
{
	unsigned int ttl = jiffies_to_msecs(XK_SB(root->d_sb)->ttl);

	if (ttl != TTL_DEFAULT)
		seq_printf(m, ",ttl=%u", ttl);
	return 0;
}

static const struct super_operations super_ops = {
	.alloc_inode	= xk_inode_alloc,
	.free_inode	= xk_inode_free,
	.evict_inode	= xk_inode_evict,
	.statfs		= super_statfs,
	.sync_fs	= super_sync,
	.umount_begin	= super_umount_begin,
	.show_options	= super_show_options,
};

/* The inode of the device's own directory. */
static struct inode *super_device_root(struct super_block *sb)
{
	struct xk_xkfs_entry entry = { .node = XK_XKFS_ROOT };
	struct inode *inode;
	struct xk_call *call;
	int err;

	call = xk_call_new(XK_SB(sb), XK_XKFS_GETATTR, XK_XKFS_ROOT, 0,
			   sizeof(entry.attr));
	if (IS_ERR(call))
		return ERR_CAST(call);
	err = xk_call_run(call);
	if (!err)
		err = xk_attr_get(call, &entry.attr);
	inode = err ? ERR_PTR(err) : xk_iget(sb, &entry, call);
	xk_call_put(call);
	return inode;
}

static struct inode *super_root(struct super_block *sb)
{
	struct xk_sb *xsb = XK_SB(sb);
	struct qstr name = QSTR_INIT(xsb->name, strlen(xsb->name));
	struct inode *inode;

	if (!name.len)
		return super_device_root(sb);
	xsb->share_id = U32_MAX;	/* until it is known: not all of them */
	inode = xk_lookup_inode(sb, XK_XKFS_ROOT, &name);
	if (!IS_ERR(inode))
		xsb->share_id = XK_I(inode)->share_id;
	return inode;
}

/* What the share does not allow, the mount does not either. */
static void super_restrict(struct super_block *sb, const struct inode *root)
{
	u32 share = XK_SB(sb)->share_id ? XK_I(root)->share : 0;

	if (XK_SB(sb)->share_id && share & XK_XKFS_SHARE_RO)
		sb->s_flags |= SB_RDONLY;
	if (!(share & XK_XKFS_SHARE_DEV))
		sb->s_iflags |= SB_I_NODEV;
}

static int super_fill(struct super_block *sb)
{
	struct inode *root;
	int err;

	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_magic = XK_MAGIC;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_time_gran = 1;
	sb->s_op = &super_ops;
	sb->s_d_op = &xk_dentry_ops;
	sb->s_export_op = &xk_export_ops;
	if (xk_dev.features & XK_XKFS_FEAT_XATTR)
		sb->s_xattr = xk_xattr_handlers;
	if (xk_dev.features & XK_XKFS_FEAT_ACL)
		sb->s_flags |= SB_POSIXACL;

	err = super_setup_bdi(sb);
	if (err)
		return err;
	sb->s_bdi->ra_pages = READAHEAD >> PAGE_SHIFT;
	sb->s_bdi->io_pages = xk_dev.io_max >> PAGE_SHIFT;

	root = super_root(sb);
	if (IS_ERR(root))
		return PTR_ERR(root);
	if (!S_ISDIR(root->i_mode) && !S_ISREG(root->i_mode)) {
		iput(root);
		xk_device_broken("a share that is no directory and no file");
		return -EIO;
	}
	super_restrict(sb, root);
	sb->s_root = d_make_root(root);
	if (!sb->s_root)
		return -ENOMEM;

	XK_SB(sb)->sb = sb;
	mutex_lock(&xk_dev.sbs_lock);
	list_add_tail(&XK_SB(sb)->link, &xk_dev.sbs);
	mutex_unlock(&xk_dev.sbs_lock);
	sb->s_flags |= SB_ACTIVE;
	return 0;
}

static int super_test(struct super_block *sb, struct fs_context *fc)
{
	const struct xk_sb *want = fc->s_fs_info;

	return !strcmp(XK_SB(sb)->name, want->name);
}

static int super_get_tree(struct fs_context *fc)
{
	struct xk_sb *xsb = fc->s_fs_info;
	struct super_block *sb;
	int err;

	if (!fc->source)
		return invalf(fc, "xkfs: no share named; \"none\" shows all");
	if (strcmp(fc->source, "none")) {
		if (strlen(fc->source) > XK_XKFS_NAME)
			return -ENAMETOOLONG;
		if (strchr(fc->source, '/'))
			return invalf(fc, "xkfs: \"%s\" is no name of a share",
				      fc->source);
		strscpy(xsb->name, fc->source, sizeof(xsb->name));
	}
	err = xk_device_wait();
	if (err == -ENODEV)
		errorf(fc, "xkfs: dom0 shows no files to this guest");
	if (err)
		return err;

	sb = sget_fc(fc, super_test, set_anon_super_fc);
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	if (!sb->s_root) {
		err = super_fill(sb);
		if (err) {
			if (err == -ENOENT)
				errorf(fc, "xkfs: dom0 has no share \"%s\"",
				       XK_SB(sb)->name);
			deactivate_locked_super(sb);
			return err;
		}
	}
	fc->root = dget(sb->s_root);
	return 0;
}

static int super_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct xk_sb *xsb = fc->s_fs_info;
	struct fs_parse_result result;
	int opt;

	opt = fs_parse(fc, super_params, param, &result);
	if (opt < 0)
		return opt;
	if (result.uint_32 > TTL_MAX)
		return invalf(fc, "xkfs: ttl is at most %u ms", TTL_MAX);
	xsb->ttl = msecs_to_jiffies(result.uint_32);
	return 0;
}

static int super_reconfigure(struct fs_context *fc)
{
	struct super_block *sb = fc->root->d_sb;
	struct xk_inode *root = XK_I(d_inode(sb->s_root));

	if (!(fc->sb_flags & SB_RDONLY) && XK_SB(sb)->share_id &&
	    root->share & XK_XKFS_SHARE_RO)
		return invalf(fc, "xkfs: dom0 lends this share read-only");
	if (xk_dev.features & XK_XKFS_FEAT_ACL)
		fc->sb_flags |= SB_POSIXACL;
	sync_filesystem(sb);
	return 0;
}

static void super_free_fc(struct fs_context *fc)
{
	kfree(fc->s_fs_info);
}

static const struct fs_context_operations super_fc_ops = {
	.parse_param	= super_parse_param,
	.get_tree	= super_get_tree,
	.reconfigure	= super_reconfigure,
	.free		= super_free_fc,
};

static int super_init_fc(struct fs_context *fc)
{
	struct xk_sb *xsb = kzalloc(sizeof(*xsb), GFP_KERNEL);

	if (!xsb)
		return -ENOMEM;
	INIT_LIST_HEAD(&xsb->link);
	xsb->ttl = msecs_to_jiffies(TTL_DEFAULT);
	fc->s_fs_info = xsb;
	fc->ops = &super_fc_ops;
	return 0;
}

static void super_kill(struct super_block *sb)
{
	struct xk_sb *xsb = XK_SB(sb);

	mutex_lock(&xk_dev.sbs_lock);
	list_del_init(&xsb->link);
	mutex_unlock(&xk_dev.sbs_lock);
	if (sb->s_root)
		sync_filesystem(sb);
	kill_anon_super(sb);
	kfree(xsb);
}

static struct file_system_type super_type = {
	.owner		= THIS_MODULE,
	.name		= "xkfs",
	.init_fs_context = super_init_fc,
	.parameters	= super_params,
	.kill_sb	= super_kill,
};

int xk_super_init(void)
{
	return register_filesystem(&super_type);
}

void xk_super_exit(void)
{
	unregister_filesystem(&super_type);
}
