/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server: the process that serves one guest.
 */
#ifndef XK_FILED_SERVER_H
#define XK_FILED_SERVER_H

/* In the child, `plan` a struct plan. Never returns; ends with the parent, or
 * when it is told. */
_Noreturn void server_run(const void *plan, int link);

#endif /* XK_FILED_SERVER_H */
