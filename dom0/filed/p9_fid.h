/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fids of a 9P session: numbers that the guest chooses for nodes, for
 * open files, and for the values of extended attributes on their way. A fid
 * holds its node, and the directory it was found in, which Tremove needs.
 */
#ifndef XK_FILED_P9_FID_H
#define XK_FILED_P9_FID_H

#include <stdbool.h>
#include <stdint.h>

#include "ops.h"
#include "table.h"

#define P9_NO_FID UINT32_MAX
/* Fids of a session, at most. */
#define P9_FIDS_MAX 65536u
/* Bytes of attributes' values that fids of a session hold, at most. */
#define P9_XATTR_BYTES_MAX (4u << 20)
/* One value, or list of names. */
#define P9_XATTR_MAX 65536u

enum p9_fid_kind { P9_NODE, P9_XATTR_READ, P9_XATTR_WRITE };

struct p9_fid {
    struct table_link link;
    uint32_t fid;
    enum p9_fid_kind kind;
    struct ops_cred cred;       /* whose it was attached as */
    uint64_t node;              /* held */
    uint64_t dir;               /* held; 0: it is the share itself */
    char *name;                 /* in dir */
    uint64_t fh;                /* 0: not open */
    bool append;
    uint8_t *value;             /* of an attribute */
    size_t value_len, value_room;
    char *attr;                 /* its name; of a write */
    int flags;
};

struct p9_fids {
    struct ops *ops;
    struct table table;
    size_t value_bytes;
};

void p9_fids_init(struct p9_fids *fids, struct ops *ops);
/* Closes and lets go of all. */
void p9_fids_dispose(struct p9_fids *fids);

/* NULL: there is none. */
struct p9_fid *p9_fid_find(struct p9_fids *fids, uint32_t fid);
/*
 * A new fid of a node, whose reference is taken over if there is no error.
 * `dir` (0: none) is held once more. -EINVAL: the number is in use or
 * reserved. -ENFILE: too many.
 */
int p9_fid_new(struct p9_fids *fids, uint32_t fid, uint64_t node,
               uint64_t dir, const char *name, const struct ops_cred *cred,
               struct p9_fid **fid_r);
/* The fid is of another node now, which is taken over. */
int p9_fid_move(struct p9_fids *fids, struct p9_fid *f, uint64_t node,
                uint64_t dir, const char *name);
/* Room for a value of up to n bytes. -ENOSPC, -ENOMEM. */
int p9_fid_room(struct p9_fids *fids, struct p9_fid *f, size_t n);
void p9_fid_drop(struct p9_fids *fids, struct p9_fid *f);

#endif /* XK_FILED_P9_FID_H */
