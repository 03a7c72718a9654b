/* SPDX-License-Identifier: MIT */
/*
 * The file protocol: how a guest's xkfs and dom0's xenkeep-filed talk. This
 * header is the specification; xkfs-protocol(7) is made from it.
 *
 * Transport
 *   The guest grants three things and names them in its xenstore device:
 *
 *   - a pool of pages that both sides keep mapped as long as the connection
 *     lives: all that is longer than a slot is exchanged in it, so no request
 *     maps or grants anything. Its grant references stand in directory pages
 *     (pool-dir-N), XK_XKFS_DIR_REFS little endian uint32_t each, in order.
 *     dom0 reads them once. Addresses in the pool are offsets in bytes.
 *   - a control queue, and one to XK_XKFS_QUEUES data queues: a standard Xen
 *     ring (io/ring.h) each, of 2^order pages, with the slots below, and an
 *     event channel each. Event thresholds (req_event, rsp_event) are used.
 *   Queue 0 is the control queue. It carries what may wait for somebody else
 *   (SETLK with WAIT, NOTIFY), and what must not wait behind data (HELLO,
 *   INTERRUPT, FORGET). Every other request goes on any data queue; nothing is
 *   said about the order of two requests that are both unanswered.
 *   Everything is little endian. Reserved fields are written as 0 and not
 *   looked at.
 *
 * Who owns a piece of the pool
 *   The guest. A request lends `in` (read by dom0) and `out` (written by dom0)
 *   until its response. dom0 copies names and structures once before it looks
 *   at them; file data goes between pool and file without being looked at. The
 *   guest copies answers out of the pool once before it looks at them.
 *   No byte of `out` beyond out_len of the response means anything.
 *
 * Life of a connection
 *   HELLO is the first request; it agrees on version and features, and tells
 *   the epoch. The epoch changes when dom0 has lost what it knew of the guest:
 *   nodes, open files and locks. The guest then names each node it still uses
 *   with RESTORE (same id as before), each file with REOPEN, each lock with
 *   SETLK, and sends again what was not answered, with the `id` it had and
 *   XK_XKFS_F_AGAIN. A request that is not idempotent (see the table) and was
 *   done already is answered as it was then: dom0 remembers the last
 *   XK_XKFS_REMEMBERED of them. To let it, the guest has at most that many of
 *   these unanswered, and never uses an id twice.
 *
 * Nodes
 *   A node is a file, directory, ... of a share, named by a number that dom0
 *   chooses. It holds until the guest has returned (FORGET) as many references
 *   as answers have given it. Node XK_XKFS_ROOT is the device: a directory
 *   that has each share by its name. The handle of a node, opaque to the guest
 *   and sealed by dom0, outlives connection, daemon and host reboot.
 *   A name is one component: 1 to XK_XKFS_NAME bytes without '/' and NUL, and
 *   neither "." nor "..".
 *
 * Errors
 *   `status` is 0 or a negative errno, by Linux's numbers. -ESTALE: the share
 *   was revoked, or the node is gone. -EPROTO: the request breaks this
 *   protocol; a guest that goes on so loses its device.
 *
 * Operations (node, name(s) and further arguments; answer in `out`). A mode
 * is arg[1]; any other number without a field of its own (flags, len, rdev,
 * whence, version, id) is arg[0], features are arg[1].
 *   i: idempotent. n: remembered, see above.
 *   HELLO      arg: version, features, off: the epoch that the guest knows, 0
 *              when it knows nothing: dom0 then forgets what it knew of the
 *              guest, and its epoch is a new one -> struct xk_xkfs_hello    i
 *   STATFS     node -> struct xk_xkfs_statfs                                i
 *   LOOKUP     node, in: name -> entry. Without a name: the directory that
 *              a directory is in; the share's own directory is in node 1    i
 *   FORGET     in: struct xk_xkfs_forget[]; no node of them is used after   n
 *   GETATTR    node, fh or 0 -> struct xk_xkfs_attr                         i
 *   SETATTR    node, fh or 0, in: struct xk_xkfs_setattr -> attr            i
 *   READLINK   node -> the target, without NUL                              i
 *   OPEN       node, flags -> value: fh; with room: attr                    i
 *   CREATE     node, in: name, flags, mode -> entry, value: fh; value2: 1
 *              when it was made now. With O_EXCL: fails when it is there    n
 *   RELEASE    fh                                                           i
 *   READ       fh, off, out -> data; short at the end of the file only      i
 *   WRITE      fh, off, in: data -> value: bytes written. With
 *              XK_XKFS_F_APPEND at the end, value2: where that was     i (n)
 *   FSYNC      fh, arg: datasync                                            i
 *   SYNCFS     node                                                         i
 *   READDIR    fh, off: cursor, out -> struct xk_xkfs_dirent[]; value: the
 *              cursor of the next; empty at the end. With
 *              XK_XKFS_F_PLUS each has its entry, which gives a reference   i
 *   MKDIR      node, in: name, mode -> entry                                n
 *   MKNOD      node, in: name, mode, rdev -> entry                          n
 *   SYMLINK    node, in: name, target -> entry                              n
 *   LINK       node, node2, in: name -> entry (of node2, in directory node) n
 *   UNLINK     node, in: name                                               n
 *   RMDIR      node, in: name                                               n
 *   RENAME     node, node2, in: name, new name, flags of renameat2          n
 *   FALLOCATE  fh, off, len, mode of fallocate                              i
 *   LSEEK      fh, off, whence (SEEK_DATA, SEEK_HOLE) -> value              i
 *   COPY       fh, off, fh2, off2, len -> value: bytes copied               i
 *   GETXATTR   node, in: name -> the value; with room 0: value: its length  i
 *   SETXATTR   node, in: name, the value, flags of setxattr                 n
 *   LISTXATTR  node -> names with NUL each; with room 0: value: the length  i
 *   RMXATTR    node, in: name                                               n
 *   GETLK      fh, in: struct xk_xkfs_lock -> the same: what is in the way  i
 *   SETLK      fh, in: struct xk_xkfs_lock. With XK_XKFS_F_WAIT it may take
 *              long, and -EINTR answers it after INTERRUPT                  i
 *   TMPFILE    node, flags, mode -> entry, value: fh                        n
 *   INTERRUPT  arg: id of a SETLK; answered at once, the SETLK on its own   i
 *   NOTIFY     answered when dom0 has something to say ->
 *              struct xk_xkfs_event[]; the guest keeps two of them waiting  i
 *   RESTORE    node: the id it had, in: handle, and if that does not help
 *              node2: its directory (restored before) and in: name -> entry.
 *              With node 0 dom0 chooses the id, or has one: in: handle      i
 *   REOPEN     node, fh: the number it had, flags -> value: fh              i
 *
 * Features
 *   Bits of HELLO: the guest offers, dom0 answers with those it serves. What
 *   has a bit but no operation here is agreed on in a later version: the
 *   fields that it needs are in place (version and vslot of an entry, kinds of
 *   event above XK_XKFS_EV_REVOKED).
 */
#ifndef XENKEEP_PROTO_XKFS_H
#define XENKEEP_PROTO_XKFS_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#define XK_XKFS_ASSERT(cond) static_assert(cond)
#else
#include <stddef.h>
#include <stdint.h>
#define XK_XKFS_ASSERT(cond) _Static_assert(cond, "wire layout")
#endif

#define XK_XKFS_VERSION		1

/* Data queues of a device, at most; the control queue comes besides. */
#define XK_XKFS_QUEUES		8
/* Order of a ring, at most: 8 pages, 128 slots of 128 bytes and the head. */
#define XK_XKFS_RING_ORDER	3
/* References in a directory page, and how many of these there can be. */
#define XK_XKFS_DIR_REFS	1024
#define XK_XKFS_DIR_PAGES	16
/* Pages of a pool: at least, at most (64 MiB). */
#define XK_XKFS_POOL_MIN	64
#define XK_XKFS_POOL_MAX	(XK_XKFS_DIR_REFS * XK_XKFS_DIR_PAGES)

/* Data of one READ or WRITE, bytes, at most. */
#define XK_XKFS_IO_MAX		(1u << 20)
/* Any other `in` or `out`, bytes, at most: an xattr's value and a name. */
#define XK_XKFS_MSG_MAX		(65536u + 512u)
/* Names, symbolic links' targets, handles, bytes, at most. */
#define XK_XKFS_NAME		255
#define XK_XKFS_TARGET		4095
#define XK_XKFS_HANDLE		160
/* Answers to requests that are not idempotent, remembered for each guest. */
#define XK_XKFS_REMEMBERED	256

/* The node of the device itself. */
#define XK_XKFS_ROOT		1

/* Features of HELLO; see above. */
#define XK_XKFS_FEAT_LOCKS	0x001u	/* GETLK, SETLK */
#define XK_XKFS_FEAT_XATTR	0x002u
#define XK_XKFS_FEAT_ACL	0x004u	/* POSIX ACLs, as xattrs */
#define XK_XKFS_FEAT_RESTORE	0x008u	/* handles, RESTORE, REOPEN */
#define XK_XKFS_FEAT_VERSIONS	0x100u	/* later: table of versions */
#define XK_XKFS_FEAT_LEASES	0x200u	/* later */
#define XK_XKFS_FEAT_WINDOW	0x400u	/* later: zero-copy window */
#define XK_XKFS_FEAT_UNION	0x800u	/* later */
#define XK_XKFS_FEAT_CLASSES	0x1000u	/* later: scheduling classes */

enum xk_xkfs_op {
	XK_XKFS_HELLO = 1,
	XK_XKFS_STATFS,
	XK_XKFS_LOOKUP,
	XK_XKFS_FORGET,
	XK_XKFS_GETATTR,
	XK_XKFS_SETATTR,
	XK_XKFS_READLINK,
	XK_XKFS_OPEN,
	XK_XKFS_CREATE,
	XK_XKFS_RELEASE,
	XK_XKFS_READ,
	XK_XKFS_WRITE,
	XK_XKFS_FSYNC,
	XK_XKFS_SYNCFS,
	XK_XKFS_READDIR,
	XK_XKFS_MKDIR,
	XK_XKFS_MKNOD,
	XK_XKFS_SYMLINK,
	XK_XKFS_LINK,
	XK_XKFS_UNLINK,
	XK_XKFS_RMDIR,
	XK_XKFS_RENAME,
	XK_XKFS_FALLOCATE,
	XK_XKFS_LSEEK,
	XK_XKFS_COPY,
	XK_XKFS_GETXATTR,
	XK_XKFS_SETXATTR,
	XK_XKFS_LISTXATTR,
	XK_XKFS_RMXATTR,
	XK_XKFS_GETLK,
	XK_XKFS_SETLK,
	XK_XKFS_TMPFILE,
	XK_XKFS_INTERRUPT,
	XK_XKFS_NOTIFY,
	XK_XKFS_RESTORE,
	XK_XKFS_REOPEN,
	XK_XKFS_OPS		/* not an operation: their number, plus one */
};

/* Flags of a request */
#define XK_XKFS_F_AGAIN		0x1	/* may have been done, see above */
#define XK_XKFS_F_APPEND	0x2	/* WRITE */
#define XK_XKFS_F_PLUS		0x4	/* READDIR */
#define XK_XKFS_F_WAIT		0x8	/* SETLK */

/*
 * A request, 128 bytes. uid and gid are those of the guest's task: dom0 uses
 * them for what is made, by the share's rule for owners; permission is the
 * guest kernel's business, within what the share permits at all.
 * `flags` of OPEN, CREATE, TMPFILE and REOPEN (arg[0]) are Linux's O_ flags of
 * x86; dom0 takes those it knows. Modes (arg[1]) are Linux's too, the umask
 * applied by the guest. Two strings in `in` stand one after the other, the
 * first is name_len bytes long; a single one fills `in`.
 */
struct xk_xkfs_req {
	uint64_t id;		/* chosen by the guest, rising, never 0 */
	uint16_t op;
	uint16_t flags;
	uint32_t uid;
	uint32_t gid;
	uint32_t name_len;
	uint32_t in_off;	/* in the pool */
	uint32_t in_len;
	uint32_t out_off;
	uint32_t out_len;	/* room for the answer */
	uint64_t node;
	uint64_t node2;
	uint64_t fh;
	uint64_t fh2;
	uint64_t off;
	uint64_t off2;
	uint64_t arg[2];	/* see the operations; len is arg[0] */
	uint64_t reserved[3];
};
XK_XKFS_ASSERT(sizeof(struct xk_xkfs_req) == 128);
XK_XKFS_ASSERT(offsetof(struct xk_xkfs_req, node) == 40);
XK_XKFS_ASSERT(offsetof(struct xk_xkfs_req, arg) == 88);

/* A response. */
struct xk_xkfs_rsp {
	uint64_t id;
	int32_t status;
	uint32_t out_len;	/* bytes of the answer in the pool */
	uint64_t value;
	uint64_t value2;
	uint64_t reserved[4];
};
XK_XKFS_ASSERT(sizeof(struct xk_xkfs_rsp) == 64);

struct xk_xkfs_hello {
	uint32_t version;
	uint32_t features;
	uint64_t epoch;		/* see above; never 0 */
	uint64_t known;		/* nodes that dom0 still has from before */
	uint32_t io_max;	/* of READ and WRITE, at most XK_XKFS_IO_MAX */
	uint32_t reserved;
};
XK_XKFS_ASSERT(sizeof(struct xk_xkfs_hello) == 32);

struct xk_xkfs_time {
	int64_t sec;
	uint32_t nsec;
	uint32_t reserved;
};

/* Bits of attr.share */
#define XK_XKFS_SHARE_RO	0x1u	/* nothing can be changed */
#define XK_XKFS_SHARE_SUID	0x2u	/* set-id bits count */
#define XK_XKFS_SHARE_DEV	0x4u	/* device nodes can be used */
#define XK_XKFS_SHARE_VOLUME	0x8u	/* one file of a fixed size */
#define XK_XKFS_SHARE_NO_ACL	0x10u	/* this node has none: not to be asked */

struct xk_xkfs_attr {
	uint64_t ino;		/* within its share */
	uint64_t size;
	uint64_t blocks;	/* of 512 bytes */
	struct xk_xkfs_time atime, mtime, ctime, btime;
	uint32_t mode;
	uint32_t nlink;
	uint32_t uid;		/* as the guest shall see them */
	uint32_t gid;
	uint32_t rdev;		/* major << 20 | minor */
	uint32_t blksize;
	uint32_t share;		/* XK_XKFS_SHARE_*: of the share, but NO_ACL */
	uint32_t share_id;	/* two nodes of one share have the same */
	uint64_t version;	/* rises with every change that dom0 made */
};
XK_XKFS_ASSERT(sizeof(struct xk_xkfs_attr) == 128);

/* A node, as LOOKUP and the others give it: one reference. */
struct xk_xkfs_entry {
	uint64_t node;
	uint64_t generation;	/* of the inode number */
	uint32_t vslot;		/* later; 0: none */
	uint32_t handle_len;
	struct xk_xkfs_attr attr;
	uint8_t handle[XK_XKFS_HANDLE];
};
XK_XKFS_ASSERT(sizeof(struct xk_xkfs_entry) == 312);

/* Bits of setattr.valid */
#define XK_XKFS_SET_MODE	0x01u
#define XK_XKFS_SET_UID		0x02u
#define XK_XKFS_SET_GID		0x04u
#define XK_XKFS_SET_SIZE	0x08u
#define XK_XKFS_SET_ATIME	0x10u
#define XK_XKFS_SET_MTIME	0x20u
#define XK_XKFS_SET_ATIME_NOW	0x40u
#define XK_XKFS_SET_MTIME_NOW	0x80u
#define XK_XKFS_SET_KILL_PRIV	0x100u	/* set-id bits, file capabilities */
/* Somebody has read it: the atime moves as the host's mount has it, and no
 * other time does. O_NOATIME opens leave all of that to the guest. */
#define XK_XKFS_SET_ACCESSED	0x200u

struct xk_xkfs_setattr {
	uint32_t valid;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t size;
	struct xk_xkfs_time atime, mtime;
};
XK_XKFS_ASSERT(sizeof(struct xk_xkfs_setattr) == 56);

struct xk_xkfs_statfs {
	uint64_t blocks, bfree, bavail;	/* of bsize, within the quota */
	uint64_t files, ffree;
	uint32_t bsize;
	uint32_t namelen;
	uint32_t share_id;
	uint32_t reserved;
};
XK_XKFS_ASSERT(sizeof(struct xk_xkfs_statfs) == 56);

struct xk_xkfs_forget {
	uint64_t node;
	uint64_t references;
};

/*
 * One name of a directory. The next begins at the next multiple of 8. With
 * PLUS a struct xk_xkfs_entry follows the name, at a multiple of 8; its node is
 * 0 when there was no room or no right to look at it, and gives no reference.
 * The device's root and "." and ".." are among them, these never with an entry.
 */
struct xk_xkfs_dirent {
	uint64_t ino;
	uint64_t next;		/* the cursor after this one; never 0 */
	uint16_t name_len;
	uint8_t type;		/* DT_ of Linux */
	uint8_t plus;		/* an entry follows */
	uint32_t reserved;
	/* the name, without NUL */
};
XK_XKFS_ASSERT(sizeof(struct xk_xkfs_dirent) == 24);

/* Kinds and types of a lock; the types are Linux's F_ of x86. */
#define XK_XKFS_LOCK_POSIX	0
#define XK_XKFS_LOCK_OFD	1
#define XK_XKFS_LOCK_FLOCK	2
#define XK_XKFS_RDLCK		0
#define XK_XKFS_WRLCK		1
#define XK_XKFS_UNLCK		2

struct xk_xkfs_lock {
	uint64_t start;
	uint64_t end;		/* last byte; UINT64_MAX: to the end */
	uint64_t owner;		/* chosen by the guest */
	uint32_t pid;		/* GETLK's answer: 0, when of another guest */
	uint8_t kind;
	uint8_t type;
	uint16_t reserved;
};
XK_XKFS_ASSERT(sizeof(struct xk_xkfs_lock) == 32);

/* Kinds of event. Unknown ones are ignored. */
#define XK_XKFS_EV_NODE		1	/* attributes and data of `node` */
#define XK_XKFS_EV_ENTRY	2	/* `name` in directory `node` */
#define XK_XKFS_EV_SHARES	3	/* the device's list of shares */
#define XK_XKFS_EV_REVOKED	4	/* share_id is gone, or read-only now */

struct xk_xkfs_event {
	uint32_t kind;
	uint32_t share_id;
	uint64_t node;
	uint16_t name_len;
	uint16_t reserved[3];
	/* the name, without NUL; the next event at a multiple of 8 */
};
XK_XKFS_ASSERT(sizeof(struct xk_xkfs_event) == 24);

#endif /* XENKEEP_PROTO_XKFS_H */
