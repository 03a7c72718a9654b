/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a vcpu was in the kernel: its instruction, and the return addresses on
 * its stack, with their names. Without unwinding tables: a word counts when it
 * points behind a call within the kernel's text, so that now and then a frame
 * of an earlier call is among them, as in the kernel's own "? name" lines.
 */
#ifndef XK_CRASHD_STACK_H
#define XK_CRASHD_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "kernel.h"
#include "oops.h"
#include "symbols.h"

/* Bytes of a stack that are looked at: THREAD_SIZE is 16 KiB, 32 with KASAN. */
#define XK_STACK_BYTES (16u << 10)

/*
 * -ENOENT: the vcpu was not in the kernel. Frames that every trace has are
 * left out, as xk_oops_parse() does.
 */
int xk_stack_read(struct xk_trace *trace, const struct xk_kernel *kernel,
                  const struct xk_symbols *symbols,
                  const struct xk_vcpu *vcpu);

#endif /* XK_CRASHD_STACK_H */
