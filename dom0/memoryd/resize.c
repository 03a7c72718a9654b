/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's limit and target after its balloon was moved, see resize.h.
 */
#include "resize.h"

#include <stdio.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "xk-keys.h"

static void settle_target(struct domain *dom, const struct resize *r)
{
    char path[XK_XS_PATH_MAX];
    uint64_t target;
    int rc;

    if (!r->moved)
        return;
    rc = domain_target_kib(dom, &target);
    if (!rc) {
        target = r->shrinking ? target + r->moved * 4
                              : target - xk_min_u64(target, r->moved * 4);
        snprintf(path, sizeof(path), XK_PATH_MEMORY_TARGET, dom->info.domid);
        rc = xk_xs_write_u64(dom->md->xs, path, target);
    }
    if (rc)
        xk_warn("%s: memory/target: %s", dom->name, strerror(-rc));
}

static void settle_limit(struct domain *dom, const struct resize *r)
{
    uint64_t max = dom->info.max_pages, less = r->moved;
    int rc;

    if (r->shrinking)
        less = r->raised - xk_min_u64(r->raised, less);
    if (!less)
        return;
    max = xk_max_u64(max - xk_min_u64(max, less), dom->info.tot_pages);
    rc = xk_hv_set_max_pages(dom->md->hv, dom->info.domid, max);
    if (rc)
        xk_warn("%s: memory limit: %s", dom->name, strerror(-rc));
}

void resize_settle(struct domain *dom, const struct resize *r)
{
    settle_target(dom, r);
    settle_limit(dom, r);
}
