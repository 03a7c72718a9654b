/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disks of a guest, see diskless.h. xenstore is asked for the numbers that a
 * disk can have (docs/man/xen-vbd-interface(7)), not for those it has.
 */
#include "diskless.h"

#include <stdio.h>

#include <xenkeep/util.h>

#include "xk-keys.h"

/* xvd, hd, sd: the number of the first, the step to the next, how many. */
static const struct {
    unsigned int first, step, count;
} kinds[] = {
    { 202 << 8, 16, 16 },
    { 3 << 8, 64, 2 },
    { 22 << 8, 64, 2 },
    { 8 << 8, 16, 16 },
    { 1 << 28 | 16 << 8, 256, 16 },
};

#define PARTITIONS 16u

static bool is_writable(struct xk_xs *xs, xk_domid_t domid, unsigned int id)
{
    char path[XK_XS_PATH_MAX], mode[9];

    snprintf(path, sizeof(path), XK_PATH_VBD_MODE, domid, id);
    return !xk_xs_read(xs, path, mode, sizeof(mode)) && mode[0] == 'w';
}

bool xk_diskless(struct xk_xs *xs, xk_domid_t domid)
{
    unsigned int disk, part;
    size_t kind;

    for (kind = 0; kind < XK_ARRAY_SIZE(kinds); kind++)
        for (disk = 0; disk < kinds[kind].count; disk++)
            for (part = 0; part < PARTITIONS; part++)
                if (is_writable(xs, domid, kinds[kind].first +
                                disk * kinds[kind].step + part))
                    return false;
    return true;
}
