/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filed's side of xenkeep/control.h.
 */
#ifndef XK_FILED_CONTROL_H
#define XK_FILED_CONTROL_H

#include "ctl.h"

/* For xk_ctl_open(), with the struct filed as its argument. */
extern const struct xk_ctl_method control_methods[];

#endif /* XK_FILED_CONTROL_H */
