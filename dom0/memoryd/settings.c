/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the configuration with libxlutil. A key that is not known is an
 * error: a misspelt limit must not be a limit that is not there.
 */
#include "settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libxlutil.h>

#include <xenkeep/util.h>

#include "cfgkeys.h"

struct number {
    const char *key;
    size_t offset;
    long min, max, value;
};

static const struct number numbers[] = {
    { "pause_max_us", offsetof(struct settings, pause_max_us),
      100, 20000, 2000 },
    { "pause_share_permille", offsetof(struct settings, pause_share_permille),
      1, 500, 20 },
    { "scan_share_percent", offsetof(struct settings, scan_share_percent),
      1, 100, 25 },
    { "sweep_regular", offsetof(struct settings, sweep_regular), 0, 1, 1 },
    { "inflate_chunk_mib", offsetof(struct settings, inflate_chunk_mib),
      2, 128, 32 },
    { "host_reserve_mib", offsetof(struct settings, host_reserve_mib),
      0, 16777216, 256 },
    { "guard", offsetof(struct settings, guard), 0, 1, 1 },
    { "guard_lend", offsetof(struct settings, guard_lend), 0, 1, 1 },
    { "guard_low_mib", offsetof(struct settings, guard_low_mib), 0, 65536, 0 },
    { "recover_share_percent",
      offsetof(struct settings, recover_share_percent), 1, 100, 25 },
    { "recover_background", offsetof(struct settings, recover_background),
      0, 1, 0 },
    { "background_share_percent",
      offsetof(struct settings, background_share_percent), 1, 50, 5 },
    { "free_page_reporting", offsetof(struct settings, free_page_reporting),
      0, 1, 1 },
    { "balancer", offsetof(struct settings, balancer), 0, 1, 0 },
    { "balance_interval_ms", offsetof(struct settings, balance_interval_ms),
      100, 60000, 1000 },
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
    strcpy(s->user, "xenkeep");
}

static int read_number(struct settings *s, const XLU_Config *cfg,
                       const struct number *n, const char *path)
{
    long value;
    int r;

    r = xlu_cfg_get_long(cfg, n->key, &value, 1);
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
    int r;

    r = xlu_cfg_get_string(cfg, "log_level", &value, 1);
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

static int read_user(struct settings *s, const XLU_Config *cfg,
                     const char *path)
{
    const char *value;
    int r;

    r = xlu_cfg_get_string(cfg, "user", &value, 1);
    if (r == ESRCH)
        return 0;
    if (r || !*value || strlen(value) >= sizeof(s->user)) {
        xk_err("%s: user: expected a user name", path);
        return -EINVAL;
    }
    strcpy(s->user, value);
    return 0;
}

const struct rule *settings_rule(const struct settings *s, const char *name)
{
    size_t i;

    for (i = 0; i < s->nr_rules; i++)
        if (!strcmp(s->rules[i].name, name))
            return &s->rules[i];
    return NULL;
}

static int read_rule(struct settings *s, const char *text, const char *path)
{
    char why[RULE_WHY_MAX];
    struct rule rule;

    if (s->nr_rules == SETTINGS_RULES) {
        xk_err("%s: guests: expected at most %d", path, SETTINGS_RULES);
        return -EINVAL;
    }
    if (rule_parse(text, &rule, why)) {
        xk_err("%s: guests: item %zu: %s", path, s->nr_rules + 1, why);
        return -EINVAL;
    }
    if (settings_rule(s, rule.name)) {
        xk_err("%s: guests: item %zu: \"%s\" is named twice: expected one "
               "item for each guest", path, s->nr_rules + 1, rule.name);
        return -EINVAL;
    }
    s->rules[s->nr_rules++] = rule;
    return 0;
}

static int read_rules(struct settings *s, const XLU_Config *cfg,
                      const char *path)
{
    XLU_ConfigList *list;
    const char *text;
    int i, count, rc, r;

    r = xlu_cfg_get_list(cfg, "guests", &list, &count, 1);
    if (r == ESRCH)
        return 0;
    for (rc = r ? -EINVAL : 0, i = 0; !rc && i < count; i++) {
        text = xlu_cfg_get_listitem(list, i);
        if (!text)
            r = rc = -EINVAL;
        else
            rc = read_rule(s, text, path);
    }
    if (r)
        xk_err("%s: guests: expected a list: [ \"name=web,min=256M\", ... ]",
               path);
    return rc;
}

/*
 * What a guest may be in debt by must be there when it needs it, whoever else
 * is out of memory; and somebody has to look.
 */
static int check_overcommit(const struct settings *s, const char *path)
{
    size_t i;

    for (i = 0; i < s->nr_rules; i++) {
        const struct rule *rule = &s->rules[i];

        if (!rule->overcommit_kib)
            continue;
        if (!s->guard) {
            xk_err("%s: guests: \"%s\" has overcommit: expected guard = 1",
                   path, rule->name);
            return -EINVAL;
        }
        if (rule->overcommit_kib / 1024 > s->host_reserve_mib) {
            xk_err("%s: guests: overcommit of \"%s\" is above "
                   "host_reserve_mib: expected at most %uM", path,
                   rule->name, s->host_reserve_mib);
            return -EINVAL;
        }
    }
    return 0;
}

static bool known_key(const char *key)
{
    static const char *const others[] = { "log_level", "user", "guests" };
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(numbers); i++)
        if (!strcmp(numbers[i].key, key))
            return true;
    for (i = 0; i < XK_ARRAY_SIZE(others); i++)
        if (!strcmp(others[i], key))
            return true;
    return false;
}

int settings_read(struct settings *s, const char *path)
{
    XLU_Config *cfg = NULL;
    size_t i;
    int rc = xk_cfg_check_keys(path, known_key);

    if (rc)
        return rc;
    cfg = xlu_cfg_init(stderr, path);
    if (!cfg)
        return -ENOMEM;
    rc = xlu_cfg_readfile(cfg, path) ? -EINVAL : 0;
    if (rc) {
        xk_err("%s: cannot be read as a configuration", path);
        goto out;
    }
    for (i = 0; !rc && i < XK_ARRAY_SIZE(numbers); i++)
        rc = read_number(s, cfg, &numbers[i], path);
    if (!rc)
        rc = read_level(s, cfg, path);
    if (!rc)
        rc = read_user(s, cfg, path);
    if (!rc)
        rc = read_rules(s, cfg, path);
    if (!rc)
        rc = check_overcommit(s, path);
out:
    xlu_cfg_destroy(cfg);
    return rc;
}
