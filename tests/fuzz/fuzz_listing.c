// SPDX-License-Identifier: GPL-2.0-only
/* One line of xenstore-ls, whatever a guest put in its value. */
#include <errno.h>

#include "fuzz.h"
#include "listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    char *line = fuzz_string(&in);
    size_t len = strlen(line);
    struct xk_listing l;
    int rc;

    rc = xk_listing_parse(line, &l);
    FUZZ_CHECK(rc == 1 || rc == 0 || rc == -EINVAL);
    if (rc == 1) {
        FUZZ_CHECK(l.path == line && l.path[0] == '/');
        FUZZ_CHECK(!strpbrk(l.perms, "\"\n"));
        FUZZ_CHECK(strlen(l.path) + l.value_len + strlen(l.perms) < len);
        FUZZ_CHECK(l.value[l.value_len] == '\0');
    }
    free(line);
    return 0;
}
