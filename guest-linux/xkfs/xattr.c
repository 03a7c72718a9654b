// SPDX-License-Identifier: GPL-2.0
/* Extended attributes and ACLs. */
#include "xkfs.h"

#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/slab.h>
#include <linux/xattr.h>

/* Of files whose set-id bits do not count, capabilities do not either. */
static bool xattr_hidden(const struct inode *inode, const char *name)
{
	return !(XK_I(inode)->share & XK_XKFS_SHARE_SUID) &&
	       !strcmp(name, XATTR_NAME_CAPS);
}

static ssize_t xattr_get(struct inode *inode, const char *name, void *value,
			 size_t size)
{
	struct xk_call *call;
	ssize_t ret;

	ret = xk_inode_usable(inode);
	if (ret)
		return ret;
	size = min_t(size_t, size, XATTR_SIZE_MAX);
	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_GETXATTR, xk_node(inode),
			   strlen(name), size);
	if (IS_ERR(call))
		return PTR_ERR(call);
	memcpy(xk_call_in(call), name, strlen(name));
	call->req.name_len = strlen(name);
	ret = xk_call_run(call);
	if (!ret) {
		ret = size ? call->rsp.out_len :
		      min_t(u64, call->rsp.value, XATTR_SIZE_MAX);
		if (size)
			memcpy(value, xk_call_out(call), ret);
	}
	xk_call_put(call);
	return ret;
}

static int xattr_set(struct inode *inode, const char *name, const void *value,
		     size_t size, int flags)
{
	size_t len = strlen(name);
	struct xk_call *call;
	int err;

	err = xk_inode_usable(inode);
	if (err)
		return err;
	call = xk_call_new(XK_SB(inode->i_sb),
			   value ? XK_XKFS_SETXATTR : XK_XKFS_RMXATTR,
			   xk_node(inode), len + (value ? size : 0), 0);
	if (IS_ERR(call))
		return PTR_ERR(call);
	memcpy(xk_call_in(call), name, len);
	call->req.name_len = len;
	if (value) {
		memcpy(xk_call_in(call) + len, value, size);
		call->req.arg[0] = flags;
	}
	err = xk_call_run(call);
	xk_call_put(call);
	if (!err)
		xk_inode_changed(inode);
	return err;
}

static int handler_get(const struct xattr_handler *handler,
		       struct dentry *dentry, struct inode *inode,
		       const char *name, void *value, size_t size)
{
	name = xattr_full_name(handler, name);
	if (xattr_hidden(inode, name))
		return -ENODATA;
	return xattr_get(inode, name, value, size);
}

static int handler_set(const struct xattr_handler *handler,
		       struct user_namespace *ns, struct dentry *dentry,
		       struct inode *inode, const char *name,
		       const void *value, size_t size, int flags)
{
	name = xattr_full_name(handler, name);
	if (xattr_hidden(inode, name))
		return value ? -EOPNOTSUPP : -ENODATA;
	return xattr_set(inode, name, value, size, flags);
}

static const struct xattr_handler handler_user = {
	.prefix	= XATTR_USER_PREFIX,
	.get	= handler_get,
	.set	= handler_set,
};

static const struct xattr_handler handler_trusted = {
	.prefix	= XATTR_TRUSTED_PREFIX,
	.get	= handler_get,
	.set	= handler_set,
};

static const struct xattr_handler handler_security = {
	.prefix	= XATTR_SECURITY_PREFIX,
	.get	= handler_get,
	.set	= handler_set,
};

const struct xattr_handler *xk_xattr_handlers[] = {
	&posix_acl_access_xattr_handler,
	&posix_acl_default_xattr_handler,
	&handler_user,
	&handler_trusted,
	&handler_security,
	NULL
};

/* Names one after the other, each with its NUL. */
static bool xattr_list_ok(const char *buf, size_t len)
{
	return !len || (buf[0] && !buf[len - 1]);
}

/* Those of the administrator are not told to others; returns what is left. */
static size_t xattr_list_sift(char *buf, size_t len)
{
	size_t at, n, used = 0;

	if (capable(CAP_SYS_ADMIN))
		return len;
	for (at = 0; at < len; at += n) {
		n = strlen(buf + at) + 1;
		if (strstarts(buf + at, XATTR_TRUSTED_PREFIX))
			continue;
		memmove(buf + used, buf + at, n);
		used += n;
	}
	return used;
}

ssize_t xk_listxattr(struct dentry *dentry, char *buf, size_t size)
{
	struct inode *inode = d_inode(dentry);
	struct xk_call *call;
	ssize_t ret;

	if (!inode->i_sb->s_xattr)
		return 0;
	ret = xk_inode_usable(inode);
	if (ret)
		return ret;
	size = min_t(size_t, size, XATTR_LIST_MAX);
	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_LISTXATTR,
			   xk_node(inode), 0, size);
	if (IS_ERR(call))
		return PTR_ERR(call);
	ret = xk_call_run(call);
	if (!ret) {
		ret = size ? call->rsp.out_len :
		      min_t(u64, call->rsp.value, XATTR_LIST_MAX);
		if (size) {
			memcpy(buf, xk_call_out(call), ret);
			ret = xattr_list_ok(buf, ret) ?
			      xattr_list_sift(buf, ret) : -EIO;
		}
	}
	xk_call_put(call);
	return ret;
}

/* Of an ACL that grows while it is asked for. */
#define ACL_TRIES	4

static const char *acl_name(int type)
{
	return type == ACL_TYPE_ACCESS ? XATTR_NAME_POSIX_ACL_ACCESS :
	       XATTR_NAME_POSIX_ACL_DEFAULT;
}

struct posix_acl *xk_get_acl(struct inode *inode, int type, bool rcu)
{
	struct posix_acl *acl;
	int tries = 0;
	ssize_t n;
	void *buf;

	if (rcu)
		return ERR_PTR(-ECHILD);
	if (!IS_POSIXACL(inode))
		return ERR_PTR(-EOPNOTSUPP);
	/* The longest that is usual; the call is repeated for longer ones. */
	n = PAGE_SIZE;
	do {
		buf = kvmalloc(n, GFP_KERNEL);
		if (!buf)
			return ERR_PTR(-ENOMEM);
		n = xattr_get(inode, acl_name(type), buf, n);
		if (n != -ERANGE)
			break;
		kvfree(buf);
		n = xattr_get(inode, acl_name(type), NULL, 0);
		buf = NULL;
	} while (n > 0 && ++tries < ACL_TRIES);

	if (n > 0 && !buf)
		acl = ERR_PTR(-EIO);
	else if (n > 0)
		acl = posix_acl_from_xattr(&init_user_ns, buf, n);
	else if (!n || n == -ENODATA || n == -EOPNOTSUPP)
		acl = NULL;
	else
		acl = ERR_PTR(n);
	kvfree(buf);
	return acl;
}

/* The mode follows the ACL, on dom0's side as well as here. */
int xk_set_acl(struct user_namespace *ns, struct inode *inode,
	       struct posix_acl *acl, int type)
{
	size_t size = 0;
	void *buf = NULL;
	int err;

	if (type == ACL_TYPE_DEFAULT && !S_ISDIR(inode->i_mode))
		return acl ? -EACCES : 0;
	if (acl) {
		size = posix_acl_xattr_size(acl->a_count);
		buf = kmalloc(size, GFP_KERNEL);
		if (!buf)
			return -ENOMEM;
		err = posix_acl_to_xattr(&init_user_ns, acl, buf, size);
		if (err < 0)
			goto out;
	}
	err = xattr_set(inode, acl_name(type), buf, size, 0);
	if (err == -ENODATA && !acl)
		err = 0;
	forget_all_cached_acls(inode);
	xk_inode_expire(inode);		/* the mode too */
out:
	kfree(buf);
	return err;
}
