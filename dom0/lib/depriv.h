/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Giving up privileges. Called once, after every handle is open and before
 * anything that a guest wrote is read.
 */
#ifndef XK_LIB_DEPRIV_H
#define XK_LIB_DEPRIV_H

#include <stdbool.h>

/*
 * Becomes `user` with its own group, no capability, no way to gain one, and
 * the system calls of depriv.c's list only; any other kills the process.
 * Started by someone else than root: keeps the user, does the rest.
 * -ENOENT: no such user.
 */
int xk_depriv(const char *user);

/* The same for a daemon that keeps files and has threads of its own. */
int xk_depriv_with_files(const char *user);

#endif /* XK_LIB_DEPRIV_H */
