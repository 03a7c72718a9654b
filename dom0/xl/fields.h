/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a JSON object to a C struct, by a table: every field must be there and
 * must be of its type and range.
 */
#ifndef XK_XL_FIELDS_H
#define XK_XL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

/* No size or count of a daemon is above this: 4 EiB in KiB, and sums of a
 * few of them times the size of a superpage still fit in 64 bits. */
#define XK_FIELD_MAX (INT64_C(1) << 52)

enum xk_field_kind {
    XK_FIELD_COUNT,             /* uint64_t, 0 to XK_FIELD_MAX */
    XK_FIELD_CHANGE,            /* int64_t, either sign */
    XK_FIELD_BOOL,              /* bool */
    XK_FIELD_TEXT,              /* const char *, lives as long as the object */
    XK_FIELD_OBJECT,            /* struct json_object *, the same */
    XK_FIELD_ARRAY,             /* struct json_object *, the same */
};

struct xk_field {
    const char *name;
    enum xk_field_kind kind;
    size_t offset;              /* of the member that takes the value */
};

/* NULL when all were read, else the name of the first that is not sound. */
const char *xk_fields_read(struct json_object *obj,
                           const struct xk_field *fields, size_t count,
                           void *out);

#endif /* XK_XL_FIELDS_H */
