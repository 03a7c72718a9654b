/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory hypercalls, see memop.h. What PoD does with them is in pod.c;
 * here are the loops around it and what PoD does not want.
 */
#include "memop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "state.h"
#include "trace.h"

/* Highest extent order by the caller: control domain, guest, with devices. */
#define ORDER_DOM0 18u
#define ORDER_DOMU 9u
#define ORDER_DOMU_DEVICES 12u
/* Marking is allowed up to here for every caller. */
#define ORDER_MARK 18u

static unsigned int max_order(uint16_t caller)
{
    const struct fk_domain *d = fk_dom(caller);

    if (!caller)
        return ORDER_DOM0;
    return d && d->passthrough ? ORDER_DOMU_DEVICES : ORDER_DOMU;
}

/* One page that PoD left over. */
static int remove_page(struct fk_domain *d, uint64_t gfn)
{
    struct fk_entry e = fk_p2m_get(d, gfn);

    if (e.type == FK_HOLE)
        return -ENOENT;
    if (e.type == FK_MMIO)
        return -EPERM;
    if (e.type == FK_POD)
        return -EINVAL;
    if (fk_p2m_set(d, gfn, 0, FK_HOLE, 0))
        return -EINVAL;
    fk_dom_free(d, e.mfn);
    return 0;
}

/* False: stopped, maybe in the middle of the extent. */
static bool decrease_extent(struct fk_domain *d, uint64_t gfn,
                            unsigned int order)
{
    uint64_t all = UINT64_C(1) << order, pod = 0, i;
    int rc;

    if (d->type != FAKE_PV)
        pod = fk_pod_decrease(d, gfn, order);
    /* Pages that PoD took are holes by now: so many holes are expected. */
    for (i = 0; i + pod < all; i++) {
        rc = remove_page(d, gfn + i);
        if (rc == -ENOENT && pod)
            pod--;
        else if (rc)
            return false;
    }
    return true;
}

/* The guest knows of these holes, nobody took the pages from it. */
static void note_given(struct fk_domain *d, uint64_t gfn, unsigned int order)
{
    uint64_t i;

    for (i = 0; i < UINT64_C(1) << order; i++)
        if (fk_p2m_get(d, gfn + i).type == FK_HOLE)
            fk_p2m_given(d, gfn + i, 1, true);
}

long fk_memop_decrease(uint16_t caller, uint16_t id, const uint64_t *gfns,
                       size_t count, unsigned int order)
{
    struct fk_domain *d = fk_dom(id);
    long done = -ESRCH;
    bool all = true;

    if (!d)
        goto out;
    done = 0;
    if (order > max_order(caller))
        goto out;
    while (all && (size_t)done < count) {
        all = decrease_extent(d, gfns[done], order);
        if (caller == id)
            note_given(d, gfns[done], order);
        done += all;
    }
    fk_dom_settle(d);
out:
    fk_trace_call(caller ? "give" : "decrease", id, (int)order, gfns, count,
                  done < 0 ? 0 : done, done);
    return done;
}

/* Real memory for one extent, over whatever stands there. */
static bool populate_extent(struct fk_domain *d, uint64_t gfn,
                            unsigned int order)
{
    uint64_t n = UINT64_C(1) << order, pod = 0, i;
    struct fk_entry e;
    uint32_t mfn;

    mfn = fk_dom_alloc(d, order);
    if (mfn == FK_NO_MFN)
        return false;
    for (i = 0; i < n; i++) {
        e = fk_p2m_get(d, gfn + i);
        if (e.type == FK_MMIO) {
            fk_dom_crash(d);
            break;
        }
        pod += e.type == FK_POD;
    }
    if (i < n || gfn + n > FK_GFN_END)
        goto lost;
    /* RAM that stood there stays the domain's, but nothing refers to it. */
    for (i = 0; i < n; i++) {
        e = fk_p2m_get(d, gfn + i);
        if (fk_is_ram(e.type))
            fk_fifo_push(&d->lost, e.mfn);
    }
    /* An extent that is not aligned is mapped in smaller entries. */
    if (gfn % n)
        order = (unsigned int)__builtin_ctzll(gfn);
    for (i = 0; i < n; i += UINT64_C(1) << order)
        if (fk_p2m_set(d, gfn + i, order, FK_RAM, mfn + (uint32_t)i))
            return false;
    d->pod.entries -= pod;
    fk_p2m_given(d, gfn, n, false);
    return true;

lost:
    for (i = 0; i < n; i++)
        fk_fifo_push(&d->lost, mfn + (uint32_t)i);
    return false;
}

long fk_memop_populate(uint16_t caller, uint16_t id, const uint64_t *gfns,
                       size_t count, unsigned int order, bool pod)
{
    static const char *const names[2][2] = {
        { "populate", "mark" }, { "take", "take" },
    };
    struct fk_domain *d = fk_dom(id);
    long done = -ESRCH;
    bool all = true;

    if (!d)
        goto out;
    done = 0;
    if (order > (pod ? ORDER_MARK : max_order(caller)) ||
        (pod && caller == id))
        goto out;
    while (all && (size_t)done < count) {
        if (!pod)
            all = populate_extent(d, gfns[done], order);
        else if (d->type != FAKE_PV)
            all = fk_pod_mark(d, gfns[done], order) >= 0;
        if (all && pod)
            fk_p2m_given(d, gfns[done], UINT64_C(1) << order, false);
        done += all;
    }
    fk_dom_settle(d);
out:
    fk_trace_call(names[caller != 0][pod], id, (int)order, gfns, count,
                  done < 0 ? 0 : done, done);
    return done;
}

long fk_memop_set_target(uint16_t id, uint64_t target)
{
    struct fk_domain *d = fk_dom(id);
    long rc = -ESRCH;

    if (d)
        rc = d->type == FAKE_PV ? -EINVAL : fk_pod_set_target(d, target);
    if (d)
        fk_dom_settle(d);
    fk_trace_value("set_target", id, &target, rc);
    return rc;
}

long fk_memop_get_target(uint16_t id, uint64_t *tot, uint64_t *cache,
                         uint64_t *entries)
{
    const struct fk_domain *d = fk_dom(id);
    long rc = -ESRCH;

    if (d)
        rc = d->type == FAKE_PV ? -EINVAL : 0;
    *tot = rc ? 0 : d->tot;
    *cache = rc ? 0 : d->pod.cache;
    *entries = rc ? 0 : d->pod.entries;
    fk_trace_value("pod", id, NULL, rc);
    return rc;
}

struct fk_map *fk_memop_map(uint16_t id, const uint64_t *gfns, size_t count,
                            int prot, int *errs)
{
    struct fk_domain *d = fk_dom(id);
    struct fk_map *map = NULL;
    uint32_t *mfns = malloc(count * sizeof(*mfns) + 1);
    long done = 0;
    size_t i;

    if (!mfns)
        goto out;
    for (i = 0; i < count; i++) {
        mfns[i] = d && !d->dying ? fk_dom_access(d, gfns[i], false)
                                 : FK_NO_MFN;
        errs[i] = 0;
        if (mfns[i] == FK_NO_MFN)
            errs[i] = d ? -EINVAL : -ESRCH;
        else
            done++;
    }
    map = fk_map_new(FK_MAP_FOREIGN, id, mfns, gfns, count, prot);
    if (d)
        fk_dom_settle(d);
out:
    free(mfns);
    fk_trace_call("map", id, -1, gfns, count, done, map ? 0 : -errno);
    return map;
}

long fk_memop_touch(uint16_t id, const uint64_t *gfns, size_t count)
{
    struct fk_domain *d = fk_dom(id);
    long done = 0;
    size_t i;

    for (i = 0; d && i < count; i++)
        done += fk_dom_access(d, gfns[i], false) != FK_NO_MFN;
    if (d)
        fk_dom_settle(d);
    fk_trace_call("touch", id, -1, gfns, count, done, d ? done : -ESRCH);
    return done;
}
