/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server: the process that serves one guest.
 */
#ifndef XK_FILED_SERVER_H
#define XK_FILED_SERVER_H

#include "plan.h"

/* In the child. Never returns; ends with the parent, or when it is told. */
_Noreturn void server_run(const struct plan *plan, int link);

#endif /* XK_FILED_SERVER_H */
