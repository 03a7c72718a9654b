/* SPDX-License-Identifier: GPL-2.0-only */
/* The groups, one file each. */
#ifndef XK_TESTS_GROUPS_H
#define XK_TESTS_GROUPS_H

#include "px.h"

void px_acl(void);
void px_chmod(void);
void px_chown(void);
void px_data(void);
void px_link(void);
void px_locks(void);
void px_mkdir(void);
void px_mknod(void);
void px_mmap(void);
void px_names(void);
void px_open(void);
void px_paths(void);
void px_perms(void);
void px_readdir(void);
void px_rename(void);
void px_space(void);
void px_stamps(void);
void px_statx(void);
void px_symlink(void);
void px_truncate(void);
void px_unlink(void);
void px_utimens(void);
void px_xattr(void);

#endif /* XK_TESTS_GROUPS_H */
