/* SPDX-License-Identifier: GPL-2.0-only */
/* The list of groups, in the order of a run. */
#include "groups.h"

const struct px_group px_groups[] = {
    { "paths", px_paths },       { "names", px_names },
    { "open", px_open },         { "data", px_data },
    { "truncate", px_truncate }, { "mkdir", px_mkdir },
    { "mknod", px_mknod },       { "link", px_link },
    { "symlink", px_symlink },   { "unlink", px_unlink },
    { "rename", px_rename },     { "chmod", px_chmod },
    { "chown", px_chown },       { "perms", px_perms },
    { "utimens", px_utimens },   { "stamps", px_stamps },
    { "statx", px_statx },       { "readdir", px_readdir },
    { "xattr", px_xattr },       { "acl", px_acl },
    { "space", px_space },       { "mmap", px_mmap },
    { "locks", px_locks },
};

const size_t px_nr_groups = PX_COUNT(px_groups);
