/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nodes of devices, see xenbus.h.
 */
#include "xenbus.h"

#include <stdio.h>
#include <string.h>

const char *xk_node(const char *dir, const char *key,
                    char buf[XK_XS_PATH_MAX])
{
    size_t n = strlen(dir), k = strlen(key);

    if (n + k + 2 > XK_XS_PATH_MAX)
        return dir;     /* not in the schema as a value: refused there */
    memcpy(buf, dir, n);
    buf[n] = '/';
    memcpy(buf + n + 1, key, k + 1);
    return buf;
}

int xk_node_read_u64(struct xk_xs *xs, const char *dir, const char *key,
                     uint64_t *value_r)
{
    char path[XK_XS_PATH_MAX];

    return xk_xs_read_u64(xs, xk_node(dir, key, path), value_r);
}

int xk_node_read_u32(struct xk_xs *xs, const char *dir, const char *key,
                     uint32_t *value_r)
{
    uint64_t value;
    int rc = xk_node_read_u64(xs, dir, key, &value);

    if (!rc)
        *value_r = (uint32_t)value;     /* the schema bounds it */
    return rc;
}

int xk_node_write(struct xk_xs *xs, const char *dir, const char *key,
                  const char *value)
{
    char path[XK_XS_PATH_MAX];

    return xk_xs_write(xs, xk_node(dir, key, path), value);
}

int xk_node_write_u64(struct xk_xs *xs, const char *dir, const char *key,
                      uint64_t value)
{
    char path[XK_XS_PATH_MAX];

    return xk_xs_write_u64(xs, xk_node(dir, key, path), value);
}

bool xk_node_exists(struct xk_xs *xs, const char *dir, const char *key)
{
    char path[XK_XS_PATH_MAX];

    return xk_xs_exists(xs, xk_node(dir, key, path));
}

int xk_node_write_numbers(struct xk_xs *xs, const char *dir,
                          const struct xk_node_number *numbers, size_t count)
{
    size_t i;
    int rc = 0;

    for (i = 0; !rc && i < count; i++)
        rc = xk_node_write_u64(xs, dir, numbers[i].key, numbers[i].value);
    return rc;
}

void xk_node_rm_folder(struct xk_xs *xs, const char *dir)
{
    char folder[XK_XS_PATH_MAX], *slash;

    snprintf(folder, sizeof(folder), "%s", dir);
    slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    (void)xk_xs_rm(xs, folder);
}
