/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the configuration can say, see settings.h.
 */
#include "settings.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "cfg.h"

static const struct xk_cfg_number numbers[] = {
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
    { .key = NULL },
};

static const struct xk_cfg_word words[] = {
    XK_CFG_LOG_LEVEL(struct settings, log_level),
    { .key = NULL },
};

static const struct xk_cfg_text texts[] = {
    { "user", offsetof(struct settings, user),
      sizeof(((struct settings *)NULL)->user), false, "xenkeep" },
    { .key = NULL },
};

const struct rule *settings_rule(const struct settings *s, const char *name)
{
    size_t i;

    for (i = 0; i < s->nr_rules; i++)
        if (!strcmp(s->rules[i].name, name))
            return &s->rules[i];
    return NULL;
}

static int add_rule(void *to, size_t index, const char *text,
                    const char *path)
{
    struct settings *s = to;
    char why[RULE_WHY_MAX];
    struct rule rule;

    if (s->nr_rules == SETTINGS_RULES) {
        xk_err("%s: guests: expected at most %d", path, SETTINGS_RULES);
        return -EINVAL;
    }
    if (rule_parse(text, &rule, why)) {
        xk_err("%s: guests: item %zu: %s", path, index + 1, why);
        return -EINVAL;
    }
    if (settings_rule(s, rule.name)) {
        xk_err("%s: guests: item %zu: \"%s\" is named twice: expected one "
               "item for each guest", path, index + 1, rule.name);
        return -EINVAL;
    }
    s->rules[s->nr_rules++] = rule;
    return 0;
}

static const struct xk_cfg_list lists[] = {
    { "guests", add_rule, "[ \"name=web,min=256M\", ... ]" },
    { .key = NULL },
};

static const struct xk_cfg cfg = { numbers, texts, words, lists };

void settings_default(struct settings *s)
{
    memset(s, 0, sizeof(*s));
    xk_cfg_default(&cfg, s);
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

int settings_read(struct settings *s, const char *path)
{
    int rc = xk_cfg_read(&cfg, s, path);

    return rc ? rc : check_overcommit(s, path);
}
