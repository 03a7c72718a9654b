// SPDX-License-Identifier: GPL-2.0-only
/* Request lines of the control protocol, good and bad. */
#include <stdlib.h>
#include <string.h>

#include <xenkeep/control.h>
#include <xenkeep/util.h>

#include "ctl.h"
#include "unit.h"

START_TEST(test_good)
{
    static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":7,"
                               "\"method\":\"sweep\",\"params\":{\"a\":1}}";
    struct xk_ctl_request req;

    ck_assert_int_eq(xk_ctl_parse(line, strlen(line), &req), 0);
    ck_assert_str_eq(req.method, "sweep");
    ck_assert(req.has_id);
    ck_assert_int_eq(req.id, 7);
    ck_assert_ptr_nonnull(req.params);
    xk_ctl_request_dispose(&req);
    xk_ctl_request_dispose(&req);
}
END_TEST

START_TEST(test_no_params)
{
    static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":-1,"
                               "\"method\":\"version\"}";
    struct xk_ctl_request req;

    ck_assert_int_eq(xk_ctl_parse(line, strlen(line), &req), 0);
    ck_assert_ptr_null(req.params);
    ck_assert_int_eq(req.id, -1);
    xk_ctl_request_dispose(&req);
}
END_TEST

struct bad {
    const char *line;
    int code;
};

#define HEAD "{\"jsonrpc\":\"2.0\",\"id\":1,"

static const struct bad bads[] = {
    { "", XK_RPC_PARSE }, { " ", XK_RPC_PARSE }, { "{", XK_RPC_PARSE },
    { "hello", XK_RPC_PARSE }, { "{}x", XK_RPC_PARSE },
    { "{} {}", XK_RPC_PARSE }, { "{'a':1}", XK_RPC_INVALID },
    { HEAD "\"method\":\"x\",}", XK_RPC_PARSE },
    { HEAD "\"params\":{\"a\":[[[[[[[[1]]]]]]]]}}", XK_RPC_PARSE },
    { "[]", XK_RPC_INVALID }, { "\"x\"", XK_RPC_INVALID },
    { "{}", XK_RPC_INVALID }, { HEAD "\"x\":1}", XK_RPC_INVALID },
    { HEAD "\"method\":3}", XK_RPC_INVALID },
    { HEAD "\"method\":null}", XK_RPC_INVALID },
    { "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}", XK_RPC_INVALID },
    { "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"x\"}", XK_RPC_INVALID },
    { "{\"jsonrpc\":\"2.0\",\"method\":\"x\"}", XK_RPC_INVALID },
    { "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"x\"}",
      XK_RPC_INVALID },
    { HEAD "\"method\":\"x\",\"params\":[]}", XK_RPC_PARAMS },
    { HEAD "\"method\":\"x\",\"params\":null}", XK_RPC_PARAMS },
};

START_TEST(test_bad)
{
    struct xk_ctl_request req;
    const char *line = bads[_i].line;

    ck_assert_msg(xk_ctl_parse(line, strlen(line), &req) == bads[_i].code,
                  "%s", line);
    xk_ctl_request_dispose(&req);
}
END_TEST

START_TEST(test_bytes)
{
    static const char nul[] = HEAD "\"method\":\"x\"}\0";
    char *huge = malloc(XK_CONTROL_LINE + 1);
    struct xk_ctl_request req;

    ck_assert_int_eq(xk_ctl_parse(nul, sizeof(nul), &req), XK_RPC_PARSE);
    xk_ctl_request_dispose(&req);
    memset(huge, ' ', XK_CONTROL_LINE + 1);
    ck_assert_int_eq(xk_ctl_parse(huge, XK_CONTROL_LINE + 1, &req),
                     XK_RPC_PARSE);
    xk_ctl_request_dispose(&req);
    free(huge);
}
END_TEST

/* A zero byte inside of a name would hide what follows it. */
START_TEST(test_hidden_bytes)
{
    static const char line[] = HEAD "\"method\":\"sweep\\u0000x\"}";
    struct xk_ctl_request req;

    ck_assert_int_eq(xk_ctl_parse(line, strlen(line), &req), XK_RPC_INVALID);
    xk_ctl_request_dispose(&req);
}
END_TEST

TCase *tcase_ctl_request(void)
{
    TCase *tc = tcase_create("ctl_request");

    tcase_add_test(tc, test_good);
    tcase_add_test(tc, test_no_params);
    tcase_add_loop_test(tc, test_bad, 0, XK_ARRAY_SIZE(bads));
    tcase_add_test(tc, test_bytes);
    tcase_add_test(tc, test_hidden_bytes);
    return tc;
}
