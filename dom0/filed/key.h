/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The key that seals a guest's handles: made once, kept by the guest's name,
 * so that handles are good for as long as the guest is.
 */
#ifndef XK_FILED_KEY_H
#define XK_FILED_KEY_H

#include "ops.h"

int key_get(const char *dir, const char *guest, uint8_t key[OPS_KEY_SIZE]);

#endif /* XK_FILED_KEY_H */
