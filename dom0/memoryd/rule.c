/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading one item of "guests", see rule.h: words "key=value" between commas,
 * each key once, in any order.
 */
#include "rule.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/parse.h>
#include <xenkeep/util.h>

#include "policy.h"

/* Longest value: a name, or any size with its suffix. */
#define VALUE_MAX 64

struct key;
typedef bool take_fn(const struct key *key, struct rule *rule,
                     const char *value);

struct key {
    const char *name;
    size_t offset;
    take_fn *take;
    uint64_t least, most;
    const char *right;          /* what was expected */
};

static bool take_name(const struct key *key, struct rule *rule,
                      const char *value)
{
    char safe[sizeof(rule->name)];

    (void)key;
    /* Compared to names that went the same way. */
    xk_log_safe(safe, sizeof(safe), value);
    if (!*value || strcmp(safe, value))
        return false;
    strcpy(rule->name, safe);
    return true;
}

static uint64_t *member(const struct key *key, struct rule *rule)
{
    return (uint64_t *)(void *)((char *)rule + key->offset);
}

static bool take_size(const struct key *key, struct rule *rule,
                      const char *value)
{
    uint64_t kib;

    if (xk_parse_size_kib(value, &kib) || kib < key->least || kib > key->most)
        return false;
    *member(key, rule) = kib;
    return true;
}

static bool take_number(const struct key *key, struct rule *rule,
                        const char *value)
{
    return !xk_parse_u64(value, key->least, key->most, member(key, rule));
}

static bool take_answer(const struct key *key, struct rule *rule,
                        const char *value)
{
    bool yes = !strcmp(value, "yes");

    *member(key, rule) = yes ? RULE_YES : RULE_NO;
    return yes || !strcmp(value, "no");
}

#define KEY(name, member, take, least, most, right) \
    { name, offsetof(struct rule, member), take, least, most, right }

static const struct key keys[] = {
    KEY("name", name, take_name, 0, 0,
        "a guest's name of at most 63 printable characters"),
    KEY("min", min_kib, take_size, 1024, RULE_SIZE_MAX_KIB,
        "a size such as 256M or 1G"),
    KEY("max", max_kib, take_size, 1024, RULE_SIZE_MAX_KIB,
        "a size such as 256M or 1G"),
    KEY("weight", weight, take_number, 1, POLICY_WEIGHT_MAX,
        "a number from 1 to 1000"),
    KEY("pace", pace_kib, take_size, 1024, RULE_SIZE_MAX_KIB,
        "a size a second, such as 64M"),
    KEY("recover", recover, take_answer, 0, 0, "yes or no"),
    KEY("overcommit", overcommit_kib, take_size, 2048, RULE_SIZE_MAX_KIB,
        "a size of at least 2M, such as 256M"),
};

static const struct key *find_key(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(keys); i++)
        if (strlen(keys[i].name) == len && !strncmp(keys[i].name, name, len))
            return &keys[i];
    return NULL;
}

/* A piece of what was given, cut, for a complaint. */
static const char *quote(char buf[48], const char *text, size_t len)
{
    char piece[40];

    snprintf(piece, sizeof(piece), "%.*s", (int)xk_min_size(len, 39), text);
    return xk_log_safe(buf, 48, piece);
}

/* One word of `len` bytes. */
static int take_word(const char *word, size_t len, struct rule *rule,
                     unsigned int *seen, char why[RULE_WHY_MAX])
{
    const char *eq = memchr(word, '=', len);
    size_t key_len = eq ? (size_t)(eq - word) : len;
    const struct key *key = find_key(word, key_len);
    char value[VALUE_MAX + 1], safe[48];
    size_t value_len = eq ? len - key_len - 1 : 0;
    unsigned int bit;

    if (!key || !eq) {
        snprintf(why, RULE_WHY_MAX, "\"%s\": expected name=, min=, max=, "
                 "weight=, pace=, recover= or overcommit=",
                 quote(safe, word, len));
        return -EINVAL;
    }
    bit = 1u << (key - keys);
    if (*seen & bit) {
        snprintf(why, RULE_WHY_MAX, "%s is given twice", key->name);
        return -EINVAL;
    }
    *seen |= bit;
    snprintf(value, sizeof(value), "%.*s",
             (int)xk_min_size(value_len, VALUE_MAX), eq + 1);
    if (value_len <= VALUE_MAX && key->take(key, rule, value))
        return 0;
    snprintf(why, RULE_WHY_MAX, "%s \"%s\": expected %s", key->name,
             quote(safe, eq + 1, value_len), key->right);
    return -EINVAL;
}

static int check_whole(const struct rule *rule, char why[RULE_WHY_MAX])
{
    char min[XK_FORMAT_KIB_MAX], max[XK_FORMAT_KIB_MAX];

    if (!rule->name[0]) {
        snprintf(why, RULE_WHY_MAX, "no guest is named: expected name=");
        return -EINVAL;
    }
    if (rule->min_kib && rule->max_kib && rule->min_kib > rule->max_kib) {
        snprintf(why, RULE_WHY_MAX, "min of %s is above max of %s: expected "
                 "min to be at most max",
                 xk_format_kib(min, sizeof(min), rule->min_kib),
                 xk_format_kib(max, sizeof(max), rule->max_kib));
        return -EINVAL;
    }
    return 0;
}

int rule_parse(const char *text, struct rule *rule, char why[RULE_WHY_MAX])
{
    unsigned int seen = 0;
    size_t len;
    int rc;

    memset(rule, 0, sizeof(*rule));
    why[0] = '\0';
    for (;; text++) {
        len = strcspn(text, ",");
        rc = take_word(text, len, rule, &seen, why);
        if (rc)
            return rc;
        text += len;
        if (!*text)
            return check_whole(rule, why);
    }
}
