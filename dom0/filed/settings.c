/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the configuration can say, see settings.h.
 */
#include "settings.h"

#include <stddef.h>
#include <string.h>

#include "cfg.h"

static const struct xk_cfg_number numbers[] = {
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
    { .key = NULL },
};

static const struct xk_cfg_word words[] = {
    XK_CFG_LOG_LEVEL(struct settings, log_level),
    { .key = NULL },
};

static const struct xk_cfg cfg = { .numbers = numbers, .words = words };

void settings_default(struct settings *s)
{
    memset(s, 0, sizeof(*s));
    xk_cfg_default(&cfg, s);
}

int settings_read(struct settings *s, const char *path)
{
    return xk_cfg_read(&cfg, s, path);
}
