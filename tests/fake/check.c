/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks at a domain from outside of the model's own steps: every count is
 * made again from the p2m, the cache and the frames.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "state.h"

#define SUPER FAKE_SUPER_PAGES

static char text[200];

static const char *say(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static const char *say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return text;
}

struct tally {
    uint8_t *seen;
    uint64_t ram, pod, scratch;
    const char *bad;
};

static void see(struct tally *t, uint32_t mfn, uint32_t count)
{
    uint32_t i;

    for (i = mfn; i < mfn + count && !t->bad; i++) {
        if (t->seen[i / 8] >> (i % 8) & 1)
            t->bad = say("frame %#x is used twice", i);
        t->seen[i / 8] |= (uint8_t)(1u << (i % 8));
    }
}

static void count_p2m(const struct fk_domain *d, struct tally *t)
{
    struct fk_entry e;
    uint64_t gfn, n;

    for (gfn = 0; gfn < d->p2m.nr_slots * SUPER && !t->bad; gfn += n) {
        e = fk_p2m_get(d, gfn);
        n = UINT64_C(1) << e.order;
        if (fk_is_ram(e.type)) {
            t->ram += n;
            see(t, e.mfn, (uint32_t)n);
        } else if (e.type == FK_POD) {
            t->pod += n;
            t->scratch += n - fk_ram_count(d, gfn, n);
        }
    }
}

/* RAM that is a hole and that the guest never gave away. */
static const char *lost_page(const struct fk_domain *d)
{
    unsigned int i;
    uint64_t gfn;

    for (i = 0; i < d->nr_ram; i++)
        for (gfn = d->ram[i].start; gfn < d->ram[i].end; gfn++)
            if (fk_p2m_get(d, gfn).type == FK_HOLE &&
                !fk_p2m_is_given(d, gfn))
                return say("gfn %#" PRIx64 " of the guest's RAM is gone",
                           gfn);
    return NULL;
}

static const char *check(const struct fk_domain *d, struct tally *t)
{
    uint64_t i;

    count_p2m(d, t);
    for (i = 0; i < d->pod.super.len; i++)
        see(t, fk_fifo_at(&d->pod.super, i), SUPER);
    for (i = 0; i < d->pod.single.len; i++)
        see(t, fk_fifo_at(&d->pod.single, i), 1);
    for (i = 0; i < d->lost.len; i++)
        see(t, fk_fifo_at(&d->lost, i), 1);
    if (t->bad)
        return t->bad;
    if (t->pod != d->pod.entries)
        return say("%" PRIu64 " PoD entries, E is %" PRIu64, t->pod,
                   d->pod.entries);
    if (d->pod.super.len * SUPER + d->pod.single.len != d->pod.cache)
        return say("C is %" PRIu64 ", the lists do not agree", d->pod.cache);
    if (t->scratch != d->scratch)
        return say("%" PRIu64 " PoD entries outside of RAM, S is %" PRIu64,
                   t->scratch, d->scratch);
    if (t->ram + d->pod.cache + d->lost.len + d->orphans != d->tot)
        return say("tot is %" PRIu64 ", found %" PRIu64, d->tot,
                   t->ram + d->pod.cache + d->lost.len + d->orphans);
    return d->type == FAKE_PV ? NULL : lost_page(d);
}

const char *fake_check(uint16_t id)
{
    const struct fk_domain *d;
    struct tally t = { 0 };
    const char *bad = NULL;

    fk_lock();
    d = fk_dom(id);
    if (!d) {
        bad = "no such domain";
        goto out;
    }
    t.seen = calloc(1, fk->host.nr_frames / 8 + 1);
    bad = t.seen ? check(d, &t) : "no memory";
out:
    fk_unlock();
    free(t.seen);
    return bad;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

uint64_t fake_checksum(uint16_t id)
{
    const struct fk_domain *d;
    const uint64_t *p;
    uint64_t gfn, n, k, h = 0;
    struct fk_entry e;
    unsigned int i;

    fk_lock();
    d = fk_dom(id);
    for (gfn = 0; d && gfn < d->p2m.nr_slots * SUPER; gfn += n) {
        e = fk_p2m_get(d, gfn);
        n = UINT64_C(1) << e.order;
        if (!fk_is_ram(e.type) || (e.order && fk_block_clean(e.mfn)))
            continue;
        for (k = 0; k < n; k++) {
            /* A page of zeroes is the same as one that is not there. */
            if (!fk_ram_count(d, gfn + k, 1) ||
                fk_frame_is_zero(e.mfn + (uint32_t)k))
                continue;
            p = fk_frame(e.mfn + (uint32_t)k);
            h = mix(h, gfn + k);
            for (i = 0; i < FAKE_PAGE_SIZE / sizeof(*p); i++)
                h = mix(h, p[i]);
        }
    }
    fk_unlock();
    return h;
}
