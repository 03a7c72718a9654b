/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices in xenstore, the back-end's side: the states, and nodes of a folder
 * by their keys. What a guest wrote is held against the schema, see xs.h.
 */
#ifndef XK_LIB_XENBUS_H
#define XK_LIB_XENBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xs.h"

/* XenbusState of xen/io/xenbus.h. */
enum xk_xenbus {
    XENBUS_UNKNOWN, XENBUS_INITIALISING, XENBUS_INIT_WAIT, XENBUS_INITIALISED,
    XENBUS_CONNECTED, XENBUS_CLOSING, XENBUS_CLOSED
};

/* "dir/key" in `buf`, or `dir` itself, which no value fits, when it is too
 * long. */
const char *xk_node(const char *dir, const char *key,
                    char buf[XK_XS_PATH_MAX]);

/* As those of xs.h, for the node `key` of `dir`. */
int xk_node_read_u64(struct xk_xs *xs, const char *dir, const char *key,
                     uint64_t *value_r);
int xk_node_read_u32(struct xk_xs *xs, const char *dir, const char *key,
                     uint32_t *value_r);
int xk_node_write(struct xk_xs *xs, const char *dir, const char *key,
                  const char *value);
int xk_node_write_u64(struct xk_xs *xs, const char *dir, const char *key,
                      uint64_t value);
bool xk_node_exists(struct xk_xs *xs, const char *dir, const char *key);

struct xk_node_number {
    const char *key;
    uint64_t value;
};

/* All of them, in their order; stops at the first that fails. */
int xk_node_write_numbers(struct xk_xs *xs, const char *dir,
                          const struct xk_node_number *numbers, size_t count);

/* Removes the folder that `dir` is in: a domain's, with its only device. */
void xk_node_rm_folder(struct xk_xs *xs, const char *dir);

#endif /* XK_LIB_XENBUS_H */
