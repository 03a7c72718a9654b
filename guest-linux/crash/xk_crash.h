/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xk_crash: what a guest can add to its own evidence. It waits in a panic
 * until dom0 has read its memory, tells dom0 where VMCOREINFO is, and shows
 * how its last run ended. The protocol is xenkeep/proto/crash.h.
 *
 * All of xenstore is read and written in the xenwatch thread, and at loading
 * and unloading; what runs in a panic touches the shared page and one port.
 */
#ifndef XK_CRASH_H
#define XK_CRASH_H

#ifdef pr_fmt
#undef pr_fmt
#endif
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
#include <linux/types.h>
#include <xen/xenbus.h>

#include <xk-keys.h>
#include <xenkeep/proto/crash.h>

#define XK_CRASH_DIR		XK_KEY_CRASH_ROOT
#define XK_CRASH_GUEST_DIR	XK_KEY_CRASH_ROOT "/" XK_KEY_CRASH_GUEST
#define XK_CRASH_LAST_DIR	XK_KEY_CRASH_ROOT "/" XK_KEY_CRASH_LAST

/* link.c: the shared page and its event channel */
int xk_link_init(void);
void xk_link_exit(void);
void xk_link_publish(void);
bool xk_link_served(void);
u32 xk_link_ask(u32 kind);
bool xk_link_answered(u32 asked);

/* hold.c: waiting in a panic, or after an oops */
int xk_hold_init(void);
void xk_hold_exit(void);

/* last.c: how the last run ended */
int xk_last_init(void);
void xk_last_exit(void);
void xk_last_read(void);

#endif /* XK_CRASH_H */
