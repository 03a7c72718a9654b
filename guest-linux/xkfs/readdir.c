// SPDX-License-Identifier: GPL-2.0
/*
 * Reading directories. What dom0 answers is copied once and told bit by bit.
 * With PLUS the names come with their nodes, which fill the caches: at the
 * start of a directory, and further on when names of it are looked up.
 */
#include "xkfs.h"

#include <linux/slab.h>

#define CHUNK	65536u

struct parsed {
	const struct xk_xkfs_dirent *d;
	const char *name;
	const struct xk_xkfs_entry *entry;	/* NULL: none */
};

static bool name_is_dots(const char *name, unsigned int len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* The entry at `at` of the guest's own copy. Returns where the next is. */
static int dirent_parse(const u8 *buf, u32 len, u32 at, struct parsed *p)
{
	if (len - at < sizeof(*p->d))
		return -EIO;
	p->d = (const struct xk_xkfs_dirent *)(buf + at);
	at += sizeof(*p->d);
	if (!p->d->name_len || p->d->name_len > XK_XKFS_NAME ||
	    p->d->name_len > len - at || !p->d->next || p->d->next > S64_MAX)
		return -EIO;
	p->name = (const char *)buf + at;
	if (memchr(p->name, '/', p->d->name_len) ||
	    memchr(p->name, '\0', p->d->name_len))
		return -EIO;
	at = ALIGN(at + p->d->name_len, 8);
	p->entry = NULL;
	if (p->d->plus) {
		if (at > len || len - at < sizeof(*p->entry))
			return -EIO;
		p->entry = (const struct xk_xkfs_entry *)(buf + at);
		at += sizeof(*p->entry);
		if (p->entry->node &&
		    (p->entry->handle_len > XK_XKFS_HANDLE ||
		     name_is_dots(p->name, p->d->name_len) ||
		     !xk_attr_ok(&p->entry->attr)))
			return -EIO;
	}
	return min(at, len);
}

/* The name and node go into the caches. Takes over the reference. */
static void plus_take(struct dentry *parent, const struct parsed *p,
		      const struct xk_call *call)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct qstr name = QSTR_INIT(p->name, p->d->name_len);
	struct dentry *dentry, *alias;
	struct inode *inode;

	inode = xk_iget(parent->d_sb, p->entry, call);
	if (IS_ERR(inode))
		return;
	name.hash = full_name_hash(parent, name.name, name.len);
	dentry = d_lookup(parent, &name);
	if (dentry && d_inode(dentry) != inode) {
		/* Something else had the name. */
		d_invalidate(dentry);
		dput(dentry);
		dentry = NULL;
	}
	if (!dentry) {
		dentry = d_alloc_parallel(parent, &name, &wq);
		if (IS_ERR(dentry)) {
			iput(inode);
			return;
		}
		if (d_in_lookup(dentry)) {
			xk_dentry_fresh(dentry);
			alias = d_splice_alias(inode, dentry);
			d_lookup_done(dentry);
			if (!IS_ERR_OR_NULL(alias)) {
				xk_dentry_fresh(alias);
				dput(alias);
			}
			dput(dentry);
			return;
		}
	}
	if (d_inode(dentry) == inode)
		xk_dentry_fresh(dentry);
	dput(dentry);
	iput(inode);
}

/* All references of an answer go back, nobody waits for it any more. */
void xk_readdir_reap(struct xk_call *call)
{
	u32 len = call->rsp.out_len;
	struct parsed p;
	int at = 0;
	u8 *buf;

	if (!(call->req.flags & XK_XKFS_F_PLUS) || !len)
		return;
	buf = kvmalloc(len, GFP_KERNEL);
	if (!buf)
		return;
	memcpy(buf, xk_call_out(call), len);
	while (at < len && (at = dirent_parse(buf, len, at, &p)) > 0)
		if (p.entry && p.entry->node)
			xk_forget_one(p.entry->node, call->epoch);
	kvfree(buf);
}

/* The whole answer is sound, and its nodes are in the caches. */
static int chunk_take(struct dentry *dir, struct xk_file *xf,
		      const struct xk_call *call)
{
	struct parsed p;
	int at = 0;

	while (at < xf->len) {
		at = dirent_parse(xf->buf, xf->len, at, &p);
		if (at < 0) {
			xk_device_broken("a directory");
			return at;
		}
	}
	for (at = 0; at < xf->len;) {
		at = dirent_parse(xf->buf, xf->len, at, &p);
		if (p.entry && p.entry->node)
			plus_take(dir, &p, call);
	}
	return 0;
}

static int chunk_read(struct file *file, u64 pos)
{
	struct inode *inode = file_inode(file);
	struct xk_inode *xi = XK_I(inode);
	struct xk_file *xf = file->private_data;
	struct xk_call *call;
	int err;

	err = xk_inode_usable(inode);
	if (err)
		return err;
	xf->len = 0;
	if (!xf->buf)
		xf->buf = kvmalloc(CHUNK, GFP_KERNEL);
	if (!xf->buf)
		return -ENOMEM;
	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_READDIR, xi->node, 0,
			   CHUNK);
	if (IS_ERR(call))
		return PTR_ERR(call);
	call->req.fh = xf->fh;
	call->req.off = pos;
	if (!pos || xchg(&xi->advise_plus, false))
		call->req.flags |= XK_XKFS_F_PLUS;
	err = xk_call_run(call);
	if (!err) {
		memcpy(xf->buf, xk_call_out(call), call->rsp.out_len);
		barrier();	/* one copy */
		xf->len = call->rsp.out_len;
		xf->at = 0;
		xf->pos = pos;
		err = chunk_take(file->f_path.dentry, xf, call);
	}
	if (err)
		xf->len = 0;
	xk_call_put(call);
	return err;
}

static u64 dir_ino(const struct inode *dir, const struct parsed *p)
{
	if (!XK_SB(dir->i_sb)->share_id) {
		if (p->entry && p->entry->node)
			return p->d->ino ^
			       (u64)p->entry->attr.share_id << 48;
		return p->d->ino ^ (u64)XK_I(dir)->share_id << 48;
	}
	return p->d->ino;
}

static int dir_iterate(struct file *file, struct dir_context *ctx)
{
	struct xk_file *xf = file->private_data;
	struct parsed p;
	int next, err;

	for (;;) {
		if (xf->at >= xf->len || xf->pos != ctx->pos) {
			err = chunk_read(file, ctx->pos);
			if (err || !xf->len)
				return err;
		}
		next = dirent_parse(xf->buf, xf->len, xf->at, &p);
		if (next < 0)
			return next;
		if (!dir_emit(ctx, p.name, p.d->name_len,
			      dir_ino(file_inode(file), &p), p.d->type & 15))
			return 0;
		ctx->pos = p.d->next;
		xf->pos = p.d->next;
		xf->at = next;
	}
}

static int dir_open(struct inode *inode, struct file *file)
{
	struct xk_file *xf;
	int err;

	err = xk_file_open_node(inode, O_RDONLY | O_DIRECTORY, &xf, false);
	if (!err)
		file->private_data = xf;
	return err;
}

static int dir_release(struct inode *inode, struct file *file)
{
	xk_file_put(inode, file->private_data);
	return 0;
}

static int dir_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return xk_file_sync(file_inode(file), file->private_data, datasync);
}

/* Going back to the start reads anew. */
static loff_t dir_llseek(struct file *file, loff_t offset, int whence)
{
	struct xk_file *xf = file->private_data;

	if (whence == SEEK_SET && !offset)
		xf->len = 0;
	return generic_file_llseek_size(file, offset, whence, S64_MAX, 0);
}

const struct file_operations xk_dir_fops = {
	.open		= dir_open,
	.release	= dir_release,
	.read		= generic_read_dir,
	.iterate_shared	= dir_iterate,
	.llseek		= dir_llseek,
	.fsync		= dir_fsync,
	.flock		= xk_file_flock,
	.lock		= xk_file_lock,
};
