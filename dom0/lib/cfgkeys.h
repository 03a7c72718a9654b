/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which keys a configuration in xl's syntax has: libxlutil cannot list them,
 * and a misspelt key must not pass unseen.
 */
#ifndef XK_LIB_CFGKEYS_H
#define XK_LIB_CFGKEYS_H

#include <stdbool.h>

/*
 * Holds the first word of each statement against known(). 0, -errno of
 * opening the file, or -EINVAL: then each unknown key was logged.
 */
int xk_cfg_check_keys(const char *path,
                      bool (*known)(const char *key, const void *arg),
                      const void *arg);

#endif /* XK_LIB_CFGKEYS_H */
