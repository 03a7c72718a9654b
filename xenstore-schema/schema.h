/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checker of the xenstore contract: does a path, a value, a permission
 * agree with nodes.schema? Pure: it reads a table that gen-schema.awk made
 * and the caller's strings, never xenstore itself.
 */
#ifndef XENKEEP_SCHEMA_H
#define XENKEEP_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

enum xk_schema_type {
    XK_SCHEMA_DIR,      /* value empty */
    XK_SCHEMA_STRING,   /* at most `max` bytes of printable ASCII */
    XK_SCHEMA_U32,      /* a decimal number within `min` and `max` */
    XK_SCHEMA_U64,
    XK_SCHEMA_ENUM,     /* one of `words` */
    XK_SCHEMA_PATH,     /* an absolute xenstore path */
};

/* Bits of `writers` and `readers`. */
#define XK_SCHEMA_DOM0      0x1u
#define XK_SCHEMA_GUEST     0x2u
#define XK_SCHEMA_TOOLSTACK 0x4u
#define XK_SCHEMA_XENSTORED 0x8u

/* One record of nodes.schema. */
struct xk_schema_node {
    const char *name;           /* DOMAIN_NAME */
    const char *path;           /* "/local/domain/$DOMID/name" */
    const char *perms;          /* "n0,r$DOMID", "any" or "inherit" */
    enum xk_schema_type type;
    unsigned int writers;
    unsigned int readers;
    uint64_t min;
    uint64_t max;
    const char *const *words;   /* NULL-terminated; ENUM only */
};

/* The table; in the order of nodes.schema. */
extern const struct xk_schema_node xk_schema_nodes[];
extern const size_t xk_schema_count;

/* The record of an absolute path, or NULL when there is none. */
const struct xk_schema_node *xk_schema_find(const char *path);

/*
 * Is `value` right for the node? 0, -EINVAL (malformed), -ERANGE (a number
 * out of its range, a string too long).
 */
int xk_schema_value(const struct xk_schema_node *node, const char *value);

/* Both in one: -ENOENT when the path has no record. */
int xk_schema_check(const char *path, const char *value);

/*
 * Reads a number of an U32 or U64 node. As xk_schema_value(); -EINVAL for
 * nodes of another type. `*v` is untouched on errors.
 */
int xk_schema_u64(const struct xk_schema_node *node, const char *value,
                  uint64_t *v);

/* Room for every result of xk_schema_expected_perms(). */
#define XK_SCHEMA_PERMS_MAX 128

/*
 * The permissions that a node shall have, as xenstore-ls -p writes them
 * ("n0,r5"), or "any". Variables stand for what the path has in their place;
 * "inherit" is answered from the records above. -ENOENT: no record;
 * -ENOSPC: `dst` of `n` bytes is too small.
 */
int xk_schema_expected_perms(const char *path, char *dst, size_t n);

/*
 * Are these the permissions that the node shall have? 0, -ENOENT, -EINVAL
 * (malformed), -EPERM (others than expected).
 */
int xk_schema_perms(const char *path, const char *perms);

#endif /* XENKEEP_SCHEMA_H */
