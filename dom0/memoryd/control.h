/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The methods that memoryd offers on its control socket; xenkeep/control.h
 * specifies them.
 */
#ifndef XK_MEMORYD_CONTROL_H
#define XK_MEMORYD_CONTROL_H

#include "ctl.h"

/* For xk_ctl_open(); their argument is the struct memoryd. */
extern const struct xk_ctl_method control_methods[];

#endif /* XK_MEMORYD_CONTROL_H */
