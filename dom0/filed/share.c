/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shares as text and back, see share.h: one table of keys.
 */
#include "share.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/parse.h>
#include <xenkeep/util.h>

static const char *const types[] = {
    [SHARE_DIR] = "dir", [SHARE_FILE] = "file", [SHARE_VOLUME] = "volume",
};

static const char *const modes[] = { "rw", "ro" };

enum kind { PATH, NAME, TYPE, MODE, FLAG, SIZE, COUNT, COUNT32, OWNER };

static const struct key {
    const char *key;
    enum kind kind;
    size_t offset;
    const char *expected;
} keys[] = {
    { "path", PATH, offsetof(struct share, path),
      "an absolute path without \".\", \"..\" and double slashes" },
    { "name", NAME, offsetof(struct share, name),
      "1 to 255 printable characters without '/', not \".\" or \"..\"" },
    { "type", TYPE, offsetof(struct share, type), "dir, file or volume" },
    { "mode", MODE, offsetof(struct share, read_only), "ro or rw" },
    { "size", SIZE, offsetof(struct share, size_limit),
      "a size such as 500m or 10g, or 0 for none" },
    { "files", COUNT, offsetof(struct share, files_limit),
      "a number, or 0 for none" },
    { "open", COUNT32, offsetof(struct share, open_limit),
      "a number, or 0 for none" },
    { "rate", SIZE, offsetof(struct share, rate),
      "bytes a second such as 50m, or 0 for none" },
    { "owner", OWNER, offsetof(struct share, owner),
      "keep, squash=UID:GID[@UID:GID] or map=GUEST-HOST-COUNT[+...]" },
    { "set-id", FLAG, offsetof(struct share, set_id), "0 or 1" },
    { "devices", FLAG, offsetof(struct share, devices), "0 or 1" },
    { "stock-9p", FLAG, offsetof(struct share, stock_9p), "0 or 1" },
    { "audit", FLAG, offsetof(struct share, audit), "0 or 1" },
};

const char *share_type_name(enum share_type type)
{
    return types[type];
}

/* Printable as bytes of UTF-8 are: no control characters. */
static bool printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

bool share_name_ok(const char *name)
{
    size_t len = strlen(name);

    return len && len <= XK_XKFS_NAME && !strchr(name, '/') &&
           strcmp(name, ".") && strcmp(name, "..") && printable(name);
}

static bool path_ok(const char *path)
{
    size_t len = strlen(path);

    return path[0] == '/' && len < PATH_MAX && printable(path) &&
           !strstr(path, "//") && !strstr(path, "/./") &&
           !strstr(path, "/../") &&
           (len < 2 || strcmp(path + len - 2, "/.")) &&
           (len < 3 || strcmp(path + len - 3, "/.."));
}

static int pick(const char *const *words, size_t count, const char *value)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (!strcmp(words[i], value))
            return (int)i;
    return -EINVAL;
}

static int read_text(char *to, size_t size, const char *value, bool ok)
{
    size_t len = strlen(value);

    if (!ok || len >= size)
        return -EINVAL;
    memcpy(to, value, len + 1);
    return 0;
}

static int read_size(uint64_t *to, const char *value)
{
    uint64_t kib;

    if (!strcmp(value, "0")) {
        *to = 0;
        return 0;
    }
    if (xk_parse_size_kib(value, &kib) || !kib || kib > INT64_MAX / 1024)
        return -EINVAL;
    *to = kib * 1024;
    return 0;
}

static int read_value(struct share *s, const struct key *k, const char *value)
{
    void *at = (char *)s + k->offset;
    int n;

    switch (k->kind) {
    case PATH:
        if (read_text(at, PATH_MAX, value, path_ok(value)))
            return -EINVAL;
        /* One way to write each path: without a slash at the end. */
        n = (int)strlen(s->path);
        if (n > 1 && s->path[n - 1] == '/')
            s->path[n - 1] = '\0';
        return 0;
    case NAME:
        return read_text(at, XK_XKFS_NAME + 1, value, share_name_ok(value));
    case TYPE:
        n = pick(types, XK_ARRAY_SIZE(types), value);
        if (n < 0)
            return n;
        s->type = (enum share_type)n;
        s->typed = true;
        return 0;
    case MODE:
        n = pick(modes, XK_ARRAY_SIZE(modes), value);
        if (n < 0)
            return n;
        s->read_only = n;
        return 0;
    case FLAG:
        return xk_parse_bool(value, at);
    case SIZE:
        return read_size(at, value);
    case COUNT:
        return xk_parse_u64(value, 0, INT64_MAX, at) ? -EINVAL : 0;
    case COUNT32:
        return xk_parse_u32(value, 0, INT32_MAX, at) ? -EINVAL : 0;
    case OWNER:
        return owner_parse(value, at);
    }
    return -EINVAL;
}

int share_set(struct share *share, const char *key, const char *value,
              char why[SHARE_WHY_MAX])
{
    struct share copy = *share;
    char safe[48];
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(keys); i++) {
        if (strcmp(keys[i].key, key))
            continue;
        if (read_value(&copy, &keys[i], value)) {
            snprintf(why, SHARE_WHY_MAX, "%s \"%s\": expected %s", key,
                     xk_log_safe(safe, sizeof(safe), value),
                     keys[i].expected);
            return -EINVAL;
        }
        *share = copy;
        return 0;
    }
    snprintf(why, SHARE_WHY_MAX, "unknown key \"%s\"",
             xk_log_safe(safe, sizeof(safe), key));
    return -ENOENT;
}

/* The text up to a comma that has no backslash before it, without the
 * backslashes. */
static const char *word(const char *at, char *buf, size_t size)
{
    size_t len = 0;

    for (; *at && *at != ','; at++) {
        if (*at == '\\' && at[1])
            at++;
        if (len + 1 == size)
            return NULL;
        buf[len++] = *at;
    }
    buf[len] = '\0';
    return *at ? at + 1 : at;
}

/* Without a name it is called as the last part of its path is. */
static int name_by_path(struct share *s, char why[SHARE_WHY_MAX])
{
    const char *last = strrchr(s->path, '/') + 1;

    if (s->name[0])
        return 0;
    if (!share_name_ok(last)) {
        snprintf(why, SHARE_WHY_MAX, "the path gives it no name: name it");
        return -EINVAL;
    }
    memcpy(s->name, last, strlen(last) + 1);
    return 0;
}

int share_parse(const char *text, struct share *share,
                char why[SHARE_WHY_MAX])
{
    char item[PATH_MAX + 16], *value;
    struct share s = { .path = "" };

    while (*text) {
        text = word(text, item, sizeof(item));
        if (!text) {
            snprintf(why, SHARE_WHY_MAX, "an item is too long");
            return -EINVAL;
        }
        value = strchr(item, '=');
        if (!value) {
            snprintf(why, SHARE_WHY_MAX, "expected key=value items, such as "
                     "\"path=/srv/data,mode=ro\"");
            return -EINVAL;
        }
        *value++ = '\0';
        if (share_set(&s, item, value, why))
            return -EINVAL;
    }
    if (!s.path[0]) {
        snprintf(why, SHARE_WHY_MAX, "path: expected an absolute path");
        return -EINVAL;
    }
    if (name_by_path(&s, why))
        return -EINVAL;
    *share = s;
    return 0;
}

static size_t add(char *buf, size_t size, size_t used, const char *text,
                  bool escape)
{
    for (; *text; text++) {
        if (escape && (*text == ',' || *text == '\\') && used + 1 < size)
            buf[used++] = '\\';
        if (used + 1 < size)
            buf[used++] = *text;
    }
    buf[used] = '\0';
    return used;
}

static void format_value(const struct share *s, const struct key *k,
                         char *buf, size_t size)
{
    const void *at = (const char *)s + k->offset;

    switch (k->kind) {
    case PATH:
    case NAME:
        snprintf(buf, size, "%s", (const char *)at);
        break;
    case TYPE:
        snprintf(buf, size, "%s", types[s->type]);
        break;
    case MODE:
        snprintf(buf, size, "%s", modes[s->read_only]);
        break;
    case FLAG:
        snprintf(buf, size, "%d", *(const bool *)at);
        break;
    case SIZE:
        if (*(const uint64_t *)at)
            snprintf(buf, size, "%lluk",
                     (unsigned long long)*(const uint64_t *)at / 1024);
        else
            snprintf(buf, size, "0");
        break;
    case COUNT:
        snprintf(buf, size, "%llu",
                 (unsigned long long)*(const uint64_t *)at);
        break;
    case COUNT32:
        snprintf(buf, size, "%u", *(const uint32_t *)at);
        break;
    case OWNER:
        owner_format(at, buf, size);
        break;
    }
}

const char *share_format(const struct share *share, char *buf, size_t size)
{
    char value[PATH_MAX];
    size_t i, used = 0;

    buf[0] = '\0';
    for (i = 0; i < XK_ARRAY_SIZE(keys); i++) {
        if (keys[i].kind == TYPE && !share->typed)
            continue;
        format_value(share, &keys[i], value, sizeof(value));
        if (!strcmp(value, "0"))
            continue;
        used = add(buf, size, used, i ? "," : "", false);
        used = add(buf, size, used, keys[i].key, false);
        used = add(buf, size, used, "=", false);
        used = add(buf, size, used, value, true);
    }
    return buf;
}
