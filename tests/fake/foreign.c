/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libxenforeignmemory: maps of guest pages and of grant tables. A page that
 * could not be mapped faults when it is touched.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <xenforeignmemory.h>
#include <xen/memory.h>

#include "gnttab.h"
#include "memop.h"
#include "state.h"

struct xenforeignmemory_handle {
    int dummy;
};

struct xenforeignmemory_resource_handle {
    void *addr;
};

xenforeignmemory_handle *xenforeignmemory_open(
    struct xentoollog_logger *logger, unsigned int open_flags)
{
    (void)logger, (void)open_flags;
    return calloc(1, sizeof(xenforeignmemory_handle));
}

int xenforeignmemory_close(xenforeignmemory_handle *fmem)
{
    free(fmem);
    return 0;
}

void *xenforeignmemory_map(xenforeignmemory_handle *fmem, uint32_t dom,
                           int prot, size_t pages, const xen_pfn_t *arr,
                           int *err)
{
    int *errs = err ? err : calloc(pages, sizeof(*errs));
    struct fk_map *map = NULL;
    void *addr = NULL;
    size_t i;

    (void)fmem;
    if (!pages || !errs) {
        errno = pages ? ENOMEM : EINVAL;
        goto out;
    }
    if (!fk_enter(FAKE_CALL_MAP, NULL))
        goto out;
    map = fk_memop_map((uint16_t)dom, arr, pages, prot, errs);
    addr = map ? map->addr : NULL;
    /* Without a place for the errors one of them fails all. */
    for (i = 0; map && !err && i < pages; i++) {
        if (errs[i]) {
            fk_map_drop(map);
            addr = NULL;
            errno = -errs[i];
            break;
        }
    }
    fk_leave(0);
out:
    if (!err)
        free(errs);
    return addr;
}

static int unmap(enum fk_map_kind kind, enum fake_call call, void *addr,
                 size_t pages)
{
    struct fk_map *map;

    if (!fk_enter(call, NULL))
        return -1;
    map = fk_map_at(kind, addr);
    if (!map || (pages && map->pages != pages))
        return fk_leave_rc(-EINVAL);
    fk_map_drop(map);
    return fk_leave_rc(0);
}

int xenforeignmemory_unmap(xenforeignmemory_handle *fmem, void *addr,
                           size_t pages)
{
    (void)fmem;
    return unmap(FK_MAP_FOREIGN, FAKE_CALL_UNMAP, addr, pages);
}

xenforeignmemory_resource_handle *xenforeignmemory_map_resource(
    xenforeignmemory_handle *fmem, domid_t domid, unsigned int type,
    unsigned int id, unsigned long frame, unsigned long nr_frames,
    void **paddr, int prot, int flags)
{
    xenforeignmemory_resource_handle *res = NULL;
    uint64_t labels[FK_GRANT_FRAMES];
    struct fk_domain *d;
    struct fk_map *map;
    unsigned int i;

    (void)fmem;
    if (flags & ~(MAP_SHARED | MAP_PRIVATE)) {
        errno = EINVAL;
        return NULL;
    }
    if (!fk_enter(FAKE_CALL_RESOURCE, NULL))
        return NULL;
    d = fk_dom(domid);
    errno = d ? EINVAL : ESRCH;
    if (!d || type != XENMEM_resource_grant_table ||
        id != XENMEM_resource_grant_table_id_shared || !nr_frames ||
        frame + nr_frames > FK_GRANT_FRAMES)
        goto out;
    /* Asking beyond the end makes the table grow, as in Xen. */
    if (fk_grant_grow(d, (unsigned int)(frame + nr_frames))) {
        errno = ENOMEM;
        goto out;
    }
    for (i = 0; i < nr_frames; i++)
        labels[i] = frame + i;
    map = fk_map_new(FK_MAP_RESOURCE, domid, d->grant_frames + frame, labels,
                     nr_frames, prot);
    if (!map)
        goto out;
    res = malloc(sizeof(*res));
    if (!res) {
        fk_map_drop(map);
        goto out;
    }
    res->addr = *paddr = map->addr;
out:
    fk_leave(0);
    return res;
}

int xenforeignmemory_unmap_resource(xenforeignmemory_handle *fmem,
                                    xenforeignmemory_resource_handle *fres)
{
    int r;

    (void)fmem;
    r = unmap(FK_MAP_RESOURCE, FAKE_CALL_UNMAP, fres->addr, 0);
    free(fres);
    return r;
}
