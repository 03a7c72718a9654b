// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checker against the real table: what the daemons rely on. The records
 * themselves are data; gen-schema.awk's checks are in test-checkers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#include "schema.h"
#include "unit.h"
#include "xk-keys.h"

#define FE "/local/domain/5/device/xk-balloon/0"
#define BE "/local/domain/0/backend/xk-balloon/5/0"

static const struct {
    const char *path;
    const char *name;
} paths[] = {
    { "/local/domain/0/name", "DOMAIN_NAME" },
    { "/local/domain/32751/name", "DOMAIN_NAME" },
    { "/local/domain/32752/name", NULL },
    { "/local/domain/05/name", NULL },
    { "/local/domain/-1/name", NULL },
    { "/local/domain//name", NULL },
    { "/local/domain/5/name/", NULL },
    { "/local/domain/5/name/x", NULL },
    { "/local/domain/5/nam", NULL },
    { "/local/domain/5/names", NULL },
    { "/local/domain/5x/name", NULL },
    { "local/domain/5/name", NULL },
    { "", NULL },
    { "/", NULL },
    { "//", NULL },
    { FE, "BALLOON_FRONTEND" },
    { FE "/state", "BALLOON_FE_STATE" },
    { "/local/domain/5/device/xk-balloon/4294967295/state",
      "BALLOON_FE_STATE" },
    { "/local/domain/5/device/xk-balloon/4294967296/state", NULL },
    { "/local/domain/5/device/xk-balloon/x/state", NULL },
    { BE "/state", "BALLOON_BE_STATE" },
    { "/local/domain/1/backend/xk-balloon/5/0/state", NULL },
    { "/local/domain/5/device/xkfs/0/queue/8/ring/7",
      "FILES_FE_QUEUE_RING_REF" },
    { "/local/domain/5/device/xkfs/0/queue/8/ring/07", NULL },
    { "/local/domain/5/device/xkfs/0/queue/x/ring/7", NULL },
    { "/local/domain/5/device/xkfs/0/pool/0x1", NULL },
};

START_TEST(test_find)
{
    const struct xk_schema_node *node = xk_schema_find(paths[_i].path);

    if (!paths[_i].name) {
        ck_assert_ptr_null(node);
        ck_assert_int_eq(xk_schema_check(paths[_i].path, ""), -ENOENT);
        return;
    }
    ck_assert_ptr_nonnull(node);
    ck_assert_str_eq(node->name, paths[_i].name);
}
END_TEST

/* Every record is found by a path of its own pattern. */
START_TEST(test_all)
{
    const struct xk_schema_node *node = &xk_schema_nodes[_i];
    char path[512];
    const char *p;
    size_t n = 0;

    for (p = node->path; *p; p++) {
        if (*p != '$') {
            path[n++] = *p;
            continue;
        }
        path[n++] = '7';
        p += strcspn(p, "/") - 1;
    }
    path[n] = '\0';
    ck_assert_ptr_eq(xk_schema_find(path), node);
    ck_assert_uint_ne(node->writers, 0);
    ck_assert_uint_ne(node->readers, 0);
    ck_assert_int_eq(node->type == XK_SCHEMA_ENUM, node->words != NULL);
    ck_assert_int_eq(xk_schema_expected_perms(path, path, sizeof(path)), 0);
    ck_assert_str_ne(path, "inherit");
    ck_assert_ptr_null(strchr(path, '$'));
}
END_TEST

static const struct {
    const char *path;
    const char *value;
    int rc;
} values[] = {
    { FE "/state", "0", 0 },
    { FE "/state", "8", 0 },
    { FE "/state", "9", -ERANGE },
    { FE "/state", "99999999999999999999", -ERANGE },
    { FE "/state", "", -EINVAL },
    { FE "/state", "04", -EINVAL },
    { FE "/state", "0x4", -EINVAL },
    { FE "/state", " 4", -EINVAL },
    { FE "/state", "4\n", -EINVAL },
    { FE "/state", "-4", -EINVAL },
    { FE "/event-channel", "0", -ERANGE },
    { FE "/event-channel", "131071", 0 },
    { FE "/ring-ref", "4294967295", 0 },
    { FE "/ring-ref", "4294967296", -ERANGE },
    { FE, "", 0 },
    { FE, "x", -EINVAL },
    { FE "/backend", BE, 0 },
    { FE "/backend", "", -EINVAL },
    { FE "/backend", "relative/path", -EINVAL },
    { FE "/backend", "/a//b", -EINVAL },
    { FE "/backend", "/a/", -EINVAL },
    { FE "/backend", "/", -EINVAL },
    { FE "/backend", "/a b", -EINVAL },
    { FE "/backend", "/a\xff", -EINVAL },
    { "/local/domain/5/name", "web 1", 0 },
    { "/local/domain/5/name", "", 0 },
    { "/local/domain/5/name", "web\n", -EINVAL },
    { "/local/domain/5/name", "w\xc3\xa9" "b", -EINVAL },
    { "/local/domain/5/memory/target", "4398046511103", 0 },
    { "/local/domain/5/memory/target", "4398046511104", -ERANGE },
};

START_TEST(test_values)
{
    ck_assert_int_eq(xk_schema_check(values[_i].path, values[_i].value),
                     values[_i].rc);
}
END_TEST

START_TEST(test_long_values)
{
    char text[4096];

    memset(text, 'x', sizeof(text));
    text[257] = '\0';
    ck_assert_int_eq(xk_schema_check("/local/domain/5/name", text), -ERANGE);
    text[256] = '\0';
    ck_assert_int_eq(xk_schema_check("/local/domain/5/name", text), 0);
    memset(text, 'x', sizeof(text));
    text[0] = '/';
    text[3073] = '\0';
    ck_assert_int_eq(xk_schema_check(FE "/backend", text), -ERANGE);
    text[3072] = '\0';
    ck_assert_int_eq(xk_schema_check(FE "/backend", text), 0);
}
END_TEST

START_TEST(test_enum)
{
    static const char *const words[] = { "on", "off", NULL };
    const struct xk_schema_node node = {
        .type = XK_SCHEMA_ENUM, .words = words,
    };

    ck_assert_int_eq(xk_schema_value(&node, "off"), 0);
    ck_assert_int_eq(xk_schema_value(&node, "of"), -EINVAL);
    ck_assert_int_eq(xk_schema_value(&node, "offs"), -EINVAL);
    ck_assert_int_eq(xk_schema_value(&node, ""), -EINVAL);
}
END_TEST

START_TEST(test_u64)
{
    const struct xk_schema_node whole = {
        .type = XK_SCHEMA_U64, .max = UINT64_MAX,
    };
    uint64_t v = 77;

    ck_assert_int_eq(xk_schema_u64(&whole, "18446744073709551616", &v),
                     -ERANGE);
    ck_assert_int_eq(xk_schema_u64(&whole, "1x", &v), -EINVAL);
    ck_assert_int_eq(xk_schema_u64(xk_schema_find(FE), "1", &v), -EINVAL);
    ck_assert_uint_eq(v, 77);
    ck_assert_int_eq(xk_schema_u64(&whole, "18446744073709551615", &v), 0);
    ck_assert_uint_eq(v, UINT64_MAX);
}
END_TEST

static const struct {
    const char *path;
    const char *perms;
    int rc;
} perms[] = {
    { FE, "n5,r0", 0 },
    { FE, "n0,r5", -EPERM },
    { FE, "n5", -EPERM },
    { FE, "n5,r0,r6", -EPERM },
    { FE, "b5,r0", -EPERM },
    { FE "/state", "n5,r0", 0 },
    { FE "/state", "n6,r0", -EPERM },
    { BE, "n0,r5", 0 },
    { BE "/state", "n0,r5", 0 },
    { BE "/state", "n0,b5", -EPERM },
    { "/local/domain/5/device/xk-balloon", "n0,r5,w9,b10", 0 },
    { "/local/domain/5/device/xk-balloon", "x0", -EINVAL },
    { "/local/domain/5/device/xk-balloon", "n0,", -EINVAL },
    { "/local/domain/5/device/xk-balloon", "n65536", -EINVAL },
    { FE, "", -EINVAL },
    { FE, "n", -EINVAL },
    { FE, "n5,,r0", -EINVAL },
    { FE, "n05,r0", -EINVAL },
    { FE "/foo", "n5,r0", -ENOENT },
};

START_TEST(test_perms)
{
    ck_assert_int_eq(xk_schema_perms(perms[_i].path, perms[_i].perms),
                     perms[_i].rc);
}
END_TEST

START_TEST(test_expected)
{
    char dst[XK_SCHEMA_PERMS_MAX];

    ck_assert_int_eq(xk_schema_expected_perms(BE "/state", dst,
                                              sizeof(dst)), 0);
    ck_assert_str_eq(dst, "n0,r5");
    ck_assert_int_eq(xk_schema_expected_perms(BE, dst, 6), 0);
    ck_assert_int_eq(xk_schema_expected_perms(BE, dst, 5), -ENOSPC);
    ck_assert_int_eq(xk_schema_expected_perms(BE, dst, 0), -ENOSPC);
}
END_TEST

START_TEST(test_macros)
{
    char path[128];

    (void)snprintf(path, sizeof(path), XK_PATH_BALLOON_FE_RING_REF, 5u, 0u);
    ck_assert_str_eq(path, FE "/" XK_KEY_BALLOON_FE_RING_REF);
}
END_TEST

TCase *tcase_schema(void)
{
    TCase *tc = tcase_create("schema");

    tcase_add_loop_test(tc, test_find, 0, XK_ARRAY_SIZE(paths));
    tcase_add_loop_test(tc, test_all, 0, (int)xk_schema_count);
    tcase_add_loop_test(tc, test_values, 0, XK_ARRAY_SIZE(values));
    tcase_add_test(tc, test_long_values);
    tcase_add_test(tc, test_enum);
    tcase_add_test(tc, test_u64);
    tcase_add_loop_test(tc, test_perms, 0, XK_ARRAY_SIZE(perms));
    tcase_add_test(tc, test_expected);
    tcase_add_test(tc, test_macros);
    return tc;
}
