// SPDX-License-Identifier: GPL-2.0
/*
 * Inodes: nodes of dom0 and their attributes. An inode keeps its type for
 * life; attributes hold for a short time, and are not taken over from an
 * answer that is older than a change made here.
 */
#include "xkfs.h"

#include <linux/capability.h>
#include <linux/pagemap.h>
#include <linux/posix_acl.h>
#include <linux/slab.h>

struct kmem_cache *xk_inode_cache;

static void inode_construct(void *object)
{
	struct xk_inode *xi = object;

	inode_init_once(&xi->vfs);
}

int xk_inode_cache_init(void)
{
	xk_inode_cache = kmem_cache_create("xkfs_inode",
					   sizeof(struct xk_inode), 0,
					   SLAB_RECLAIM_ACCOUNT |
					   SLAB_MEM_SPREAD | SLAB_ACCOUNT,
					   inode_construct);
	return xk_inode_cache ? 0 : -ENOMEM;
}

void xk_inode_cache_exit(void)
{
	rcu_barrier();		/* inodes are freed after a grace period */
	kmem_cache_destroy(xk_inode_cache);
}

struct inode *xk_inode_alloc(struct super_block *sb)
{
	struct xk_inode *xi = alloc_inode_sb(sb, xk_inode_cache, GFP_KERNEL);

	if (!xi)
		return NULL;
	memset((void *)xi + sizeof(xi->vfs), 0, sizeof(*xi) - sizeof(xi->vfs));
	xi->forget = kzalloc(sizeof(*xi->forget), GFP_KERNEL_ACCOUNT);
	if (!xi->forget) {
		kmem_cache_free(xk_inode_cache, xi);
		return NULL;
	}
	spin_lock_init(&xi->lock);
	INIT_LIST_HEAD(&xi->link);
	INIT_LIST_HEAD(&xi->files);
	return &xi->vfs;
}

/* After a grace period: paths are walked without references. */
void xk_inode_free(struct inode *inode)
{
	struct xk_inode *xi = XK_I(inode);

	if (S_ISLNK(inode->i_mode))
		kfree(inode->i_link);
	kfree(xi->forget);
	kmem_cache_free(xk_inode_cache, xi);
}

void xk_inode_evict(struct inode *inode)
{
	struct xk_inode *xi = XK_I(inode);

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);

	spin_lock(&xk_dev.nodes_lock);
	list_del_init(&xi->link);
	spin_unlock(&xk_dev.nodes_lock);

	if (!xi->references)
		return;
	xi->forget->node = xi->node;
	xi->forget->references = xi->references;
	xi->forget->epoch = xi->epoch;
	xk_forget(xi->forget);
	xi->forget = NULL;
}

static struct timespec64 attr_time(const struct xk_xkfs_time *t)
{
	return (struct timespec64){ .tv_sec = t->sec, .tv_nsec = t->nsec };
}

static bool attr_type_ok(u32 mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		return mode <= (S_IFMT | S_IALLUGO);
	default:
		return false;
	}
}

bool xk_attr_ok(const struct xk_xkfs_attr *attr)
{
	const struct xk_xkfs_time *t[] = { &attr->atime, &attr->mtime,
					   &attr->ctime, &attr->btime };
	int i;

	for (i = 0; i < ARRAY_SIZE(t); i++)
		if (t[i]->nsec >= NSEC_PER_SEC)
			return false;
	return attr_type_ok(attr->mode) && attr->size <= MAX_LFS_FILESIZE &&
	       uid_valid(make_kuid(&init_user_ns, attr->uid)) &&
	       gid_valid(make_kgid(&init_user_ns, attr->gid));
}

/* Copies an answer and checks it. */
int xk_attr_get(struct xk_call *call, struct xk_xkfs_attr *attr)
{
	if (call->rsp.out_len < sizeof(*attr))
		goto bad;
	memcpy(attr, xk_call_out(call), sizeof(*attr));
	barrier();	/* one copy */
	if (xk_attr_ok(attr))
		return 0;
bad:
	xk_device_broken("attributes");
	return -EIO;
}

int xk_entry_get(struct xk_call *call, struct xk_xkfs_entry *entry)
{
	if (call->rsp.out_len < sizeof(*entry))
		goto bad;
	memcpy(entry, xk_call_out(call), sizeof(*entry));
	barrier();	/* one copy */
	if (entry->node && entry->handle_len <= XK_XKFS_HANDLE &&
	    xk_attr_ok(&entry->attr))
		return 0;
bad:
	xk_device_broken("an entry");
	return -EIO;
}

/*
 * It was changed here: answers to what was sent before are old, and times,
 * size in blocks and links are known once dom0 was asked again. Owner and
 * mode are not in doubt.
 */
void xk_inode_changed(struct inode *inode)
{
	struct xk_inode *xi = XK_I(inode);

	spin_lock(&xi->lock);
	xi->changed = atomic64_inc_return(&xk_dev.seq);
	xi->times_old = true;
	spin_unlock(&xi->lock);
}

/*
 * A name of it is gone, or with `all` the last. An answer that comes meanwhile
 * may have brought the number down already.
 */
void xk_inode_unlinked(struct inode *inode, bool all)
{
	spin_lock(&XK_I(inode)->lock);
	if (all)
		clear_nlink(inode);
	else if (inode->i_nlink)
		drop_nlink(inode);
	spin_unlock(&XK_I(inode)->lock);
	xk_inode_changed(inode);
}

/* Its data was: a new mtime does not mean that others wrote. */
void xk_inode_wrote(struct inode *inode)
{
	spin_lock(&XK_I(inode)->lock);
	XK_I(inode)->dirty_mtime = true;
	spin_unlock(&XK_I(inode)->lock);
	xk_inode_changed(inode);
}

void xk_inode_expire(struct inode *inode)
{
	WRITE_ONCE(XK_I(inode)->fresh, jiffies - 1);
}

/* What is dirty goes to dom0 first. */
void xk_inode_drop_pages(struct inode *inode)
{
	if (!inode->i_mapping->nrpages)
		return;
	filemap_write_and_wait(inode->i_mapping);
	if (invalidate_inode_pages2(inode->i_mapping))
		pr_debug("pages of inode %lu stay\n", inode->i_ino);
}

static bool inode_unwritten(const struct inode *inode)
{
	return mapping_tagged(inode->i_mapping, PAGECACHE_TAG_DIRTY) ||
	       mapping_tagged(inode->i_mapping, PAGECACHE_TAG_WRITEBACK);
}

static bool seen_same(const struct xk_seen *seen,
		      const struct xk_xkfs_attr *attr)
{
	struct timespec64 mtime = attr_time(&attr->mtime);
	struct timespec64 ctime = attr_time(&attr->ctime);

	return timespec64_equal(&seen->mtime, &mtime) &&
	       timespec64_equal(&seen->ctime, &ctime) &&
	       seen->size == attr->size;
}

static void seen_set(struct xk_seen *seen, const struct xk_xkfs_attr *attr)
{
	seen->mtime = attr_time(&attr->mtime);
	seen->ctime = attr_time(&attr->ctime);
	seen->size = attr->size;
}

/*
 * Set-id bits do not count where the share does not have them: execution
 * looks at i_mode, and stat() is told xi->mode.
 */
static umode_t inode_mode(const struct xk_xkfs_attr *attr)
{
	umode_t mode = attr->mode;

	if (S_ISREG(mode) && !(attr->share & XK_XKFS_SHARE_SUID))
		mode &= ~(S_ISUID | S_ISGID);
	return mode;
}

static u64 inode_ino(const struct super_block *sb,
		     const struct xk_xkfs_attr *attr)
{
	/* Numbers are those of the share, and a mount of all has several. */
	if (XK_SB((struct super_block *)sb)->share_id)
		return attr->ino;
	return attr->ino ^ (u64)attr->share_id << 48;
}

/* Most have no ACL, and each would be asked for. */
static void inode_take_acl(struct inode *inode, const struct xk_xkfs_attr *attr)
{
	if (!(attr->share & XK_XKFS_SHARE_NO_ACL))
		return;
	set_cached_acl(inode, ACL_TYPE_ACCESS, NULL);
	set_cached_acl(inode, ACL_TYPE_DEFAULT, NULL);
}

static void inode_take(struct inode *inode, const struct xk_xkfs_attr *attr)
{
	struct xk_inode *xi = XK_I(inode);

	inode->i_mode = inode_mode(attr);
	inode->i_uid = make_kuid(&init_user_ns, attr->uid);
	inode->i_gid = make_kgid(&init_user_ns, attr->gid);
	inode->i_atime = attr_time(&attr->atime);
	inode->i_mtime = attr_time(&attr->mtime);
	inode->i_ctime = attr_time(&attr->ctime);
	inode->i_blocks = attr->blocks;
	inode->i_ino = inode_ino(inode->i_sb, attr);
	set_nlink(inode, attr->nlink);
	xi->btime = attr_time(&attr->btime);
	xi->mode = attr->mode;
	xi->share = attr->share;
	xi->share_id = attr->share_id;
	WRITE_ONCE(xi->times_old, false);
	WRITE_ONCE(xi->fresh, jiffies + XK_SB(inode->i_sb)->ttl);
}

/*
 * Attributes from an answer whose call was sent at `seq`. `own`: the answer to
 * a change made here, so that a new ctime does not mean that others wrote.
 * Not with a page locked.
 */
void xk_inode_update(struct inode *inode, const struct xk_xkfs_attr *attr,
		     u64 seq, bool own)
{
	struct xk_inode *xi = XK_I(inode);
	bool acl, shrunk = false, others = false;

	if ((attr->mode ^ inode->i_mode) & S_IFMT) {
		WRITE_ONCE(xi->stale, true);
		return;
	}
	spin_lock(&xi->lock);
	if (seq < xi->changed) {
		xi->times_old = true;
		spin_unlock(&xi->lock);
		return;
	}
	acl = inode->i_ctime.tv_sec != attr->ctime.sec ||
	      inode->i_ctime.tv_nsec != attr->ctime.nsec;
	inode_take(inode, attr);
	if (S_ISREG(inode->i_mode)) {
		bool unwritten = inode_unwritten(inode);

		if (!unwritten || attr->size > i_size_read(inode)) {
			shrunk = attr->size < i_size_read(inode);
			i_size_write(inode, attr->size);
		}
		if (own) {
			xi->seen.ctime = inode->i_ctime;
		} else if (!xi->dirty_mtime && !unwritten &&
			   !seen_same(&xi->seen, attr)) {
			others = true;
			seen_set(&xi->seen, attr);
		}
	} else {
		i_size_write(inode, attr->size);
	}
	spin_unlock(&xi->lock);

	if (acl)
		forget_all_cached_acls(inode);
	inode_take_acl(inode, attr);
	if (shrunk)
		truncate_pagecache(inode, attr->size);
	if (others)
		xk_inode_drop_pages(inode);
}

/*
 * Close to open: a file is being opened, and these are its attributes now.
 * What is cached of another state is dropped.
 */
bool xk_inode_check_opened(struct inode *inode, const struct xk_xkfs_attr *attr)
{
	struct xk_inode *xi = XK_I(inode);
	bool drop;

	if (!S_ISREG(inode->i_mode))
		return false;
	spin_lock(&xi->lock);
	drop = !seen_same(&xi->seen, attr);
	seen_set(&xi->seen, attr);
	xi->dirty_mtime = inode_unwritten(inode);
	spin_unlock(&xi->lock);
	if (drop)
		xk_inode_drop_pages(inode);
	return drop;
}

static int inode_match(struct inode *inode, void *data)
{
	const struct xk_xkfs_entry *entry = data;

	return xk_node(inode) == entry->node &&
	       !((inode->i_mode ^ entry->attr.mode) & S_IFMT) &&
	       !READ_ONCE(XK_I(inode)->stale);
}

static int inode_set(struct inode *inode, void *data)
{
	const struct xk_xkfs_entry *entry = data;
	struct xk_inode *xi = XK_I(inode);

	xi->node = entry->node;
	inode->i_mode = entry->attr.mode;
	xi->handle_len = entry->handle_len;
	memcpy(xi->handle, entry->handle, entry->handle_len);
	inode->i_generation = entry->generation;
	return 0;
}

static void inode_set_up(struct inode *inode, const struct xk_xkfs_attr *attr)
{
	struct xk_inode *xi = XK_I(inode);

	inode_take(inode, attr);
	inode_take_acl(inode, attr);
	i_size_write(inode, attr->size);
	seen_set(&xi->seen, attr);
	inode->i_flags |= S_NOCMTIME;	/* times are dom0's */
	inode->i_blkbits = inode->i_sb->s_blocksize_bits;
	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &xk_file_iops;
		inode->i_fop = &xk_file_fops;
		inode->i_mapping->a_ops = &xk_aops;
		break;
	case S_IFDIR:
		inode->i_op = &xk_dir_iops;
		inode->i_fop = &xk_dir_fops;
		break;
	case S_IFLNK:
		inode->i_op = &xk_symlink_iops;
		break;
	default:
		inode->i_op = &xk_file_iops;
		init_special_inode(inode, inode->i_mode,
				   MKDEV(attr->rdev >> 20,
					 attr->rdev & 0xfffff));
		break;
	}
}

/* The inode of an entry, whose reference it takes over. */
struct inode *xk_iget(struct super_block *sb, const struct xk_xkfs_entry *entry,
		      const struct xk_call *call)
{
	struct xk_inode *xi;
	struct inode *inode;
	int err;

	inode = iget5_locked(sb, (unsigned long)entry->node, inode_match,
			     inode_set, (void *)entry);
	if (!inode) {
		xk_forget_one(entry->node, call->epoch);
		return ERR_PTR(-ENOMEM);
	}
	xi = XK_I(inode);
	if (inode->i_state & I_NEW) {
		inode_set_up(inode, &entry->attr);
		xi->epoch = call->epoch;
		xi->references = entry->node != XK_XKFS_ROOT;
		spin_lock(&xk_dev.nodes_lock);
		list_add_tail(&xi->link, &xk_dev.nodes);
		spin_unlock(&xk_dev.nodes_lock);
		unlock_new_inode(inode);
	} else {
		spin_lock(&xi->lock);
		/* A reference of an epoch that is over counts for nothing. */
		if (xi->epoch == call->epoch && entry->node != XK_XKFS_ROOT)
			xi->references++;
		spin_unlock(&xi->lock);
		xk_inode_update(inode, &entry->attr, call->seq, false);
	}
	/* dom0 forgot between its answer and now? */
	err = READ_ONCE(xk_dev.state) == XK_UP ? xk_recover_node(inode) : 0;
	if (err == -EINTR) {
		iput(inode);
		return ERR_PTR(err);
	}
	return inode;
}

/* May calls for it be sent at all? */
int xk_inode_usable(struct inode *inode)
{
	return READ_ONCE(XK_I(inode)->stale) ? -ESTALE : 0;
}

/* `opened`: as if it were opened anew. */
static int inode_ask(struct inode *inode, struct file *file, bool opened)
{
	struct xk_file *xf = file ? file->private_data : NULL;
	struct xk_xkfs_attr attr;
	struct xk_call *call;
	int err;

	err = xk_inode_usable(inode);
	if (err)
		return err;
	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_GETATTR, xk_node(inode),
			   0, sizeof(attr));
	if (IS_ERR(call))
		return PTR_ERR(call);
	/* A file that was removed is known by what is open of it. */
	if (xf)
		refcount_inc(&xf->refs);
	else
		xf = xk_file_any(inode, false);
	if (xf)
		call->req.fh = xf->fh;
	err = xk_call_run(call);
	if (!err)
		err = xk_attr_get(call, &attr);
	if (!err)
		xk_inode_update(inode, &attr, call->seq, false);
	if (!err && opened)
		xk_inode_check_opened(inode, &attr);
	if (xf)
		xk_file_put(inode, xf);
	xk_call_put(call);
	return err;
}

/* Asks dom0 for the attributes. `file` may be NULL. */
int xk_inode_refresh(struct inode *inode, struct file *file)
{
	return inode_ask(inode, file, false);
}

/* The same, and pages of another state than these tell are dropped. */
int xk_inode_reopen(struct inode *inode, struct file *file)
{
	return inode_ask(inode, file, true);
}

static bool inode_fresh(const struct inode *inode)
{
	return time_before(jiffies, READ_ONCE(XK_I(inode)->fresh));
}

int xk_inode_revalidate(struct inode *inode, struct file *file)
{
	return inode_fresh(inode) && !READ_ONCE(XK_I(inode)->times_old) ?
	       xk_inode_usable(inode) : xk_inode_refresh(inode, file);
}

int xk_permission(struct user_namespace *ns, struct inode *inode, int mask)
{
	int err;

	if (!inode_fresh(inode)) {
		if (mask & MAY_NOT_BLOCK)
			return -ECHILD;
		err = xk_inode_refresh(inode, NULL);
		if (err)
			return err;
	}
	if (mask & MAY_WRITE && XK_I(inode)->share & XK_XKFS_SHARE_RO &&
	    (S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode)))
		return -EROFS;
	return generic_permission(ns, inode, mask);
}

int xk_getattr(struct user_namespace *ns, const struct path *path,
	       struct kstat *stat, u32 mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct xk_inode *xi = XK_I(inode);
	int err = 0;

	/* Times and blocks of what was written are known once dom0 has it. */
	if (S_ISREG(inode->i_mode) && inode_unwritten(inode) &&
	    mask & (STATX_MTIME | STATX_CTIME | STATX_BLOCKS))
		err = filemap_write_and_wait(inode->i_mapping);
	if (err && err != -ESTALE)
		pr_debug("inode %lu: error %d\n", inode->i_ino, err);

	if (flags & AT_STATX_DONT_SYNC)
		err = xk_inode_usable(inode);
	else if (flags & AT_STATX_FORCE_SYNC)
		err = xk_inode_refresh(inode, NULL);
	else
		err = xk_inode_revalidate(inode, NULL);
	if (err)
		return err;

	generic_fillattr(ns, inode, stat);
	stat->mode = xi->mode;
	stat->btime = xi->btime;
	stat->result_mask |= STATX_BTIME;
	stat->blksize = XK_XKFS_IO_MAX;
	return 0;
}

static void setattr_fill(struct xk_xkfs_setattr *set, const struct iattr *attr)
{
	unsigned int valid = attr->ia_valid;

	if (valid & ATTR_MODE) {
		set->valid |= XK_XKFS_SET_MODE;
		set->mode = attr->ia_mode & S_IALLUGO;
	}
	if (valid & ATTR_UID) {
		set->valid |= XK_XKFS_SET_UID;
		set->uid = from_kuid(&init_user_ns, attr->ia_uid);
	}
	if (valid & ATTR_GID) {
		set->valid |= XK_XKFS_SET_GID;
		set->gid = from_kgid(&init_user_ns, attr->ia_gid);
	}
	if (valid & ATTR_SIZE) {
		set->valid |= XK_XKFS_SET_SIZE;
		set->size = attr->ia_size;
	}
	if (valid & ATTR_ATIME) {
		set->valid |= valid & ATTR_ATIME_SET ? XK_XKFS_SET_ATIME :
			      XK_XKFS_SET_ATIME_NOW;
		set->atime.sec = attr->ia_atime.tv_sec;
		set->atime.nsec = attr->ia_atime.tv_nsec;
	}
	if (valid & ATTR_MTIME) {
		set->valid |= valid & ATTR_MTIME_SET ? XK_XKFS_SET_MTIME :
			      XK_XKFS_SET_MTIME_NOW;
		set->mtime.sec = attr->ia_mtime.tv_sec;
		set->mtime.nsec = attr->ia_mtime.tv_nsec;
	}
	if (valid & (ATTR_KILL_SUID | ATTR_KILL_SGID | ATTR_KILL_PRIV))
		set->valid |= XK_XKFS_SET_KILL_PRIV;
}

static int setattr_send(struct inode *inode, struct xk_file *xf,
			const struct xk_xkfs_setattr *set,
			struct xk_xkfs_attr *attr, u64 *seq)
{
	struct xk_call *call;
	int err;

	call = xk_call_new(XK_SB(inode->i_sb), XK_XKFS_SETATTR, xk_node(inode),
			   sizeof(*set), sizeof(*attr));
	if (IS_ERR(call))
		return PTR_ERR(call);
	memcpy(xk_call_in(call), set, sizeof(*set));
	if (xf)
		call->req.fh = xf->fh;
	err = xk_call_run(call);
	if (!err)
		err = xk_attr_get(call, attr);
	*seq = call->seq;
	xk_call_put(call);
	return err;
}

static int inode_set_attr(struct inode *inode, struct file *file,
			  const struct xk_xkfs_setattr *set)
{
	struct xk_xkfs_attr attr;
	struct xk_file *xf;
	u64 seq;
	int err;

	err = xk_inode_usable(inode);
	if (err)
		return err;
	xf = file ? file->private_data : NULL;
	if (xf)
		refcount_inc(&xf->refs);
	else
		xf = xk_file_any(inode, set->valid & XK_XKFS_SET_SIZE);
	err = setattr_send(inode, xf, set, &attr, &seq);
	if (xf)
		xk_file_put(inode, xf);
	if (err)
		return err;
	if (set->valid & XK_XKFS_SET_SIZE) {
		/* Pages of what is gone go, before the size comes again. */
		truncate_setsize(inode, set->size);
		xk_inode_update(inode, &attr, seq, true);
		xk_inode_wrote(inode);
	} else {
		xk_inode_update(inode, &attr, seq, true);
	}
	return 0;
}

int xk_setattr(struct user_namespace *ns, struct dentry *dentry,
	       struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	struct xk_xkfs_setattr set = {};
	int err;

	err = setattr_prepare(ns, dentry, attr);
	if (err)
		return err;
	setattr_fill(&set, attr);
	if (!set.valid)
		return 0;
	/* dom0 has what was written before its size, times or owner change. */
	if (S_ISREG(inode->i_mode)) {
		err = filemap_write_and_wait(inode->i_mapping);
		if (err)
			return err;
	}
	if (!(attr->ia_valid & ATTR_SIZE))
		return inode_set_attr(inode, NULL, &set);
	filemap_invalidate_lock(inode->i_mapping);
	err = inode_set_attr(inode, attr->ia_valid & ATTR_FILE ?
			     attr->ia_file : NULL, &set);
	filemap_invalidate_unlock(inode->i_mapping);
	return err;
}

/*
 * Somebody has read it. Of all times only this one comes from here, and dom0's
 * kernel makes it, as for its own readers: the ctime stays. Where it does not
 * (a share or a host mounted so), it is not asked for a second time.
 */
int xk_update_time(struct inode *inode, struct timespec64 *time, int flags)
{
	struct xk_xkfs_setattr set = { .valid = XK_XKFS_SET_ACCESSED };
	struct timespec64 before = inode->i_atime;
	int err = -EROFS;

	if (!(flags & S_ATIME))
		return 0;
	if (!(XK_I(inode)->share & XK_XKFS_SHARE_RO))
		err = inode_set_attr(inode, NULL, &set);
	if (err != -EINTR && (err || timespec64_equal(&before,
						      &inode->i_atime)))
		inode_set_flags(inode, S_NOATIME, S_NOATIME);
	return 0;
}

/* Set-id bits do not survive that somebody writes; inode locked. */
int xk_kill_priv(struct file *file)
{
	struct inode *inode = file_inode(file);
	struct xk_xkfs_setattr set = { .valid = XK_XKFS_SET_KILL_PRIV };
	umode_t mode = READ_ONCE(XK_I(inode)->mode);

	if (!(mode & S_ISUID) &&
	    (mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP))
		return 0;
	if (capable(CAP_FSETID))
		return 0;
	return inode_set_attr(inode, file, &set);
}
