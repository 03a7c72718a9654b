/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a JSON object to a C struct, by a table.
 */
#include "fields.h"

#include <string.h>

static bool read_int(struct json_object *v, int64_t min, int64_t *value_r)
{
    if (!json_object_is_type(v, json_type_int))
        return false;
    *value_r = json_object_get_int64(v);
    return *value_r >= min && *value_r <= XK_FIELD_MAX;
}

static bool read_count(struct json_object *v, void *to)
{
    int64_t value;

    if (!read_int(v, 0, &value))
        return false;
    *(uint64_t *)to = (uint64_t)value;
    return true;
}

static bool read_change(struct json_object *v, void *to)
{
    return read_int(v, -XK_FIELD_MAX, to);
}

static bool read_bool(struct json_object *v, void *to)
{
    *(bool *)to = json_object_get_boolean(v);
    return json_object_is_type(v, json_type_boolean);
}

static bool read_text(struct json_object *v, void *to)
{
    *(const char **)to = json_object_get_string(v);
    return json_object_is_type(v, json_type_string);
}

static bool read_object(struct json_object *v, void *to)
{
    *(struct json_object **)to = v;
    return json_object_is_type(v, json_type_object);
}

static bool read_array(struct json_object *v, void *to)
{
    *(struct json_object **)to = v;
    return json_object_is_type(v, json_type_array);
}

static bool (*const readers[])(struct json_object *v, void *to) = {
    [XK_FIELD_COUNT] = read_count,
    [XK_FIELD_CHANGE] = read_change,
    [XK_FIELD_BOOL] = read_bool,
    [XK_FIELD_TEXT] = read_text,
    [XK_FIELD_OBJECT] = read_object,
    [XK_FIELD_ARRAY] = read_array,
};

const char *xk_fields_read(struct json_object *obj,
                           const struct xk_field *fields, size_t count,
                           void *out)
{
    struct json_object *v;
    size_t i;

    for (i = 0; i < count; i++) {
        if (!json_object_object_get_ex(obj, fields[i].name, &v) ||
            !readers[fields[i].kind](v, (char *)out + fields[i].offset))
            return fields[i].name;
    }
    return NULL;
}
