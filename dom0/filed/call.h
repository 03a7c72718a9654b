/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One request of the file protocol on its way through the codec. Not for
 * others: they have codec.h.
 */
#ifndef XK_FILED_CALL_H
#define XK_FILED_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "codec.h"

struct call {
    struct codec *codec;
    struct ops *ops;
    const struct xk_xkfs_req *req;
    struct xk_xkfs_rsp *rsp;
    bool wait;
    uint8_t *in;                /* private copy, ends with a NUL */
    const uint8_t *data;        /* of a WRITE: in the pool */
    uint8_t *out;               /* in the pool: only to be written */
    struct ops_cred cred;
    uint64_t made;              /* the inode of the entry that was put */
};

/* Returned by an operation that is answered later. */
#define CALL_LATER 1

typedef int call_fn(struct call *c);

/* The answer; -EPROTO: it has no room. */
int call_put(struct call *c, const void *answer, size_t len);
int call_put_attr(struct call *c, const struct ops_attr *attr);
int call_put_entry(struct call *c, const struct ops_entry *entry);
void call_wire_entry(const struct ops_entry *e, struct xk_xkfs_entry *w);

/* A single string fills `in`; a NUL in it would hide the rest. -EINVAL. */
int call_string(struct call *c, const char **s_r);
/* Two, the first name_len bytes long: that one moves to `buf`. The second is
 * bytes, rest_len of them and a NUL. */
int call_split(struct call *c, char buf[XK_XKFS_NAME + 1],
               const uint8_t **rest_r, uint32_t *rest_len_r);
int call_two_strings(struct call *c, char first[XK_XKFS_NAME + 1],
                     const char **second_r);

/* An entry of a file that was opened; without room neither counts. */
int call_put_opened(struct call *c, const struct ops_entry *entry);

/* Operations, by file. */
call_fn call_hello, call_statfs, call_lookup, call_forget, call_getattr,
    call_setattr, call_readlink, call_open, call_create, call_tmpfile,
    call_release, call_read, call_write, call_fsync, call_syncfs,
    call_readdir, call_mkdir, call_mknod, call_symlink, call_link,
    call_unlink, call_rmdir, call_rename, call_fallocate, call_lseek,
    call_copy, call_getxattr, call_setxattr, call_listxattr, call_rmxattr,
    call_restore, call_reopen;                      /* call_ops.c */
call_fn call_getlk, call_setlk, call_interrupt;     /* call_lock.c */
call_fn call_notify;                                /* call_notify.c */

/* Waits: those that are answered later (call_wait.c). */
#define WAITS_MAX 1024u

struct codec_wait {
    struct codec_wait *next;
    struct xk_xkfs_req req;     /* checked */
    struct ops_lock lock;       /* of a SETLK */
    bool notify;
    int status;                 /* once it is due */
};

/* CALL_LATER, or why it cannot wait. `lock` NULL: a NOTIFY. */
int wait_add(struct call *c, const struct ops_lock *lock);
/* Takes those out of the list, in order, for which due() holds. Under the
 * codec's lock. */
struct codec_wait *wait_take(struct codec *codec,
                             bool (*due)(struct codec *codec,
                                         struct codec_wait *w, void *arg),
                             void *arg);
/* Answers it, without the lock. */
void wait_answer(struct codec *codec, const struct codec_wait *w, int status,
                 uint32_t out_len);
void wait_answer_all(struct codec *codec, struct codec_wait *w);

/* Events for the NOTIFYs that wait (call_notify.c). */
void codec_deliver(struct codec *codec);
void codec_forget_events(struct codec *codec);

/* A request that is not to be done twice (again.c): `fn` does it once. */
int again_do(struct call *c, call_fn *fn);

#endif /* XK_FILED_CALL_H */
