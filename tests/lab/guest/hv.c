// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a case wants to know of the hypervisor and xl does not say to the
 * page. Only for the lab: the project's own calls are in dom0/lib.
 */
#include "lab.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>

static int show_free(xc_interface *xch)
{
    xc_physinfo_t info;

    memset(&info, 0, sizeof(info));
    if (xc_physinfo(xch, &info))
        return 1;
    printf("%" PRIu64 "\n",
           (uint64_t)(info.free_pages + info.scrub_pages) * 4);
    return 0;
}

static int show_domain(xc_interface *xch, uint32_t domid)
{
    uint64_t tot = 0, cache = 0, entries = 0;
    xc_dominfo_t info;

    if (xc_domain_getinfo(xch, domid, 1, &info) != 1 || info.domid != domid)
        return 1;
    /* PoD exists for guests with a p2m only: for others it stays 0. */
    if (info.hvm)
        xc_domain_get_pod_target(xch, domid, &tot, &cache, &entries);
    printf("pages=%lu max_pages=%lu pod_cache=%" PRIu64
           " pod_entries=%" PRIu64
           " paused=%u shutdown=%u crashed=%u dying=%u\n",
           info.nr_pages, info.max_memkb / 4, cache, entries,
           info.paused, info.shutdown, info.crashed, info.dying);
    return 0;
}

/* dom0's event channels that are bound to another domain, or may be. */
static int show_ports(xc_interface *xch)
{
    for (unsigned port = 0; port < 4096; port++) {
        xc_evtchn_status_t status = { .dom = DOMID_SELF, .port = port };

        if (xc_evtchn_status(xch, &status))
            break;
        if (status.status == EVTCHNSTAT_unbound)
            printf("%u unbound dom%u\n", port, status.u.unbound.dom);
        else if (status.status == EVTCHNSTAT_interdomain)
            printf("%u interdomain dom%u port %u\n", port,
                   status.u.interdomain.dom, status.u.interdomain.port);
        else if (status.status == EVTCHNSTAT_virq)
            printf("%u virq %u\n", port, status.u.virq);
    }
    return 0;
}

/* For the lab's own test of its leak check: a port that nobody closes. */
static int hold_port(void)
{
    xenevtchn_handle *xce = xenevtchn_open(NULL, 0);

    if (!xce || xenevtchn_bind_unbound_port(xce, 0) < 0)
        return 1;
    for (;;)
        pause();
}

bool hv_crashed(unsigned domid)
{
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    xc_dominfo_t info;
    bool crashed;

    if (!xch)
        return false;
    crashed = xc_domain_getinfo(xch, domid, 1, &info) == 1 &&
              info.domid == domid && info.crashed;
    xc_interface_close(xch);
    return crashed;
}

int hv_main(int argc, char **argv)
{
    xc_interface *xch;
    int ret;

    if (!strcmp(argv[1], "hold-port"))
        return hold_port();
    xch = xc_interface_open(NULL, NULL, 0);
    if (!xch)
        return 1;
    if (!strcmp(argv[1], "free"))
        ret = show_free(xch);
    else if (!strcmp(argv[1], "ports"))
        ret = show_ports(xch);
    else
        ret = show_domain(xch, argc > 2 ? (uint32_t)atoi(argv[2]) : 0);
    xc_interface_close(xch);
    return ret;
}
