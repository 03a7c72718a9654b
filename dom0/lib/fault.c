/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault points of test builds, see fault.h.
 */
#include "fault.h"

#ifdef XK_FAULT_POINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>

void xk_fault(const char *name)
{
    static unsigned int seen;
    const char *wanted = getenv("XK_FAULT"), *colon;
    size_t len;

    if (!wanted)
        return;
    colon = strchr(wanted, ':');
    len = colon ? (size_t)(colon - wanted) : strlen(wanted);
    if (strlen(name) != len || strncmp(name, wanted, len))
        return;
    if (++seen >= (colon ? strtoul(colon + 1, NULL, 10) : 1ul))
        (void)raise(SIGKILL);
}
#else
typedef int xk_fault_is_empty;
#endif
