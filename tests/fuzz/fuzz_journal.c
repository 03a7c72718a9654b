// SPDX-License-Identifier: GPL-2.0-only
/*
 * What memoryd does with a journal that holds anything: a record is written
 * with the input's bytes, sealed or not, for a guest that runs or is paused,
 * and then the guest is found. No memory of the guest may change by it, no
 * entry stay without a page, and no scratch stay open.
 */
#include <unistd.h>

#include "domain.h"
#include "fake.h"
#include "fuzz.h"
#include "stage.h"

#define SEALED 0x1u
#define OWN 0x2u        /* the guest's own uuid and domid */
#define PAUSED 0x4u
#define SMALL 0x8u      /* gfns within RAM, a place that could be */

static void make(struct journal_record *rec, struct fuzz_input *in,
                 unsigned int flags, uint16_t domid)
{
    unsigned int i;

    fuzz_take(in, rec, sizeof(*rec));
    if (flags & OWN) {
        memset(rec->uuid, 0xfa, sizeof(rec->uuid));
        rec->uuid[14] = (uint8_t)(domid >> 8);
        rec->uuid[15] = (uint8_t)domid;
        rec->domid = domid;
        rec->phase %= JOURNAL_PHASES;
        rec->nr_gfns %= JOURNAL_GFNS + 1;
        rec->debt = 0;      /* believed: it says what need not be covered */
    }
    if (flags & SMALL) {
        for (i = 0; i < JOURNAL_GFNS; i++)
            rec->gfns[i] %= 6 * FAKE_SUPER_PAGES;
        rec->scratch_base = rec->scratch_base % 2 ? 0xd8000 : 0;
    }
    if (flags & SEALED)
        journal_seal(rec);
}

static void check(uint16_t domid, uint64_t sum, bool paused)
{
    const char *bad = fake_check(domid);
    struct fake_info info;

    if (bad)
        fprintf(stderr, "%s\n", bad);
    FUZZ_CHECK(!bad);
    FUZZ_CHECK(fake_checksum(domid) == sum);
    FUZZ_CHECK(!fake_domain_info(domid, &info));
    FUZZ_CHECK(!info.crashed && !info.frozen && !info.uncovered);
    FUZZ_CHECK(info.pauses <= paused);
    FUZZ_CHECK(stage_domain(domid)->held || info.cache >= info.entries);
    FUZZ_CHECK(!stage_domain(domid)->scratch.slots);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    unsigned int flags = fuzz_byte(&in);
    struct journal_record rec;
    uint16_t domid;
    uint64_t sum;

    stage_once();
    domid = stage_guest();
    FUZZ_CHECK(!fake_guest_fill(domid, FAKE_SUPER_PAGES, 20));
    sum = fake_checksum(domid);
    make(&rec, &in, flags, domid);
    FUZZ_CHECK(pwrite(stage_md.journal.fd, &rec, sizeof(rec),
                      3 * XK_PAGE_SIZE) == sizeof(rec));
    if (flags & PAUSED)
        FUZZ_CHECK(!fake_domain_pause(domid));
    stage_turn();
    check(domid, sum, flags & PAUSED);
    stage_end(domid);
    return 0;
}
