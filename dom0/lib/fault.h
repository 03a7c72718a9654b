/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault points: named steps at which a test build can die. With
 * --enable-fault-points, the environment variable XK_FAULT="name" or
 * "name:N" kills the process (SIGKILL) at the N-th time it comes there.
 * Other builds contain none of this.
 */
#ifndef XK_LIB_FAULT_H
#define XK_LIB_FAULT_H

#include "config.h"

#ifdef XK_FAULT_POINTS
void xk_fault(const char *name);
#else
static inline void xk_fault(const char *name)
{
    (void)name;
}
#endif

#endif /* XK_LIB_FAULT_H */
