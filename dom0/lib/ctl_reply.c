/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each daemon's methods say and ask alike, see ctl.h.
 */
#include "ctl.h"

#include <string.h>

#include <xenkeep/control.h>
#include <xenkeep/util.h>

#include "config.h"

void xk_ctl_reply_version(struct xk_ctl_call *call, const char *name)
{
    struct json_object *obj = json_object_new_object();

    json_object_object_add(obj, "name", json_object_new_string(name));
    json_object_object_add(obj, "version",
                           json_object_new_string(PACKAGE_VERSION));
    xk_ctl_reply(call, obj);
}

void xk_ctl_reply_metrics(struct xk_ctl_call *call,
                          const struct xk_metric *metrics, size_t count,
                          const void *base)
{
    xk_cleanup_free char *text = xk_metrics_text(metrics, count, base);
    struct json_object *obj;

    if (!text) {
        xk_ctl_fail(call, XK_RPC_FAILED, "out of memory");
        return;
    }
    obj = json_object_new_object();
    json_object_object_add(obj, "text", json_object_new_string(text));
    xk_ctl_reply(call, obj);
}

const char *xk_ctl_text(struct json_object *params, const char *key)
{
    struct json_object *v;
    const char *s;

    if (!json_object_object_get_ex(params, key, &v) ||
        !json_object_is_type(v, json_type_string))
        return NULL;
    s = json_object_get_string(v);
    return strlen(s) == (size_t)json_object_get_string_len(v) ? s : NULL;
}
