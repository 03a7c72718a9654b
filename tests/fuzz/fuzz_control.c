// SPDX-License-Identifier: GPL-2.0-only
/* Request lines of the control socket, as a peer may send them. */
#include <xenkeep/control.h>

#include "ctl.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xk_ctl_request req;
    char *line = malloc(size ? size : 1);   /* no byte to spare */
    int code;

    if (!line)
        abort();
    memcpy(line, data, size);
    code = xk_ctl_parse(line, size, &req);
    FUZZ_CHECK(code == 0 || code == XK_RPC_PARSE || code == XK_RPC_INVALID ||
               code == XK_RPC_PARAMS);
    if (!code) {
        FUZZ_CHECK(req.has_id && req.method);
        FUZZ_CHECK(!req.params ||
                   json_object_is_type(req.params, json_type_object));
    }
    if (code == XK_RPC_PARSE)
        FUZZ_CHECK(!req.root);
    xk_ctl_request_dispose(&req);
    free(line);
    return 0;
}
