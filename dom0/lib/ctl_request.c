/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One request line of the control protocol into its parts. Pure: no socket.
 */
#include "ctl.h"

#include <limits.h>
#include <string.h>

#include <xenkeep/control.h>

/* Deepest nesting of a request: {"params":{"x":...}} and some room. */
#define DEPTH 8

static struct json_object *parse_line(const char *line, size_t len)
{
    struct json_tokener *tok = json_tokener_new_ex(DEPTH);
    struct json_object *root;

    if (!tok)
        return NULL;
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    root = json_tokener_parse_ex(tok, line, (int)len);
    if (json_tokener_get_error(tok) != json_tokener_success ||
        json_tokener_get_parse_end(tok) != len) {
        json_object_put(root);
        root = NULL;
    }
    json_tokener_free(tok);
    return root;
}

static bool member(struct json_object *obj, const char *key, json_type type,
                   struct json_object **v)
{
    return json_object_object_get_ex(obj, key, v) &&
           json_object_is_type(*v, type);
}

int xk_ctl_parse(const char *line, size_t len, struct xk_ctl_request *req)
{
    struct json_object *v;

    memset(req, 0, sizeof(*req));
    if (len > XK_CONTROL_LINE || memchr(line, 0, len))
        return XK_RPC_PARSE;
    req->root = parse_line(line, len);
    if (!req->root)
        return XK_RPC_PARSE;
    if (!json_object_is_type(req->root, json_type_object))
        return XK_RPC_INVALID;
    if (member(req->root, "id", json_type_int, &v)) {
        req->id = json_object_get_int64(v);
        req->has_id = true;
    }
    if (!req->has_id || !member(req->root, "jsonrpc", json_type_string, &v) ||
        strcmp(json_object_get_string(v), "2.0") ||
        !member(req->root, "method", json_type_string, &v))
        return XK_RPC_INVALID;
    req->method = json_object_get_string(v);
    /* A zero byte would hide what follows it. */
    if (strlen(req->method) != (size_t)json_object_get_string_len(v))
        return XK_RPC_INVALID;
    if (json_object_object_get_ex(req->root, "params", &v)) {
        if (!json_object_is_type(v, json_type_object))
            return XK_RPC_PARAMS;
        req->params = v;
    }
    return 0;
}

void xk_ctl_request_dispose(struct xk_ctl_request *req)
{
    json_object_put(req->root);
    memset(req, 0, sizeof(*req));
}
