// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes the lines of xenstore-ls apart. Values are a guest's: must never run
 * over the end of the line, whatever it holds.
 */
#include <errno.h>
#include <string.h>

#include "listing.h"

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* The byte after a backslash, and how long it is written; 0 if it is none. */
static size_t escape(const char *s, char *c_r)
{
    static const char names[] = "tnr\\", bytes[] = "\t\n\r\\";
    const char *at = *s ? strchr(names, *s) : NULL;

    if (at) {
        *c_r = bytes[at - names];
        return 1;
    }
    if (*s == 'x') {
        if (hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0)
            return 0;
        *c_r = (char)(hex_digit(s[1]) * 16 + hex_digit(s[2]));
        return 3;
    }
    /* Three octal digits, of a byte below 8. */
    if (s[0] != '0' || s[1] != '0' || s[2] < '0' || s[2] > '7')
        return 0;
    *c_r = (char)(s[2] - '0');
    return 3;
}

/* In place; it only gets shorter. */
static int unescape(char *text, size_t *len_r)
{
    const char *from = text;
    char *to = text;
    size_t len;

    for (; *from; to++) {
        if (*from != '\\') {
            *to = *from++;
            continue;
        }
        len = escape(from + 1, to);
        if (!len)
            return -EINVAL;
        from += len + 1;
    }
    *to = '\0';
    *len_r = (size_t)(to - text);
    return 0;
}

int xk_listing_parse(char *line, struct xk_listing *out)
{
    static const char before[] = " = \"", after[] = "\"   (";
    size_t len = strcspn(line, "\n");
    char *middle, *end;

    line[len] = '\0';
    if (!len || !strncmp(line, "  (", 3))
        return 0;
    /* A path has neither space nor quote, permissions have no quote. */
    middle = strstr(line, before);
    if (line[0] == '/' && !middle && line[len - 1] == ':')
        return 0;
    end = strrchr(line, '"');
    if (line[0] != '/' || !middle || line[len - 1] != ')')
        return -EINVAL;
    out->path = line;
    out->value = middle + sizeof(before) - 1;
    if (end < out->value || strncmp(end, after, sizeof(after) - 1))
        return -EINVAL;
    out->perms = end + sizeof(after) - 1;
    line[len - 1] = '\0';
    *middle = '\0';
    *end = '\0';
    return unescape(out->value, &out->value_len) ? -EINVAL : 1;
}
