/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One item of "guests" in xenkeep-crashd.conf(5), see policy.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/parse.h>
#include <xenkeep/util.h>

#include "policy.h"

static const char *const actions[] = {
    [XK_ACTION_PRESERVE] = "preserve",
    [XK_ACTION_DESTROY] = "destroy",
    [XK_ACTION_RESTART] = "restart",
};

const char *xk_action_name(enum xk_action action)
{
    return actions[action];
}

static bool take_name(struct xk_rule *rule, const char *value)
{
    char safe[sizeof(rule->name)];

    /* Compared to names that went the same way. */
    xk_log_safe(safe, sizeof(safe), value);
    if (!*value || strcmp(safe, value))
        return false;
    strcpy(rule->name, safe);
    return true;
}

static bool take_stateless(struct xk_rule *rule, const char *value)
{
    return !xk_parse_bool(value, &rule->stateless);
}

static bool take_action(struct xk_rule *rule, const char *value)
{
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(actions); i++) {
        if (!strcmp(value, actions[i])) {
            rule->action = (enum xk_action)i;
            rule->has_action = true;
            return true;
        }
    }
    return false;
}

static bool take_path(char path[XK_POLICY_PATH], const char *value)
{
    if (value[0] != '/' || strlen(value) >= XK_POLICY_PATH)
        return false;
    strcpy(path, value);
    return true;
}

static bool take_config(struct xk_rule *rule, const char *value)
{
    return take_path(rule->config, value);
}

static bool take_fallback(struct xk_rule *rule, const char *value)
{
    return take_path(rule->fallback, value);
}

static const struct {
    const char *name;
    bool (*take)(struct xk_rule *rule, const char *value);
    const char *right;
} keys[] = {
    { "name", take_name, "a guest's name of at most 63 printable characters" },
    { "stateless", take_stateless, "yes or no" },
    { "action", take_action, "preserve, destroy or restart" },
    { "config", take_config, "the absolute path of a file of xl" },
    { "fallback", take_fallback, "the absolute path of a file of xl" },
};

static int take_word(char *word, struct xk_rule *rule,
                     char why[XK_RULE_WHY])
{
    char *value = strchr(word, '='), safe[40];
    size_t i;

    if (value)
        *value++ = '\0';
    for (i = 0; value && i < XK_ARRAY_SIZE(keys); i++) {
        if (strcmp(keys[i].name, word))
            continue;
        if (keys[i].take(rule, value))
            return 0;
        snprintf(why, XK_RULE_WHY, "%s: expected %s", word, keys[i].right);
        return -EINVAL;
    }
    snprintf(why, XK_RULE_WHY, "\"%s\": expected name=, stateless=, action=, "
             "config= or fallback=", xk_log_safe(safe, sizeof(safe), word));
    return -EINVAL;
}

int xk_rule_parse(const char *text, struct xk_rule *rule,
                  char why[XK_RULE_WHY])
{
    xk_cleanup_free char *copy = strdup(text);
    char *word, *rest = copy;
    int rc = copy ? 0 : -ENOMEM;

    memset(rule, 0, sizeof(*rule));
    snprintf(why, XK_RULE_WHY, "out of memory");
    while (!rc && (word = strsep(&rest, ",")))
        rc = take_word(word, rule, why);
    if (!rc && !rule->name[0]) {
        snprintf(why, XK_RULE_WHY, "it names no guest: expected name=");
        rc = -EINVAL;
    }
    if (!rc && (rule->has_action && rule->action == XK_ACTION_RESTART) !=
                   (rule->config[0] != '\0')) {
        snprintf(why, XK_RULE_WHY, "action=restart and config= belong "
                 "together");
        rc = -EINVAL;
    }
    if (!rc && rule->fallback[0] && !rule->config[0]) {
        snprintf(why, XK_RULE_WHY, "fallback= needs action=restart");
        rc = -EINVAL;
    }
    return rc;
}
