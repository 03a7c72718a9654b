/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lines that `xenstore-ls -f -p` writes:
 *
 *     /path/of/a/node = "value"   (n0,r5)
 *
 * with \t, \n, \r, \\, \ooo and \xhh for bytes that are not printable; a
 * double quote stands for itself.
 */
#ifndef XENKEEP_SCHEMA_LISTING_H
#define XENKEEP_SCHEMA_LISTING_H

#include <stddef.h>

/* Points into the line; each string is terminated. */
struct xk_listing {
    char *path;
    char *value;            /* unescaped; may hold zero bytes */
    size_t value_len;
    char *perms;
};

/*
 * Takes one line apart, in place; a newline at its end does not matter. 1:
 * a node. 0: nothing to check: an empty line, or a node that went away while
 * it was listed. -EINVAL: not such a line.
 */
int xk_listing_parse(char *line, struct xk_listing *out);

#endif /* XENKEEP_SCHEMA_LISTING_H */
