/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenkeep-dump: what can be done with a sealed dump wherever it is, also on a
 * machine without Xen. A file for each verb; tool.c has the options.
 */
#ifndef XK_CRASHD_TOOL_H
#define XK_CRASHD_TOOL_H

#include <stdbool.h>

#include "unseal.h"

#define XK_TOOL_FAILED 1
#define XK_TOOL_USAGE 2

struct xk_tool {
    const char *verb, *file;
    char **rest;                /* operands after the file, NULL at the end */
    const char *key;            /* a private key's file, or NULL */
    const char *host;           /* a host.pub, or NULL */
    const char *keys;           /* a folder of certificates, or NULL */
    const char *format;         /* of an export, or NULL */
    const char *program;        /* that opens the dump */
    bool json, force, foreground;
};

/* One line on standard error, behind the command's name; XK_TOOL_FAILED. */
int xk_tool_complain(const struct xk_tool *tool, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Opens the dump with the options' key and host. The caller closes both; 0 or
 * an exit code, having complained.
 */
int xk_tool_unseal(const struct xk_tool *tool, int open_flags, int *fd_r,
                   struct xk_unseal **u_r);

/* A percentage on standard error, when that is a terminal. */
void xk_tool_progress(void *arg, uint64_t done, uint64_t total);
void xk_tool_progress_end(void);

/* Is there swap that clear content could go to? */
bool xk_tool_swap(void);

int xk_tool_verify(const struct xk_tool *tool);
int xk_tool_export(const struct xk_tool *tool);
int xk_tool_open(const struct xk_tool *tool);
int xk_tool_mount(const struct xk_tool *tool);
int xk_tool_rewrap(const struct xk_tool *tool);

#endif /* XK_CRASHD_TOOL_H */
