/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is lent to whom, kept by the guest's name: a file for each guest, in
 * xl's syntax, that a person may edit:
 *   shares = [ "path=/srv/data,mode=ro", "path=/srv/iso,name=iso" ]
 */
#ifndef XK_FILED_STORE_H
#define XK_FILED_STORE_H

#include <stddef.h>

#include "share.h"

struct kept {
    struct share *shares;       /* malloc'd */
    size_t count;
};

/* -ENOENT: nothing is kept. -EINVAL: logged; those that are sound are there.
 */
int store_read(const char *dir, const char *guest, struct kept *kept_r);
/* All or nothing; without shares the file goes. */
int store_write(const char *dir, const char *guest, const struct kept *kept);
void store_dispose(struct kept *kept);

/* The place of a share by its name; -ENOENT. */
int store_find(const struct kept *kept, const char *name);
int store_add(struct kept *kept, const struct share *share);
void store_remove(struct kept *kept, size_t at);

#endif /* XK_FILED_STORE_H */
