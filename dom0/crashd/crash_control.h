/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crashd's methods of the control protocol (xenkeep/control.h).
 */
#ifndef XK_CRASHD_CRASH_CONTROL_H
#define XK_CRASHD_CRASH_CONTROL_H

#include "ctl.h"

extern const struct xk_ctl_method xk_crash_methods[];

#endif /* XK_CRASHD_CRASH_CONTROL_H */
