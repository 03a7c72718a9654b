// SPDX-License-Identifier: GPL-2.0-only
/*
 * Holds paths, values and permissions against the table of nodes.schema.
 * Must never believe a length or a character of its input before it looked,
 * and never depend on another part: the table and the C library are all.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "schema.h"

/* XENSTORE_ABS_PATH_MAX of xs_wire.h */
#define PATH_LEN_MAX 3072

/* First domid that is not a domain: DOMID_FIRST_RESERVED of xen.h. */
#define DOMID_END 0x7ff0u

/* A piece of somebody's string. */
struct slice {
    const char *at;
    size_t len;
};

/* What the variables of a pattern stand for in a path. */
struct binding {
    struct slice domid;
    struct slice devid;
};

static bool slice_is(struct slice s, const char *text)
{
    return strlen(text) == s.len && !memcmp(s.at, text, s.len);
}

/* Decimal, no leading zero, within the range; -EINVAL or -ERANGE if not. */
static int slice_u64(struct slice s, uint64_t min, uint64_t max, uint64_t *v)
{
    uint64_t sum = 0;
    bool over = false;
    size_t i;

    if (!s.len || (s.at[0] == '0' && s.len > 1))
        return -EINVAL;
    for (i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return -EINVAL;
        over |= __builtin_mul_overflow(sum, 10u, &sum);
        over |= __builtin_add_overflow(sum, (uint64_t)(s.at[i] - '0'),
                                       &sum);
    }
    if (over || sum < min || sum > max)
        return -ERANGE;
    *v = sum;
    return 0;
}

/* Cuts the component after the slash that `*s` starts with off `*s`. */
static struct slice next_part(struct slice *s)
{
    struct slice part = { s->at + 1, 0 };

    while (part.len + 1 < s->len && part.at[part.len] != '/')
        part.len++;
    s->at += part.len + 1;
    s->len -= part.len + 1;
    return part;
}

static bool part_matches(struct slice pattern, struct slice part,
                         struct binding *b)
{
    uint64_t number;

    if (slice_is(pattern, "$DOMID")) {
        b->domid = part;
        return !slice_u64(part, 0, DOMID_END - 1, &number);
    }
    if (slice_is(pattern, "$DEVID")) {
        b->devid = part;
        return !slice_u64(part, 0, UINT32_MAX, &number);
    }
    if (slice_is(pattern, "$INDEX") || slice_is(pattern, "$PAGE"))
        return !slice_u64(part, 0, UINT32_MAX, &number);
    return pattern.len == part.len && !memcmp(pattern.at, part.at, part.len);
}

static bool path_matches(const char *pattern, struct slice path,
                         struct binding *b)
{
    struct slice left = { pattern, strlen(pattern) };

    *b = (struct binding){ 0 };
    while (left.len && path.len && *path.at == '/') {
        if (!part_matches(next_part(&left), next_part(&path), b))
            return false;
    }
    return !left.len && !path.len;
}

static const struct xk_schema_node *find(struct slice path,
                                         struct binding *b)
{
    size_t i;

    for (i = 0; i < xk_schema_count; i++) {
        if (path_matches(xk_schema_nodes[i].path, path, b))
            return &xk_schema_nodes[i];
    }
    return NULL;
}

const struct xk_schema_node *xk_schema_find(const char *path)
{
    struct binding b;

    return find((struct slice){ path, strlen(path) }, &b);
}

static int check_string(const char *value, uint64_t max)
{
    size_t i;

    for (i = 0; value[i]; i++) {
        if (value[i] < ' ' || value[i] > '~')
            return -EINVAL;
    }
    return i > max ? -ERANGE : 0;
}

static int check_enum(const char *value, const char *const *words)
{
    for (; *words; words++) {
        if (!strcmp(value, *words))
            return 0;
    }
    return -EINVAL;
}

/* As xenstored takes a path: letters, digits, "-_@", no empty component. */
static int check_path(const char *value)
{
    static const char others[] = "-_@/";
    size_t i;
    char c;

    if (value[0] != '/')
        return -EINVAL;
    for (i = 0; value[i]; i++) {
        c = value[i];
        if (c == '/' && (value[i + 1] == '/' || !value[i + 1]))
            return -EINVAL;
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && !strchr(others, c))
            return -EINVAL;
    }
    return i > PATH_LEN_MAX ? -ERANGE : 0;
}

int xk_schema_u64(const struct xk_schema_node *node, const char *value,
                  uint64_t *v)
{
    if (node->type != XK_SCHEMA_U32 && node->type != XK_SCHEMA_U64)
        return -EINVAL;
    return slice_u64((struct slice){ value, strlen(value) }, node->min,
                     node->max, v);
}

int xk_schema_value(const struct xk_schema_node *node, const char *value)
{
    uint64_t number;

    switch (node->type) {
    case XK_SCHEMA_DIR:
        return value[0] ? -EINVAL : 0;
    case XK_SCHEMA_STRING:
        return check_string(value, node->max);
    case XK_SCHEMA_U32:
    case XK_SCHEMA_U64:
        return xk_schema_u64(node, value, &number);
    case XK_SCHEMA_ENUM:
        return check_enum(value, node->words);
    case XK_SCHEMA_PATH:
        return check_path(value);
    }
    return -EINVAL;
}

int xk_schema_check(const char *path, const char *value)
{
    const struct xk_schema_node *node = xk_schema_find(path);

    return node ? xk_schema_value(node, value) : -ENOENT;
}

/* Writes a permissions pattern with its variables filled in. */
static int fill_in(const char *pattern, const struct binding *b, char *dst,
                   size_t n)
{
    static const char var[] = "$DOMID";
    size_t used = 0;
    struct slice s;

    while (*pattern) {
        s = (struct slice){ pattern, 1 };
        if (!strncmp(pattern, var, sizeof(var) - 1)) {
            s = b->domid;
            pattern += sizeof(var) - 1;
        } else {
            pattern++;
        }
        if (s.len >= n - used)
            return -ENOSPC;
        memcpy(dst + used, s.at, s.len);
        used += s.len;
    }
    dst[used] = '\0';
    return 0;
}

int xk_schema_expected_perms(const char *path, char *dst, size_t n)
{
    struct slice s = { path, strlen(path) };
    const struct xk_schema_node *node, *above;
    struct binding b;

    if (!n)
        return -ENOSPC;
    node = find(s, &b);
    if (!node)
        return -ENOENT;
    /* gen-schema.awk made sure that there is something to inherit from. */
    while (s.len && !strcmp(node->perms, "inherit")) {
        while (s.len && s.at[--s.len] != '/')
            continue;
        above = find(s, &b);
        if (above)
            node = above;
    }
    return fill_in(node->perms, &b, dst, n);
}

/* Letters and domids, as xenstore-ls writes them: n0,r5,b7 */
static bool perms_formed(const char *perms)
{
    uint64_t domid;
    struct slice s;

    for (;;) {
        if (!*perms || !strchr("nrwb", *perms))
            return false;
        s.at = ++perms;
        s.len = strcspn(perms, ",");
        if (slice_u64(s, 0, UINT16_MAX, &domid))
            return false;
        perms += s.len;
        if (!*perms)
            return true;
        perms++;
    }
}

int xk_schema_perms(const char *path, const char *perms)
{
    char expected[XK_SCHEMA_PERMS_MAX];
    int rc;

    rc = xk_schema_expected_perms(path, expected, sizeof(expected));
    if (rc)
        return rc;
    if (!perms_formed(perms))
        return -EINVAL;
    if (!strcmp(expected, "any") || !strcmp(expected, perms))
        return 0;
    return -EPERM;
}
