/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of a dump that is mounted, see tree.h.
 */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "klog.h"

#define FILES_MAX 8
/* Larger reports are not ours. */
#define REPORT_MAX (16u << 20)

struct file {
    const char *name;
    uint64_t size;
    char *text;                 /* NULL: it is made as it is read */
    int (*read)(struct xk_tree *tree, const struct file *file,
                uint64_t offset, void *buf, size_t len);
};

struct xk_tree {
    struct xk_lens lens;
    struct file file[FILES_MAX];
    size_t count;
};

static struct file *add(struct xk_tree *tree, const struct file *file)
{
    tree->file[tree->count] = *file;
    return &tree->file[tree->count++];
}

static int read_kdump(struct xk_tree *tree, const struct file *file,
                      uint64_t offset, void *buf, size_t len)
{
    (void)file;
    return xk_view_read(tree->lens.view, offset, buf, len);
}

static int read_elf(struct xk_tree *tree, const struct file *file,
                    uint64_t offset, void *buf, size_t len)
{
    (void)file;
    return xk_elf_read(tree->lens.elf, offset, buf, len);
}

static int read_text(struct xk_tree *tree, const struct file *file,
                     uint64_t offset, void *buf, size_t len)
{
    (void)tree;
    memcpy(buf, file->text + offset, len);
    return 0;
}

static void add_log(struct xk_tree *tree)
{
    struct xk_klog log;

    if (!tree->lens.whole || xk_klog_read(&log, tree->lens.kernel))
        return;
    add(tree, &(struct file){ "log.txt", strlen(log.text), strdup(log.text),
                              read_text });
    if (!tree->file[tree->count - 1].text)
        tree->count--;
    xk_klog_dispose(&log);
}

/* All of a file, or NULL; what lies there may be anything. */
static char *slurp(int dir, const char *name, size_t *size_r)
{
    xk_cleanup_fd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC |
                                             O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    char *text;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
        st.st_size > REPORT_MAX)
        return NULL;
    text = malloc((size_t)st.st_size + 1);
    n = text ? read(fd, text, (size_t)st.st_size) : -1;
    if (n < 0) {
        free(text);
        return NULL;
    }
    *size_r = (size_t)n;
    return text;
}

static void add_reports(struct xk_tree *tree, const char *folder)
{
    static const char *const names[] = {
        "report.txt", "report.json", "report.html", "record.json",
    };
    xk_cleanup_fd int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct file file = { .read = read_text };
    size_t i, size = 0;

    for (i = 0; dir >= 0 && i < XK_ARRAY_SIZE(names); i++) {
        file.name = names[i];
        file.text = slurp(dir, names[i], &size);
        file.size = size;
        if (file.text)
            add(tree, &file);
    }
}

static int fill(struct xk_tree *tree, struct xk_unseal *u, const char *folder,
                xk_unseal_progress_fn *progress, void *arg, char *why)
{
    int rc;

    rc = xk_lens_open(&tree->lens, u, progress, arg, why);
    if (!rc)
        rc = xk_lens_elf(&tree->lens, why);
    if (rc)
        return rc;
    add(tree, &(struct file){ "dump.kdump",
                              xk_view_stats(tree->lens.view)->size, NULL,
                              read_kdump });
    add(tree, &(struct file){ "dump.elf", xk_elf_size(tree->lens.elf), NULL,
                              read_elf });
    add_log(tree);
    add_reports(tree, folder);
    return 0;
}

int xk_tree_open(struct xk_tree **tree_r, struct xk_unseal *u,
                 const char *folder, xk_unseal_progress_fn *progress,
                 void *arg, char *why)
{
    struct xk_tree *tree = calloc(1, sizeof(*tree));
    int rc;

    if (!tree) {
        snprintf(why, XK_UNSEAL_WHY, "out of memory");
        return -ENOMEM;
    }
    rc = fill(tree, u, folder, progress, arg, why);
    if (rc)
        xk_tree_close(tree);
    else
        *tree_r = tree;
    return rc;
}

void xk_tree_close(struct xk_tree *tree)
{
    size_t i;

    if (!tree)
        return;
    for (i = 0; i < tree->count; i++)
        free(tree->file[i].text);
    xk_lens_close(&tree->lens);
    free(tree);
}

size_t xk_tree_count(const struct xk_tree *tree)
{
    return tree->count;
}

const char *xk_tree_name(const struct xk_tree *tree, size_t file)
{
    return tree->file[file].name;
}

uint64_t xk_tree_size(const struct xk_tree *tree, size_t file)
{
    return tree->file[file].size;
}

int xk_tree_find(const struct xk_tree *tree, const char *name,
                 size_t *file_r)
{
    for (*file_r = 0; *file_r < tree->count; (*file_r)++)
        if (!strcmp(tree->file[*file_r].name, name))
            return 0;
    return -ENOENT;
}

uint64_t xk_tree_seconds(const struct xk_tree *tree)
{
    return xk_unseal_core(tree->lens.u)->time;
}

ssize_t xk_tree_read(struct xk_tree *tree, size_t i, uint64_t offset,
                     void *buf, size_t len)
{
    const struct file *file = &tree->file[i];
    int rc;

    if (offset >= file->size)
        return 0;
    len = (size_t)xk_min_u64(len, file->size - offset);
    rc = file->read(tree, file, offset, buf, len);
    return rc ? rc : (ssize_t)len;
}
