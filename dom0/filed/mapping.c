/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mapping rings and pool, see mapping.h.
 */
#include "mapping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xengnttab.h>

#include <xenkeep/util.h>

#define PAGE 4096u
#define RW (PROT_READ | PROT_WRITE)

static int lib_errno(void)
{
    return errno ? -errno : -EIO;
}

static void *map_refs(xengnttab_handle *xgt, uint32_t domid, uint32_t *refs,
                      uint32_t count, int prot)
{
    errno = 0;
    return xengnttab_map_domain_grant_refs(xgt, count, domid, refs, prot);
}

static int map_rings(xengnttab_handle *xgt, const struct plan *plan,
                     struct mapping *map)
{
    uint32_t pages = 1u << plan->ring_order, i;
    uint32_t refs[PLAN_RING_PAGES];

    for (i = 0; i < plan->queues; i++) {
        memcpy(refs, plan->queue[i].refs, sizeof(refs));
        map->ring[i] = map_refs(xgt, plan->domid, refs, pages, RW);
        if (!map->ring[i])
            return lib_errno();
    }
    map->ring_size = (size_t)pages * PAGE;
    return 0;
}

/* The references that stand in the directory pages, copied once. */
static int read_directory(xengnttab_handle *xgt, const struct plan *plan,
                          uint32_t *refs)
{
    uint32_t i, at, n, ref;
    void *page;

    for (i = 0, at = 0; at < plan->pool_pages; i++, at += n) {
        n = plan->pool_pages - at;
        if (n > XK_XKFS_DIR_REFS)
            n = XK_XKFS_DIR_REFS;
        ref = plan->pool_refs[i];
        page = map_refs(xgt, plan->domid, &ref, 1, PROT_READ);
        if (!page)
            return lib_errno();
        memcpy(refs + at, page, n * sizeof(*refs));
        (void)xengnttab_unmap(xgt, page, 1);
    }
    return 0;
}

static int map_pool(xengnttab_handle *xgt, const struct plan *plan,
                    struct mapping *map)
{
    xk_cleanup_free uint32_t *refs = calloc(plan->pool_pages, sizeof(*refs));
    int rc = refs ? read_directory(xgt, plan, refs) : -ENOMEM;

    if (rc)
        return rc;
    map->pool = map_refs(xgt, plan->domid, refs, plan->pool_pages, RW);
    if (!map->pool)
        return lib_errno();
    map->pool_size = (size_t)plan->pool_pages * PAGE;
    return 0;
}

int mapping_make(const struct plan *plan, struct mapping *map)
{
    xengnttab_handle *xgt;
    int rc;

    errno = 0;
    xgt = xengnttab_open(NULL, 0);
    if (!xgt)
        return lib_errno();
    rc = map_rings(xgt, plan, map);
    if (!rc)
        rc = map_pool(xgt, plan, map);
    xengnttab_close(xgt);
    return rc;
}
