/* SPDX-License-Identifier: GPL-2.0-only */
/* 9P2000.L, see p9.h: the session, and the table of messages. */
#include "p9.h"

#include <errno.h>
#include <string.h>

#include "p9_call.h"

#define VERSION "9P2000.L"
#define RLERROR 7u
#define NOBODY 65534u

enum {
    TSTATFS = 8, TLOPEN = 12, TLCREATE = 14, TSYMLINK = 16, TMKNOD = 18,
    TRENAME = 20, TREADLINK = 22, TGETATTR = 24, TSETATTR = 26,
    TXATTRWALK = 30, TXATTRCREATE = 32, TREADDIR = 40, TFSYNC = 50,
    TLOCK = 52, TGETLOCK = 54, TLINK = 70, TMKDIR = 72, TRENAMEAT = 74,
    TUNLINKAT = 76, TVERSION = 100, TAUTH = 102, TATTACH = 104,
    TFLUSH = 108, TWALK = 110, TGET = 116, TPUT = 118, TCLUNK = 120,
    TREMOVE = 122, TYPES
};

/* ---- the session ---- */

static int p9_do_version(struct p9_call *c)
{
    struct p9 *p9 = c->p9;
    uint32_t msize = p9_u32(&c->in);
    const char *answer = VERSION;
    char version[32];

    p9_string(&c->in, version, sizeof(version));
    if (p9_whole(c))
        return -EINVAL;
    /* A new session: what was known of the old is gone. */
    p9_fids_dispose(&p9->fids);
    p9_fids_init(&p9->fids, p9->ops);
    if (msize > p9->msize_max)
        msize = p9->msize_max;
    p9->msize = msize;
    if (strcmp(version, VERSION) || msize < P9_MSIZE_MIN) {
        p9->msize = 0;
        answer = "unknown";
    }
    p9_put_u32(&c->out, msize);
    p9_put_string(&c->out, answer, strlen(answer));
    return 0;
}

static int p9_do_auth(struct p9_call *c)
{
    (void)c;
    return -EOPNOTSUPP;         /* Xen says who the guest is */
}

static int p9_do_attach(struct p9_call *c)
{
    char uname[OPS_NAME_MAX + 1], aname[OPS_NAME_MAX + 2];
    const char *want = aname;
    struct ops_entry entry;
    struct ops_cred cred;
    struct p9_fid *f;
    uint32_t fid = p9_u32(&c->in);
    int rc;

    (void)p9_u32(&c->in);       /* of an authentication that is not */
    p9_string(&c->in, uname, sizeof(uname));
    p9_string(&c->in, aname, sizeof(aname));
    cred.uid = p9_u32(&c->in);
    if (cred.uid == UINT32_MAX)
        cred.uid = strcmp(uname, "root") ? NOBODY : 0;
    cred.gid = cred.uid;
    if (p9_whole(c))
        return -EINVAL;
    if (*want == '/')
        want++;
    if (*want && strcmp(want, c->p9->share))
        return -ENOENT;
    rc = ops_lookup(c->ops, OPS_ROOT, c->p9->share, &entry);
    if (rc)
        return rc;
    rc = p9_fid_new(&c->p9->fids, fid, entry.node, 0, NULL, &cred, &f);
    if (rc) {
        ops_forget(c->ops, entry.node, 1);
        return rc;
    }
    p9_put_qid(c, &entry.attr);
    return 0;
}

/* Each message is answered before the next is looked at: there is nothing
 * left to flush. */
static int p9_do_flush(struct p9_call *c)
{
    (void)p9_u16(&c->in);
    return p9_whole(c);
}

/* ---- from a message to its answer ---- */

static int (*const table[TYPES])(struct p9_call *c) = {
    [TSTATFS] = p9_do_statfs,
    [TLOPEN] = p9_do_lopen,
    [TLCREATE] = p9_do_lcreate,
    [TSYMLINK] = p9_do_symlink,
    [TMKNOD] = p9_do_mknod,
    [TRENAME] = p9_do_rename,
    [TREADLINK] = p9_do_readlink,
    [TGETATTR] = p9_do_getattr,
    [TSETATTR] = p9_do_setattr,
    [TXATTRWALK] = p9_do_xattrwalk,
    [TXATTRCREATE] = p9_do_xattrcreate,
    [TREADDIR] = p9_do_readdir,
    [TFSYNC] = p9_do_fsync,
    [TLOCK] = p9_do_lock,
    [TGETLOCK] = p9_do_getlock,
    [TLINK] = p9_do_link,
    [TMKDIR] = p9_do_mkdir,
    [TRENAMEAT] = p9_do_renameat,
    [TUNLINKAT] = p9_do_unlinkat,
    [TVERSION] = p9_do_version,
    [TAUTH] = p9_do_auth,
    [TATTACH] = p9_do_attach,
    [TFLUSH] = p9_do_flush,
    [TWALK] = p9_do_walk,
    [TGET] = p9_do_read,
    [TPUT] = p9_do_write,
    [TCLUNK] = p9_do_clunk,
    [TREMOVE] = p9_do_remove,
};

void p9_init(struct p9 *p9, struct ops *ops, const char *share,
             uint32_t msize_max)
{
    *p9 = (struct p9){ .ops = ops, .msize_max = msize_max };
    memcpy(p9->share, share, strnlen(share, OPS_NAME_MAX));
    p9_fids_init(&p9->fids, ops);
}

void p9_dispose(struct p9 *p9)
{
    p9_fids_dispose(&p9->fids);
}

/* Without a version, or when it was agreed on with an earlier server, there
 * is nothing that a message could be about. */
static int dispatch(struct p9_call *c, uint8_t type)
{
    if (type >= TYPES || !table[type])
        return -EOPNOTSUPP;
    if (!c->p9->msize && type != TVERSION && type != TFLUSH)
        return -ESTALE;
    return table[type](c);
}

long p9_do(struct p9 *p9, const uint8_t *msg, size_t size, uint8_t *out)
{
    struct p9_call c = {
        .p9 = p9, .ops = p9->ops,
        .in = { .at = msg, .end = msg + size },
        .out = { .at = out + P9_HEADER,
                 .end = out + (p9->msize ? p9->msize : p9->msize_max) },
    };
    struct p9_out head = { .at = out, .end = out + P9_HEADER };
    uint32_t told = p9_u32(&c.in);
    uint8_t type = p9_u8(&c.in);
    uint16_t tag = p9_u16(&c.in);
    int rc;

    if (p9_whole(&c) || told != size)
        return -EPROTO;
    rc = dispatch(&c, type);
    if (!rc && c.out.bad)
        rc = -EMSGSIZE;
    if (rc) {
        c.out.at = out + P9_HEADER;
        c.out.bad = false;
        p9_put_u32(&c.out, (uint32_t)-rc);
    }
    p9_put_u32(&head, (uint32_t)(c.out.at - out));
    p9_put_u8(&head, rc ? RLERROR : (uint8_t)(type + 1));
    p9_put_u16(&head, tag);
    return c.out.at - out;
}
