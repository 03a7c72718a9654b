/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the configuration with libxlutil, see policy.h.
 */
#include "policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxlutil.h>

#include <xenkeep/util.h>

#include "cfgkeys.h"

struct number {
    const char *key;
    size_t offset;
    long min, max, value;
};

#define NUMBER(member, min, max, value) \
    { #member, offsetof(struct xk_policy, member), min, max, value }

static const struct number numbers[] = {
    NUMBER(keep_dumps, 1, 1000, 8),
    NUMBER(keep_mib, 16, 1 << 30, 16384),
    NUMBER(keep_days, 1, 36500, 90),
    NUMBER(keep_free_mib, 0, 1 << 30, 1024),
    NUMBER(workers, 1, 16, 2),
    NUMBER(store_free, 0, 1, 0),
    NUMBER(skip_diskless, 0, 1, 0),
    NUMBER(catch_triple_faults, 0, 1, 1),
    NUMBER(hold_coredumps, 0, 1, 1),
};

struct text {
    const char *key;
    size_t offset, size;
    bool path;                  /* absolute */
    const char *value;
};

#define TEXT(member, path, value) \
    { #member, offsetof(struct xk_policy, member), \
      sizeof(((struct xk_policy *)NULL)->member), path, value }

static const struct text texts[] = {
    TEXT(store, true, "/var/lib/xenkeep/crash"),
    TEXT(keys, true, XK_SYSCONFDIR "/xenkeep/crash"),
    TEXT(user, false, "xenkeep"),
};

static const char *const levels[] = {
    [XK_LOG_ERR] = "err", [XK_LOG_WARN] = "warn", [XK_LOG_INFO] = "info",
    [XK_LOG_DEBUG] = "debug",
};

static uint32_t *number_of(struct xk_policy *p, const struct number *n)
{
    return (uint32_t *)(void *)((char *)p + n->offset);
}

void xk_policy_default(struct xk_policy *p)
{
    size_t i;

    memset(p, 0, sizeof(*p));
    for (i = 0; i < XK_ARRAY_SIZE(numbers); i++)
        *number_of(p, &numbers[i]) = (uint32_t)numbers[i].value;
    for (i = 0; i < XK_ARRAY_SIZE(texts); i++)
        strcpy((char *)p + texts[i].offset, texts[i].value);
    p->log_level = XK_LOG_INFO;
}

const struct xk_rule *xk_policy_rule(const struct xk_policy *p,
                                     const char *name)
{
    size_t i;

    for (i = 0; i < p->rule_count; i++)
        if (!strcmp(p->rules[i].name, name))
            return &p->rules[i];
    return NULL;
}

static int read_number(struct xk_policy *p, const XLU_Config *cfg,
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
    *number_of(p, n) = (uint32_t)value;
    return 0;
}

static int read_text(struct xk_policy *p, const XLU_Config *cfg,
                     const struct text *t, const char *path)
{
    const char *value;
    int r;

    r = xlu_cfg_get_string(cfg, t->key, &value, 1);
    if (r == ESRCH)
        return 0;
    if (r || !*value || strlen(value) >= t->size ||
        (t->path && *value != '/')) {
        xk_err("%s: %s: expected %s", path, t->key,
               t->path ? "an absolute path" : "a user name");
        return -EINVAL;
    }
    strcpy((char *)p + t->offset, value);
    return 0;
}

/* A word out of a list, by its place there. */
static int read_word(const XLU_Config *cfg, const char *key,
                     const char *const *words, size_t count,
                     const char *right, const char *path, int *index_r)
{
    const char *value;
    size_t i;
    int r;

    r = xlu_cfg_get_string(cfg, key, &value, 1);
    if (r == ESRCH)
        return 0;
    for (i = 0; !r && i < count; i++) {
        if (!strcmp(value, words[i])) {
            *index_r = (int)i;
            return 0;
        }
    }
    xk_err("%s: %s: expected %s", path, key, right);
    return -EINVAL;
}

static int read_words(struct xk_policy *p, const XLU_Config *cfg,
                      const char *path)
{
    static const char *const actions[] = { "preserve", "destroy" };
    int level = (int)p->log_level, action = (int)p->action, rc;

    rc = read_word(cfg, "log_level", levels, XK_ARRAY_SIZE(levels),
                   "err, warn, info or debug", path, &level);
    if (!rc)
        rc = read_word(cfg, "action", actions, XK_ARRAY_SIZE(actions),
                       "preserve or destroy (restart is for single guests)",
                       path, &action);
    p->log_level = (enum xk_log_level)level;
    p->action = (enum xk_action)action;
    return rc;
}

static int read_rule(struct xk_policy *p, const char *text, const char *path)
{
    char why[XK_RULE_WHY];
    struct xk_rule rule;

    if (p->rule_count == XK_POLICY_RULES) {
        xk_err("%s: guests: expected at most %d", path, XK_POLICY_RULES);
        return -EINVAL;
    }
    if (xk_rule_parse(text, &rule, why)) {
        xk_err("%s: guests: item %zu: %s", path, p->rule_count + 1, why);
        return -EINVAL;
    }
    if (xk_policy_rule(p, rule.name)) {
        xk_err("%s: guests: item %zu: \"%s\" is named twice", path,
               p->rule_count + 1, rule.name);
        return -EINVAL;
    }
    p->rules[p->rule_count++] = rule;
    return 0;
}

static int read_rules(struct xk_policy *p, const XLU_Config *cfg,
                      const char *path)
{
    XLU_ConfigList *list;
    int i, count, r, rc = 0;
    const char *text;

    r = xlu_cfg_get_list(cfg, "guests", &list, &count, 1);
    if (r == ESRCH)
        return 0;
    for (i = 0; !r && !rc && i < count; i++) {
        text = xlu_cfg_get_listitem(list, i);
        if (text)
            rc = read_rule(p, text, path);
        else
            r = -1;
    }
    if (r)
        xk_err("%s: guests: expected a list: [ \"name=web,stateless=yes\", "
               "... ]", path);
    return r ? -EINVAL : rc;
}

static bool known(const char *key)
{
    static const char *const others[] = { "log_level", "action", "guests" };
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(numbers); i++)
        if (!strcmp(numbers[i].key, key))
            return true;
    for (i = 0; i < XK_ARRAY_SIZE(texts); i++)
        if (!strcmp(texts[i].key, key))
            return true;
    for (i = 0; i < XK_ARRAY_SIZE(others); i++)
        if (!strcmp(others[i], key))
            return true;
    return false;
}

int xk_policy_read(struct xk_policy *p, const char *path)
{
    XLU_Config *cfg;
    size_t i;
    int rc;

    rc = xk_cfg_check_keys(path, known);
    if (rc)
        return rc;
    cfg = xlu_cfg_init(stderr, path);
    if (!cfg)
        return -ENOMEM;
    rc = xlu_cfg_readfile(cfg, path) ? -EINVAL : 0;
    if (rc)
        xk_err("%s: cannot be read as a configuration", path);
    for (i = 0; !rc && i < XK_ARRAY_SIZE(numbers); i++)
        rc = read_number(p, cfg, &numbers[i], path);
    for (i = 0; !rc && i < XK_ARRAY_SIZE(texts); i++)
        rc = read_text(p, cfg, &texts[i], path);
    if (!rc)
        rc = read_words(p, cfg, path);
    if (!rc)
        rc = read_rules(p, cfg, path);
    xlu_cfg_destroy(cfg);
    return rc;
}
