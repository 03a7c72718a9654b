// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file protocol's server, from the slots of its rings to the real
 * operations on a small directory. Whatever comes, nothing outside of the
 * share changes, no byte outside of the pool is touched, and there are no more
 * answers than requests.
 */
#include <unistd.h>

#include "xkfs_play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };

    if (geteuid())
        return 0;       /* whom a file belongs to is root's to say */
    xkfs_play(&in);
    return 0;
}
