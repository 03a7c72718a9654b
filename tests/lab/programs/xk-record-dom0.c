// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes memory calls on a paused PVH guest of 256 MiB and writes what real Xen
 * answered, in the words of tests/fake/trace.h. tests/component replays it on
 * the stand-in: where the two differ, the stand-in is wrong. The guest is of no
 * use afterwards.
 *
 *   xk-record-dom0 DOMID >FILE
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xenctrl.h>
#include <xenforeignmemory.h>

#define SUPER 512u
#define RAM 65536u              /* pages of the guest */
#define SCRATCH 0xd8000u        /* nothing is there */
#define ZEROS 24

static xc_interface *xch;
static xenforeignmemory_handle *fmem;
static uint32_t dom;

static void result(long done, long ret)
{
    uint64_t tot, cache, entries;

    if (xc_domain_get_pod_target(xch, dom, &tot, &cache, &entries))
        exit(1);
    printf(" -> %ld %ld %lu %lu %lu\n", done, ret, (unsigned long)tot,
           (unsigned long)cache, (unsigned long)entries);
}

static void call(const char *name, unsigned int order, xen_pfn_t gfn)
{
    int r;

    if (!strcmp(name, "decrease"))
        r = xc_domain_decrease_reservation(xch, dom, 1, order, &gfn);
    else
        r = xc_domain_populate_physmap(xch, dom, 1, order,
                                       strcmp(name, "mark")
                                           ? 0 : XENMEMF_populate_on_demand,
                                       &gfn);
    printf("%-8s 1 %u 0x%lx", name, order, (unsigned long)gfn);
    result(r > 0 ? r : 0, r < 0 ? -errno : r);
}

static void target(uint64_t pages)
{
    int r = xc_domain_set_pod_target(xch, dom, pages, NULL, NULL, NULL);

    printf("set_target 1 %lu", (unsigned long)pages);
    result(0, r ? -errno : 0);
}

/* Of a range: its zero pages, and one that is none (SUPER: no such page). */
static unsigned int look(xen_pfn_t base, unsigned int *data_r,
                         unsigned int *zero_r)
{
    xen_pfn_t gfns[SUPER];
    unsigned int i, zero = 0;
    const char *map;

    for (i = 0; i < SUPER; i++)
        gfns[i] = base + i;
    *data_r = *zero_r = SUPER;
    map = xenforeignmemory_map(fmem, dom, PROT_READ, SUPER, gfns, NULL);
    if (!map)
        return 0;
    for (i = 0; i < SUPER; i++) {
        const char *p = map + i * 4096ul;

        if (!*p && !memcmp(p, p + 1, 4095)) {
            zero++;
            *zero_r = i;
        } else {
            *data_r = i;
        }
    }
    xenforeignmemory_unmap(fmem, (void *)(uintptr_t)map, SUPER);
    return zero;
}

static void head(void)
{
    uint64_t tot, cache, entries;
    xc_physinfo_t info = { 0 };
    xc_dominfo_t di;

    if (xc_physinfo(xch, &info) || xc_domain_getinfo(xch, dom, 1, &di) != 1 ||
        xc_domain_get_pod_target(xch, dom, &tot, &cache, &entries) || cache ||
        entries)
        exit(1);
    printf("# Recorded on real Xen by xk-record-dom0 (lab case record).\n"
           "host %lu 0\ndomain 1 pvh pages=%u special=%lu vcpus=2 max=%lu "
           "bare=1\n", (unsigned long)(info.free_pages + tot) / SUPER, RAM,
           (unsigned long)tot - RAM, (unsigned long)di.max_memkb / 4);
}

/* The verified sweep of three ranges, and of one that holds data. */
static void sweeps(const xen_pfn_t *zero, xen_pfn_t mixed, unsigned int data,
                   unsigned int x)
{
    int i;

    call("mark", 9, SCRATCH);
    for (i = 0; i < 3; i++) {
        call("decrease", 0, zero[i] + 256);
        call("mark", 9, zero[i]);
    }
    call("decrease", 9, SCRATCH);
    printf("data 1 0x%lx\n", (unsigned long)mixed + data);
    call("mark", 9, SCRATCH);
    call("decrease", 0, mixed + x);
    call("mark", 9, mixed);
    call("mark", 0, mixed + x);
    call("decrease", 9, SCRATCH);
}

/* Whole extents into an open debt, closed as one large extent: the trim. */
static void inflate(const xen_pfn_t *zero)
{
    int i;

    call("mark", 13, SCRATCH);
    for (i = 3; i < 13; i++)
        call("decrease", 9, zero[i]);
    call("decrease", 13, SCRATCH);
    for (i = 3; i < 13; i++)
        call("populate", 9, zero[i]);
}

/* Entries that are given, filled, and refused; a target that grows C. */
static void entries(const xen_pfn_t *zero)
{
    call("mark", 9, zero[13]);          /* RAM: refused */
    call("decrease", 9, zero[0]);       /* entries only: the cache is cut */
    call("mark", 9, zero[0]);           /* entries without a page: debt */
    target(RAM);
    call("decrease", 9, zero[13]);      /* repays the debt */
    call("populate", 9, zero[13]);
    call("populate", 9, zero[1]);       /* real memory over entries */
    call("decrease", 9, zero[0]);
    call("decrease", 9, zero[2]);
}

int main(int argc, char **argv)
{
    xen_pfn_t zero[ZEROS], mixed = 0, base;
    unsigned int data, x, n = 0, mdata = 0, mx = 0;

    xch = xc_interface_open(NULL, NULL, 0);
    fmem = xenforeignmemory_open(NULL, 0);
    if (argc != 2 || !xch || !fmem)
        return 2;
    dom = (uint32_t)atoi(argv[1]);
    for (base = RAM - 2 * SUPER; base >= 0x800; base -= SUPER) {
        unsigned int count = look(base, &data, &x);

        if (count == SUPER && n < ZEROS)
            zero[n++] = base;
        else if (!mixed && data < SUPER && x < SUPER) {
            mixed = base;
            mdata = data;
            mx = x;
        }
    }
    if (n < ZEROS || !mixed) {
        fprintf(stderr, "xk-record: %u zero ranges\n", n);
        return 1;
    }
    head();
    sweeps(zero, mixed, mdata, mx);
    inflate(zero);
    entries(zero);
    printf("destroy 1\n");
    return 0;
}
