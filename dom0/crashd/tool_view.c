/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenkeep-dump open: holds the clear content in a memfd: it has no name in any
 * file system, and is locked into memory where there is swap that it could go
 * to.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "tool.h"
#include "view.h"

static int view(const struct xk_tool *tool, struct xk_unseal *u, int fd)
{
    struct xk_view_stats stats;
    char why[XK_UNSEAL_WHY];
    int rc;

    rc = xk_view_make(u, fd, xk_tool_progress, NULL, &stats, why);
    xk_tool_progress_end();
    if (rc)
        return xk_tool_complain(tool, "%s: %s", tool->file, why);
    if (stats.hidden)
        fprintf(stderr, "xenkeep-dump: %llu pages are sealed for others\n",
                (unsigned long long)stats.hidden);
    return 0;
}

/* In memory to stay, as long as this process lives. */
static int lock(const struct xk_tool *tool, int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    void *addr;

    if (!xk_tool_swap() || tool->force)
        return 0;
    addr = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
    if (addr != MAP_FAILED && !mlock(addr, (size_t)size))
        return 0;
    return xk_tool_complain(tool, "%lld MiB cannot be locked in memory (%s), "
                            "and could be swapped to a disk in clear: raise "
                            "the limit, or --force", (long long)(size >> 20),
                            strerror(errno));
}

/* crash takes the dump behind its other arguments, drgn behind -c. */
static void start(const struct xk_tool *tool, int fd)
{
    const bool drgn = !strcmp(tool->program, "drgn");
    const char *args[64];
    char path[32];
    size_t n = 0, i;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    args[n++] = tool->program;
    if (drgn) {
        args[n++] = "-c";
        args[n++] = path;
    }
    for (i = 0; tool->rest[i] && n < XK_ARRAY_SIZE(args) - 2; i++)
        args[n++] = tool->rest[i];
    if (!drgn)
        args[n++] = path;
    args[n] = NULL;
    (void)fcntl(fd, F_SETFD, 0);
    execvp(tool->program, (char *const *)(uintptr_t)args);
    (void)xk_tool_complain(tool, "%s: %s", tool->program, strerror(errno));
    _exit(XK_TOOL_FAILED);
}

static int run(const struct xk_tool *tool, int fd)
{
    int status;
    pid_t pid;

    /* Ctrl-C is for the debugger. */
    (void)signal(SIGINT, SIG_IGN);
    pid = fork();
    if (!pid) {
        (void)signal(SIGINT, SIG_DFL);
        start(tool, fd);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return xk_tool_complain(tool, "%s: %s", tool->program,
                                strerror(errno));
    return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : XK_TOOL_FAILED;
}

int xk_tool_open(const struct xk_tool *tool)
{
    xk_cleanup_fd int fd = -1, memory = -1;
    struct xk_unseal *u;
    int code;

    code = xk_tool_unseal(tool, O_RDONLY, &fd, &u);
    if (code)
        return code;
    memory = memfd_create("dump", MFD_CLOEXEC);
    if (memory < 0)
        code = xk_tool_complain(tool, "memory: %s", strerror(errno));
    else
        code = view(tool, u, memory);
    xk_unseal_close(u);
    if (!code)
        code = lock(tool, memory);
    return code ? code : run(tool, memory);
}
