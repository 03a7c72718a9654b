/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's log out of its memory: the printk ring buffer (5.10 and
 * later) or the record buffer before it (3.5 to 5.9), by VMCOREINFO alone.
 */
#ifndef XK_CRASHD_KLOG_H
#define XK_CRASHD_KLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel.h"

/* The newest that is kept, bytes; a record is at most 64 KiB of it. */
#define XK_KLOG_MAX (1u << 20)

struct xk_klog {
    char *text;         /* lines "[   12.345678] text", NUL-terminated */
    size_t size;
    size_t records;
    bool cut;           /* older ones did not fit */
};

/*
 * Reads it. What is not printable ASCII is escaped as \xNN. -ENOENT: the
 * kernel does not say where it is, or it makes no sense; -ENOMEM.
 */
int xk_klog_read(struct xk_klog *log, const struct xk_kernel *kernel);
void xk_klog_dispose(struct xk_klog *log);

#endif /* XK_CRASHD_KLOG_H */
