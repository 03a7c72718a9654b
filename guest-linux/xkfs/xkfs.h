/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xkfs: files of dom0 in the tree of a guest. The protocol is specified in
 * xenkeep/proto/xkfs.h.
 *
 *   device.c           the xenbus front-end: makes and ends connections
 *   queue.c, pool.c    what is granted: rings, and the pool for all data
 *   call.c             requests: from waiting to sent to answered
 *   recover.c          what dom0 has to be told after it forgot
 *   events.c           what dom0 tells; forget.c: what it may forget
 *   super.c ...        the file system on top of it
 *
 * There is one device. It lives as long as the module: connections come and
 * go (dom0's server restarted, the guest restored), calls wait meanwhile.
 *
 * Nothing of dom0 is believed: answers are copied once, then checked, then
 * used. What breaks the protocol ends the connection, never the guest.
 */
#ifndef XKFS_H
#define XKFS_H

#ifdef pr_fmt
#undef pr_fmt
#endif
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <xen/grant_table.h>
#include <xen/interface/event_channel.h>
#include <xen/interface/io/ring.h>
#include <xen/xenbus.h>

#include <xenkeep/proto/xkfs.h>

#define XK_MAGIC		0x786b6673	/* "xkfs" */

/* The low bits of an id are the place of its call in the table. */
#define XK_SLOTS		XK_XKFS_REMEMBERED
/* Of these, kept for calls that others wait for (HELLO, INTERRUPT, ...). */
#define XK_SLOTS_KEPT		16
/* SETLKs that wait at a time; dom0 has a ring of 128 for them and others. */
#define XK_BLOCKED_MAX		64

DEFINE_RING_TYPES(xk_wire, struct xk_xkfs_req, struct xk_xkfs_rsp);

struct xk_call;
struct xk_dev;
struct xk_sb;

/* ---- pool.c: pages that dom0 has mapped ---- */

struct xk_pool {
	void *base;			/* all of it, mapped in a row */
	unsigned int nr;		/* pages; 0: no pool yet */
	unsigned int low;		/* pages kept for what fits in one */
	struct page **pages;
	grant_ref_t *refs;
	void *dirs[XK_XKFS_DIR_PAGES];	/* the references, for dom0 */
	grant_ref_t dir_refs[XK_XKFS_DIR_PAGES];
	unsigned int nr_dirs;
	spinlock_t lock;		/* guards used */
	unsigned long *used;
	wait_queue_head_t freed;
};

struct xk_piece {
	u32 first;			/* page */
	u32 nr;				/* pages; 0: none */
};

int xk_pool_create(struct xk_pool *pool, domid_t peer, unsigned int pages);
void xk_pool_regrant(struct xk_pool *pool, domid_t peer);
void xk_pool_destroy(struct xk_pool *pool);
enum xk_wait { XK_TRY, XK_WAIT, XK_WAIT_KILLABLE };

int xk_pool_get(struct xk_pool *pool, struct xk_piece *piece, size_t want,
		size_t least, enum xk_wait wait);
void xk_pool_cut(struct xk_pool *pool, struct xk_piece *piece, size_t keep);
void xk_pool_put(struct xk_pool *pool, struct xk_piece *piece);

/* ---- queue.c: a ring and its event channel ---- */

struct xk_queue {
	struct xk_dev *dev;
	unsigned int index;		/* 0: the control queue */
	struct xk_wire_front_ring ring;
	void *pages;
	unsigned int nr_pages;
	grant_ref_t refs[1u << XK_XKFS_RING_ORDER];
	evtchn_port_t port;
	int irq;			/* 0: not bound */
};

int xk_queue_create(struct xk_queue *queue, struct xenbus_device *xdev,
		    unsigned int order);
void xk_queue_destroy(struct xk_queue *queue);
bool xk_queue_push(struct xk_queue *queue, const struct xk_xkfs_req *req);
bool xk_queue_flush(struct xk_queue *queue);

/* ---- device.c ---- */

enum xk_state {
	XK_DOWN,		/* no connection, calls wait */
	XK_GREETING,		/* connected, only direct calls go out */
	XK_UP,
	XK_CLOSED,		/* dom0 took the device away: calls fail */
};

/* Calls that wait to be sent, those that go first first. */
enum xk_class { XK_DIRECT, XK_CONTROL, XK_DATA, XK_CLASSES };

struct xk_dev {
	spinlock_t lock;	/* the table, the lists, the rings, the state */
	enum xk_state state;
	wait_queue_head_t changed;	/* of the state */
	struct xenbus_device *xdev;	/* NULL: none; xenwatch thread only */

	struct xk_pool pool;
	bool regrant;		/* the grants were the old domain's */
	struct xk_queue *queues;
	unsigned int nr_queues;	/* with the control queue; 0: none */
	unsigned int version;

	struct xk_call *calls[XK_SLOTS];	/* sent, unanswered */
	u8 free[XK_SLOTS];
	unsigned int nr_free;
	u64 last_id;
	struct list_head waiting[XK_CLASSES];	/* not sent */
	struct list_head done[1 + XK_XKFS_QUEUES];
	struct work_struct done_work[1 + XK_XKFS_QUEUES];
	struct workqueue_struct *wq;

	u64 epoch;		/* as dom0 told; 0: never connected */
	bool told;		/* dom0 knows all nodes, in this epoch */
	u32 features;
	u32 io_max;
	struct work_struct recover_work;
	struct work_struct broken_work;

	atomic64_t seq;		/* orders changes made here and answers */

	spinlock_t nodes_lock;
	struct list_head nodes;	/* xk_inode.link, parents mostly first */
	struct mutex sbs_lock;
	struct list_head sbs;

	spinlock_t forget_lock;
	struct list_head forgets;
	unsigned int nr_forgets;
	struct delayed_work forget_work;
};

extern struct xk_dev xk_dev;

int xk_device_init(void);
void xk_device_exit(void);
void xk_device_broken(const char *what);
int xk_device_wait(void);

/* ---- call.c ---- */

enum xk_call_state { XK_CALL_NEW, XK_CALL_WAITING, XK_CALL_SENT,
		     XK_CALL_ANSWERED };

struct xk_call {
	struct list_head link;
	refcount_t refs;
	enum xk_call_state state;
	bool control;		/* goes on queue 0 */
	bool direct;		/* before the device is up; fails with it */
	bool forced;		/* by umount -f */
	unsigned int queue;	/* that it was sent on */
	u64 epoch;		/* that it was made, then answered in */
	u64 seq;		/* xk_dev.seq when it was sent */
	int err;
	struct xk_sb *xsb;	/* may be NULL */
	struct xk_piece piece;
	struct xk_xkfs_req req;
	struct xk_xkfs_rsp rsp;
	struct completion answered;
	/* In a worker, instead of the completion. Owns a reference. */
	void (*done)(struct xk_call *call);
	void *data;		/* for done */
};

struct xk_call *xk_call_new(struct xk_sb *xsb, enum xk_xkfs_op op, u64 node,
			    u32 in_len, u32 out_len);
struct xk_call *xk_call_new_data(struct xk_sb *xsb, enum xk_xkfs_op op,
				 size_t want, size_t least, enum xk_wait wait);
void xk_call_put(struct xk_call *call);
void xk_call_send(struct xk_call *call);
int xk_call_wait(struct xk_call *call);
int xk_call_run(struct xk_call *call);
void xk_call_fail_all(int err, bool direct_only);
void xk_call_force(struct xk_sb *xsb);
bool xk_call_pump(unsigned long *queues);
bool xk_call_answered(struct xk_queue *queue, const struct xk_xkfs_rsp *rsp);
void xk_call_resend(void);
void xk_call_kick(unsigned long queues);
void xk_call_init(void);

static inline void *xk_call_in(const struct xk_call *call)
{
	return xk_dev.pool.base + call->req.in_off;
}

static inline void *xk_call_out(const struct xk_call *call)
{
	return xk_dev.pool.base + call->req.out_off;
}

/* A name, and after it whatever else is in `in`. */
static inline void xk_call_name(struct xk_call *call, const struct qstr *name)
{
	memcpy(xk_call_in(call), name->name, name->len);
	call->req.name_len = name->len;
}

/* ---- recover.c, events.c, forget.c ---- */

void xk_recover(struct work_struct *work);
int xk_recover_node(struct inode *inode);
struct xk_file;
int xk_recover_file(struct inode *inode, struct xk_file *xf);

void xk_events_start(void);

struct xk_forget {
	struct list_head link;
	u64 node;
	u64 references;
	u64 epoch;
};

void xk_forget(struct xk_forget *forget);
void xk_forget_one(u64 node, u64 epoch);
void xk_forget_init(void);
void xk_forget_exit(void);

/* ---- super.c ---- */

struct xk_sb {
	struct super_block *sb;
	struct list_head link;
	char name[XK_XKFS_NAME + 1];	/* "": all shares */
	u32 share_id;			/* 0: all shares */
	unsigned long ttl;		/* jiffies */
	bool forced;			/* umount -f was asked for */
};

static inline struct xk_sb *XK_SB(struct super_block *sb)
{
	return sb->s_fs_info;
}

int xk_super_init(void);
void xk_super_exit(void);

/* ---- inode.c ---- */

/* What the page cache belongs to. */
struct xk_seen {
	struct timespec64 mtime;
	struct timespec64 ctime;
	u64 size;
};

struct xk_inode {
	struct inode vfs;
	u64 node;
	struct list_head link;		/* xk_dev.nodes */
	struct xk_forget *forget;	/* made in time */
	spinlock_t lock;		/* all below */
	u64 references;			/* that dom0 counts */
	u64 epoch;			/* that dom0 knows the node in */
	u64 changed;			/* xk_dev.seq of the last change here */
	unsigned long fresh;		/* attributes hold until, jiffies */
	bool times_old;			/* times and links do not */
	umode_t mode;			/* as dom0 has it */
	u32 share;
	u32 share_id;
	struct timespec64 btime;
	struct xk_seen seen;
	bool stale;			/* revoked, or lost by dom0 */
	bool advise_plus;		/* names of it were looked up */
	bool dirty_mtime;		/* written here since seen */
	struct list_head files;		/* open ones */
	u32 handle_len;
	u8 handle[XK_XKFS_HANDLE];
};

static inline struct xk_inode *XK_I(const struct inode *inode)
{
	return container_of(inode, struct xk_inode, vfs);
}

static inline u64 xk_node(const struct inode *inode)
{
	return XK_I(inode)->node;
}

extern struct kmem_cache *xk_inode_cache;
int xk_inode_cache_init(void);
void xk_inode_cache_exit(void);
struct inode *xk_inode_alloc(struct super_block *sb);
void xk_inode_free(struct inode *inode);
void xk_inode_evict(struct inode *inode);

int xk_entry_get(struct xk_call *call, struct xk_xkfs_entry *entry);
struct inode *xk_iget(struct super_block *sb, const struct xk_xkfs_entry *entry,
		      const struct xk_call *call);
bool xk_attr_ok(const struct xk_xkfs_attr *attr);
int xk_attr_get(struct xk_call *call, struct xk_xkfs_attr *attr);
void xk_inode_update(struct inode *inode, const struct xk_xkfs_attr *attr,
		     u64 seq, bool own);
int xk_inode_refresh(struct inode *inode, struct file *file);
int xk_inode_reopen(struct inode *inode, struct file *file);
int xk_inode_revalidate(struct inode *inode, struct file *file);
void xk_inode_expire(struct inode *inode);
void xk_inode_changed(struct inode *inode);
void xk_inode_unlinked(struct inode *inode, bool all);
void xk_inode_wrote(struct inode *inode);
void xk_inode_drop_pages(struct inode *inode);
bool xk_inode_check_opened(struct inode *inode, const struct xk_xkfs_attr *attr);
int xk_inode_usable(struct inode *inode);

int xk_permission(struct user_namespace *ns, struct inode *inode, int mask);
int xk_getattr(struct user_namespace *ns, const struct path *path,
	       struct kstat *stat, u32 mask, unsigned int flags);
int xk_setattr(struct user_namespace *ns, struct dentry *dentry,
	       struct iattr *attr);
int xk_update_time(struct inode *inode, struct timespec64 *time, int flags);
int xk_kill_priv(struct file *file);

/* ---- dir.c, readdir.c ---- */

extern const struct inode_operations xk_dir_iops;
extern const struct inode_operations xk_file_iops;
extern const struct inode_operations xk_symlink_iops;
extern const struct dentry_operations xk_dentry_ops;
extern const struct file_operations xk_dir_fops;

void xk_dentry_fresh(struct dentry *dentry);
struct inode *xk_lookup_inode(struct super_block *sb, u64 dir,
			      const struct qstr *name);
void xk_readdir_reap(struct xk_call *call);

/* ---- handle.c: open files ---- */

struct xk_file {
	struct list_head link;		/* xk_inode.files */
	refcount_t refs;
	u64 fh;
	u64 epoch;
	int flags;			/* as dom0 opened it */
	/* of a directory: what was read and not yet told */
	u8 *buf;
	u32 len;
	u32 at;
	u64 pos;			/* cursor of `at` */
};

struct xk_file *xk_file_new(void);
void xk_file_link(struct inode *inode, struct xk_file *xf, u64 fh,
		  const struct xk_call *call);
int xk_file_sync(struct inode *inode, struct xk_file *xf, int datasync);
int xk_file_open_node(struct inode *inode, int flags, struct xk_file **xf_r,
		      bool check);
void xk_file_put(struct inode *inode, struct xk_file *xf);
struct xk_file *xk_file_any(struct inode *inode, bool write);
struct xk_file *xk_file_writable(struct inode *inode);
int xk_open_flags(unsigned int flags);
void xk_release_fh(u64 fh, u64 epoch);

/* ---- file.c, data.c, direct.c, lock.c ---- */

extern const struct file_operations xk_file_fops;
extern const struct address_space_operations xk_aops;
vm_fault_t xk_page_mkwrite(struct vm_fault *vmf);

ssize_t xk_direct_read(struct kiocb *iocb, struct iov_iter *to);
ssize_t xk_direct_write(struct kiocb *iocb, struct iov_iter *from);

int xk_file_lock(struct file *file, int cmd, struct file_lock *fl);
int xk_file_flock(struct file *file, int cmd, struct file_lock *fl);
void xk_lock_reap(struct xk_call *call);
void xk_locks_reclaim(struct inode *inode);

/* ---- xattr.c, export.c ---- */

extern const struct xattr_handler *xk_xattr_handlers[];
ssize_t xk_listxattr(struct dentry *dentry, char *buf, size_t size);
struct posix_acl *xk_get_acl(struct inode *inode, int type, bool rcu);
int xk_set_acl(struct user_namespace *ns, struct inode *inode,
	       struct posix_acl *acl, int type);

extern const struct export_operations xk_export_ops;

#endif /* XKFS_H */
