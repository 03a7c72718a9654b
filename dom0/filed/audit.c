/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of what was done, see audit.h.
 */
#include "audit.h"

#include <errno.h>
#include <string.h>

#include <xenkeep/proto/xkfs.h>
#include <xenkeep/util.h>

static const char *const names[XK_XKFS_OPS] = {
    [XK_XKFS_HELLO] = "hello", [XK_XKFS_STATFS] = "statfs",
    [XK_XKFS_LOOKUP] = "lookup", [XK_XKFS_FORGET] = "forget",
    [XK_XKFS_GETATTR] = "getattr", [XK_XKFS_SETATTR] = "setattr",
    [XK_XKFS_READLINK] = "readlink", [XK_XKFS_OPEN] = "open",
    [XK_XKFS_CREATE] = "create", [XK_XKFS_RELEASE] = "release",
    [XK_XKFS_READ] = "read", [XK_XKFS_WRITE] = "write",
    [XK_XKFS_FSYNC] = "fsync", [XK_XKFS_SYNCFS] = "syncfs",
    [XK_XKFS_READDIR] = "readdir", [XK_XKFS_MKDIR] = "mkdir",
    [XK_XKFS_MKNOD] = "mknod", [XK_XKFS_SYMLINK] = "symlink",
    [XK_XKFS_LINK] = "link", [XK_XKFS_UNLINK] = "unlink",
    [XK_XKFS_RMDIR] = "rmdir", [XK_XKFS_RENAME] = "rename",
    [XK_XKFS_FALLOCATE] = "fallocate", [XK_XKFS_LSEEK] = "lseek",
    [XK_XKFS_COPY] = "copy", [XK_XKFS_GETXATTR] = "getxattr",
    [XK_XKFS_SETXATTR] = "setxattr", [XK_XKFS_LISTXATTR] = "listxattr",
    [XK_XKFS_RMXATTR] = "rmxattr", [XK_XKFS_GETLK] = "getlk",
    [XK_XKFS_SETLK] = "setlk", [XK_XKFS_TMPFILE] = "tmpfile",
    [XK_XKFS_INTERRUPT] = "interrupt", [XK_XKFS_NOTIFY] = "notify",
    [XK_XKFS_RESTORE] = "restore", [XK_XKFS_REOPEN] = "reopen",
};

const char *audit_op_name(unsigned int op)
{
    return op < XK_ARRAY_SIZE(names) && names[op] ? names[op] : "?";
}

bool audit_wants(uint16_t op)
{
    static const bool wanted[XK_XKFS_OPS] = {
        [XK_XKFS_SETATTR] = true, [XK_XKFS_OPEN] = true,
        [XK_XKFS_CREATE] = true, [XK_XKFS_MKDIR] = true,
        [XK_XKFS_MKNOD] = true, [XK_XKFS_SYMLINK] = true,
        [XK_XKFS_LINK] = true, [XK_XKFS_UNLINK] = true,
        [XK_XKFS_RMDIR] = true, [XK_XKFS_RENAME] = true,
        [XK_XKFS_SETXATTR] = true, [XK_XKFS_RMXATTR] = true,
        [XK_XKFS_TMPFILE] = true,
    };

    return op < XK_ARRAY_SIZE(wanted) && wanted[op];
}

void audit_add(struct audit *audit, const struct audit_record *record)
{
    uint64_t nr = __atomic_add_fetch(&audit->next, 1, __ATOMIC_RELAXED);
    struct audit_record *r = &audit->records[nr % AUDIT_RECORDS];

    __atomic_store_n(&r->nr, 0, __ATOMIC_SEQ_CST);
    *r = *record;
    r->nr = 0;
    __atomic_store_n(&r->nr, nr, __ATOMIC_SEQ_CST);
}

int audit_get(const struct audit *audit, uint64_t nr,
              struct audit_record *record_r)
{
    const struct audit_record *r = &audit->records[nr % AUDIT_RECORDS];

    if (!nr || __atomic_load_n(&r->nr, __ATOMIC_SEQ_CST) != nr)
        return -ENOENT;
    *record_r = *r;
    record_r->name[AUDIT_NAME - 1] = '\0';
    return __atomic_load_n(&r->nr, __ATOMIC_SEQ_CST) == nr ? 0 : -ENOENT;
}
