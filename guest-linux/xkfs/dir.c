// SPDX-License-Identifier: GPL-2.0
/* Names in directories. */
#include "xkfs.h"

#include <linux/namei.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/slab.h>

void xk_dentry_fresh(struct dentry *dentry)
{
	dentry->d_time = jiffies + XK_SB(dentry->d_sb)->ttl;
}

static bool dentry_fresh(const struct dentry *dentry)
{
	return time_before(jiffies, READ_ONCE(dentry->d_time));
}

/* A call that is about a name in a directory. */
static struct xk_call *dir_call(struct inode *dir, enum xk_xkfs_op op,
				const struct qstr *name, u32 more, u32 out_len)
{
	struct xk_call *call;
	int err;

	if (name->len > XK_XKFS_NAME)
		return ERR_PTR(-ENAMETOOLONG);
	err = xk_inode_usable(dir);
	if (err)
		return ERR_PTR(err);
	call = xk_call_new(XK_SB(dir->i_sb), op, xk_node(dir), name->len + more,
			   out_len);
	if (!IS_ERR(call))
		xk_call_name(call, name);
	return call;
}

struct inode *xk_lookup_inode(struct super_block *sb, u64 dir,
			      const struct qstr *name)
{
	struct xk_xkfs_entry entry;
	struct inode *inode;
	struct xk_call *call;
	int err;

	call = xk_call_new(XK_SB(sb), XK_XKFS_LOOKUP, dir, name->len,
			   sizeof(entry));
	if (IS_ERR(call))
		return ERR_CAST(call);
	xk_call_name(call, name);
	err = xk_call_run(call);
	if (!err)
		err = xk_entry_get(call, &entry);
	inode = err ? ERR_PTR(err) : xk_iget(sb, &entry, call);
	xk_call_put(call);
	return inode;
}

static struct dentry *dir_lookup(struct inode *dir, struct dentry *dentry,
				 unsigned int flags)
{
	struct inode *inode;
	struct dentry *alias;
	int err;

	if (dentry->d_name.len > XK_XKFS_NAME)
		return ERR_PTR(-ENAMETOOLONG);
	err = xk_inode_usable(dir);
	if (err)
		return ERR_PTR(err);
	WRITE_ONCE(XK_I(dir)->advise_plus, true);
	inode = xk_lookup_inode(dir->i_sb, xk_node(dir), &dentry->d_name);
	if (inode == ERR_PTR(-ENOENT))
		inode = NULL;
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	xk_dentry_fresh(dentry);
	alias = d_splice_alias(inode, dentry);
	if (!IS_ERR_OR_NULL(alias))
		xk_dentry_fresh(alias);
	return alias;
}

/* 1: it is still what the name stands for. */
static int dentry_ask(struct dentry *dentry, struct inode *inode)
{
	struct dentry *parent = dget_parent(dentry);
	struct name_snapshot name;
	struct xk_xkfs_entry entry;
	struct xk_inode *xi = XK_I(inode);
	struct xk_call *call;
	int ret;

	WRITE_ONCE(XK_I(d_inode(parent))->advise_plus, true);
	take_dentry_name_snapshot(&name, dentry);
	call = dir_call(d_inode(parent), XK_XKFS_LOOKUP, &name.name, 0,
			sizeof(entry));
	release_dentry_name_snapshot(&name);
	dput(parent);
	if (IS_ERR(call))
		return call == ERR_PTR(-ESTALE) ? 0 : PTR_ERR(call);

	ret = xk_call_run(call);
	if (!ret)
		ret = xk_entry_get(call, &entry);
	if (ret == -ENOENT || ret == -ESTALE) {
		ret = 0;
	} else if (!ret) {
		ret = entry.node == xi->node;
		if (ret) {
			spin_lock(&xi->lock);
			if (xi->epoch == call->epoch)
				xi->references++;
			spin_unlock(&xi->lock);
			xk_inode_update(inode, &entry.attr, call->seq, false);
		} else {
			xk_forget_one(entry.node, call->epoch);
		}
	}
	xk_call_put(call);
	return ret;
}

static int dentry_revalidate(struct dentry *dentry, unsigned int flags)
{
	struct inode *inode = d_inode_rcu(dentry);
	int ret;

	if (dentry_fresh(dentry))
		return !inode || !READ_ONCE(XK_I(inode)->stale);
	if (!inode)
		return 0;
	if (flags & LOOKUP_RCU)
		return -ECHILD;
	ret = dentry_ask(dentry, inode);
	if (ret == 1) {
		ret = !READ_ONCE(XK_I(inode)->stale);
		xk_dentry_fresh(dentry);
	}
	return ret;
}

const struct dentry_operations xk_dentry_ops = {
	.d_revalidate	= dentry_revalidate,
};

/* What dom0 is asked to make; it has no umask, but default ACLs. */
static umode_t dir_mode(struct inode *dir, umode_t mode)
{
	struct posix_acl *acl;

	if (!IS_POSIXACL(dir))
		return mode;	/* the kernel did it */
	acl = get_acl(dir, ACL_TYPE_DEFAULT);
	if (IS_ERR_OR_NULL(acl))
		mode &= ~current_umask();
	else
		posix_acl_release(acl);
	return mode;
}

/* The inode that `call`, answered, has made. */
static struct inode *dir_made(struct inode *dir, struct xk_call *call,
			      umode_t type, struct xk_xkfs_entry *entry)
{
	struct inode *inode;
	int err;

	err = xk_entry_get(call, entry);
	if (err)
		return ERR_PTR(err);
	inode = xk_iget(dir->i_sb, entry, call);
	if (!IS_ERR(inode) && type && (inode->i_mode ^ type) & S_IFMT) {
		iput(inode);
		return ERR_PTR(-EIO);
	}
	return inode;
}

/* Makes what `call` says, in place of the negative dentry. */
static int dir_make(struct inode *dir, struct dentry *dentry,
		    struct xk_call *call, umode_t type)
{
	struct xk_xkfs_entry entry;
	struct inode *inode;
	struct dentry *alias;
	int err;

	err = xk_call_run(call);
	if (err)
		return err;
	xk_inode_changed(dir);
	inode = dir_made(dir, call, type, &entry);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	d_drop(dentry);
	xk_dentry_fresh(dentry);
	/* No second name for a directory, whatever dom0 says. */
	alias = d_splice_alias(inode, dentry);
	if (IS_ERR(alias))
		return PTR_ERR(alias);
	dput(alias);
	return 0;
}

static int dir_make_node(struct inode *dir, struct dentry *dentry,
			 enum xk_xkfs_op op, umode_t mode, dev_t rdev)
{
	struct xk_call *call;
	int err;

	call = dir_call(dir, op, &dentry->d_name, 0,
			sizeof(struct xk_xkfs_entry));
	if (IS_ERR(call))
		return PTR_ERR(call);
	call->req.arg[0] = (u64)MAJOR(rdev) << 20 | MINOR(rdev);
	call->req.arg[1] = dir_mode(dir, mode);
	err = dir_make(dir, dentry, call, mode & S_IFMT);
	xk_call_put(call);
	return err;
}

static int dir_create(struct user_namespace *ns, struct inode *dir,
		      struct dentry *dentry, umode_t mode, bool excl)
{
	return dir_make_node(dir, dentry, XK_XKFS_MKNOD, mode | S_IFREG, 0);
}

static int dir_mknod(struct user_namespace *ns, struct inode *dir,
		     struct dentry *dentry, umode_t mode, dev_t rdev)
{
	return dir_make_node(dir, dentry, XK_XKFS_MKNOD, mode, rdev);
}

static int dir_mkdir(struct user_namespace *ns, struct inode *dir,
		     struct dentry *dentry, umode_t mode)
{
	return dir_make_node(dir, dentry, XK_XKFS_MKDIR, mode | S_IFDIR, 0);
}

static int dir_symlink(struct user_namespace *ns, struct inode *dir,
		       struct dentry *dentry, const char *target)
{
	size_t len = strlen(target);
	struct xk_call *call;
	int err;

	if (len > XK_XKFS_TARGET)
		return -ENAMETOOLONG;
	call = dir_call(dir, XK_XKFS_SYMLINK, &dentry->d_name, len,
			sizeof(struct xk_xkfs_entry));
	if (IS_ERR(call))
		return PTR_ERR(call);
	memcpy(xk_call_in(call) + dentry->d_name.len, target, len);
	err = dir_make(dir, dentry, call, S_IFLNK);
	xk_call_put(call);
	return err;
}

static int dir_link(struct dentry *old, struct inode *dir,
		    struct dentry *dentry)
{
	struct inode *inode = d_inode(old);
	struct xk_xkfs_entry entry;
	struct inode *linked;
	struct xk_call *call;
	int err;

	call = dir_call(dir, XK_XKFS_LINK, &dentry->d_name, 0, sizeof(entry));
	if (IS_ERR(call))
		return PTR_ERR(call);
	call->req.node2 = xk_node(inode);
	err = xk_call_run(call);
	if (err)
		goto out;
	xk_inode_changed(dir);
	linked = dir_made(dir, call, inode->i_mode, &entry);
	if (IS_ERR(linked)) {
		err = PTR_ERR(linked);
	} else if (linked != inode) {
		iput(linked);
		err = -EIO;
	} else {
		xk_dentry_fresh(dentry);
		d_instantiate(dentry, linked);
	}
out:
	xk_call_put(call);
	return err;
}

static int dir_remove(struct inode *dir, struct dentry *dentry,
		      enum xk_xkfs_op op)
{
	struct inode *inode = d_inode(dentry);
	struct xk_call *call;
	int err;

	call = dir_call(dir, op, &dentry->d_name, 0, 0);
	if (IS_ERR(call))
		return PTR_ERR(call);
	err = xk_call_run(call);
	xk_call_put(call);
	if (err)
		return err;
	xk_dentry_fresh(dentry);	/* it is known not to be there */
	xk_inode_changed(dir);
	xk_inode_unlinked(inode, op == XK_XKFS_RMDIR);
	return 0;
}

static int dir_unlink(struct inode *dir, struct dentry *dentry)
{
	return dir_remove(dir, dentry, XK_XKFS_UNLINK);
}

static int dir_rmdir(struct inode *dir, struct dentry *dentry)
{
	return dir_remove(dir, dentry, XK_XKFS_RMDIR);
}

static int dir_rename(struct user_namespace *ns, struct inode *dir,
		      struct dentry *old, struct inode *new_dir,
		      struct dentry *new, unsigned int flags)
{
	struct inode *target = d_inode(new);
	struct xk_call *call;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if (new->d_name.len > XK_XKFS_NAME)
		return -ENAMETOOLONG;
	call = dir_call(dir, XK_XKFS_RENAME, &old->d_name, new->d_name.len, 0);
	if (IS_ERR(call))
		return PTR_ERR(call);
	memcpy(xk_call_in(call) + old->d_name.len, new->d_name.name,
	       new->d_name.len);
	call->req.node2 = xk_node(new_dir);
	call->req.arg[0] = flags;
	err = xk_call_run(call);
	xk_call_put(call);
	if (err)
		return err;

	xk_inode_changed(dir);
	xk_inode_changed(new_dir);
	xk_inode_changed(d_inode(old));
	xk_dentry_fresh(old);
	xk_dentry_fresh(new);
	if (target && flags & RENAME_EXCHANGE)
		xk_inode_changed(target);
	else if (target)
		xk_inode_unlinked(target, S_ISDIR(target->i_mode));
	if (flags & RENAME_WHITEOUT)
		d_drop(old);	/* something else has the name now */
	return 0;
}

/* What a CREATE found or made, opened as `file`. */
static int create_finish(struct inode *dir, struct dentry *dentry,
			 struct file *file, struct xk_file *xf,
			 struct xk_call *call)
{
	bool made = call->rsp.value2;
	struct xk_xkfs_entry entry;
	struct dentry *alias;
	struct inode *inode;
	int err;

	inode = dir_made(dir, call, S_IFREG, &entry);
	if (IS_ERR(inode)) {
		xk_release_fh(call->rsp.value, call->epoch);
		kfree(xf);
		return PTR_ERR(inode);
	}
	ihold(inode);		/* as long as xf is in its list */
	xk_file_link(inode, xf, call->rsp.value, call);
	if (made) {
		xk_inode_changed(dir);
		file->f_mode |= FMODE_CREATED;
	}
	xk_inode_check_opened(inode, &entry.attr);

	if (!d_in_lookup(dentry))
		d_drop(dentry);
	xk_dentry_fresh(dentry);
	alias = d_splice_alias(inode, dentry);
	err = PTR_ERR_OR_ZERO(alias);
	if (!err)
		err = finish_open(file, alias ? alias : dentry,
				  generic_file_open);
	if (err)
		xk_file_put(inode, xf);
	else
		file->private_data = xf;
	if (!IS_ERR(alias))
		dput(alias);
	iput(inode);
	return err;
}

static int dir_create_open(struct inode *dir, struct dentry *dentry,
			   struct file *file, unsigned int flags, umode_t mode)
{
	struct xk_file *xf;
	struct xk_call *call;
	int err;

	call = dir_call(dir, XK_XKFS_CREATE, &dentry->d_name, 0,
			sizeof(struct xk_xkfs_entry));
	if (IS_ERR(call))
		return PTR_ERR(call);
	xf = xk_file_new();
	if (!xf) {
		err = -ENOMEM;
		goto out;
	}
	xf->flags = xk_open_flags(flags) & ~O_EXCL;
	call->req.arg[0] = xf->flags | O_CREAT | (flags & O_EXCL);
	call->req.arg[1] = S_IFREG | dir_mode(dir, mode & S_IALLUGO);
	err = xk_call_run(call);
	if (!err && !call->rsp.value) {
		xk_device_broken("an open file without a number");
		err = -EIO;
	}
	if (err)
		kfree(xf);
	else
		err = create_finish(dir, dentry, file, xf, call);
out:
	xk_call_put(call);
	return err;
}

/* Something is there that is not opened by making it. */
static bool create_found_other(int err)
{
	return err == -ELOOP || err == -EISDIR || err == -ENXIO ||
	       err == -EOPNOTSUPP || err == -EACCES || err == -EROFS;
}

static int dir_atomic_open(struct inode *dir, struct dentry *dentry,
			   struct file *file, unsigned int flags, umode_t mode)
{
	struct dentry *found = NULL;
	int err;

	if (flags & O_CREAT && d_really_is_negative(dentry)) {
		err = dir_create_open(dir, dentry, file, flags, mode);
		if (!create_found_other(err) || flags & O_EXCL)
			return err;
		if (!d_in_lookup(dentry))
			return err;
		found = dir_lookup(dir, dentry, 0);
		if (IS_ERR(found))
			return PTR_ERR(found);
		/* Not there: then it could not be made. */
		if (d_really_is_negative(found ? found : dentry)) {
			dput(found);
			return err;
		}
		return finish_no_open(file, found);
	}
	if (d_in_lookup(dentry)) {
		found = dir_lookup(dir, dentry, 0);
		if (IS_ERR(found))
			return PTR_ERR(found);
	}
	return finish_no_open(file, found);
}

static int dir_tmpfile(struct user_namespace *ns, struct inode *dir,
		       struct file *file, umode_t mode)
{
	struct xk_xkfs_entry entry;
	struct inode *inode;
	struct xk_call *call;
	struct xk_file *xf;
	int err;

	err = xk_inode_usable(dir);
	if (err)
		return err;
	call = xk_call_new(XK_SB(dir->i_sb), XK_XKFS_TMPFILE, xk_node(dir), 0,
			   sizeof(entry));
	if (IS_ERR(call))
		return PTR_ERR(call);
	xf = xk_file_new();
	if (!xf) {
		err = -ENOMEM;
		goto out;
	}
	xf->flags = O_RDWR | O_NOATIME;
	call->req.arg[0] = xf->flags | (file->f_flags & O_EXCL);
	call->req.arg[1] = S_IFREG | dir_mode(dir, mode & S_IALLUGO);
	err = xk_call_run(call);
	if (err) {
		kfree(xf);
		goto out;
	}
	inode = dir_made(dir, call, S_IFREG, &entry);
	/* One that has a name is not what was made, and its links count. */
	if (!IS_ERR(inode) && !hlist_empty(&inode->i_dentry)) {
		iput(inode);
		inode = ERR_PTR(-EIO);
	}
	if (IS_ERR(inode)) {
		err = PTR_ERR(inode);
		xk_release_fh(call->rsp.value, call->epoch);
		kfree(xf);
		goto out;
	}
	xk_file_link(inode, xf, call->rsp.value, call);
	ihold(inode);
	set_nlink(inode, 1);
	d_tmpfile(file, inode);
	err = finish_open(file, file->f_path.dentry, generic_file_open);
	if (err)
		xk_file_put(inode, xf);
	else
		file->private_data = xf;
	iput(inode);
out:
	xk_call_put(call);
	return err;
}

/* Kept with the inode: a link's target never changes. */
static const char *symlink_read(struct inode *inode)
{
	struct xk_call *call;
	char *target;
	int err;

	err = xk_inode_usable(inode);
	if (err)
		return ERR_PTR(err);
	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_READLINK,
			   xk_node(inode), 0, XK_XKFS_TARGET);
	if (IS_ERR(call))
		return ERR_CAST(call);
	err = xk_call_run(call);
	target = ERR_PTR(err);
	if (!err)
		target = kmemdup_nul(xk_call_out(call), call->rsp.out_len,
				     GFP_KERNEL_ACCOUNT);
	if (!target)
		target = ERR_PTR(-ENOMEM);
	if (!IS_ERR(target) &&
	    (!target[0] || strlen(target) != call->rsp.out_len)) {
		kfree(target);
		target = ERR_PTR(-EIO);
	}
	xk_call_put(call);
	return target;
}

static const char *symlink_get(struct dentry *dentry, struct inode *inode,
			       struct delayed_call *done)
{
	const char *target, *other;

	if (!dentry)
		return ERR_PTR(-ECHILD);
	target = symlink_read(inode);
	if (IS_ERR(target))
		return target;
	other = cmpxchg(&inode->i_link, NULL, (char *)target);
	if (other) {
		kfree(target);
		target = other;
	}
	return target;
}

const struct inode_operations xk_dir_iops = {
	.lookup		= dir_lookup,
	.create		= dir_create,
	.atomic_open	= dir_atomic_open,
	.mkdir		= dir_mkdir,
	.mknod		= dir_mknod,
	.symlink	= dir_symlink,
	.link		= dir_link,
	.unlink		= dir_unlink,
	.rmdir		= dir_rmdir,
	.rename		= dir_rename,
	.tmpfile	= dir_tmpfile,
	.permission	= xk_permission,
	.getattr	= xk_getattr,
	.setattr	= xk_setattr,
	.update_time	= xk_update_time,
	.listxattr	= xk_listxattr,
	.get_acl	= xk_get_acl,
	.set_acl	= xk_set_acl,
};

/* Also of device nodes, pipes and sockets. */
const struct inode_operations xk_file_iops = {
	.permission	= xk_permission,
	.getattr	= xk_getattr,
	.setattr	= xk_setattr,
	.update_time	= xk_update_time,
	.listxattr	= xk_listxattr,
	.get_acl	= xk_get_acl,
	.set_acl	= xk_set_acl,
};

const struct inode_operations xk_symlink_iops = {
	.get_link	= symlink_get,
	.getattr	= xk_getattr,
	.setattr	= xk_setattr,
	.update_time	= xk_update_time,
	.listxattr	= xk_listxattr,
};
