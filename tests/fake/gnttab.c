/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libxengnttab for dom0, and the tables that guests fill.
 */
#include "gnttab.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <xengnttab.h>

#include "state.h"
#include "trace.h"

#define MAX_BATCH 16384u

struct xengntdev_handle {
    int dummy;
};

grant_entry_v1_t *fk_grant(struct fk_domain *d, uint32_t ref)
{
    grant_entry_v1_t *frame;

    if (d->grant_version != 1 ||
        ref / FK_GRANTS_PER_FRAME >= d->nr_grant_frames)
        return NULL;
    frame = fk_frame(d->grant_frames[ref / FK_GRANTS_PER_FRAME]);
    return &frame[ref % FK_GRANTS_PER_FRAME];
}

int fk_grant_grow(struct fk_domain *d, unsigned int frames)
{
    uint32_t mfn;

    if (frames > FK_GRANT_FRAMES)
        return -ENOMEM;
    while (d->nr_grant_frames < frames) {
        mfn = fk_host_own_alloc();
        if (mfn == FK_NO_MFN)
            return -ENOMEM;
        d->grant_frames[d->nr_grant_frames++] = mfn;
    }
    return 0;
}

void fk_grant_unused(uint16_t id, uint32_t ref)
{
    struct fk_domain *d = fk_dom(id);
    grant_entry_v1_t *entry;
    const struct fk_map *map;
    uint16_t used = 0;
    size_t i;

    entry = d ? fk_grant(d, ref) : NULL;
    if (!entry)
        return;
    for (map = fk->maps; map; map = map->next)
        for (i = 0; map->kind == FK_MAP_GRANT && map->domid == id &&
                    i < map->pages; i++)
            if ((uint32_t)map->labels[i] == ref)
                used |= map->write ? GTF_reading | GTF_writing : GTF_reading;
    entry->flags = (uint16_t)((entry->flags & ~(GTF_reading | GTF_writing)) |
                              used);
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger,
                                 unsigned int open_flags)
{
    (void)logger, (void)open_flags;
    return calloc(1, sizeof(xengnttab_handle));
}

int xengnttab_close(xengnttab_handle *xgt)
{
    free(xgt);
    return 0;
}

/* The frame behind a reference that dom0 may map this way. */
static uint32_t granted(uint16_t id, uint32_t ref, bool write,
                        uint64_t *label_r)
{
    struct fk_domain *d = fk_dom(id);
    grant_entry_v1_t *entry, copy;
    uint32_t mfn;

    entry = d && !d->dying ? fk_grant(d, ref) : NULL;
    if (!entry)
        return FK_NO_MFN;
    copy = *entry;
    if ((copy.flags & GTF_type_mask) != GTF_permit_access || copy.domid ||
        (write && (copy.flags & GTF_readonly)))
        return FK_NO_MFN;
    *label_r = (uint64_t)copy.frame << 32 | ref;
    mfn = fk_dom_access(d, copy.frame, write);
    if (mfn != FK_NO_MFN)
        entry->flags |= write ? GTF_reading | GTF_writing : GTF_reading;
    return mfn;
}

static void *map_refs(uint32_t count, const uint32_t *domids, bool one,
                      const uint32_t *refs, int prot)
{
    uint64_t labels[MAX_BATCH];
    uint32_t mfns[MAX_BATCH], i;
    struct fk_map *map = NULL;
    uint16_t id;

    if (!count || count > MAX_BATCH) {
        errno = EINVAL;
        return NULL;
    }
    if (!fk_enter(FAKE_CALL_GNTTAB_MAP, NULL))
        return NULL;
    for (i = 0; i < count; i++) {
        id = (uint16_t)domids[one ? 0 : i];
        /* One record has one domain. */
        mfns[i] = FK_NO_MFN;
        if (id == domids[0])
            mfns[i] = granted(id, refs[i], prot & PROT_WRITE, &labels[i]);
        if (mfns[i] == FK_NO_MFN) {
            while (i--)
                fk_grant_unused((uint16_t)domids[0], refs[i]);
            errno = EINVAL;
            goto out;
        }
    }
    map = fk_map_new(FK_MAP_GRANT, (uint16_t)domids[0], mfns, labels, count,
                     prot);
    for (i = 0; map && i < count; i++) {
        labels[i] >>= 32;
        fk_trace_gfns("ref", map->domid, &labels[i], 1);
    }
out:
    fk_leave(0);
    return map ? map->addr : NULL;
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid,
                              uint32_t ref, int prot)
{
    (void)xgt;
    return map_refs(1, &domid, true, &ref, prot);
}

void *xengnttab_map_grant_refs(xengnttab_handle *xgt, uint32_t count,
                               uint32_t *domids, uint32_t *refs, int prot)
{
    (void)xgt;
    return map_refs(count, domids, false, refs, prot);
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt, uint32_t count,
                                      uint32_t domid, uint32_t *refs,
                                      int prot)
{
    (void)xgt;
    return map_refs(count, &domid, true, refs, prot);
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start_address,
                    uint32_t count)
{
    struct fk_map *map;

    (void)xgt;
    if (!fk_enter(FAKE_CALL_UNMAP, NULL))
        return -1;
    map = fk_map_at(FK_MAP_GRANT, start_address);
    if (!map || map->pages != count)
        return fk_leave_rc(-EINVAL);
    fk_map_drop(map);
    return fk_leave_rc(0);
}
