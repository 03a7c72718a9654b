/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenkeep-dump export: what the key opens, in clear, as the tool wants it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "lens.h"
#include "recode.h"
#include "tool.h"

struct export {
    const struct xk_tool *tool;
    struct xk_unseal *u;
    int fd;
    enum xk_compression kind;
    struct xk_view_stats stats;
    char why[XK_UNSEAL_WHY];
};

static int failed(struct export *e, int rc)
{
    if (rc && !e->why[0])
        snprintf(e->why, sizeof(e->why), "%s", strerror(-rc));
    return rc;
}

/* As it is in the container. */
static int to_kdump(struct export *e)
{
    return xk_view_make(e->u, e->fd, xk_tool_progress, NULL, &e->stats,
                        e->why);
}

static int recode(struct export *e)
{
    struct xk_source source;
    struct xk_lens lens;
    int rc;

    rc = xk_lens_open(&lens, e->u, NULL, NULL, e->why);
    if (rc)
        return rc;
    e->stats = *xk_view_stats(lens.view);
    source = xk_lens_source(&lens);
    rc = xk_recode(&source, e->stats.size, e->kind, e->fd, xk_tool_progress,
                   NULL);
    xk_lens_close(&lens);
    return rc;
}

static int to_file(void *ctx, enum xk_class cls, uint64_t offset,
                   const void *data, size_t len)
{
    int fd = *(const int *)ctx;
    ssize_t n;

    (void)cls;
    for (; len; len -= (size_t)n, offset += (uint64_t)n) {
        n = pwrite(fd, data, len, (off_t)offset);
        if (n < 0)
            return -errno;
        data = (const char *)data + n;
    }
    return 0;
}

static int to_elf(struct export *e)
{
    const struct xk_sink sink = { to_file, &e->fd };
    struct xk_lens lens;
    int rc;

    rc = xk_lens_open(&lens, e->u, xk_tool_progress, NULL, e->why);
    if (rc)
        return rc;
    e->stats = *xk_view_stats(lens.view);
    rc = xk_lens_image(&lens, e->why);
    if (!rc)
        rc = xk_elf_write(lens.img, lens.kernel, &sink);
    xk_lens_close(&lens);
    return rc;
}

static const struct {
    const char *name;
    int (*write)(struct export *e);
    enum xk_compression kind;
} formats[] = {
    { "kdump", to_kdump, XK_COMPRESS_NONE },
    { "kdump-zlib", recode, XK_COMPRESS_ZLIB },
    { "kdump-lzo", recode, XK_COMPRESS_LZO },
    { "elf", to_elf, XK_COMPRESS_NONE },
};

/* The format's number; -1: there is no such one. */
static int format_of(const char *name)
{
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(formats); i++)
        if (!strcmp(formats[i].name, name))
            return (int)i;
    return -1;
}

static int write_out(struct export *e, int format)
{
    int rc;

    e->kind = formats[format].kind;
    rc = failed(e, formats[format].write(e));
    xk_tool_progress_end();
    if (!rc && fsync(e->fd))
        rc = failed(e, -errno);
    if (rc)
        return xk_tool_complain(e->tool, "%s: %s", e->tool->file, e->why);
    if (e->stats.hidden)
        fprintf(stderr, "xenkeep-dump: %llu pages are sealed for others\n",
                (unsigned long long)e->stats.hidden);
    return 0;
}

static int export(const struct xk_tool *tool, struct xk_unseal *u, int format)
{
    struct export e = { .tool = tool, .u = u };
    const char *to = tool->rest[0];
    int code;

    e.fd = open(to, O_RDWR | O_CREAT | O_CLOEXEC |
                        (tool->force ? O_TRUNC : O_EXCL), 0600);
    if (e.fd < 0)
        return xk_tool_complain(tool, "%s: %s", to, errno == EEXIST
                                ? "it is there already: --force overwrites"
                                : strerror(errno));
    code = write_out(&e, format);
    if (code)
        (void)unlink(to);
    close(e.fd);
    return code;
}

int xk_tool_export(const struct xk_tool *tool)
{
    int format = format_of(tool->format ? tool->format : "kdump");
    xk_cleanup_fd int fd = -1;
    struct xk_unseal *u;
    char safe[64];
    int code;

    if (format < 0) {
        (void)xk_tool_complain(tool, "unknown format %s: expected kdump, "
                               "kdump-zlib, kdump-lzo or elf",
                               xk_log_safe(safe, sizeof(safe), tool->format));
        return XK_TOOL_USAGE;
    }
    code = xk_tool_unseal(tool, O_RDONLY, &fd, &u);
    if (code)
        return code;
    code = export(tool, u, format);
    xk_unseal_close(u);
    return code;
}
