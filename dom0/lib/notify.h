/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells the service manager how the daemon is, by the sd_notify protocol,
 * without its library. No effect when nobody asked (NOTIFY_SOCKET).
 */
#ifndef XK_LIB_NOTIFY_H
#define XK_LIB_NOTIFY_H

/* Such as "READY=1\nSTATUS=3 guests". Before privileges are dropped. */
void xk_notify(const char *state);

#endif /* XK_LIB_NOTIFY_H */
