// SPDX-License-Identifier: GPL-2.0-only
/*
 * Items of "guests" in the configuration: what is taken is within its bounds
 * and reads the same when it is written down again; what is not has a line
 * that says why.
 */
#include <errno.h>
#include <inttypes.h>

#include "fuzz.h"
#include "policy.h"
#include "rule.h"

static int put(char *text, size_t size, const char *key, uint64_t value,
               const char *unit)
{
    return value ? snprintf(text, size, ",%s=%" PRIu64 "%s", key, value, unit)
                 : 0;
}

static void check_taken(const struct rule *rule)
{
    char text[256], why[RULE_WHY_MAX];
    struct rule again;
    size_t n;

    FUZZ_CHECK(*rule->name && !strchr(rule->name, ','));
    FUZZ_CHECK(rule->min_kib <= RULE_SIZE_MAX_KIB);
    FUZZ_CHECK(rule->max_kib <= RULE_SIZE_MAX_KIB);
    FUZZ_CHECK(rule->pace_kib <= RULE_SIZE_MAX_KIB);
    FUZZ_CHECK(rule->weight <= POLICY_WEIGHT_MAX);
    FUZZ_CHECK(!rule->max_kib || rule->min_kib <= rule->max_kib);
    n = (size_t)snprintf(text, sizeof(text), "name=%s", rule->name);
    n += (size_t)put(text + n, sizeof(text) - n, "min", rule->min_kib, "k");
    n += (size_t)put(text + n, sizeof(text) - n, "max", rule->max_kib, "k");
    n += (size_t)put(text + n, sizeof(text) - n, "weight", rule->weight, "");
    n += (size_t)put(text + n, sizeof(text) - n, "pace", rule->pace_kib, "k");
    FUZZ_CHECK(n < sizeof(text));
    FUZZ_CHECK(!rule_parse(text, &again, why));
    FUZZ_CHECK(!memcmp(rule, &again, sizeof(again)));
}

static void check_why(const char *why)
{
    size_t i, n = strlen(why);

    FUZZ_CHECK(n && n < RULE_WHY_MAX);
    for (i = 0; i < n; i++)
        FUZZ_CHECK(why[i] >= ' ' && why[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    char *text = fuzz_string(&in), why[RULE_WHY_MAX];
    struct rule rule;
    int rc;

    rc = rule_parse(text, &rule, why);
    FUZZ_CHECK(!rc || rc == -EINVAL);
    if (rc)
        check_why(why);
    else
        check_taken(&rule);
    free(text);
    return 0;
}
