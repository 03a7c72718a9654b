/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A share as it is decided on: what dom0 lends to a guest under which name,
 * and within which limits. Pure; share_policy.h looks at the path itself.
 *
 * As text, in xl's manner: "path=/srv/data,name=data,mode=ro,type=dir,
 * size=10G,files=100000,open=1024,rate=50M,owner=keep,set-id=0,devices=0,
 * stock-9p=0,audit=0"; all but the path can be left out. A comma or backslash
 * in a path has a backslash before it.
 */
#ifndef XK_FILED_SHARE_H
#define XK_FILED_SHARE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xenkeep/proto/xkfs.h>

#include "owner.h"

#define SHARE_WHY_MAX 160
/* Room that every share_format() fits in. */
#define SHARE_TEXT_MAX (2 * PATH_MAX + OWNER_TEXT_MAX + 600)
/* Shares of one guest, at most. */
#define SHARES_MAX 64

enum share_type { SHARE_DIR, SHARE_FILE, SHARE_VOLUME };

struct share {
    char name[XK_XKFS_NAME + 1];
    char path[PATH_MAX];
    enum share_type type;
    bool typed;             /* the type was given, not found */
    bool read_only;
    bool set_id;            /* set-id bits count in the guest */
    bool devices;           /* device nodes can be made and used */
    bool stock_9p;          /* served to stock guests too */
    bool audit;             /* what is done goes to the log */
    uint64_t size_limit;    /* bytes; 0: none */
    uint64_t files_limit;   /* inodes; 0: none */
    uint64_t rate;          /* bytes a second; 0: none */
    uint32_t open_limit;    /* open files; 0: the guest's */
    struct owner owner;
};

/* `why` takes what was wrong and what would be right. -EINVAL. */
int share_parse(const char *text, struct share *share,
                char why[SHARE_WHY_MAX]);
const char *share_format(const struct share *share, char *buf, size_t size);

/* One setting of an existing share, "mode" and "ro". -ENOENT: no such key. */
int share_set(struct share *share, const char *key, const char *value,
              char why[SHARE_WHY_MAX]);

/* Is it a name as the guest can mount it? Also one without '/', not "..". */
bool share_name_ok(const char *name);

const char *share_type_name(enum share_type type);

#endif /* XK_FILED_SHARE_H */
