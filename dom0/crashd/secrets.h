/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Secrets that would go out in the clear: expanded AES keys (each word
 * follows from earlier ones, which chance never does), and private keys in PEM
 * and OpenSSH form. One page at a time.
 */
#ifndef XK_CRASHD_SECRETS_H
#define XK_CRASHD_SECRETS_H

#include <stdbool.h>

enum xk_secret {
    XK_SECRET_NONE,
    XK_SECRET_AES,          /* an expanded key of 128, 192 or 256 bits */
    XK_SECRET_PRIVATE_KEY   /* PEM or OpenSSH */
};

/* The first that is found in a page of XK_PAGE_SIZE bytes, 4-byte aligned. */
enum xk_secret xk_secrets_in(const void *page);

/* "none", "aes-key", "private-key". */
const char *xk_secret_name(enum xk_secret secret);

#endif /* XK_CRASHD_SECRETS_H */
