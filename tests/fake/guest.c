/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guests do by themselves: touch memory, give and take it, grant it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/grant_table.h>

#include "gnttab.h"
#include "memop.h"
#include "state.h"
#include "trace.h"

/* Grants that the toolstack made; a guest's kernel starts after them. */
#define FIRST_GRANT 8u

/* One access; 0 with *mfn_r, or -errno. The caller holds the lock. */
static int access_page(struct fk_domain *d, uint64_t gfn, bool write,
                       uint32_t *mfn_r)
{
    bool pod = fk_p2m_get(d, gfn).type == FK_POD;

    *mfn_r = fk_dom_access(d, gfn, write);
    if (pod)
        fk_trace_call("touch", d->id, -1, &gfn, 1, *mfn_r != FK_NO_MFN,
                      *mfn_r != FK_NO_MFN);
    if (pod)
        fk_dom_settle(d);
    return *mfn_r == FK_NO_MFN ? -EFAULT : 0;
}

int fake_guest_write(uint16_t domid, uint64_t gfn, size_t offset,
                     const void *data, size_t len)
{
    struct fk_domain *d;
    uint32_t mfn;
    int rc = -EAGAIN;

    if (offset + len > FAKE_PAGE_SIZE)
        return -EINVAL;
    fk_lock();
    d = fk_dom_running(domid);
    if (d)
        rc = access_page(d, gfn, true, &mfn);
    if (!rc) {
        memcpy((uint8_t *)fk_frame(mfn) + offset, data, len);
        fk_trace_gfns("data", domid, &gfn, 1);
    }
    fk_unlock();
    return rc;
}

int fake_guest_read(uint16_t domid, uint64_t gfn, size_t offset, void *data,
                    size_t len)
{
    struct fk_domain *d;
    uint32_t mfn;
    int rc = -EAGAIN;

    if (offset + len > FAKE_PAGE_SIZE)
        return -EINVAL;
    fk_lock();
    d = fk_dom_running(domid);
    if (d)
        rc = access_page(d, gfn, false, &mfn);
    if (!rc && fk_frame_is_dirty(mfn))
        memcpy(data, (uint8_t *)fk_frame(mfn) + offset, len);
    else if (!rc)
        memset(data, 0, len);
    fk_unlock();
    return rc;
}

int fake_guest_touch(uint16_t domid, uint64_t gfn)
{
    char byte;

    return fake_guest_read(domid, gfn, 0, &byte, 1);
}

static uint64_t *gfn_list(uint64_t gfn, uint64_t count)
{
    uint64_t *list = malloc(count * sizeof(*list) + 1), i;

    for (i = 0; list && i < count; i++)
        list[i] = gfn + i;
    return list;
}

static void pattern(uint64_t *page, uint64_t gfn)
{
    size_t i;

    for (i = 0; i < FAKE_PAGE_SIZE / sizeof(*page); i++)
        page[i] = (gfn + 1) * UINT64_C(0x9e3779b97f4a7c15) + i;
}

static int fill_pages(uint16_t domid, uint64_t gfn, uint64_t count, bool data)
{
    uint64_t *list = gfn_list(gfn, count), i;
    struct fk_domain *d;
    uint32_t mfn;
    int rc = -EAGAIN;

    if (!list)
        return -ENOMEM;
    fk_lock();
    d = fk_dom_running(domid);
    for (i = 0; d && i < count; i++) {
        rc = access_page(d, gfn + i, data, &mfn);
        if (rc)
            break;
        if (data && count - i >= FAKE_SUPER_PAGES)
            fk_frames_expect(mfn);
        if (data)
            pattern(fk_frame(mfn), gfn + i);
        else if (fk_frame_is_dirty(mfn))
            memset(fk_frame(mfn), 0, FAKE_PAGE_SIZE);
    }
    if (d)
        fk_trace_gfns(data ? "data" : "zero", domid, list, i);
    fk_unlock();
    free(list);
    return rc;
}

int fake_guest_fill(uint16_t domid, uint64_t gfn, uint64_t count)
{
    return fill_pages(domid, gfn, count, true);
}

int fake_guest_zero(uint16_t domid, uint64_t gfn, uint64_t count)
{
    return fill_pages(domid, gfn, count, false);
}

void *fake_guest_page(uint16_t domid, uint64_t gfn)
{
    struct fk_domain *d;
    void *page = NULL;
    uint32_t mfn;

    fk_lock();
    d = fk_dom_running(domid);
    if (d && !access_page(d, gfn, true, &mfn)) {
        page = fk_frame(mfn);
        fk_trace_gfns("data", domid, &gfn, 1);
    }
    fk_unlock();
    return page;
}

int fake_guest_decrease(uint16_t domid, const uint64_t *gfns, size_t count,
                        unsigned int order)
{
    long rc = -EAGAIN;

    fk_lock();
    if (fk_dom_running(domid))
        rc = fk_memop_decrease(domid, domid, gfns, count, order);
    fk_unlock();
    return (int)rc;
}

int fake_guest_populate(uint16_t domid, const uint64_t *gfns, size_t count,
                        unsigned int order)
{
    long rc = -EAGAIN;

    fk_lock();
    if (fk_dom_running(domid))
        rc = fk_memop_populate(domid, domid, gfns, count, order, false);
    fk_unlock();
    return (int)rc;
}

int fake_guest_grant(uint16_t domid, uint64_t gfn, bool readonly)
{
    grant_entry_v1_t *entry = NULL;
    struct fk_domain *d;
    uint32_t ref;
    int rc = -EAGAIN;

    fk_lock();
    d = fk_dom_running(domid);
    if (d && d->grant_version != 1) {
        rc = -EOPNOTSUPP;
        d = NULL;
    }
    for (ref = FIRST_GRANT; d; ref++) {
        if (ref / FK_GRANTS_PER_FRAME >= d->nr_grant_frames &&
            fk_grant_grow(d, d->nr_grant_frames + 1)) {
            rc = -ENOSPC;
            break;
        }
        entry = fk_grant(d, ref);
        if (!entry->flags) {
            entry->domid = 0;
            entry->frame = (uint32_t)gfn;
            entry->flags = (uint16_t)(GTF_permit_access |
                                      (readonly ? GTF_readonly : 0));
            rc = (int)ref;
            break;
        }
    }
    fk_unlock();
    return rc;
}

int fake_guest_end_grant(uint16_t domid, uint32_t ref)
{
    grant_entry_v1_t *entry = NULL;
    struct fk_domain *d;
    int rc = -EAGAIN;

    fk_lock();
    d = fk_dom_running(domid);
    if (d) {
        entry = fk_grant(d, ref);
        rc = entry ? 0 : -EINVAL;
    }
    if (entry && entry->flags & (GTF_reading | GTF_writing))
        rc = -EBUSY;
    else if (entry)
        entry->flags = 0;
    fk_unlock();
    return rc;
}

int fake_guest_grant_grow(uint16_t domid, unsigned int frames)
{
    struct fk_domain *d;
    int rc = -EAGAIN;

    fk_lock();
    d = fk_dom_running(domid);
    if (d)
        rc = fk_grant_grow(d, frames);
    fk_unlock();
    return rc;
}

int fake_guest_grant_version(uint16_t domid, unsigned int version)
{
    struct fk_domain *d;
    unsigned int i;

    if (version != 1 && version != 2)
        return -EINVAL;
    fk_lock();
    d = fk_dom_running(domid);
    for (i = 0; d && i < d->nr_grant_frames; i++)
        memset(fk_frame(d->grant_frames[i]), 0, FAKE_PAGE_SIZE);
    if (d)
        d->grant_version = version;
    fk_unlock();
    return d ? 0 : -EAGAIN;
}

void *fake_guest_grant_table(uint16_t domid, size_t *count_r)
{
    struct fk_domain *d;
    void *table = NULL;

    fk_lock();
    d = fk_dom(domid);
    if (d && d->nr_grant_frames) {
        /* Frames of one table are not in sequence: the first one. */
        table = fk_frame(d->grant_frames[0]);
        *count_r = FK_GRANTS_PER_FRAME;
    }
    fk_unlock();
    return table;
}

int fake_backend_get(uint16_t domid, uint64_t gfn)
{
    struct fk_domain *d;
    uint32_t mfn;
    int rc = -ESRCH;

    fk_lock();
    d = fk_dom(domid);
    if (d) {
        mfn = fk_dom_access(d, gfn, false);
        rc = mfn == FK_NO_MFN ? -EFAULT : 0;
        if (!rc && !fk_map_new(FK_MAP_REF, domid, &mfn, &gfn, 1, 0))
            rc = -ENOMEM;
        fk_trace_gfns("ref", domid, &gfn, 1);
    }
    fk_unlock();
    return rc;
}

int fake_backend_put(uint16_t domid, uint64_t gfn)
{
    struct fk_map *map;

    fk_lock();
    map = fk_map_of(FK_MAP_REF, domid, &gfn, 1);
    if (map)
        fk_map_drop(map);
    fk_unlock();
    return map ? 0 : -ENOENT;
}

enum fake_gfn fake_gfn(uint16_t domid, uint64_t gfn, bool *super_r)
{
    static const enum fake_gfn kinds[] = {
        [FK_HOLE] = FAKE_GFN_HOLE, [FK_RAM] = FAKE_GFN_RAM,
        [FK_RAM_LD] = FAKE_GFN_RAM, [FK_POD] = FAKE_GFN_POD,
        [FK_MMIO] = FAKE_GFN_OTHER,
    };
    const struct fk_domain *d;
    struct fk_entry e = { .type = FK_HOLE };

    fk_lock();
    d = fk_dom(domid);
    if (d)
        e = fk_p2m_get(d, gfn);
    fk_unlock();
    if (super_r)
        *super_r = e.order == FAKE_SUPER_ORDER;
    return kinds[e.type];
}
