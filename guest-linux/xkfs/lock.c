// SPDX-License-Identifier: GPL-2.0
/*
 * Locks are dom0's: they hold against its own processes and other guests. The
 * kernel keeps a record of them, to release them with the file and to tell
 * dom0 again after it forgot. Owners are told as numbers that say nothing of
 * this kernel's addresses.
 */
#include "xkfs.h"

#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/semaphore.h>
#include <linux/siphash.h>
#include <linux/slab.h>

static struct semaphore lock_blocked =
	__SEMAPHORE_INITIALIZER(lock_blocked, XK_BLOCKED_MAX);

static u64 lock_owner(const struct file_lock *fl)
{
	static siphash_key_t key;

	get_random_once(&key, sizeof(key));
	return siphash_1u64((u64)(unsigned long)fl->fl_owner, &key);
}

static u8 lock_type(const struct file_lock *fl)
{
	return fl->fl_type == F_RDLCK ? XK_XKFS_RDLCK :
	       fl->fl_type == F_WRLCK ? XK_XKFS_WRLCK : XK_XKFS_UNLCK;
}

/* The unlock of an open file's last close() has no flag, but the owner. */
static u8 lock_kind(const struct file_lock *fl)
{
	return fl->fl_flags & FL_FLOCK ? XK_XKFS_LOCK_FLOCK :
	       fl->fl_owner == (fl_owner_t)fl->fl_file ? XK_XKFS_LOCK_OFD :
	       XK_XKFS_LOCK_POSIX;
}

static struct xk_call *lock_call(struct inode *inode, enum xk_xkfs_op op,
				 u64 fh, const struct file_lock *fl)
{
	struct xk_xkfs_lock *lock;
	struct xk_call *call;
	u32 out = op == XK_XKFS_GETLK ? sizeof(*lock) : 0;

	call = xk_call_new(XK_SB(inode->i_sb), op, xk_node(inode),
			   sizeof(*lock), out);
	if (IS_ERR(call))
		return call;
	lock = xk_call_in(call);
	*lock = (struct xk_xkfs_lock){
		.start = fl->fl_start,
		.end = fl->fl_end == OFFSET_MAX ? U64_MAX : fl->fl_end,
		.owner = lock_owner(fl),
		.pid = fl->fl_pid,
		.kind = lock_kind(fl),
		.type = lock_type(fl),
	};
	call->req.fh = fh;
	return call;
}

/* One of this guest's in the way, with its owner and process. */
static bool lock_get_own(struct file *file, struct file_lock *fl)
{
	unsigned char type = fl->fl_type;

	posix_test_lock(file, fl);
	if (fl->fl_type != F_UNLCK)
		return true;
	fl->fl_type = type;
	return false;
}

static int lock_get(struct file *file, struct file_lock *fl)
{
	struct inode *inode = file_inode(file);
	struct xk_file *xf = file->private_data;
	struct xk_xkfs_lock lock;
	struct xk_call *call;
	int err;

	if (lock_get_own(file, fl))
		return 0;
	call = lock_call(inode, XK_XKFS_GETLK, xf->fh, fl);
	if (IS_ERR(call))
		return PTR_ERR(call);
	err = xk_call_run(call);
	if (!err && call->rsp.out_len < sizeof(lock))
		err = -EIO;
	if (!err) {
		memcpy(&lock, xk_call_out(call), sizeof(lock));
		barrier();	/* one copy */
		fl->fl_type = lock.type == XK_XKFS_UNLCK ? F_UNLCK :
			      lock.type == XK_XKFS_RDLCK ? F_RDLCK : F_WRLCK;
		if (fl->fl_type != F_UNLCK) {
			fl->fl_start = min_t(u64, lock.start, OFFSET_MAX);
			fl->fl_end = min_t(u64, lock.end, OFFSET_MAX);
			if (fl->fl_end < fl->fl_start)
				err = -EIO;
			/* Negative: not a process of this guest. */
			fl->fl_pid = lock.pid && lock.pid <= INT_MAX ?
				     lock.pid : -1;
		}
	}
	xk_call_put(call);
	return err;
}

/* Nobody waits any more for a lock that dom0 gave: it goes back. */
static void lock_reaped(struct xk_call *call)
{
	xk_call_put(call);
}

void xk_lock_reap(struct xk_call *call)
{
	const struct xk_xkfs_lock *lock = xk_call_in(call);
	struct xk_call *unlock;

	if (lock->type == XK_XKFS_UNLCK)
		return;
	unlock = xk_call_new(NULL, XK_XKFS_SETLK, call->req.node,
			     sizeof(*lock), 0);
	if (IS_ERR(unlock))
		return;
	memcpy(xk_call_in(unlock), lock, sizeof(*lock));
	((struct xk_xkfs_lock *)xk_call_in(unlock))->type = XK_XKFS_UNLCK;
	unlock->req.fh = call->req.fh;
	unlock->done = lock_reaped;
	xk_call_send(unlock);
}

/* dom0 is to give up on a lock that waits; its answer still comes. */
static void lock_interrupt(u64 id)
{
	struct xk_call *call;

	call = xk_call_new(NULL, XK_XKFS_INTERRUPT, 0, 0, 0);
	if (IS_ERR(call))
		return;
	call->req.arg[0] = id;
	call->done = lock_reaped;
	xk_call_send(call);
}

/*
 * Processes of this guest that wait for each other's locks. dom0 knows owners
 * by number only and its kernel does not look for circles among them, so this
 * one does.
 */
struct blocked {
	struct list_head link;
	struct file *file;
	const struct file_lock *fl;	/* wanted */
};

static LIST_HEAD(blocked_list);
static DEFINE_MUTEX(blocked_mutex);

/* As far as a circle is followed, like the kernel does for its own. */
#define BLOCKED_DEPTH	10

static fl_owner_t blocked_by(const struct blocked *b)
{
	struct file_lock fl = *b->fl;

	return lock_get_own(b->file, &fl) ? fl.fl_owner : NULL;
}

static const struct blocked *blocked_find(fl_owner_t owner)
{
	const struct blocked *b;

	list_for_each_entry(b, &blocked_list, link)
		if (b->fl->fl_owner == owner)
			return b;
	return NULL;
}

static bool blocked_in_circle(const struct blocked *self)
{
	const struct blocked *b = self;
	fl_owner_t owner;
	int depth;

	for (depth = 0; b && depth < BLOCKED_DEPTH; depth++) {
		owner = blocked_by(b);
		if (owner == self->fl->fl_owner)
			return true;
		b = owner ? blocked_find(owner) : NULL;
	}
	return false;
}

static int blocked_enter(struct blocked *b)
{
	int err = 0;

	mutex_lock(&blocked_mutex);
	if (lock_kind(b->fl) == XK_XKFS_LOCK_POSIX && blocked_in_circle(b))
		err = -EDEADLK;
	else
		list_add(&b->link, &blocked_list);
	mutex_unlock(&blocked_mutex);
	return err;
}

static void blocked_leave(struct blocked *b)
{
	mutex_lock(&blocked_mutex);
	list_del(&b->link);
	mutex_unlock(&blocked_mutex);
}

static int lock_wait(struct file *file, const struct file_lock *fl,
		     struct xk_call *call)
{
	struct blocked b = { .file = file, .fl = fl };
	int err;

	err = blocked_enter(&b);
	if (err)
		return err;
	if (down_interruptible(&lock_blocked)) {
		blocked_leave(&b);
		return -ERESTARTSYS;
	}
	call->control = true;
	call->req.flags |= XK_XKFS_F_WAIT;
	xk_call_send(call);
	if (wait_for_completion_state(&call->answered,
				      TASK_INTERRUPTIBLE | TASK_FREEZABLE)) {
		u64 id = READ_ONCE(call->req.id);

		if (id)
			lock_interrupt(id);
	}
	err = xk_call_wait(call);
	up(&lock_blocked);
	blocked_leave(&b);
	return err == -EINTR ? -ERESTARTSYS : err;
}

static int lock_set(struct file *file, struct file_lock *fl, bool wait)
{
	struct inode *inode = file_inode(file);
	struct xk_file *xf = file->private_data;
	struct xk_call *call;
	int err;

	call = lock_call(inode, XK_XKFS_SETLK, xf->fh, fl);
	if (IS_ERR(call))
		return PTR_ERR(call);
	err = wait ? lock_wait(file, fl, call) : xk_call_run(call);
	xk_call_put(call);
	return err;
}

/*
 * What was written under a lock is seen by who has the lock next: nothing that
 * was cached before counts, as a coarse clock may show no change.
 */
static int lock_change(struct file *file, struct file_lock *fl, bool wait)
{
	struct inode *inode = file_inode(file);
	int err;

	if (fl->fl_type == F_UNLCK) {
		if (S_ISREG(inode->i_mode))
			filemap_write_and_wait(inode->i_mapping);
		/* The record goes first: it is told again otherwise. */
		fl->fl_flags |= FL_EXISTS;
		err = locks_lock_inode_wait(inode, fl);
		fl->fl_flags &= ~FL_EXISTS;
		if (err == -ENOENT)
			return 0;
		return xk_inode_usable(inode) ? 0 : lock_set(file, fl, false);
	}
	err = xk_inode_usable(inode);
	if (!err)
		err = lock_set(file, fl, wait);
	if (err)
		return err;
	err = locks_lock_inode_wait(inode, fl);
	if (!err && S_ISREG(inode->i_mode)) {
		xk_inode_drop_pages(inode);
		xk_inode_reopen(inode, file);
	}
	return err;
}

int xk_file_lock(struct file *file, int cmd, struct file_lock *fl)
{
	if (!(xk_dev.features & XK_XKFS_FEAT_LOCKS))
		return -ENOLCK;
	if (cmd == F_CANCELLK)
		return 0;
	if (IS_GETLK(cmd))
		return lock_get(file, fl);
	return lock_change(file, fl, IS_SETLKW(cmd));
}

int xk_file_flock(struct file *file, int cmd, struct file_lock *fl)
{
	if (!(xk_dev.features & XK_XKFS_FEAT_LOCKS))
		return -ENOLCK;
	return lock_change(file, fl, IS_SETLKW(cmd));
}

struct reclaim {
	struct file_lock fl;
	u64 fh;
};

static unsigned int reclaim_collect(struct list_head *list,
				    struct reclaim *locks, unsigned int at,
				    unsigned int room)
{
	struct file_lock *fl;

	list_for_each_entry(fl, list, fl_list) {
		struct xk_file *xf = fl->fl_file->private_data;

		if (at < room) {
			locks[at].fl = *fl;
			locks[at].fh = xf->fh;
		}
		at++;
	}
	return at;
}

static unsigned int reclaim_list(struct inode *inode, struct reclaim *locks,
				 unsigned int room)
{
	/* Pairs with the kernel's own store of a new context. */
	struct file_lock_context *flctx = smp_load_acquire(&inode->i_flctx);
	unsigned int n;

	if (!flctx)
		return 0;
	spin_lock(&flctx->flc_lock);
	n = reclaim_collect(&flctx->flc_posix, locks, 0, room);
	n = reclaim_collect(&flctx->flc_flock, locks, n, room);
	spin_unlock(&flctx->flc_lock);
	return n;
}

/* dom0 forgot: all locks of the inode are told again. */
void xk_locks_reclaim(struct inode *inode)
{
	unsigned int i, n, room = 0;
	struct reclaim *locks = NULL;
	struct xk_call *call;
	int err;

	while ((n = reclaim_list(inode, locks, room)) > room) {
		kvfree(locks);
		room = n + 8;
		locks = kvcalloc(room, sizeof(*locks), GFP_KERNEL);
		if (!locks)
			return;
	}
	for (i = 0; i < n; i++) {
		call = lock_call(inode, XK_XKFS_SETLK, locks[i].fh,
				 &locks[i].fl);
		if (IS_ERR(call))
			break;
		call->direct = true;
		err = xk_call_run(call);
		xk_call_put(call);
		if (err)
			pr_warn_ratelimited("a lock was lost: error %d\n", err);
	}
	kvfree(locks);
}
