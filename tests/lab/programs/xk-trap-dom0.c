// SPDX-License-Identifier: GPL-2.0-only
/*
 * What memoryd refuses to do: makes 2 MiB ranges of a paused guest whole from
 * dom0 alone. Each is copied out, given to Xen, populated in one piece, and
 * copied back. Every call succeeds; what Xen itself refers to in these ranges
 * is lost to it all the same.
 *
 *   xk-trap-dom0 DOMID FIRST-GFN RANGES
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xenctrl.h>
#include <xenforeignmemory.h>

#define PAGES 512u
#define BYTES (PAGES * 4096u)

/* Into or out of the guest; false: not all of it is there. */
static int copy(xenforeignmemory_handle *fmem, uint32_t domid, xen_pfn_t gfn,
                char *data, int back)
{
    xen_pfn_t gfns[PAGES];
    unsigned int i;
    void *map;

    for (i = 0; i < PAGES; i++)
        gfns[i] = gfn + i;
    map = xenforeignmemory_map(fmem, domid, PROT_READ | PROT_WRITE, PAGES,
                               gfns, NULL);
    if (!map)
        return 0;
    memcpy(back ? map : data, back ? data : map, BYTES);
    return !xenforeignmemory_unmap(fmem, map, PAGES);
}

int main(int argc, char **argv)
{
    xenforeignmemory_handle *fmem = xenforeignmemory_open(NULL, 0);
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    unsigned long i, count, done = 0;
    char *data = malloc(BYTES);
    xen_pfn_t gfn;
    uint32_t domid;

    if (argc != 4 || !fmem || !xch || !data)
        return 2;
    domid = (uint32_t)strtoul(argv[1], NULL, 0);
    gfn = strtoul(argv[2], NULL, 0);
    count = strtoul(argv[3], NULL, 0);
    if (xc_domain_pause(xch, domid))
        return 1;
    for (i = 0; i < count; i++, gfn += PAGES) {
        if (!copy(fmem, domid, gfn, data, 0))
            continue;
        if (xc_domain_decrease_reservation_exact(xch, domid, 1, 9, &gfn) ||
            xc_domain_populate_physmap_exact(xch, domid, 1, 9, 0, &gfn) ||
            !copy(fmem, domid, gfn, data, 1)) {
            fprintf(stderr, "range at gfn 0x%lx\n", (unsigned long)gfn);
            return 1;
        }
        done++;
    }
    (void)xc_domain_unpause(xch, domid);
    printf("%lu of %lu ranges, no error\n", done, count);
    return 0;
}
