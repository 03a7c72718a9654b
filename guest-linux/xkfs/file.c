// SPDX-License-Identifier: GPL-2.0
/* Files. */
#include "xkfs.h"

#include <linux/falloc.h>
#include <linux/pagemap.h>
#include <linux/splice.h>
#include <linux/uio.h>

/* Bytes of one COPY: dom0 is to answer within a moment. */
#define COPY_MAX	(16u << 20)

static int file_open(struct inode *inode, struct file *file)
{
	struct xk_file *xf;
	int err;

	err = generic_file_open(inode, file);
	if (!err)
		err = xk_file_open_node(inode, file->f_flags & ~O_EXCL, &xf,
					true);
	if (!err)
		file->private_data = xf;
	return err;
}

/* Close to open: dom0 has it all before close() returns. */
static int file_flush(struct file *file, fl_owner_t id)
{
	if (!(file->f_mode & FMODE_WRITE))
		return 0;
	return file_write_and_wait_range(file, 0, LLONG_MAX);
}

static int file_release(struct inode *inode, struct file *file)
{
	/* What mappings wrote after close(). */
	if (file->f_mode & FMODE_WRITE &&
	    mapping_tagged(inode->i_mapping, PAGECACHE_TAG_DIRTY))
		filemap_fdatawrite(inode->i_mapping);
	xk_file_put(inode, file->private_data);
	return 0;
}

static ssize_t file_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file_inode(file);
	int err;

	err = xk_inode_usable(inode);
	/* Others may have made it longer. */
	if (!err && iocb->ki_pos + iov_iter_count(to) > i_size_read(inode))
		err = xk_inode_revalidate(inode, file);
	if (err)
		return err;
	if (iocb->ki_flags & IOCB_DIRECT)
		return xk_direct_read(iocb, to);
	return generic_file_read_iter(iocb, to);
}

static ssize_t file_write_locked(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *file = iocb->ki_filp;
	loff_t pos;
	ssize_t n;
	int err;

	err = xk_inode_usable(file_inode(file));
	if (!err && iocb->ki_flags & IOCB_APPEND)
		err = xk_inode_revalidate(file_inode(file), file);
	if (err)
		return err;
	n = generic_write_checks(iocb, from);
	if (n <= 0)
		return n;
	err = xk_kill_priv(file);
	if (err)
		return err;
	if (iocb->ki_flags & IOCB_DIRECT)
		return xk_direct_write(iocb, from);
	/* Some kernels, also of the 6.1 series, move the position, some do not. */
	pos = iocb->ki_pos;
	n = generic_perform_write(iocb, from);
	if (n > 0)
		iocb->ki_pos = pos + n;
	return n;
}

static ssize_t file_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t n;

	inode_lock(inode);
	n = file_write_locked(iocb, from);
	inode_unlock(inode);
	return n > 0 ? generic_write_sync(iocb, n) : n;
}

static int file_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file_inode(file);
	int err;

	err = file_write_and_wait_range(file, start, end);
	if (err)
		return err;
	err = xk_inode_usable(inode);
	return err ? err : xk_file_sync(inode, file->private_data, datasync);
}

static const struct vm_operations_struct file_vm_ops = {
	.fault		= filemap_fault,
	.map_pages	= filemap_map_pages,
	.page_mkwrite	= xk_page_mkwrite,
};

static int file_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err = xk_inode_usable(file_inode(file));

	if (err)
		return err;
	file_accessed(file);
	vma->vm_ops = &file_vm_ops;
	return 0;
}

static loff_t file_seek_data(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file_inode(file);
	struct xk_file *xf = file->private_data;
	struct xk_call *call;
	loff_t at;
	int err;

	if (offset < 0 || offset >= i_size_read(inode))
		return -ENXIO;
	err = filemap_write_and_wait(inode->i_mapping);
	if (err)
		return err;
	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_LSEEK, xk_node(inode), 0,
			   0);
	if (IS_ERR(call))
		return PTR_ERR(call);
	call->req.fh = xf->fh;
	call->req.off = offset;
	call->req.arg[0] = whence;
	err = xk_call_run(call);
	at = call->rsp.value;
	xk_call_put(call);
	if (err)
		return err;
	if (at < offset)
		return -EIO;
	return vfs_setpos(file, at, inode->i_sb->s_maxbytes);
}

static loff_t file_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file_inode(file);
	loff_t ret;

	if (whence == SEEK_SET || whence == SEEK_CUR)
		return generic_file_llseek(file, offset, whence);
	ret = xk_inode_revalidate(inode, file);
	if (ret)
		return ret;
	if (whence == SEEK_END)
		return generic_file_llseek(file, offset, whence);
	inode_lock(inode);
	ret = file_seek_data(file, offset, whence);
	inode_unlock(inode);
	return ret;
}

static int fallocate_send(struct file *file, int mode, loff_t off, loff_t len)
{
	struct inode *inode = file_inode(file);
	struct xk_file *xf = file->private_data;
	struct xk_call *call;
	int err;

	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_FALLOCATE,
			   xk_node(inode), 0, 0);
	if (IS_ERR(call))
		return PTR_ERR(call);
	call->req.fh = xf->fh;
	call->req.off = off;
	call->req.arg[0] = len;
	call->req.arg[1] = mode;
	err = xk_call_run(call);
	xk_call_put(call);
	return err;
}

/* Pages that no longer are what dom0 has. */
static void fallocate_drop(struct inode *inode, int mode, loff_t off,
			   loff_t len)
{
	if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
		truncate_pagecache(inode, round_down(off, PAGE_SIZE));
	else if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		truncate_pagecache_range(inode, off, off + len - 1);
}

static void fallocate_resize(struct inode *inode, int mode, loff_t off,
			     loff_t len)
{
	loff_t size = i_size_read(inode);

	if (mode & FALLOC_FL_COLLAPSE_RANGE)
		size -= len;
	else if (mode & FALLOC_FL_INSERT_RANGE)
		size += len;
	else if (!(mode & FALLOC_FL_KEEP_SIZE))
		size = max(size, off + len);
	spin_lock(&XK_I(inode)->lock);
	i_size_write(inode, size);
	spin_unlock(&XK_I(inode)->lock);
	xk_inode_wrote(inode);
}

/* What a file cannot become, whatever dom0 says of it afterwards. */
static int fallocate_check(struct inode *inode, int mode, loff_t off,
			   loff_t len)
{
	loff_t size = i_size_read(inode);

	if (mode & FALLOC_FL_COLLAPSE_RANGE && off + len >= size)
		return -EINVAL;
	if (mode & FALLOC_FL_INSERT_RANGE) {
		if (off >= size)
			return -EINVAL;
		if (len > inode->i_sb->s_maxbytes - size)
			return -EFBIG;
	}
	return mode & FALLOC_FL_KEEP_SIZE ? 0 :
	       inode_newsize_ok(inode, off + len);
}

static long fallocate_locked(struct file *file, int mode, loff_t off,
			     loff_t len)
{
	struct inode *inode = file_inode(file);
	int err;

	err = xk_inode_usable(inode);
	if (!err)
		err = fallocate_check(inode, mode, off, len);
	if (!err)
		err = filemap_write_and_wait(inode->i_mapping);
	if (!err)
		err = xk_kill_priv(file);
	if (err)
		return err;
	fallocate_drop(inode, mode, off, len);
	err = fallocate_send(file, mode, off, len);
	if (!err)
		fallocate_resize(inode, mode, off, len);
	return err;
}

static long file_fallocate(struct file *file, int mode, loff_t off, loff_t len)
{
	struct inode *inode = file_inode(file);
	long err;

	inode_lock(inode);
	filemap_invalidate_lock(inode->i_mapping);
	err = fallocate_locked(file, mode, off, len);
	filemap_invalidate_unlock(inode->i_mapping);
	inode_unlock(inode);
	return err;
}

static ssize_t copy_send(struct file *in, loff_t off, struct file *out,
			 loff_t off2, size_t len)
{
	struct inode *inode = file_inode(in);
	struct xk_file *from = in->private_data, *to = out->private_data;
	struct xk_call *call;
	ssize_t ret;

	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_COPY, xk_node(inode), 0,
			   0);
	if (IS_ERR(call))
		return PTR_ERR(call);
	call->req.fh = from->fh;
	call->req.off = off;
	call->req.fh2 = to->fh;
	call->req.off2 = off2;
	call->req.node2 = xk_node(file_inode(out));
	call->req.arg[0] = len;
	ret = xk_call_run(call);
	if (!ret)
		ret = min_t(u64, call->rsp.value, len);
	xk_call_put(call);
	return ret;
}

static ssize_t copy_locked(struct file *in, loff_t off, struct file *out,
			   loff_t off2, size_t len)
{
	struct inode *inode = file_inode(out);
	struct xk_inode *xi = XK_I(inode);
	ssize_t n;

	n = filemap_write_and_wait(inode->i_mapping);
	if (!n)
		n = filemap_write_and_wait(file_inode(in)->i_mapping);
	if (!n)
		n = xk_kill_priv(out);
	if (n)
		return n;
	n = copy_send(in, off, out, off2, len);
	if (n <= 0)
		return n;
	truncate_pagecache_range(inode, round_down(off2, PAGE_SIZE),
				 round_up(off2 + n, PAGE_SIZE) - 1);
	spin_lock(&xi->lock);
	if (off2 + n > i_size_read(inode))
		i_size_write(inode, off2 + n);
	spin_unlock(&xi->lock);
	xk_inode_wrote(inode);
	return n;
}

static ssize_t file_copy_range(struct file *in, loff_t off, struct file *out,
			       loff_t off2, size_t len, unsigned int flags)
{
	struct inode *inode = file_inode(out);
	ssize_t n;

	if (in->f_op != &xk_file_fops || out->f_op != &xk_file_fops)
		return -EXDEV;
	n = xk_inode_usable(file_inode(in));
	if (!n)
		n = xk_inode_usable(inode);
	if (n)
		return n;
	inode_lock(inode);
	n = copy_locked(in, off, out, off2, min_t(size_t, len, COPY_MAX));
	inode_unlock(inode);
	if (n == -EOPNOTSUPP || n == -EXDEV || n == -ENOSYS)
		n = generic_copy_file_range(in, off, out, off2, len, flags);
	return n;
}

const struct file_operations xk_file_fops = {
	.open		= file_open,
	.flush		= file_flush,
	.release	= file_release,
	.read_iter	= file_read_iter,
	.write_iter	= file_write_iter,
	.llseek		= file_llseek,
	.fsync		= file_fsync,
	.mmap		= file_mmap,
	.splice_read	= generic_file_splice_read,
	.splice_write	= iter_file_splice_write,
	.fallocate	= file_fallocate,
	.copy_file_range = file_copy_range,
	.lock		= xk_file_lock,
	.flock		= xk_file_flock,
	.setlease	= simple_nosetlease,
};
