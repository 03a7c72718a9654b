/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations on a guest's shares: nodes, open files, locks, owners,
 * quota. Both codecs (xkfs and 9P) call them; nothing here knows a wire.
 *
 * Calls come from any thread of the server. They return 0 or a count, or
 * -errno; -ESTALE also stands for a node, file or share that is not there
 * (any more). A number that no answer gave is refused, never believed. Names
 * are checked here: one component, 1 to 255 bytes, no '/', no NUL, not "." and
 * not "..". Nothing follows a symbolic link, leaves its share or crosses into
 * another mount.
 *
 * Nodes are counted: each entry that a call returns is one reference, given
 * back with ops_forget(). OPS_ROOT is always there: the directory that has
 * each share by its name.
 *
 * Permission is the guest's business, within what the share permits at all.
 * A cred says who made what is made; it and all owners are as the guest knows
 * them, mapped by the rule of the share.
 */
#ifndef XK_FILED_OPS_H
#define XK_FILED_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>

#include "share.h"

#define OPS_ROOT 1u
#define OPS_NAME_MAX 255u
/* A node's handle, bytes, at most. */
#define OPS_HANDLE_MAX 160u
#define OPS_KEY_SIZE 32u

struct ops;

/* Bits of ops_attr.share. */
#define OPS_SHARE_RO 0x1u
#define OPS_SHARE_SET_ID 0x2u
#define OPS_SHARE_DEVICES 0x4u
#define OPS_SHARE_VOLUME 0x8u
#define OPS_SHARE_NO_ACL 0x10u      /* the node, not the share */

struct ops_attr {
    uint64_t ino;           /* within its share */
    uint64_t size;          /* bytes */
    uint64_t blocks;        /* of 512 bytes */
    struct timespec atime, mtime, ctime, btime;
    uint32_t mode;
    uint32_t nlink;
    uint32_t uid, gid;      /* as the guest shall see them */
    uint32_t rdev_major, rdev_minor;
    uint32_t blksize;
    uint32_t share;         /* OPS_SHARE_* */
    uint32_t share_id;      /* 0: the root of all */
    uint64_t version;
};

struct ops_entry {
    uint64_t node;
    uint64_t generation;
    struct ops_attr attr;
    uint32_t handle_len;
    uint8_t handle[OPS_HANDLE_MAX];
};

struct ops_cred {
    uint32_t uid, gid;
};

/* What one guest may have at a time; more is refused with -ENFILE, -EMFILE
 * or -ENOLCK. */
struct ops_limits {
    uint32_t nodes;
    uint32_t files;
    uint32_t locks;
    uint32_t descriptors;   /* for nodes; beyond these they are found again */
};

struct ops_config {
    struct ops_limits limits;
    uint8_t key[OPS_KEY_SIZE];      /* seals handles */
    uint64_t epoch;                 /* rising from server to server */
    /* A directory of procfs that has the own descriptors by number, and
     * nothing above it: "/proc/self/fd", alone in its mount. Taken over. */
    int fd_dir;
};

int ops_open(struct ops **ops_r, const struct ops_config *config);
void ops_close(struct ops *ops);

/* ---- Shares --------------------------------------------------------- */

/*
 * `id` from 1, never used again. `root`: O_PATH, the directory or file; a
 * volume's is open for reading (and writing). Taken over, also on failure.
 */
int ops_share_add(struct ops *ops, uint32_t id, const struct share *share,
                  int root);
/* Limits, mode and owners change; what is open goes on as far as it may. */
int ops_share_set(struct ops *ops, uint32_t id, const struct share *share);
/* Drain: what is open goes on, nothing new is opened. Revoke: all of it fails
 * with -ESTALE from now on, locks are gone. */
int ops_share_drain(struct ops *ops, uint32_t id);
int ops_share_revoke(struct ops *ops, uint32_t id);
/* Open files of a share. */
uint32_t ops_share_users(struct ops *ops, uint32_t id);

/* ---- Nodes ---------------------------------------------------------- */

int ops_lookup(struct ops *ops, uint64_t dir, const char *name,
               struct ops_entry *entry_r);
/* The inode that a name stands for, without a reference. */
int ops_peek(struct ops *ops, uint64_t dir, const char *name,
             uint64_t *ino_r);
/* The share of an open file, or else of a node; 0: none. *audit_r: whether
 * what is done with it is written down. */
uint32_t ops_share_of(struct ops *ops, uint64_t node, uint64_t fh,
                      bool *audit_r);
/* The name that it was found by last, "" if by none. */
void ops_name(struct ops *ops, uint64_t node, char name[OPS_NAME_MAX + 1]);
/* One reference more, for a codec that has names of its own for nodes. */
int ops_hold(struct ops *ops, uint64_t node);
void ops_forget(struct ops *ops, uint64_t node, uint64_t references);
/* The directory that a directory is in; a share's own is OPS_ROOT. */
int ops_parent(struct ops *ops, uint64_t dir, struct ops_entry *entry_r);
/* `fh` or 0, here and below: an open file of the node. */
int ops_getattr(struct ops *ops, uint64_t node, uint64_t fh,
                struct ops_attr *attr_r);

int ops_file_attr(struct ops *ops, uint64_t fh, struct ops_attr *attr_r);

#define OPS_SET_MODE 0x01u
#define OPS_SET_UID 0x02u
#define OPS_SET_GID 0x04u
#define OPS_SET_SIZE 0x08u
#define OPS_SET_ATIME 0x10u
#define OPS_SET_MTIME 0x20u
#define OPS_SET_ATIME_NOW 0x40u
#define OPS_SET_MTIME_NOW 0x80u
#define OPS_SET_KILL_PRIV 0x100u
#define OPS_SET_ACCESSED 0x200u     /* somebody has read it */

struct ops_setattr {
    uint32_t valid;         /* OPS_SET_* */
    uint32_t mode;
    uint32_t uid, gid;
    uint64_t size;
    struct timespec atime, mtime;
};

int ops_setattr(struct ops *ops, uint64_t node, uint64_t fh,
                const struct ops_setattr *set, struct ops_attr *attr_r);
/* Bytes without NUL; -ERANGE: not enough room. */
ssize_t ops_readlink(struct ops *ops, uint64_t node, char *buf, size_t size);
int ops_statfs(struct ops *ops, uint64_t node, struct statvfs *st,
               uint32_t *share_id_r);
int ops_syncfs(struct ops *ops, uint64_t node);

/* ---- Making and removing -------------------------------------------- */

int ops_mkdir(struct ops *ops, uint64_t dir, const char *name, uint32_t mode,
              const struct ops_cred *cred, struct ops_entry *entry_r);
/* mode has the type: FIFO, socket, regular; devices where the share has
 * them. */
int ops_mknod(struct ops *ops, uint64_t dir, const char *name, uint32_t mode,
              uint32_t major, uint32_t minor, const struct ops_cred *cred,
              struct ops_entry *entry_r);
int ops_symlink(struct ops *ops, uint64_t dir, const char *name,
                const char *target, const struct ops_cred *cred,
                struct ops_entry *entry_r);
int ops_link(struct ops *ops, uint64_t dir, const char *name, uint64_t node,
             struct ops_entry *entry_r);
int ops_unlink(struct ops *ops, uint64_t dir, const char *name);
int ops_rmdir(struct ops *ops, uint64_t dir, const char *name);
/* flags: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT. */
int ops_rename(struct ops *ops, uint64_t dir, const char *name,
               uint64_t new_dir, const char *new_name, unsigned int flags);

/* ---- Open files ----------------------------------------------------- */

/* Numbers of files are never 0. flags: Linux's O_; what is not known is
 * dropped. A directory can be opened for reading. */
int ops_open_node(struct ops *ops, uint64_t node, int flags, uint64_t *fh_r);
int ops_create(struct ops *ops, uint64_t dir, const char *name, int flags,
               uint32_t mode, const struct ops_cred *cred,
               struct ops_entry *entry_r, uint64_t *fh_r, bool *made_r);
int ops_tmpfile(struct ops *ops, uint64_t dir, int flags, uint32_t mode,
                const struct ops_cred *cred, struct ops_entry *entry_r,
                uint64_t *fh_r);
int ops_release(struct ops *ops, uint64_t fh);

/* `wait` false: -EAGAIN when it would have to wait for the disk. A read is
 * short at the end of the file only. Data goes straight between the file and
 * `buf`, which the guest may change meanwhile. */
ssize_t ops_read(struct ops *ops, uint64_t fh, uint64_t off, void *buf,
                 size_t size, bool wait);
/* With `append` at the end; *at_r (may be NULL) is where it was written. */
ssize_t ops_write(struct ops *ops, uint64_t fh, uint64_t off,
                  const void *buf, size_t size, bool append, uint64_t *at_r);
/* Before a read or write of so many bytes, once: where a share has a rate it
 * is -EAGAIN, or with `wait` it returns when they may go. */
int ops_pace(struct ops *ops, uint64_t fh, uint64_t bytes, bool wait);
int ops_fsync(struct ops *ops, uint64_t fh, bool datasync);
int ops_fallocate(struct ops *ops, uint64_t fh, int mode, uint64_t off,
                  uint64_t len);
/* whence: SEEK_DATA, SEEK_HOLE. */
int ops_lseek(struct ops *ops, uint64_t fh, uint64_t off, int whence,
              uint64_t *off_r);
int ops_copy(struct ops *ops, uint64_t fh, uint64_t off, uint64_t fh2,
             uint64_t off2, uint64_t len, uint64_t *copied_r);

struct ops_dirent {
    uint64_t ino;
    uint64_t next;          /* the cursor after this one; never 0 */
    unsigned char type;     /* DT_ */
    const char *name;
    const struct ops_entry *entry;      /* NULL: without */
};

/* False: no room for it, and it will be read again. */
typedef bool ops_dirent_fn(void *arg, const struct ops_dirent *d);

/* From cursor `off` (0: the start) until fn says no, or the end. With `plus`
 * each entry that fn took is a reference. */
int ops_readdir(struct ops *ops, uint64_t fh, uint64_t off, bool plus,
                ops_dirent_fn *fn, void *arg);

/* ---- Extended attributes -------------------------------------------- */
/* Names and values as the host file system has them; "trusted." and what the
 * share hides are -EOPNOTSUPP. size 0: the length. */

ssize_t ops_getxattr(struct ops *ops, uint64_t node, const char *name,
                     void *buf, size_t size);
int ops_setxattr(struct ops *ops, uint64_t node, const char *name,
                 const void *value, size_t size, int flags);
ssize_t ops_listxattr(struct ops *ops, uint64_t node, char *buf, size_t size);
int ops_removexattr(struct ops *ops, uint64_t node, const char *name);

/* ---- Locks ---------------------------------------------------------- */
/* They are the host's own (OFD and flock), so they hold between guests and
 * against dom0. */

enum ops_lock_kind { OPS_LOCK_POSIX, OPS_LOCK_OFD, OPS_LOCK_FLOCK };

struct ops_lock {
    enum ops_lock_kind kind;
    int type;               /* F_RDLCK, F_WRLCK, F_UNLCK */
    uint64_t start, end;    /* last byte; UINT64_MAX: to the end */
    uint64_t owner;         /* the guest's */
    uint32_t pid;
};

int ops_getlk(struct ops *ops, uint64_t fh, struct ops_lock *lock);
/* At once: -EAGAIN when somebody else has it. */
int ops_setlk(struct ops *ops, uint64_t fh, const struct ops_lock *lock);

/* ---- After a restart ------------------------------------------------ */

/*
 * The node that had number `node` and `handle` in an earlier epoch gets both
 * again, and one reference. When the handle does not lead to it, `name` in
 * `dir` (0: none given) is tried, and must be the same file. */
int ops_restore(struct ops *ops, uint64_t node, const void *handle,
                size_t handle_len, uint64_t dir, const char *name,
                struct ops_entry *entry_r);
int ops_reopen(struct ops *ops, uint64_t node, uint64_t fh, int flags);
/* Nodes that are known now. */
uint64_t ops_known(struct ops *ops);

#endif /* XK_FILED_OPS_H */
