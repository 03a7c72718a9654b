/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scan, see scan.h.
 */
#include "scan.h"

#include <errno.h>
#include <string.h>

#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>
#include <xenkeep/zero.h>

_Static_assert(sizeof(((struct scan_result *)0)->is_zero) == XK_SUPER_PAGES,
               "a flag a page");

int scan_kind(struct domain *dom, xk_gfn_t gfn, enum range_state *state_r)
{
    static const unsigned int at[] = { 0, XK_SUPER_PAGES / 2,
                                       XK_SUPER_PAGES - 1 };
    unsigned int holes = 0;
    enum xk_gfn_type type;
    size_t i;
    int rc;

    for (i = 0; i < XK_ARRAY_SIZE(at); i++) {
        rc = xk_hv_gfn_type(dom->md->hv, dom->info.domid, gfn + at[i], &type);
        if (rc)
            return rc;
        if (type == XK_GFN_RAM_RO)
            return -EBUSY;
        holes += type != XK_GFN_RAM;
    }
    *state_r = holes == XK_ARRAY_SIZE(at) ? RANGE_HOLE
               : holes                    ? RANGE_SPLIT
                                          : RANGE_UNKNOWN;
    return 0;
}

int scan_range(struct domain *dom, xk_gfn_t gfn, struct scan_result *result)
{
    xk_gfn_t gfns[XK_SUPER_PAGES];
    int errs[XK_SUPER_PAGES];
    unsigned int i;
    void *map;
    int rc;

    for (i = 0; i < XK_SUPER_PAGES; i++)
        gfns[i] = gfn + i;
    memset(result, 0, sizeof(*result));
    rc = xk_hv_map(dom->md->hv, dom->info.domid, gfns, XK_SUPER_PAGES, errs,
                   &map);
    if (rc)
        return rc;
    for (i = 0; i < XK_SUPER_PAGES; i++) {
        if (errs[i])
            continue;
        result->present++;
        result->is_zero[i] = xk_zero((char *)map + i * (size_t)XK_PAGE_SIZE,
                                     XK_PAGE_SIZE);
        result->zero += result->is_zero[i];
    }
    xk_hv_unmap(dom->md->hv, map, XK_SUPER_PAGES);
    return 0;
}
