// SPDX-License-Identifier: GPL-2.0-only
/* Paths, values and permissions: three strings, each ended by a zero byte. */
#include <errno.h>

#include "fuzz.h"
#include "schema.h"

static void check_value(const char *path, const char *value)
{
    const struct xk_schema_node *node = xk_schema_find(path);
    int rc = xk_schema_check(path, value);
    uint64_t v = 0;

    FUZZ_CHECK((rc == -ENOENT) == !node);
    FUZZ_CHECK(!rc || rc == -ENOENT || rc == -EINVAL || rc == -ERANGE);
    if (!node || xk_schema_u64(node, value, &v))
        return;
    FUZZ_CHECK(!rc && v >= node->min && v <= node->max);
    FUZZ_CHECK(v == strtoull(value, NULL, 10));
}

static void check_perms(const char *path, const char *perms)
{
    char expected[XK_SCHEMA_PERMS_MAX], small[5];
    int rc = xk_schema_perms(path, perms);

    if (xk_schema_expected_perms(path, expected, sizeof(expected))) {
        FUZZ_CHECK(rc == -ENOENT);
        return;
    }
    FUZZ_CHECK(strcmp(expected, "inherit"));
    FUZZ_CHECK(!rc || rc == -EINVAL || rc == -EPERM);
    if (strcmp(expected, "any"))
        FUZZ_CHECK(!xk_schema_perms(path, expected));
    if (!xk_schema_expected_perms(path, small, sizeof(small)))
        FUZZ_CHECK(!strcmp(small, expected));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    char *path = fuzz_string(&in);
    char *value = fuzz_string(&in);
    char *perms = fuzz_string(&in);

    check_value(path, value);
    check_perms(path, perms);
    free(path);
    free(value);
    free(perms);
    return 0;
}
