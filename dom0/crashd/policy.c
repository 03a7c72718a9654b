/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the configuration can say, see policy.h.
 */
#include "policy.h"

#include <errno.h>
#include <string.h>

#include <xenkeep/util.h>

#include "cfg.h"

#define NUMBER(member, min, max, value) \
    { #member, offsetof(struct xk_policy, member), min, max, value }

static const struct xk_cfg_number numbers[] = {
    NUMBER(keep_dumps, 1, 1000, 8),
    NUMBER(keep_mib, 16, 1 << 30, 16384),
    NUMBER(keep_days, 1, 36500, 90),
    NUMBER(keep_free_mib, 0, 1 << 30, 1024),
    NUMBER(workers, 1, 16, 2),
    NUMBER(store_free, 0, 1, 0),
    NUMBER(skip_diskless, 0, 1, 0),
    NUMBER(catch_triple_faults, 0, 1, 1),
    NUMBER(hold_coredumps, 0, 1, 1),
    NUMBER(hold_panics, 0, 1, 1),
    NUMBER(loop_minutes, 1, 1440, 60),
    NUMBER(loop_deaths, 1, XK_POLICY_LOOP_DEATHS, 4),
    NUMBER(loop_delay_s, 1, 3600, 120),
    { .key = NULL },
};

#define TEXT(member, path, value) \
    { #member, offsetof(struct xk_policy, member), \
      sizeof(((struct xk_policy *)NULL)->member), path, value }

static const struct xk_cfg_text texts[] = {
    TEXT(store, true, "/var/lib/xenkeep/crash"),
    TEXT(keys, true, XK_SYSCONFDIR "/xenkeep/crash"),
    TEXT(user, false, "xenkeep"),
    { .key = NULL },
};

/* For all guests; a restart needs to know from which file. */
static const char *const actions[] = {
    [XK_ACTION_PRESERVE] = "preserve", [XK_ACTION_DESTROY] = "destroy",
};

static const char *const loop_actions[] = {
    [XK_ACTION_PRESERVE] = "hold", [XK_ACTION_DESTROY] = "destroy",
};

static const struct xk_cfg_word words[] = {
    XK_CFG_LOG_LEVEL(struct xk_policy, log_level),
    { "action", offsetof(struct xk_policy, action), actions,
      XK_ARRAY_SIZE(actions),
      "preserve or destroy (restart is for single guests)",
      XK_ACTION_PRESERVE },
    { "loop_action", offsetof(struct xk_policy, loop_action), loop_actions,
      XK_ARRAY_SIZE(loop_actions), "hold or destroy", XK_ACTION_PRESERVE },
    { .key = NULL },
};

const struct xk_rule *xk_policy_rule(const struct xk_policy *p,
                                     const char *name)
{
    size_t i;

    for (i = 0; i < p->rule_count; i++)
        if (!strcmp(p->rules[i].name, name))
            return &p->rules[i];
    return NULL;
}

static int add_rule(void *to, size_t index, const char *text,
                    const char *path)
{
    struct xk_policy *p = to;
    char why[XK_RULE_WHY];
    struct xk_rule rule;

    if (p->rule_count == XK_POLICY_RULES) {
        xk_err("%s: guests: expected at most %d", path, XK_POLICY_RULES);
        return -EINVAL;
    }
    if (xk_rule_parse(text, &rule, why)) {
        xk_err("%s: guests: item %zu: %s", path, index + 1, why);
        return -EINVAL;
    }
    if (xk_policy_rule(p, rule.name)) {
        xk_err("%s: guests: item %zu: \"%s\" is named twice", path,
               index + 1, rule.name);
        return -EINVAL;
    }
    p->rules[p->rule_count++] = rule;
    return 0;
}

static const struct xk_cfg_list lists[] = {
    { "guests", add_rule, "[ \"name=web,stateless=yes\", ... ]" },
    { .key = NULL },
};

static const struct xk_cfg cfg = { numbers, texts, words, lists };

void xk_policy_default(struct xk_policy *p)
{
    memset(p, 0, sizeof(*p));
    xk_cfg_default(&cfg, p);
}

int xk_policy_read(struct xk_policy *p, const char *path)
{
    int rc = xk_cfg_read(&cfg, p, path);

    /* Deaths are counted by their records. */
    if (!rc && p->keep_dumps <= p->loop_deaths) {
        xk_err("%s: keep_dumps: expected more than loop_deaths, which is %u",
               path, p->loop_deaths);
        rc = -EINVAL;
    }
    return rc;
}
