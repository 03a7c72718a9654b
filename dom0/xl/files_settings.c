/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options of xl-files that are settings of a share. The daemon says what is
 * wrong with a value: it has the one parser of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

static bool add(void *own, const char *key, const char *value)
{
    struct files_settings *s = own;
    size_t size = strlen(key) + strlen(value) + 2;
    char *text = malloc(size);

    if (!text)
        return false;
    snprintf(text, size, "%s=%s", key, value);
    if (!s->items)
        s->items = json_object_new_array();
    json_object_array_add(s->items, json_object_new_string(text));
    free(text);
    return true;
}

#define SETTING(fn, key, value) \
    bool fn(const struct xk_command *cmd, void *own, const char *v) \
    { \
        (void)cmd, (void)v; \
        return add(own, key, value); \
    }

SETTING(files_set_name, "name", v)
SETTING(files_set_type, "type", v)
SETTING(files_set_ro, "mode", "ro")
SETTING(files_set_rw, "mode", "rw")
SETTING(files_set_size, "size", v)
SETTING(files_set_files, "files", v)
SETTING(files_set_open, "open", v)
SETTING(files_set_rate, "rate", v)
SETTING(files_set_owner, "owner", v)
SETTING(files_set_set_id, "set-id", v)
SETTING(files_set_devices, "devices", v)
SETTING(files_set_9p, "stock-9p", v)
SETTING(files_set_audit, "audit", v)

/* A comma in a value has a backslash before it, and so has a backslash. */
static void append(char **at, const char *text)
{
    for (; *text; text++) {
        if (*text == ',' || *text == '\\')
            *(*at)++ = '\\';
        *(*at)++ = *text;
    }
    **at = '\0';
}

char *files_text(const struct files_settings *s, const char *path)
{
    size_t n = s->items ? json_object_array_length(s->items) : 0, i;
    size_t size = 2 * strlen(path) + 8;
    char *text, *at;

    for (i = 0; i < n; i++)
        size += 2 * strlen(json_object_get_string(
                    json_object_array_get_idx(s->items, i))) + 1;
    text = at = malloc(size);
    if (!text)
        return NULL;
    at += sprintf(at, "path=");
    append(&at, path);
    for (i = 0; i < n; i++) {
        *at++ = ',';
        append(&at, json_object_get_string(
                   json_object_array_get_idx(s->items, i)));
    }
    return text;
}
