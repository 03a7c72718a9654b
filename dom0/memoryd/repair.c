/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Repair from the journal, see repair.h. Whatever the step at which memoryd
 * died, the same acts are right: put every X back as an entry (RAM refuses
 * that), remove the scratch (marking it first makes it all entries), cover,
 * unpause. Each may be done twice.
 */
#include "repair.h"

#include <errno.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>

#include "fault.h"
#include "guard.h"
#include "sweep.h"
#include "window.h"

/*
 * The scratch may be open, half open or closed. Marking makes entries of what
 * is a hole; what is RAM there (a guest that touched it) refuses, and closing
 * goes page by page.
 */
static void reopen_scratch(struct domain *dom, unsigned int slots)
{
    struct scratch *s = &dom->scratch;
    unsigned int slot;

    for (slot = 0; slot < slots; slot++) {
        xk_gfn_t gfn = s->base + (xk_gfn_t)slot * XK_SUPER_PAGES;

        (void)xk_hv_mark_pod(dom->md->hv, dom->info.domid, &gfn, 1,
                             XK_SUPER_ORDER, NULL);
    }
    s->slots = slots;
}

/*
 * The guest shall not run meanwhile; *ours_r: by a pause of memoryd, so of
 * this repair, or of one that was killed as well. A guest that is paused is
 * not paused a second time: nothing would tell the next repair of it.
 *
 * PAUSED: the pause is ours. PAUSING: it is, unless memoryd died in the
 * instant before the call; a guest that is paused now was running when the
 * record was written. OPEN: it is somebody else's. Whatever the phase, the
 * guard's pause stays the guard's.
 */
static int hold_still(struct domain *dom, struct journal_record *rec,
                      bool *ours_r)
{
    int rc;

    rc = xk_hv_dominfo(dom->md->hv, dom->info.domid, &dom->info);
    if (rc)
        return rc;
    *ours_r = !dom->info.paused ||
              (rec->phase != JOURNAL_OPEN && !dom->guard.halted);
    if (dom->info.paused)
        return 0;
    rec->phase = JOURNAL_PAUSING;
    rc = journal_write(&dom->md->journal, (unsigned int)dom->journal_slot,
                       rec);
    return rc ? rc : xk_hv_pause(dom->md->hv, dom->info.domid);
}

/* A gfn that nothing of memoryd can have looked at is not touched either. */
static bool is_strange(struct domain *dom, uint64_t gfn)
{
    uint64_t i, ranges = journal_ranges(gfn);

    for (i = 0; i < ranges; i++)
        if (!sweep_may_be_ram(dom, journal_gfn(gfn) + i * XK_SUPER_PAGES))
            return true;
    return !ranges && gfn >= sweep_end(dom);
}

static void drop_strange(struct domain *dom, struct journal_record *rec)
{
    uint32_t i, n = 0;

    for (i = 0; i < rec->nr_gfns; i++)
        if (!is_strange(dom, rec->gfns[i]))
            rec->gfns[n++] = rec->gfns[i];
    rec->nr_gfns = n;
}

static int repair_record(struct domain *dom, struct journal_record *rec)
{
    uint32_t i;
    bool ours;
    int rc;

    rc = hold_still(dom, rec, &ours);
    if (rc)
        return rc;
    dom->debt = rec->debt;
    reopen_scratch(dom, rec->scratch_slots);
    xk_fault("repair-reopened");
    for (i = 0; i < rec->nr_gfns; i++)
        map_note(dom, journal_gfn(rec->gfns[i]),
                 xk_max_u64(journal_ranges(rec->gfns[i]), 1), MAP_UNKNOWN);
    rc = window_restore(dom, rec->gfns, rec->nr_gfns);
    xk_fault("repair-restored");
    if (rc)
        return rc;      /* the pause stays */
    if (ours)
        (void)xk_hv_unpause(dom->md->hv, dom->info.domid);
    xk_fault("repair-unpaused");
    return domain_journal(dom, JOURNAL_IDLE, NULL, 0);
}

int repair_domain(struct domain *dom)
{
    struct journal_record rec;
    int slot, rc;

    slot = journal_find(&dom->md->journal, dom->info.domid, dom->info.uuid,
                        &rec);
    if (slot < 0)
        return 0;
    dom->journal_slot = slot;
    dom->md->slot_used[slot] = 1;
    guard_adopt(dom, &rec);
    dom->overcommit.given = rec.given;
    dom->aside = rec.aside;
    if (!scratch_adopt(&dom->scratch, rec.scratch_base,
                       domain_ram_pages(dom)))
        rec.scratch_slots = 0;
    if (rec.phase == JOURNAL_IDLE)
        return 0;
    drop_strange(dom, &rec);
    if (rec.scratch_slots > SCRATCH_SLOTS_MAX)
        rec.scratch_slots = SCRATCH_SLOTS_MAX;
    rc = repair_record(dom, &rec);
    if (rc == -ESRCH)
        return 0;
    if (rc) {
        xk_err("%s: what an earlier memoryd left open cannot be repaired: %s",
               dom->name, strerror(-rc));
        return rc;
    }
    dom->md->totals.repairs++;
    xk_info("%s: repaired what an earlier memoryd left open (%u pages, "
            "%u scratch superpages)", dom->name, rec.nr_gfns,
            rec.scratch_slots);
    return 0;
}

void repair_forget(struct memoryd *md)
{
    struct journal_record rec;
    unsigned int slot;

    for (slot = 0; slot < JOURNAL_SLOTS; slot++) {
        if (md->slot_used[slot] || journal_read(&md->journal, slot, &rec))
            continue;
        memset(&rec, 0, sizeof(rec));
        (void)journal_write(&md->journal, slot, &rec);
    }
}
