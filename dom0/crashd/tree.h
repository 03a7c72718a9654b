/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A dump as a folder of files that exist nowhere: what `mount` shows. Pure of
 * how it is mounted.
 *
 *     dump.kdump  dump.elf    as `export` writes them
 *     log.txt                 the kernel's log
 *     report.txt  report.json  report.html  record.json
 *                             as they lie beside the dump
 */
#ifndef XK_CRASHD_TREE_H
#define XK_CRASHD_TREE_H

#include <sys/types.h>

#include "lens.h"

struct xk_tree;

/*
 * Makes it; `folder` is where the dump lies. A file that cannot be had is not
 * in it. 0 or -errno with `why`.
 */
int xk_tree_open(struct xk_tree **tree_r, struct xk_unseal *u,
                 const char *folder, xk_unseal_progress_fn *progress,
                 void *arg, char *why);
void xk_tree_close(struct xk_tree *tree);

/* Files are numbers below this. */
size_t xk_tree_count(const struct xk_tree *tree);
const char *xk_tree_name(const struct xk_tree *tree, size_t file);
uint64_t xk_tree_size(const struct xk_tree *tree, size_t file);
/* -ENOENT. */
int xk_tree_find(const struct xk_tree *tree, const char *name,
                 size_t *file_r);
/* When the guest died. */
uint64_t xk_tree_seconds(const struct xk_tree *tree);

/* Bytes that were read, fewer only at the end; -errno. For one thread. */
ssize_t xk_tree_read(struct xk_tree *tree, size_t file, uint64_t offset,
                     void *buf, size_t len);

#endif /* XK_CRASHD_TREE_H */
