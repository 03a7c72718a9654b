/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory model against the rules of Xen 4.17's populate-on-demand and
 * against results of the lab. E: PoD entries, C: PoD cache, tot: all pages.
 * Where a test names the lab, its numbers were read on real Xen.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xencall.h>
#include <xenforeignmemory.h>
#include <xen/hvm/hvm_op.h>

#include "fake.h"
#include "trace.h"

#define SUPER FAKE_SUPER_PAGES
#define SCRATCH UINT64_C(0x20000)   /* as in the lab: above a small guest */
#define PAGES_256M UINT64_C(65536)

static xc_interface *xch;
static xencall_handle *call;
static xenforeignmemory_handle *fmem;

static void setup(void)
{
    ck_assert_int_eq(fake_init(NULL), 0);
    xch = xc_interface_open(NULL, NULL, 0);
    call = xencall_open(NULL, 0);
    fmem = xenforeignmemory_open(NULL, 0);
}

static void teardown(void)
{
    xenforeignmemory_close(fmem);
    xencall_close(call);
    xc_interface_close(xch);
    fake_fini();
}

static uint16_t guest(uint64_t pages)
{
    struct fake_config config = { .type = FAKE_PVH, .pages = pages };
    int id = fake_domain_create(&config);

    ck_assert_int_gt(id, 0);
    return (uint16_t)id;
}

static int mark(uint16_t dom, uint64_t gfn, unsigned int order)
{
    return xc_domain_populate_physmap(xch, dom, 1, order,
                                      XENMEMF_populate_on_demand, &gfn);
}

static int populate(uint16_t dom, uint64_t gfn, unsigned int order)
{
    return xc_domain_populate_physmap(xch, dom, 1, order, 0, &gfn);
}

static int decrease(uint16_t dom, uint64_t gfn, unsigned int order)
{
    return xc_domain_decrease_reservation(xch, dom, 1, order, &gfn);
}

static int give(uint16_t dom, uint64_t gfn, unsigned int order)
{
    return fake_guest_decrease(dom, &gfn, 1, order);
}

static int mem_type(uint16_t dom, uint64_t gfn)
{
    struct xen_hvm_get_mem_type *arg = xencall_alloc_buffer(call,
                                                            sizeof(*arg));
    int type;

    arg->domid = dom;
    arg->pfn = gfn;
    type = xencall2(call, __HYPERVISOR_hvm_op, HVMOP_get_mem_type,
                    (uintptr_t)arg);
    if (!type)
        type = arg->mem_type;
    xencall_free_buffer(call, arg);
    return type;
}

/* tot, C, E through libxenctrl. */
static void expect_counts(uint16_t dom, uint64_t tot, uint64_t cache,
                   uint64_t entries)
{
    uint64_t t, c, e;

    ck_assert_int_eq(xc_domain_get_pod_target(xch, dom, &t, &c, &e), 0);
    ck_assert_uint_eq(t, tot);
    ck_assert_uint_eq(c, cache);
    ck_assert_uint_eq(e, entries);
}

static void check_books(uint16_t dom)
{
    const char *bad = fake_check(dom);

    ck_assert_msg(!bad, "%s", bad);
}

/* The same, and the model's own books agree. */
static void expect(uint16_t dom, uint64_t tot, uint64_t cache,
                   uint64_t entries)
{
    expect_counts(dom, tot, cache, entries);
    check_books(dom);
}

static struct fake_info info_of(uint16_t dom)
{
    struct fake_info info;

    ck_assert_int_eq(fake_domain_info(dom, &info), 0);
    return info;
}

static bool is_super(uint16_t dom, uint64_t gfn)
{
    bool super;

    fake_gfn(dom, gfn, &super);
    return super;
}

/* ---- Facts of the lab ----------------------------------------------- */

START_TEST(lab_decrease_and_mark)
{
    uint16_t dom = guest(PAGES_256M);
    uint64_t free_before = fake_host_free();
    int i;

    expect(dom, 65552, 0, 0);
    xc_domain_pause(xch, dom);
    for (i = 0; i < 40; i++) {
        ck_assert_int_eq(decrease(dom, (10 + i) * SUPER, 9), 1);
        ck_assert_int_eq(mark(dom, (10 + i) * SUPER, 9), 1);
        /* The first went to the host, with no entries there is no debt. */
        expect(dom, 65040, (uint64_t)i * SUPER, (uint64_t)(i + 1) * SUPER);
    }
    expect(dom, 65040, 19968, 20480);
    ck_assert_uint_eq(fake_host_free(), free_before + SUPER);
}
END_TEST

START_TEST(lab_verified_sweep)
{
    uint16_t dom = guest(PAGES_256M);
    uint64_t sum = fake_checksum(dom), free_before = fake_host_free();
    int i;

    xc_domain_pause(xch, dom);
    ck_assert_int_eq(mark(dom, SCRATCH, 9), 1);
    expect(dom, 65552, 0, SUPER);
    for (i = 0; i < 40; i++) {
        ck_assert_int_eq(decrease(dom, (10 + i) * SUPER + 77, 0), 1);
        expect_counts(dom, 65552, (uint64_t)(i + 1) * SUPER,
                      (uint64_t)(i + 2) * SUPER - 1);
        ck_assert_int_eq(fake_gfn(dom, (10 + i) * SUPER + 77, NULL),
                         FAKE_GFN_HOLE);
        ck_assert_int_eq(mark(dom, (10 + i) * SUPER, 9), 1);
        ck_assert(is_super(dom, (10 + i) * SUPER));
    }
    expect(dom, 65552, 20480, 20992);
    ck_assert_int_eq(decrease(dom, SCRATCH, 9), 1);
    expect(dom, 65552, 20480, 20480);
    ck_assert_uint_eq(info_of(dom).scratch, 0);
    xc_domain_unpause(xch, dom);
    ck_assert_uint_eq(info_of(dom).uncovered, 0);
    ck_assert_uint_eq(fake_host_free(), free_before);
    ck_assert_uint_eq(fake_checksum(dom), sum);

    /* The guest runs on and takes its superpages back. */
    ck_assert_int_eq(fake_guest_touch(dom, 10 * SUPER + 5), 0);
    expect(dom, 65552, 20480 - SUPER, 20480 - SUPER);
    ck_assert(is_super(dom, 10 * SUPER));
}
END_TEST

START_TEST(lab_open_debt)
{
    uint16_t dom = guest(PAGES_256M);
    uint64_t free_before = fake_host_free();
    int i;

    for (i = 0; i < 48; i++)
        ck_assert_int_eq(mark(dom, SCRATCH + (uint64_t)i * SUPER, 9), 1);
    expect(dom, 65552, 0, 24576);
    for (i = 0; i < 48; i++)
        ck_assert_int_eq(give(dom, (uint64_t)(20 + i) * SUPER, 9), 1);
    expect(dom, 65552, 24576, 24576);
    ck_assert_uint_eq(info_of(dom).cache_supers, 48);
    for (i = 0; i < 48; i++)
        ck_assert_int_eq(decrease(dom, SCRATCH + (uint64_t)i * SUPER, 9), 1);
    expect(dom, 65552 - 24576, 0, 0);
    ck_assert_uint_eq(fake_host_free(), free_before + 24576);
    /* xl list shows 160. */
    ck_assert_uint_eq((65552 - 24576) * 4 / 1024, 160);
}
END_TEST

START_TEST(lab_guest_gives_and_takes)
{
    uint16_t dom = guest(PAGES_256M);
    uint64_t gfn = 30 * SUPER, page = gfn + 3;

    ck_assert_int_eq(fake_guest_decrease(dom, &gfn, 1, 9), 1);
    expect(dom, 65552 - SUPER, 0, 0);
    ck_assert_int_eq(fake_guest_populate(dom, &gfn, 1, 9), 1);
    expect(dom, 65552, 0, 0);
    ck_assert(is_super(dom, gfn));

    /* A guest stops at order 9, silently; and cannot mark itself. */
    ck_assert_int_eq(fake_guest_decrease(dom, &gfn, 1, 10), 0);
    ck_assert_int_eq(fake_guest_decrease(dom, &page, 1, 0), 1);
    ck_assert(!is_super(dom, gfn));
    ck_assert_int_eq(fake_guest_populate(dom, &page, 1, 0), 1);
    ck_assert(!is_super(dom, gfn));
    expect(dom, 65552, 0, 0);
}
END_TEST

START_TEST(lab_vcpu_info_trap)
{
    uint16_t dom = guest(PAGES_256M);
    uint64_t last = PAGES_256M - SUPER;

    /* Re-created from dom0: Xen keeps the old frame, the guest freezes. */
    xc_domain_pause(xch, dom);
    ck_assert_int_eq(decrease(dom, last, 9), 1);
    ck_assert_int_eq(populate(dom, last, 9), 1);
    xc_domain_unpause(xch, dom);
    ck_assert(info_of(dom).frozen);
    ck_assert_int_eq(fake_guest_touch(dom, 0), -EAGAIN);

    /* Xen's own check refuses such a range, even when it is zero. */
    dom = guest(PAGES_256M);
    ck_assert_int_eq(fake_guest_zero(dom, last, SUPER), 0);
    xc_domain_pause(xch, dom);
    mark(dom, SCRATCH, 9);
    ck_assert_int_eq(decrease(dom, last, 0), 1);
    ck_assert_int_eq(mark(dom, last, 9), 0);
    ck_assert_int_eq(mark(dom, last, 0), 1);
    ck_assert_int_eq(decrease(dom, SCRATCH, 9), 1);
    xc_domain_unpause(xch, dom);
    ck_assert(!info_of(dom).frozen);
    expect(dom, 65552, 1, 1);
}
END_TEST

/* ---- decrease_reservation -------------------------------------------- */

START_TEST(decrease_plain_frees_to_host)
{
    uint16_t dom = guest(4096);
    uint64_t free_before = fake_host_free();
    uint64_t supers = info_of(dom).supers;

    ck_assert_int_eq(decrease(dom, 1024, 0), 1);
    ck_assert_int_eq(decrease(dom, 2048, 9), 1);
    ck_assert_uint_eq(info_of(dom).tot, 4096 + 16 - SUPER - 1);
    ck_assert_uint_eq(info_of(dom).cache, 0);
    ck_assert_uint_eq(fake_host_free(), free_before + SUPER + 1);
    ck_assert_uint_eq(info_of(dom).supers, supers - 2);
}
END_TEST

START_TEST(decrease_hole_half_done)
{
    uint16_t dom = guest(4096);

    ck_assert_int_eq(decrease(dom, 1024 + 100, 0), 1);
    /* 100 pages are gone before the hole is met; the extent did not count. */
    ck_assert_int_eq(decrease(dom, 1024, 9), 0);
    ck_assert_int_eq(fake_gfn(dom, 1024 + 99, NULL), FAKE_GFN_HOLE);
    ck_assert_int_eq(fake_gfn(dom, 1024 + 101, NULL), FAKE_GFN_RAM);
    ck_assert_uint_eq(info_of(dom).tot, 4096 + 16 - 101);
    /* I2: nobody may leave such holes. */
    ck_assert_ptr_nonnull(fake_check(dom));
}
END_TEST

START_TEST(decrease_stops_in_the_list)
{
    uint16_t dom = guest(4096);
    uint64_t gfns[3] = { 1024, SCRATCH, 1536 };

    ck_assert_int_eq(xc_domain_decrease_reservation(xch, dom, 3, 9, gfns), 1);
    ck_assert_int_eq(fake_gfn(dom, 1536, NULL), FAKE_GFN_RAM);
}
END_TEST

START_TEST(decrease_limits)
{
    uint16_t dom = guest(4096);

    ck_assert_int_eq(decrease(dom, 0, 19), 0);  /* silently short */
    ck_assert_int_eq(decrease(77, 0, 0), -1);
    ck_assert_int_eq(errno, ESRCH);
}
END_TEST

START_TEST(steal_whole_superpage)
{
    uint16_t dom = guest(4096);

    ck_assert_int_eq(fake_guest_fill(dom, 1024, SUPER), 0);
    mark(dom, SCRATCH, 9);
    /* Order 9 in debt: no look at the contents, they are gone. */
    ck_assert_int_eq(decrease(dom, 1024, 9), 1);
    ck_assert_uint_eq(info_of(dom).cache_supers, 1);
    ck_assert_uint_eq(info_of(dom).cache, SUPER);
    ck_assert_uint_eq(info_of(dom).tot, 4096 + 16);
    ck_assert_int_eq(mark(dom, 1024, 9), 1);
    expect(dom, 4096 + 16, SUPER, 2 * SUPER);
}
END_TEST

START_TEST(steal_split_gives_singles)
{
    struct fake_config config = { .pages = 4096, .layout = FAKE_SPLIT };
    uint16_t dom = (uint16_t)fake_domain_create(&config);

    mark(dom, SCRATCH, 9);
    ck_assert_int_eq(decrease(dom, 1024, 9), 1);
    ck_assert_uint_eq(info_of(dom).cache, SUPER);
    ck_assert_uint_eq(info_of(dom).cache_supers, 0);
}
END_TEST

START_TEST(steal_stops_when_debt_is_paid)
{
    uint16_t dom = guest(4096);
    uint64_t free_before = fake_host_free(), i;

    ck_assert_int_eq(fake_guest_fill(dom, 1024, SUPER), 0);
    for (i = 0; i < 3; i++)
        mark(dom, SCRATCH + i, 0);
    for (i = 0; i < 5; i++)
        ck_assert_int_eq(give(dom, 1024 + i, 0), 1);
    /* Three went into the cache, two to the host. */
    expect(dom, 4096 + 16 - 2, 3, 3);
    ck_assert_uint_eq(fake_host_free(), free_before + 2);

    /* A superpage is stolen whole, what is too much is freed at once. */
    mark(dom, SCRATCH + 3, 0);
    ck_assert_int_eq(give(dom, 2048, 9), 1);
    expect(dom, 4096 + 16 - 2 - SUPER + 1, 4, 4);
}
END_TEST

START_TEST(check_finds_data)
{
    uint16_t dom = guest(4096);

    ck_assert_int_eq(fake_guest_fill(dom, 1024 + 511, 1), 0);
    mark(dom, SCRATCH, 9);
    ck_assert_int_eq(decrease(dom, 1024, 0), 1);
    /* Not zero: only the page itself was stolen. */
    ck_assert_uint_eq(info_of(dom).cache, 1);
    ck_assert_uint_eq(info_of(dom).entries, SUPER);
    ck_assert_int_eq(mark(dom, 1024, 9), 0);
    ck_assert_int_eq(mark(dom, 1024, 0), 1);
    expect(dom, 4096 + 16, 1, SUPER + 1);
    ck_assert(!is_super(dom, 1024));
}
END_TEST

START_TEST(check_finds_references)
{
    uint64_t gfn = 1024 + 17, gfns[2] = { 1536, 1536 + 511 };
    uint16_t dom = guest(8192);
    int errs[2], ref;
    void *addr;

    mark(dom, SCRATCH, 9);
    /* Another backend, our own foreign map. */
    ck_assert_int_eq(fake_backend_get(dom, gfn), 0);
    ck_assert_int_eq(decrease(dom, 1024, 0), 1);
    ck_assert_uint_eq(info_of(dom).cache, 1);
    addr = xenforeignmemory_map(fmem, dom, PROT_READ, 2, gfns, errs);
    ck_assert_ptr_nonnull(addr);
    ck_assert_int_eq(decrease(dom, 1536, 0), 1);
    ck_assert_uint_eq(info_of(dom).cache, 2);
    ck_assert_int_eq(xenforeignmemory_unmap(fmem, addr, 2), 0);
    ck_assert_int_eq(mark(dom, 1024, 0), 1);
    ck_assert_int_eq(mark(dom, 1536, 0), 1);
    expect(dom, 8192 + 16, 2, SUPER + 2);

    /* A grant that nobody has mapped is no reference. */
    ref = fake_guest_grant(dom, 2048 + 5, false);
    ck_assert_int_ge(ref, 0);
    ck_assert_int_eq(decrease(dom, 2048, 0), 1);
    ck_assert_uint_eq(info_of(dom).cache, 2 + SUPER);
}
END_TEST

START_TEST(check_finds_special_pages)
{
    uint16_t dom = guest(4096);

    ck_assert_int_eq(fake_domain_special(dom, 1024 + 9), 0);
    mark(dom, SCRATCH, 9);
    ck_assert_int_eq(decrease(dom, 1024, 0), 1);
    ck_assert_uint_eq(info_of(dom).cache, 1);
    /* A special page is never stolen: it is removed as if without PoD. */
    ck_assert_int_eq(decrease(dom, 1024 + 9, 0), 1);
    ck_assert_uint_eq(info_of(dom).cache, 1);
    ck_assert_uint_eq(info_of(dom).tot, 4096 + 16 - 1);
}
END_TEST

START_TEST(check_needs_sequence)
{
    struct fake_config config = { .pages = 4096, .layout = FAKE_SCATTERED };
    uint16_t dom = (uint16_t)fake_domain_create(&config);

    mark(dom, SCRATCH, 9);
    ck_assert_int_eq(decrease(dom, 1024, 0), 1);
    ck_assert_uint_eq(info_of(dom).cache, 1);

    /* In sequence but split: that does, and the range is whole again. */
    config.layout = FAKE_SPLIT;
    dom = (uint16_t)fake_domain_create(&config);
    mark(dom, SCRATCH, 9);
    ck_assert_int_eq(decrease(dom, 1024, 0), 1);
    ck_assert_int_eq(mark(dom, 1024, 9), 1);
    ck_assert(is_super(dom, 1024));
    expect(dom, 4096 + 16, SUPER, 2 * SUPER);
}
END_TEST

START_TEST(check_needs_debt)
{
    uint16_t dom = guest(4096);

    ck_assert_int_eq(decrease(dom, 1024, 0), 1);
    ck_assert_uint_eq(info_of(dom).tot, 4096 + 15);
    ck_assert_int_eq(fake_gfn(dom, 1025, NULL), FAKE_GFN_RAM);
    ck_assert_uint_eq(info_of(dom).cache, 0);
}
END_TEST

START_TEST(trim_superpages_first)
{
    uint16_t dom = guest(8192);
    uint64_t i;

    for (i = 0; i < 4; i++)
        mark(dom, SCRATCH + i * SUPER, 9);
    for (i = 0; i < 4; i++)
        give(dom, 1024 + i * SUPER, 9);
    ck_assert_uint_eq(info_of(dom).cache_supers, 4);
    /* 512 too many is not more than 512: singles, out of a superpage. */
    decrease(dom, SCRATCH, 9);
    ck_assert_uint_eq(info_of(dom).cache, 3 * SUPER);
    ck_assert_uint_eq(info_of(dom).cache_supers, 3);
    decrease(dom, SCRATCH + SUPER, 0);
    ck_assert_uint_eq(info_of(dom).cache, 3 * SUPER - 1);
    ck_assert_uint_eq(info_of(dom).cache_supers, 2);
    decrease(dom, SCRATCH + 2 * SUPER, 9);
    expect(dom, 8192 + 16 - 2 * SUPER - 1, 2 * SUPER - 1, 2 * SUPER - 1);
    ck_assert_uint_eq(info_of(dom).cache_supers, 1);
}
END_TEST

START_TEST(early_exit_leaves_a_cache)
{
    uint16_t dom = guest(8192);

    mark(dom, SCRATCH, 9);
    give(dom, 1024, 9);
    expect(dom, 8192 + 16, SUPER, SUPER);
    /* Real memory over the entries: E falls, nothing trims C. */
    ck_assert_int_eq(xc_domain_setmaxmem(xch, dom, 10000 * 4), 0);
    ck_assert_int_eq(populate(dom, SCRATCH, 9), 1);
    expect(dom, 8192 + 16 + SUPER, SUPER, 0);
    /* With E = 0 a decrease has no part in PoD: C is stuck. */
    give(dom, 2048, 0);
    expect(dom, 8192 + 15 + SUPER, SUPER, 0);
    /* One scratch entry, removed again, frees it. */
    ck_assert_int_eq(mark(dom, SCRATCH + SUPER, 0), 1);
    ck_assert_int_eq(decrease(dom, SCRATCH + SUPER, 0), 1);
    expect(dom, 8192 + 15, 0, 0);
}
END_TEST

START_TEST(decrease_mixed_extent)
{
    uint16_t dom = guest(4096);

    mark(dom, SCRATCH, 9);
    give(dom, 1024, 9);
    /* The guest takes one page back into the range, the rest is PoD. */
    mark(dom, 1024, 9);
    fake_guest_fill(dom, 1536, SUPER);
    ck_assert_int_eq(decrease(dom, 1536 + 4, 0), 1);
    ck_assert_int_eq(mark(dom, 1536 + 4, 0), 1);
    expect(dom, 4096 + 16, SUPER + 1, 2 * SUPER + 1);
    /* 511 RAM pages and an entry: entry removed, RAM stolen while in debt. */
    ck_assert_int_eq(decrease(dom, 1536, 9), 1);
    ck_assert_uint_eq(info_of(dom).entries, 2 * SUPER);
    ck_assert_uint_eq(info_of(dom).cache, 2 * SUPER);
    ck_assert_uint_eq(info_of(dom).tot, 4096 + 16);
}
END_TEST

START_TEST(reference_outlives_removal)
{
    uint16_t dom = guest(4096);
    uint64_t free_before = fake_host_free();

    ck_assert_int_eq(fake_backend_get(dom, 1024), 0);
    ck_assert_int_eq(give(dom, 1024, 0), 1);
    /* Out of the p2m, but not free while somebody maps it. */
    ck_assert_uint_eq(info_of(dom).tot, 4096 + 16);
    ck_assert_uint_eq(fake_host_free(), free_before);
    check_books(dom);
    ck_assert_int_eq(fake_backend_put(dom, 1024), 0);
    ck_assert_uint_eq(fake_host_free(), free_before + 1);
    expect(dom, 4096 + 15, 0, 0);
}
END_TEST

/* ---- Marking and populating ------------------------------------------ */

START_TEST(mark_refuses_ram)
{
    uint16_t dom = guest(4096);
    uint64_t gfns[3] = { SCRATCH, 1024, SCRATCH + SUPER };

    ck_assert_int_eq(mark(dom, 1024, 9), 0);
    ck_assert_int_eq(mark(dom, 1024, 0), 0);
    expect(dom, 4096 + 16, 0, 0);
    ck_assert(is_super(dom, 1024));
    ck_assert_int_eq(xc_domain_populate_physmap(
                         xch, dom, 3, 9, XENMEMF_populate_on_demand, gfns),
                     1);
    expect(dom, 4096 + 16, 0, SUPER);
    /* A device's page looks like a hole and is none. */
    ck_assert_int_eq(fake_domain_device(dom, 0x30000), 0);
    ck_assert_int_eq(mem_type(dom, 0x30000), HVMMEM_mmio_dm);
    ck_assert_int_eq(mark(dom, 0x30000, 9), 0);
    expect(dom, 4096 + 16, 0, SUPER);
}
END_TEST

START_TEST(mark_merges)
{
    uint16_t dom = guest(4096);
    uint64_t i;

    for (i = 0; i < 511; i++)
        ck_assert_int_eq(mark(dom, SCRATCH + i, 0), 1);
    ck_assert(!is_super(dom, SCRATCH));
    expect(dom, 4096 + 16, 0, 511);
    /* 511 entries and a hole: one entry of order 9. */
    ck_assert_int_eq(mark(dom, SCRATCH, 9), 1);
    ck_assert(is_super(dom, SCRATCH));
    expect(dom, 4096 + 16, 0, 512);
    /* Marking again changes nothing. */
    ck_assert_int_eq(mark(dom, SCRATCH, 9), 1);
    ck_assert_int_eq(mark(dom, SCRATCH + 4, 0), 1);
    expect(dom, 4096 + 16, 0, 512);
}
END_TEST

START_TEST(mark_refused_with_devices)
{
    uint16_t dom = guest(4096);
    uint64_t t, c, e;

    ck_assert_int_eq(fake_domain_passthrough(dom, true), 0);
    ck_assert(fake_xs_exists("/local/domain/0/backend/pci/1"));
    ck_assert_int_eq(mark(dom, SCRATCH, 9), 0);
    expect(dom, 4096 + 16, 0, 0);
    ck_assert_int_eq(fake_domain_passthrough(dom, false), 0);
    ck_assert_int_eq(mark(dom, SCRATCH, 9), 1);
    /* And no device while there are entries. */
    ck_assert_int_eq(fake_domain_passthrough(dom, true), -EEXIST);
    ck_assert_int_eq(xc_domain_get_pod_target(xch, 0, &t, &c, &e), -1);
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(populate_over_entries)
{
    uint16_t dom = guest(4096);

    mark(dom, SCRATCH, 9);
    ck_assert_int_eq(xc_domain_setmaxmem(xch, dom, 8192 * 4), 0);
    ck_assert_int_eq(populate(dom, SCRATCH + 1, 0), 1);
    expect(dom, 4096 + 17, 0, 511);
    ck_assert_int_eq(populate(dom, SCRATCH + SUPER, 9), 1);
    expect(dom, 4096 + 17 + SUPER, 0, 511);
}
END_TEST

START_TEST(populate_limits)
{
    uint16_t dom = guest(4096);

    /* libxl's slack is 256 pages, 16 of them are in use. */
    ck_assert_int_eq(populate(dom, SCRATCH, 9), 0);
    ck_assert_int_eq(populate(dom, SCRATCH, 0), 1);
    ck_assert_int_eq(xc_domain_setmaxmem(xch, dom, 100000 * 4), 0);
    fake_host_fragment(0);
    ck_assert_int_eq(populate(dom, SCRATCH + SUPER, 9), 0);
    ck_assert_int_eq(populate(dom, SCRATCH + SUPER, 0), 1);
    ck_assert_int_eq(fake_host_take(0, fake_host_free()), 0);
    ck_assert_int_eq(populate(dom, SCRATCH + SUPER + 1, 0), 0);
    fake_host_give();
    ck_assert_int_eq(populate(dom, SCRATCH + SUPER + 1, 0), 1);
}
END_TEST

START_TEST(populate_over_ram_leaks)
{
    uint16_t dom = guest(4096);

    ck_assert_int_eq(populate(dom, 1024, 0), 1);
    /* The old frame is the domain's still, where nobody can reach it. */
    expect(dom, 4096 + 17, 0, 0);
}
END_TEST

/* ---- set_pod_target --------------------------------------------------- */

static int set_target(uint16_t dom, uint64_t pages)
{
    uint64_t t, c, e;

    return xc_domain_set_pod_target(xch, dom, pages, &t, &c, &e);
}

START_TEST(target_only_grows)
{
    uint16_t dom = guest(4096);

    ck_assert_int_eq(set_target(dom, 4096 + 100), 0);   /* E = 0: nothing */
    expect(dom, 4096 + 16, 0, 0);
    mark(dom, SCRATCH, 9);
    ck_assert_int_eq(set_target(dom, 100), 0);          /* below tot */
    expect(dom, 4096 + 16, 0, SUPER);
    ck_assert_int_eq(set_target(dom, 4096 + 16 + 100), 0);
    expect(dom, 4096 + 116, 100, SUPER);
    ck_assert_int_eq(set_target(dom, 5000), -1);        /* beyond max */
    ck_assert_int_eq(errno, EINVAL);
    /* Never more than E. */
    ck_assert_int_eq(xc_domain_setmaxmem(xch, dom, 8192 * 4), 0);
    ck_assert_int_eq(set_target(dom, 8192), 0);
    expect(dom, 4096 + 16 + SUPER, SUPER, SUPER);
}
END_TEST

START_TEST(target_host_full)
{
    uint16_t dom = guest(4096);

    mark(dom, SCRATCH, 9);
    ck_assert_int_eq(xc_domain_setmaxmem(xch, dom, 8192 * 4), 0);
    ck_assert_int_eq(fake_host_take(0, fake_host_free() - 100), 0);
    ck_assert_int_eq(set_target(dom, 4096 + 16 + SUPER), -1);
    ck_assert_int_eq(errno, ENOMEM);
    /* What it got it keeps. */
    expect(dom, 4096 + 116, 100, SUPER);
}
END_TEST

START_TEST(target_takes_superpages)
{
    uint16_t dom = guest(8192);

    mark(dom, SCRATCH, 9);
    mark(dom, SCRATCH + SUPER, 9);
    ck_assert_int_eq(xc_domain_setmaxmem(xch, dom, 16384 * 4), 0);
    ck_assert_int_eq(set_target(dom, 8192 + 16 + SUPER + 10), 0);
    ck_assert_uint_eq(info_of(dom).cache_supers, 1);
    ck_assert_uint_eq(info_of(dom).cache, SUPER + 10);
    fake_host_fragment(0);
    ck_assert_int_eq(set_target(dom, 8192 + 16 + 2 * SUPER), 0);
    ck_assert_uint_eq(info_of(dom).cache_supers, 1);
    expect(dom, 8192 + 16 + 2 * SUPER, 2 * SUPER, 2 * SUPER);
}
END_TEST

/* ---- Faults ------------------------------------------------------------ */

static uint16_t booted_with_debt(uint64_t pages, uint64_t static_max)
{
    struct fake_config config = {
        .pages = pages, .static_max = static_max, .bare = true,
    };
    int id = fake_domain_create(&config);

    ck_assert_int_gt(id, 0);
    return (uint16_t)id;
}

START_TEST(fault_fills_from_cache)
{
    uint16_t dom = booted_with_debt(2048, 4096);

    expect(dom, 2048 + 16, 2048, 4096);
    ck_assert_int_eq(fake_guest_fill(dom, 1000, 1), 0);
    expect(dom, 2048 + 16, 2048 - SUPER, 4096 - SUPER);
    ck_assert(is_super(dom, 1000));
    ck_assert_uint_eq(info_of(dom).uncovered, 0);   /* debt by design */
}
END_TEST

START_TEST(fault_without_superpage_splits)
{
    uint16_t dom = booted_with_debt(2048 - 1, 4096);
    uint64_t i;

    /* Cache: 3 superpages and 511 singles. */
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(fake_guest_fill(dom, i * SUPER, SUPER), 0);
    ck_assert_uint_eq(info_of(dom).cache, 511);
    ck_assert_int_eq(fake_guest_fill(dom, 3 * SUPER, 1), 0);
    ck_assert(!is_super(dom, 3 * SUPER));
    expect(dom, 2047 + 16, 510, 4096 - 3 * SUPER - 1);
}
END_TEST

START_TEST(fault_reclaims_recent)
{
    uint16_t dom = booted_with_debt(2048, 4096);

    /* Filled but never written: taken back when the next one is due. */
    ck_assert_int_eq(fake_guest_touch(dom, 0), 0);
    expect(dom, 2064, 2048 - SUPER, 4096 - SUPER);
    ck_assert_int_eq(fake_guest_fill(dom, SUPER, 1), 0);
    ck_assert_uint_eq(info_of(dom).entries - info_of(dom).cache, 2048);
}
END_TEST

START_TEST(fault_reclaims_when_empty)
{
    uint16_t dom = booted_with_debt(1024, 4096);
    uint64_t i;

    ck_assert_int_eq(fake_guest_fill(dom, 0, SUPER), 0);
    ck_assert_int_eq(fake_guest_touch(dom, SUPER), 0);
    ck_assert_uint_eq(info_of(dom).cache, 0);
    /* The untouched superpage among the recent ones saves the guest. */
    ck_assert_int_eq(fake_guest_fill(dom, 2 * SUPER, SUPER), 0);
    ck_assert(!info_of(dom).crashed);
    ck_assert_int_eq(fake_gfn(dom, SUPER, NULL), FAKE_GFN_POD);
    for (i = 0; i < SUPER; i++) {
        uint64_t v;

        ck_assert_int_eq(fake_guest_read(dom, i, 0, &v, sizeof(v)), 0);
        ck_assert_uint_ne(v, 0);
    }
}
END_TEST

START_TEST(fault_emergency_sweep)
{
    uint16_t dom = booted_with_debt(1024, 4096);

    /* 40 pages filled one by one: the list of recent ones forgets. */
    ck_assert_int_eq(fake_guest_fill(dom, 0, 2 * SUPER), 0);
    ck_assert_int_eq(fake_guest_zero(dom, 700, 20), 0);
    ck_assert_uint_eq(info_of(dom).cache, 0);
    ck_assert_int_eq(fake_guest_fill(dom, 2 * SUPER, 1), 0);
    ck_assert(!info_of(dom).crashed);
    ck_assert(!is_super(dom, SUPER));
    check_books(dom);
}
END_TEST

START_TEST(fault_out_of_memory_kills)
{
    uint16_t dom = booted_with_debt(1024, 4096);

    ck_assert_int_eq(fake_guest_fill(dom, 0, 2 * SUPER), 0);
    ck_assert_int_eq(fake_guest_touch(dom, 2 * SUPER), -EFAULT);
    ck_assert(info_of(dom).crashed);
    ck_assert(info_of(dom).out_of_pod);
    ck_assert_int_eq(fake_guest_touch(dom, 0), -EAGAIN);
    check_books(dom);
}
END_TEST

START_TEST(map_populates)
{
    uint16_t dom = booted_with_debt(2048, 4096);
    uint64_t gfns[3] = { 0, 1, SCRATCH };
    int errs[3] = { 1, 1, 1 };
    void *addr;

    addr = xenforeignmemory_map(fmem, dom, PROT_READ, 3, gfns, errs);
    ck_assert_ptr_nonnull(addr);
    ck_assert_int_eq(errs[0], 0);
    ck_assert_int_eq(errs[1], 0);
    ck_assert_int_eq(errs[2], -EINVAL);
    expect(dom, 2064, 2048 - SUPER, 4096 - SUPER);
    ck_assert_int_eq(*(char *)addr, 0);
    /* Both see one memory. */
    ck_assert_int_eq(fake_guest_write(dom, 1, 7, "x", 1), 0);
    ck_assert_int_eq(((char *)addr)[FAKE_PAGE_SIZE + 7], 'x');
    xenforeignmemory_unmap(fmem, addr, 3);
    ck_assert_ptr_null(xenforeignmemory_map(fmem, dom, PROT_READ, 3, gfns,
                                            NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_uint_eq(fake_mappings(), 0);
}
END_TEST

/* ---- The rest ----------------------------------------------------------- */

START_TEST(types_do_not_populate)
{
    uint16_t dom = booted_with_debt(2048, 4096);

    ck_assert_int_eq(mem_type(dom, 5), HVMMEM_ram_rw);      /* PoD */
    ck_assert_int_eq(mem_type(dom, SCRATCH), HVMMEM_mmio_dm);
    fake_guest_fill(dom, 0, SUPER);
    ck_assert_int_eq(mem_type(dom, 5), HVMMEM_ram_rw);
    ck_assert_int_eq(fake_domain_log_dirty(dom, true), 0);
    ck_assert_int_eq(mem_type(dom, 5), HVMMEM_ram_ro);
    /* The guest writes: that page can be written, the range is split. */
    ck_assert_int_eq(fake_guest_write(dom, 5, 0, "x", 1), 0);
    ck_assert_int_eq(mem_type(dom, 5), HVMMEM_ram_rw);
    ck_assert_int_eq(mem_type(dom, 6), HVMMEM_ram_ro);
    ck_assert_int_eq(fake_domain_log_dirty(dom, false), 0);
    ck_assert_int_eq(mem_type(dom, 6), HVMMEM_ram_rw);
    ck_assert(!is_super(dom, 5));
    ck_assert_int_eq(mem_type(0, 5), -1);
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(pauses_are_counted)
{
    uint16_t dom = guest(4096);
    xc_domaininfo_t di;

    ck_assert_int_eq(xc_domain_pause(xch, dom), 0);
    ck_assert_int_eq(xc_domain_pause(xch, dom), 0);
    ck_assert_int_eq(xc_domain_unpause(xch, dom), 0);
    ck_assert_int_eq(xc_domain_getinfolist(xch, dom, 1, &di), 1);
    ck_assert(di.flags & XEN_DOMINF_paused);
    ck_assert_int_eq(fake_guest_touch(dom, 0), -EAGAIN);
    ck_assert_int_eq(xc_domain_unpause(xch, dom), 0);
    ck_assert_int_eq(xc_domain_unpause(xch, dom), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(fake_guest_touch(dom, 0), 0);
}
END_TEST

START_TEST(uncovered_is_seen)
{
    uint16_t dom = guest(4096);

    xc_domain_pause(xch, dom);
    decrease(dom, 1024, 9);
    mark(dom, 1024, 9);
    ck_assert_uint_eq(info_of(dom).uncovered, 0);
    xc_domain_unpause(xch, dom);
    ck_assert_uint_eq(info_of(dom).uncovered, 1);
    /* Scratch entries do not count: the guest does not reach them. */
    dom = guest(4096);
    mark(dom, SCRATCH, 9);
    ck_assert_uint_eq(info_of(dom).uncovered, 0);
}
END_TEST

START_TEST(domains_are_listed)
{
    struct fake_config config = {
        .type = FAKE_HVM, .pages = 4096, .domid = 7, .vcpus = 3,
        .name = "seven",
    };
    xc_domaininfo_t list[4];
    xc_physinfo_t phys;
    char name[16];
    xen_pfn_t gfn;

    guest(4096);
    ck_assert_int_eq(fake_domain_create(&config), 7);
    ck_assert_int_eq(xc_domain_getinfolist(xch, 0, 4, list), 3);
    ck_assert_uint_eq(list[0].domain, 0);
    ck_assert_uint_eq(list[2].domain, 7);
    ck_assert_uint_eq(list[2].nr_online_vcpus, 3);
    ck_assert_uint_eq(list[1].arch_config.emulation_flags,
                      XEN_X86_EMU_LAPIC);
    ck_assert_uint_gt(list[2].arch_config.emulation_flags,
                      XEN_X86_EMU_LAPIC);
    ck_assert_int_eq(xc_domain_getinfolist(xch, 2, 4, list), 1);
    ck_assert_int_eq(xc_domain_getinfolist(xch, 8, 4, list), 0);
    ck_assert_int_eq(xc_physinfo(xch, &phys), 0);
    ck_assert_uint_eq(phys.free_pages, fake_host_free());
    ck_assert_int_eq(xc_domain_maximum_gpfn(xch, 7, &gfn), 0);
    ck_assert_uint_eq(gfn, 0xfefff);
    ck_assert_int_eq(fake_xs_read(0, "/local/domain/7/name", name,
                                  sizeof(name)), 5);
    ck_assert_str_eq(name, "seven");
    ck_assert_int_eq(fake_domain_dying(7), 0);
    ck_assert_int_eq(xc_domain_getinfolist(xch, 7, 4, list), 1);
    ck_assert(list[0].flags & XEN_DOMINF_dying);
    ck_assert_int_eq(fake_domain_destroy(7), 0);
    ck_assert_int_eq(xc_domain_getinfolist(xch, 7, 4, list), 0);
    ck_assert(!fake_xs_exists("/local/domain/7"));
}
END_TEST

START_TEST(destroy_gives_all_back)
{
    uint64_t free_before = fake_host_free();
    uint16_t dom = guest(PAGES_256M);
    xc_domaininfo_t di;

    fake_guest_fill(dom, 100, 3000);
    mark(dom, SCRATCH, 9);
    give(dom, 8192, 9);
    give(dom, 9216 + 3, 0);
    fake_backend_get(dom, 12288);
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
    /* One frame is still in use: the domain is not quite gone. */
    ck_assert_uint_eq(fake_host_free(), free_before - 1);
    ck_assert_int_eq(xc_domain_getinfolist(xch, dom, 1, &di), 1);
    ck_assert(di.flags & XEN_DOMINF_dying);
    ck_assert_int_eq(fake_backend_put(dom, 12288), 0);
    ck_assert_uint_eq(fake_host_free(), free_before);
    ck_assert_uint_eq(fake_host_free_supers(), 1024);
    ck_assert_int_eq(xc_domain_getinfolist(xch, dom, 1, &di), 0);
}
END_TEST

START_TEST(freed_frames_keep_their_data)
{
    struct fake_host host = { .supers = 10 };
    uint64_t v = 0, gfn = 1024 + 3;
    uint16_t dom;

    ck_assert_int_eq(fake_init(&host), 0);
    dom = guest(4096);
    ck_assert_int_eq(fake_guest_fill(dom, gfn, 1), 0);
    ck_assert_int_eq(give(dom, gfn, 0), 1);
    /* Xen does not scrub what a living domain frees. */
    ck_assert_int_eq(fake_guest_populate(dom, &gfn, 1, 0), 1);
    for (v = 0; !v && gfn < 4096; gfn++)
        ck_assert_int_eq(fake_guest_read(dom, gfn, 0, &v, sizeof(v)), 0);
    ck_assert_uint_ne(v, 0);
}
END_TEST

START_TEST(large_guest_is_cheap)
{
    struct fake_host host = { .supers = 530000, .singles = 64 };
    uint64_t tib = UINT64_C(1) << 28, gfns[2] = { 1000, tib - 9 };
    uint16_t dom;
    int errs[2], i;
    void *addr;

    ck_assert_int_eq(fake_init(&host), 0);
    dom = guest(tib);
    mark(dom, UINT64_C(1) << 29, 9);
    for (i = 0; i < 1000; i++) {
        decrease(dom, (uint64_t)(i + 10) * SUPER, 0);
        mark(dom, (uint64_t)(i + 10) * SUPER, 9);
    }
    ck_assert_uint_eq(info_of(dom).cache, 1000 * SUPER);
    addr = xenforeignmemory_map(fmem, dom, PROT_READ, 2, gfns, errs);
    ck_assert_ptr_nonnull(addr);
    xenforeignmemory_unmap(fmem, addr, 2);
}
END_TEST

START_TEST(faults_are_injected)
{
    uint64_t gfns[4] = { SCRATCH, SCRATCH + SUPER, SCRATCH + 2 * SUPER,
                         SCRATCH + 3 * SUPER };
    uint16_t dom = guest(4096);

    fake_fail(FAKE_CALL_MARK, 1, 0, 2);
    fake_fail(FAKE_CALL_PAUSE, 0, EPERM, 0);
    ck_assert_int_eq(xc_domain_populate_physmap(
                         xch, dom, 4, 9, XENMEMF_populate_on_demand, gfns),
                     4);
    ck_assert_int_eq(xc_domain_populate_physmap(
                         xch, dom, 4, 9, XENMEMF_populate_on_demand, gfns),
                     2);
    ck_assert_int_eq(xc_domain_pause(xch, dom), -1);
    ck_assert_int_eq(errno, EPERM);
    ck_assert_int_eq(xc_domain_pause(xch, dom), 0);
}
END_TEST

/* ---- Traces ------------------------------------------------------------- */

static const char lab_trace[] =
    "# item 3 of the lab's notes, as far as its numbers were written down\n"
    "host 1024 0\n"
    "domain 1 pvh pages=65536\n"
    "pod 1 -> 0 0 65552 0 0\n"
    "mark 1 9 0x20000 -> 1 1 65552 0 512\n"
    "decrease 1 0 0x1400+0x200x40 -> 40 40 65552 20480 20952\n"
    "mark 1 9 0x1400+0x200x40 -> 40 40 65552 ? 20992\n"
    "decrease 1 9 0x20000 -> 1 1 65552 20480 20480\n"
    "touch 1 0x1400 -> 1 ? 65552 19968 19968\n";

START_TEST(replay_of_text)
{
    FILE *report = fopen("/dev/null", "w");
    FILE *trace = fmemopen((void *)(uintptr_t)lab_trace, strlen(lab_trace),
                           "r");
    char wrong[] = "host 64 0\ndomain 1 pvh pages=4096\n"
                   "mark 1 9 0x400 -> 1 1 4112 0 512\n\n";

    ck_assert_int_eq(fake_replay(trace, stderr), 0);
    fclose(trace);
    trace = fmemopen(wrong, strlen(wrong), "r");
    ck_assert_int_eq(fake_replay(trace, report), 1);
    fclose(trace);
    wrong[0] = 'H';
    trace = fmemopen(wrong, strlen(wrong), "r");
    ck_assert_int_eq(fake_replay(trace, report), -EINVAL);
    fclose(trace);
    fclose(report);
}
END_TEST

/* What the model wrote it reads back with the same results. */
START_TEST(replay_of_own_trace)
{
    char path[] = "/tmp/xkfake-trace-XXXXXX";
    uint64_t gfns[2] = { 2048, 2100 };
    uint32_t seed = 12345;
    const char *bad;
    int fd = mkstemp(path), i;
    int errs[2];
    uint16_t dom;
    void *addr;
    FILE *trace;

    ck_assert_int_ge(fd, 0);
    close(fd);
    setenv("XK_FAKE_TRACE", path, 1);
    ck_assert_int_eq(fake_init(NULL), 0);
    unsetenv("XK_FAKE_TRACE");
    dom = booted_with_debt(8192, 16384);
    addr = xenforeignmemory_map(fmem, dom, PROT_READ, 2, gfns, errs);
    for (i = 0; i < 400; i++) {
        uint64_t gfn;
        unsigned int order;

        seed = seed * 1103515245u + 12345u;
        gfn = (seed >> 8) % 20000;
        order = seed & 0x80 ? 9 : 0;
        if (order)
            gfn &= ~(uint64_t)(SUPER - 1);
        switch (seed >> 29) {
        case 0:
            decrease(dom, gfn, order);
            break;
        case 1:
        case 2:
            mark(dom, gfn, order);
            break;
        case 3:
            fake_guest_fill(dom, gfn, 4);
            break;
        case 4:
            fake_guest_touch(dom, gfn);
            break;
        case 5:
            give(dom, gfn, order);
            break;
        case 6:
            fake_guest_populate(dom, &gfn, 1, order);
            break;
        case 7:
            fake_guest_zero(dom, gfn, 8);
            break;
        }
        /* The only thing that may be wrong is what dom0 did: holes. */
        bad = fake_check(dom);
        ck_assert_msg(!bad || strstr(bad, "is gone"), "%s", bad);
    }
    if (addr)
        xenforeignmemory_unmap(fmem, addr, 2);
    trace = fopen(path, "r");
    ck_assert_ptr_nonnull(trace);
    ck_assert_int_eq(fake_replay(trace, stderr), 0);
    fclose(trace);
    unlink(path);
}
END_TEST

static Suite *model_suite(void)
{
    const struct {
        const char *name;
        const TTest *tests[24];
    } cases[] = {
        { "lab", { lab_decrease_and_mark, lab_verified_sweep, lab_open_debt,
                   lab_guest_gives_and_takes, lab_vcpu_info_trap } },
        { "decrease", { decrease_plain_frees_to_host, decrease_hole_half_done,
                        decrease_stops_in_the_list, decrease_limits,
                        steal_whole_superpage, steal_split_gives_singles,
                        steal_stops_when_debt_is_paid, check_finds_data,
                        check_finds_references, check_finds_special_pages,
                        check_needs_sequence, check_needs_debt,
                        trim_superpages_first, early_exit_leaves_a_cache,
                        decrease_mixed_extent, reference_outlives_removal } },
        { "populate", { mark_refuses_ram, mark_merges,
                        mark_refused_with_devices, populate_over_entries,
                        populate_limits, populate_over_ram_leaks } },
        { "target", { target_only_grows, target_host_full,
                      target_takes_superpages } },
        { "fault", { fault_fills_from_cache, fault_without_superpage_splits,
                     fault_reclaims_recent, fault_reclaims_when_empty,
                     fault_emergency_sweep, fault_out_of_memory_kills,
                     map_populates } },
        { "domain", { types_do_not_populate, pauses_are_counted,
                      uncovered_is_seen, domains_are_listed,
                      destroy_gives_all_back, freed_frames_keep_their_data,
                      large_guest_is_cheap, faults_are_injected } },
        { "trace", { replay_of_text, replay_of_own_trace } },
    };
    Suite *suite = suite_create("fake-model");
    size_t i, k;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        TCase *tc = tcase_create(cases[i].name);

        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_set_timeout(tc, 60);
        for (k = 0; cases[i].tests[k]; k++)
            tcase_add_test(tc, cases[i].tests[k]);
        suite_add_tcase(suite, tc);
    }
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(model_suite());
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
