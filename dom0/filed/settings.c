/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the configuration. A key that is not known is an error: a misspelt
 * limit must not be a limit that is not there.
 */
#include "settings.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <libxlutil.h>

#include <xenkeep/util.h>

#include "cfgkeys.h"

struct number {
    const char *key;
    size_t offset;
    long min, max, value;
};

static const struct number numbers[] = {
    { "queues", offsetof(struct settings, queues), 1, 8, 4 },
    { "pool_mib", offsetof(struct settings, pool_mib), 1, 64, 16 },
    { "nodes", offsetof(struct settings, nodes), 1024, 16777216, 1048576 },
    { "descriptors", offsetof(struct settings, descriptors), 256, 524288,
      16384 },
    { "open_files", offsetof(struct settings, open_files), 16, 262144, 8192 },
    { "locks", offsetof(struct settings, locks), 0, 65536, 4096 },
    { "poll_us", offsetof(struct settings, poll_us), 0, 1000, 50 },
    { "uid_base", offsetof(struct settings, uid_base), 65536, 2147400000,
      2000000000 },
};

static const char *const levels[] = {
    [XK_LOG_ERR] = "err", [XK_LOG_WARN] = "warn", [XK_LOG_INFO] = "info",
    [XK_LOG_DEBUG] = "debug",
};

static uint32_t *field(struct settings *s, const struct number *n)
{
    return (uint32_t *)(void *)((char *)s + n->offset);
}

void settings_default(struct settings *s)
{
    size_t i;

    memset(s, 0, sizeof(*s));
    for (i = 0; i < XK_ARRAY_SIZE(numbers); i++)
        *field(s, &numbers[i]) = (uint32_t)numbers[i].value;
    s->log_level = XK_LOG_INFO;
}

static bool known_key(const char *key)
{
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(numbers); i++)
        if (!strcmp(numbers[i].key, key))
            return true;
    return !strcmp(key, "log_level");
}

static int read_number(struct settings *s, const XLU_Config *cfg,
                       const struct number *n, const char *path)
{
    long value;
    int r = xlu_cfg_get_long(cfg, n->key, &value, 1);

    if (r == ESRCH)
        return 0;
    if (r || value < n->min || value > n->max) {
        xk_err("%s: %s: expected a number from %ld to %ld", path, n->key,
               n->min, n->max);
        return -EINVAL;
    }
    *field(s, n) = (uint32_t)value;
    return 0;
}

static int read_level(struct settings *s, const XLU_Config *cfg,
                      const char *path)
{
    const char *value;
    size_t i;
    int r = xlu_cfg_get_string(cfg, "log_level", &value, 1);

    if (r == ESRCH)
        return 0;
    for (i = 0; !r && i < XK_ARRAY_SIZE(levels); i++) {
        if (!strcmp(value, levels[i])) {
            s->log_level = (enum xk_log_level)i;
            return 0;
        }
    }
    xk_err("%s: log_level: expected err, warn, info or debug", path);
    return -EINVAL;
}

int settings_read(struct settings *s, const char *path)
{
    XLU_Config *cfg;
    size_t i;
    int rc = xk_cfg_check_keys(path, known_key);

    if (rc)
        return rc;
    cfg = xlu_cfg_init(stderr, path);
    if (!cfg)
        return -ENOMEM;
    rc = xlu_cfg_readfile(cfg, path) ? -EINVAL : 0;
    if (rc)
        xk_err("%s: cannot be read as a configuration", path);
    for (i = 0; !rc && i < XK_ARRAY_SIZE(numbers); i++)
        rc = read_number(s, cfg, &numbers[i], path);
    if (!rc)
        rc = read_level(s, cfg, path);
    xlu_cfg_destroy(cfg);
    return rc;
}
