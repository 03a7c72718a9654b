/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One message of 9P on its way, for the files that do messages: each function
 * of the table in p9.c reads its fields, does what they say, writes those of
 * the answer. 0, or the error that is the answer.
 */
#ifndef XK_FILED_P9_CALL_H
#define XK_FILED_P9_CALL_H

#include "p9.h"
#include "p9_msg.h"

/* The kinds of a qid that Linux knows. */
#define P9_QID_DIR 0x80u
#define P9_QID_LINK 0x02u
#define P9_QID_SIZE 13u

struct p9_call {
    struct p9 *p9;
    struct ops *ops;
    struct p9_in in;
    struct p9_out out;
};

/* The message is read to its end: it must have been all there. */
int p9_whole(const struct p9_call *c);
/* The fid that the next field names; one that is a node, not a value. */
int p9_fid_of(struct p9_call *c, struct p9_fid **f_r);
int p9_node_of(struct p9_call *c, struct p9_fid **f_r);
void p9_put_qid(struct p9_call *c, const struct ops_attr *a);
/* The answer of what makes a node: its qid, and no reference. */
int p9_made(struct p9_call *c, int rc, const struct ops_entry *entry);
struct ops_cred p9_cred_of(const struct p9_fid *f, uint32_t gid);
/* The most data that an answer with a count takes. */
uint32_t p9_bounded(const struct p9_call *c, uint32_t count);

int p9_do_statfs(struct p9_call *c);
int p9_do_lopen(struct p9_call *c);
int p9_do_lcreate(struct p9_call *c);
int p9_do_symlink(struct p9_call *c);
int p9_do_mknod(struct p9_call *c);
int p9_do_rename(struct p9_call *c);
int p9_do_readlink(struct p9_call *c);
int p9_do_getattr(struct p9_call *c);
int p9_do_setattr(struct p9_call *c);
int p9_do_xattrwalk(struct p9_call *c);
int p9_do_xattrcreate(struct p9_call *c);
int p9_do_readdir(struct p9_call *c);
int p9_do_fsync(struct p9_call *c);
int p9_do_lock(struct p9_call *c);
int p9_do_getlock(struct p9_call *c);
int p9_do_link(struct p9_call *c);
int p9_do_mkdir(struct p9_call *c);
int p9_do_renameat(struct p9_call *c);
int p9_do_unlinkat(struct p9_call *c);
int p9_do_walk(struct p9_call *c);
int p9_do_read(struct p9_call *c);
int p9_do_write(struct p9_call *c);
int p9_do_clunk(struct p9_call *c);
int p9_do_remove(struct p9_call *c);

#endif /* XK_FILED_P9_CALL_H */
